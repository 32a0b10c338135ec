"""Plans in the scenario world: made, written, checked, and the org as it must not have changed."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scenario_world import Finished, World

from orchestrator.cli.plan_check import check_plan
from orchestrator.cli.plan_file import write_plan
from orchestrator.cli.planning import Planned, planned_of
from orchestrator.playbook.inputs import read_inputs
from orchestrator.shipped import playbook_source

KEPT = ("apps", "components", "settings", "locks", "setup_audit_trail", "users", "switches")
# Of a login, whatever it is for.
BY_THE_LOGIN = {"logins_last_hour", "live_sessions"}


def unchanged(world: World) -> dict[str, Any]:
    """Everything in the org that a plan may not touch."""
    truth = copy.deepcopy({key: world.truth()[key] for key in KEPT})
    for user in truth["users"].values():
        for name in BY_THE_LOGIN & set(user):
            del user[name]
    return {**truth, "assignments": len(world.org.assignments)}


def plan(world: World, inputs: Mapping[str, str] | None = None, **entry: Any) -> tuple[Finished, Planned]:
    """One plan, driven with the clock of the world."""
    finished = world.drive(world.start(inputs, playbook="plan-hybrid", **entry))
    error = finished.errors[0] if finished.errors else None
    return finished, planned_of(world.app, world.entry(**entry), finished.record.run, error)


def planned_file(
    world: World, file: Path, inputs: Mapping[str, str] | None = None, **entry: Any
) -> dict[str, Any]:
    """A plan in *file*, and the options that `run` would be given."""
    _, made = plan(world, inputs, **entry)
    compiled = world.app.compile(*playbook_source("hybrid"))
    write_plan(world.app, str(file), compiled, read_inputs(compiled.inputs, dict(inputs or {})), [made])
    return {"plan_file": str(file), "plan_max_age": "24h", "concurrency": 1}


def check(
    world: World, options: Mapping[str, Any], inputs: Mapping[str, str] | None = None, **entry: Any
) -> None:
    """What `run --plan` does before it begins anything."""
    compiled = world.app.compile(*playbook_source("hybrid"))
    values = read_inputs(compiled.inputs, dict(inputs or {}))
    check_plan(world.app, compiled, values, [world.entry(**entry)], options)
