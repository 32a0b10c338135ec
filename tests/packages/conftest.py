"""The world of the scenarios with a vendor in it; one loopback server per test process."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "scenario"))

from package_world import PackageWorld
from scenario_world import Wire


@pytest.fixture(scope="session")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    made = Wire(tmp_path_factory.mktemp("wire"))
    yield made
    made.close()


@pytest.fixture
def make_world(wire: Wire, tmp_path: Path) -> Iterator[Callable[..., PackageWorld]]:
    with ExitStack() as stack:

        def make(**options: Any) -> PackageWorld:
            made = PackageWorld(wire, tmp_path / "home", **options)
            stack.callback(made.close)
            return made

        yield make


@pytest.fixture
def world(make_world: Callable[..., PackageWorld]) -> PackageWorld:
    return make_world()
