"""The loopback server of the scenarios, in real time, for the command line in a process of its own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "scenario"))

from scenario_world import Wire
from secret_hunt import Hunt


@pytest.fixture(scope="session")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    made = Wire(tmp_path_factory.mktemp("wire"))
    yield made
    made.close()


@pytest.fixture
def make_hunt(wire: Wire, tmp_path: Path) -> Callable[..., Hunt]:
    return lambda **options: Hunt(wire, tmp_path, **options)


@pytest.fixture
def hunt(make_hunt: Callable[..., Hunt]) -> Hunt:
    return make_hunt()
