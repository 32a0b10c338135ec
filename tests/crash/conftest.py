from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest


def in_memory() -> Path:
    """A folder for many small files that are thrown away: in memory where the system offers it."""
    offered = Path("/dev/shm")  # noqa: S108 - a private folder is made inside
    return Path(tempfile.mkdtemp(prefix="crash-", dir=offered if os.access(offered, os.W_OK) else None))


@pytest.fixture(scope="session")
def scratch():
    """Shared by the tests of one worker, so that the clean runs are made once."""
    made = in_memory()
    yield made
    shutil.rmtree(made)


@pytest.fixture
def folder():
    """Of one test."""
    made = in_memory()
    yield made
    shutil.rmtree(made)
