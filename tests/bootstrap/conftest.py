"""The world of the scenarios, with every way into an org."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "scenario"))

from ladder_world import Ladder
from scenario_world import Wire, world_behind


@pytest.fixture(scope="session")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    made = Wire(tmp_path_factory.mktemp("wire"))
    yield made
    made.close()


@pytest.fixture
def make_ladder(wire: Wire, tmp_path: Path) -> Iterator[Callable[..., Ladder]]:
    with ExitStack() as stack:

        def make(**options: Any) -> Ladder:
            world = stack.enter_context(world_behind(wire, tmp_path / "home", **options))
            return Ladder(world, tmp_path)

        yield make


@pytest.fixture
def ladder(make_ladder: Callable[..., Ladder]) -> Ladder:
    return make_ladder()
