"""The rows of the matrix: runs in which nothing goes wrong, and what is true before each of their states."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from matrix_people import operator
from matrix_stage import Stage, World, operation, own_pair

from orchestrator.errors import OrchestratorError
from orchestrator.ports import RunRecord

Step = Callable[[Stage], None]
STEPS_AT_MOST = 200


def nothing(_stage: Stage) -> None:
    """Nothing has to happen before."""


@dataclass(frozen=True)
class Route:
    """One run in which nothing goes wrong, and what happened to the org before.

    Attributes:
        name: unique; the playbook, and what is special about this run.
        before: makes the org what it is when the run begins.
        inputs: of the run; may depend on the org.
        entry: how its entry of the orgs file differs.
        on_entering: what somebody does behind the run's back when it enters a state.
        states: the states that are looked at; empty for all.
        closes_access: whether the run is meant to leave no way in.
        loses_sessions: whether a session that ends again ends the run, because renewing is not free.
    """

    name: str
    playbook: str
    about: str
    profile: str = "production"
    before: Step = nothing
    inputs: Callable[[Stage], Mapping[str, str]] = lambda _stage: {}
    entry: Callable[[Stage], Mapping[str, Any]] = lambda _stage: {}
    on_entering: Mapping[str, Step] = field(default_factory=dict)
    states: tuple[str, ...] = ()
    closes_access: bool = False
    loses_sessions: bool = False


@dataclass
class Visit:
    """A state of a route: the world before it was entered, and what it asked the org for."""

    state: str
    stage: Stage
    operations: frozenset[str]


@dataclass
class Recording:
    """A clean run."""

    route: Route
    visits: dict[str, Visit]
    record: RunRecord
    effects: dict[str, int]

    def after(self, state: str) -> str | None:
        """The state that was first entered next; None after the last."""
        order = list(self.visits)
        return dict(itertools.pairwise(order)).get(state)


def effects_of(stage: Stage) -> dict[str, int]:
    """How often the org was changed in ways that must not happen twice."""
    org = stage.org
    return {
        "deploys": sum(not deploy.options.check_only for deploy in org.deploys.values()),
        "apps": org.apps_created,
        "passwords": sum(user.password_changes for user in org.users.values()),
        "users": len(org.users),
        "installs": len(org.installed_packages),
    }


def record_route(route: Route, folder: Path) -> Recording:
    """Play a route cleanly, one attempt per process, and keep the world before every state."""
    stage = new_stage(route, folder / "clean")
    route.before(stage)
    visits: dict[str, Visit] = {}
    seen: list[str] = []

    def wire(request: requests.PreparedRequest, send: Callable[[], requests.Response]) -> requests.Response:
        seen.append(operation(request))
        return send()

    with stage.process() as app:
        run = stage.start(app, route.playbook, route.inputs(stage), **route.entry(stage))
        record = app.journal.run(run)
    error: OrchestratorError | None = None
    for _ in range(STEPS_AT_MOST):
        state = record.position.state
        first = state not in visits
        if first:
            route.on_entering.get(state, nothing)(stage)
            before = stage.copy(folder / f"before-{state}")
            visits[state] = Visit(state, before, frozenset())
        seen.clear()
        asked = itertools.chain([False], itertools.cycle([True]))  # one attempt
        if _is_due(record):
            stage.clock.at_s = max(stage.clock.at_s, record.not_before_s)
        with stage.process(wire) as app:
            record, error = stage.drive(app, stopping=functools.partial(next, asked))
        assert error is None, error
        visits[state].operations |= frozenset(seen)
        if record.result is not None or (record.position.state == state and not _is_due(record)):
            return Recording(route, visits, record, effects_of(stage))
    raise AssertionError(f"{route.name} is still in {record.position.state}")


def _is_due(record: RunRecord) -> bool:
    return record.status.value == "active"


def new_stage(route: Route, folder: Path) -> Stage:
    """A fresh org of the route's kind."""
    pair = own_pair()
    environ = {"OWN_KEY": pair.private_key_pem.reveal(), "OWN_CERTIFICATE": pair.certificate_pem}
    return Stage(World.new(folder, profile=route.profile), environ, operator)
