"""A page per test, one TLS server per test process."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "scenario"))

from guided_world import Guided
from scenario_world import Wire


@pytest.fixture(scope="session")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    made = Wire(tmp_path_factory.mktemp("wire"))
    yield made
    made.close()


@pytest.fixture
def make_guided(
    wire: Wire, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Guided]]:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(wire.ca_path))
    made: list[Guided] = []

    def make(**options: Any) -> Guided:
        made.append(Guided(wire, tmp_path / "home", **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def guided(make_guided: Callable[..., Guided]) -> Guided:
    return make_guided()
