"""A clean hybrid run that leaves a copy of its world behind at every change: where it could die."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from crash_world import Died, World, operation

from orchestrator.app import App
from orchestrator.ports import RunRecord

JOURNAL_WRITES = ("write", "note")
VAULT_WRITES = ("put", "forget")
READING = frozenset({"read_metadata", "check_deploy_status"})


class Watched:
    """The same object, with a word after every call of the named methods."""

    def __init__(self, inner: Any, methods: tuple[str, ...], after: Callable[[str], None]) -> None:
        self._inner = inner
        self._methods = methods
        self._after = after

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name not in self._methods:
            return found

        def call(*args: Any, **kwargs: Any) -> Any:
            answer = found(*args, **kwargs)
            self._after(name)
            return answer

        return call


@dataclass
class Point:
    """What would be left behind, had the process died right after this change."""

    name: str
    world: World


@dataclass
class Reference:
    """A run in which nothing went wrong."""

    points: list[Point]
    world: World
    record: RunRecord


def reference_run(folder: Path, seed: str, begun: World | None = None) -> Reference:
    """Drive a hybrid run cleanly and copy the world after every write and every request that changes.

    Args:
        folder: for the copies.
        seed: of the simulated org.
        begun: go on from there instead of starting a new run.
    """
    world = World.new(folder / "clean", seed=seed) if begun is None else begun.copy(folder / "clean")
    points: list[Point] = []

    def mark(name: str) -> None:
        try:
            points.append(Point(name, world.copy(folder / f"point{len(points)}")))
        except Exception as error:  # the product would take it for a trouble of the network
            raise Died(f"no copy of the world after {name}") from error

    def wire(request: requests.PreparedRequest, send: Callable[[], requests.Response]) -> requests.Response:
        answered = send()
        named = operation(request)
        if request.method != "GET" and named not in READING:
            mark(f"org answered {named}")
        return answered

    app = world.process(wire)
    if begun is None:
        world.start(app)
    app.__dict__["journal"] = Watched(app.journal, JOURNAL_WRITES, lambda name: mark(f"journal {name}"))
    app.__dict__["vault"] = Watched(app.vault, VAULT_WRITES, lambda name: mark(f"vault {name}"))
    record = world.drive(app)
    app.close()
    return Reference(points, world, record)


@dataclass
class Step:
    """One attempt of the clean run: the world before it, and the requests it made."""

    state: str
    world: World
    requests: list[tuple[str, str]]


def stepwise(folder: Path, seed: str) -> list[Step]:
    """The clean run again, one attempt per process."""
    world = World.new(folder / "steps", seed=seed)
    seen: list[tuple[str, str]] = []

    def wire(request: requests.PreparedRequest, send: Callable[[], requests.Response]) -> requests.Response:
        seen.append((str(request.method), operation(request)))
        return send()

    app = world.process(wire)
    world.start(app)
    steps: list[Step] = []
    while True:
        record = app.journal.run(world.run)
        if record.result is not None:
            app.close()
            return steps
        world.clock.at_s = max(world.clock.at_s, record.not_before_s)
        before = world.copy(folder / f"step{len(steps)}")
        seen.clear()
        one_attempt(app, world)
        steps.append(Step(record.position.state, before, list(seen)))


def one_attempt(app: App, world: World) -> None:
    """Let the engine make one attempt and park the run again."""
    asked = iter([False])
    app.engine(lambda _event: None, lambda: next(asked, True)).advance(world.run)
