"""One TLS server per test process, and a fresh world per test, closed at its end."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "scenario"))
sys.path.insert(0, str(Path(__file__).parents[1] / "crash"))

from rotation_world import RotationWorld
from scenario_world import Wire


@pytest.fixture(scope="session")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    made = Wire(tmp_path_factory.mktemp("wire"))
    yield made
    made.close()


@pytest.fixture
def make_world(wire: Wire, tmp_path: Path) -> Iterator[Callable[..., RotationWorld]]:
    with ExitStack() as stack:

        def make(**options: Any) -> RotationWorld:
            made = RotationWorld(wire, tmp_path / "home", **options)
            stack.callback(made.close)
            return made

        yield make


@pytest.fixture
def locked(make_world: Callable[..., RotationWorld]) -> RotationWorld:
    """An org at the end of a hybrid run: password dead, rights withdrawn, a thin integration user."""
    return make_world().locked()
