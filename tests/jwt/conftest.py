"""The world of the scenarios, where the integration user need not exist yet."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "scenario"))

from scenario_world import Wire, World, world_behind


@pytest.fixture(scope="session")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    made = Wire(tmp_path_factory.mktemp("wire"))
    yield made
    made.close()


@pytest.fixture
def make_world(wire: Wire, tmp_path: Path) -> Iterator[Callable[..., World]]:
    with ExitStack() as stack:

        def make(**options: Any) -> World:
            return stack.enter_context(world_behind(wire, tmp_path / "home", **options))

        yield make


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    return make_world()
