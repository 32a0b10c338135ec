"""Cases from `fixtures/faults`: read, made into worlds, and judged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from scenario_facts import FACTS, break_jwt_after
from scenario_world import Finished, Witness, World

from orchestrator.catalogue import FAULTS

FOLDER = Path(__file__).parents[2] / "fixtures" / "faults"
EXIT_CODES = {"succeeded": 0, "failed": 3, "needs_attention": 4}
FINAL_STATES = {"succeeded": "done", "failed": "abandoned", "needs_attention": "attention"}


@dataclass(frozen=True)
class Case:
    """One row of a file; see `fixtures/faults/README.md`."""

    name: str
    expect: Mapping[str, Any]
    file: str = ""
    profile: str = "production"
    inputs: Mapping[str, str] = field(default_factory=dict)
    entry: Mapping[str, Any] = field(default_factory=dict)
    password: str = ""
    change: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    faults: tuple[Mapping[str, Any], ...] = ()
    rewrite: Mapping[str, Any] = field(default_factory=dict)
    at: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def read_cases(file: str = "*") -> list[Case]:
    """Every case of the files, in order. A misspelt key is a TypeError, and so a failure of collection."""
    cases = []
    for path in sorted(FOLDER.glob(f"{file}.yaml")):
        rows = yaml.safe_load(path.read_text(encoding="utf-8"))
        cases += [Case(**{**row, "faults": tuple(row.get("faults", ())), "file": path.stem}) for row in rows]
    return cases


def filled(value: Any, world: World) -> Any:
    """The value with the names of the org of the run in place of `{admin}` and its like."""
    if isinstance(value, str) and "{" in value:
        seed = world.seed
        names = {
            "{admin}": seed.username,
            "{integration}": seed.integration_username,
            "{break_glass}": seed.break_glass_username,
            "{org}": seed.name,
            "{host}": seed.my_domain_host,
            "{password}": seed.password,
        }
        for mark, name in names.items():
            value = value.replace(mark, name)
        return value
    if isinstance(value, Mapping):
        return {key: filled(item, world) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [filled(item, world) for item in value]
    return value


def prepare(world: World, what: Mapping[str, Any]) -> None:
    """Make true what a case (or one of its moments) says is different."""
    for name, value in filled(what.get("facts", {}), world).items():
        FACTS[name](world, value)
    world.change(filled(what.get("change", {}), world))
    for fault in filled(what.get("faults", ()), world):
        world.fault(**fault)
    for operation, pairs in what.get("rewrite", {}).items():
        world.rewrites[operation] = [tuple(pair) for pair in pairs]
    if "break_jwt_after" in what:
        options = {key: what[key] for key in ("code", "message", "times") if key in what}
        break_jwt_after(world, what["break_jwt_after"], **options)
    world.clock.advance(float(what.get("wait_s", 0.0)))


def play(case: Case, world: World) -> Finished:
    """Run the case to its end."""
    prepare(
        world, {"facts": case.facts, "change": case.change, "faults": case.faults, "rewrite": case.rewrite}
    )
    if case.password:
        world.give_password(case.password)
    run = world.start(case.inputs, **filled(case.entry, world))
    events = []
    for state, what in case.at.items():
        parked = world.drive(run, until=state)
        events += parked.events
        assert parked.record.position.state == state, f"the run never came to {state}: {parked.record.detail}"
        prepare(world, what)
    finished = world.drive(run)
    return Finished(finished.record, finished.errors, events + finished.events)


def shortcomings(case: Case, world: World, finished: Finished) -> list[str]:
    """What is not as the case expects, and what must never be; empty when all is well."""
    witness = Witness(world.seen, world.password, world.seed.my_domain_host)
    said = witness.check()
    if world.bystander.requests:
        said.append(f"{len(world.bystander.requests)} requests went to another org")
    said += _about_the_end(case.expect, finished)
    said += _about_the_way(case.expect, finished)
    said += _about_the_history(case.expect, world, witness)
    said += _about_the_locks(case.expect, finished)
    said += _about_the_org(case.expect, world)
    return said


def _about_the_end(expect: Mapping[str, Any], finished: Finished) -> Iterator[str]:
    record = finished.record
    if finished.errors:
        yield f"it raised {finished.errors[0]}"
    results = _listed(expect["result"])
    if record.result not in results:
        yield f"result {record.result} ({record.code}: {record.detail}), expected {results}"
        return
    if finished.exit_code != EXIT_CODES[str(record.result)]:
        yield f"exit code {finished.exit_code} for {record.result}"
    state = expect.get("state", FINAL_STATES[str(record.result)])
    if record.position.state != state:
        yield f"it ended in {record.position.state}, expected {state}"
    if "code" in expect and record.code not in _listed(expect["code"]):
        yield f"code {record.code!r} ({record.detail}), expected {expect['code']}"
    if record.code:
        yield from _about_the_message(expect, finished)
    if "says" in expect and expect["says"] not in record.detail:
        yield f"it says {record.detail!r}, expected to read {expect['says']!r}"


def _about_the_message(expect: Mapping[str, Any], finished: Finished) -> Iterator[str]:
    code, blame, remedy = finished.stopped_by()
    if "blame" in expect and blame != expect["blame"]:
        yield f"{code} is blamed on {blame}, expected {expect['blame']}"
    if not remedy or code not in FAULTS:
        yield f"{code} has no remedy"
    if not finished.record.detail:
        yield f"{code} comes without a sentence"


def _about_the_way(expect: Mapping[str, Any], finished: Finished) -> Iterator[str]:
    for code in expect.get("met", ()):
        if code not in finished.codes:
            yield f"no attempt met {code}, only {sorted(set(finished.codes))}"
    entered = {*finished.states, finished.record.position.state}
    for state in expect.get("states", ()):
        if state not in entered:
            yield f"it never entered {state}"
    for state in expect.get("not_states", ()):
        if state in entered:
            yield f"it entered {state}"


def _about_the_history(expect: Mapping[str, Any], world: World, witness: Witness) -> Iterator[str]:
    counts = {
        "passwords": len(witness.passwords),
        "deploys": world.org.deploys_started,
        "tokens": witness.count("token"),
    }
    for name, found in counts.items():
        if name in expect:
            least, most = expect[name] if isinstance(expect[name], list) else (expect[name], expect[name])
            if not least <= found <= most:
                yield f"{found} {name}, expected {expect[name]}"
    admin = world.org.user_by_name(world.seed.username)
    if "failed_attempts" in expect and admin and admin.failed_attempts != expect["failed_attempts"]:
        yield f"the org counted {admin.failed_attempts} wrong passwords"


def _about_the_locks(expect: Mapping[str, Any], finished: Finished) -> Iterator[str]:
    rows = finished.evidence.get("lockdown", [])
    held = [row["mechanism"] for row in rows if "undone" not in row]
    undone = [row["mechanism"] for row in rows if "undone" in row]
    if "locks" in expect and held != expect["locks"]:
        yield f"locks {held}, expected {expect['locks']}"
    if "undone" in expect and undone != expect["undone"]:
        yield f"undone {undone}, expected {expect['undone']}"
    if missing := set(expect.get("locks_include", ())) - set(held):
        yield f"locks {held} without {missing}"
    if wrong := set(expect.get("not_locks", ())) & set(held):
        yield f"locks {held} with {wrong}"
    for path, state in expect.get("verdicts", {}).items():
        found = finished.evidence.get("verdicts", {}).get(path, {}).get("state")
        if found != state:
            yield f"verdict on {path} is {found}, expected {state}"


def _about_the_org(expect: Mapping[str, Any], world: World) -> Iterator[str]:
    truth = world.truth()
    for name, value in expect.get("truth", {}).items():
        if truth[name] != value:
            yield f"the org says {name} is {truth[name]}"
    names = {
        "admin": world.seed.username,
        "integration": world.seed.integration_username,
        "break_glass": world.seed.break_glass_username,
    }
    for who, facts in expect.get("users", {}).items():
        found = truth["users"][names[who]]
        for name, value in facts.items():
            if found[name] != value:
                yield f"the org says {name} of {who} is {found[name]}"
    for type_name, fields in expect.get("settings", {}).items():
        found = truth["settings"][type_name]
        yield from (
            f"the org says {type_name}.{name} is {found.get(name)}"
            for name, value in fields.items()
            if found.get(name) != value
        )
    ours = next((app for app in truth["apps"] if app["name"] == "Orchestrator_JWT"), {})
    if "app_kind" in expect and ours.get("kind") != expect["app_kind"]:
        yield f"the app is a {ours.get('kind')}"
    if "app_key" in expect and ours.get("consumer_key") != expect["app_key"]:
        yield f"the app's key is {ours.get('consumer_key')}"


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) else [value]
