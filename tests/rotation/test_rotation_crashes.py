"""The law of a rotation: whenever the process dies, the vault holds a credential that opens the org.

As in the crash tests of the hybrid flow: a process that dies leaves behind journal, vault and org. All three
are copied after every change of the org and every write to the vault, before the next one. In each copy the
front ends are given time to agree; then one of the credentials in the vault must work, and a fresh process
must bring the run to its end.
"""

from __future__ import annotations

import functools
import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from crash_world import World, operation, untouched

from orchestrator.app import App
from orchestrator.engine.operator import answer_run
from orchestrator.fleet.orgs import read_orgs
from orchestrator.playbook.inputs import read_inputs
from orchestrator.ports import RunRecord
from orchestrator.redaction import Secret
from orchestrator.salesforce.certificate import load_private_key
from orchestrator.salesforce.hosts import parse_org_url
from orchestrator.salesforce.rest import OrgApi
from orchestrator.salesforce.token import TokenRefused, jwt_assertion, jwt_bearer
from orchestrator.shipped import playbook_source
from orchestrator.simulator import sessions

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

READING = frozenset({"query", "read_metadata", "check_deploy_status", "versions", "auth_configuration"})
WRITES = ("put", "put_all", "forget")
MODES = ("ab", "in_place")
SHARES = 2


class Recorder:
    """Copies the world around every change of the org and of the vault."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world, self.folder = world, folder
        self.points: list[tuple[str, World]] = []

    def copy(self, what: str) -> None:
        number = len(self.points)
        self.points.append((what, self.world.copy(self.folder / str(number))))

    def wire(self, request: requests.PreparedRequest, send: Callable[[], Any]) -> Any:
        name = operation(request)
        answered = send()
        if name not in READING and name != "token":
            self.copy(f"after {name}")
        return answered

    def watch(self, app: App) -> None:
        """Let the vault of *app* tell of every write."""
        vault = app.vault

        def told(name: str) -> Callable[..., None]:
            write = getattr(vault, name)

            @functools.wraps(write)
            def writing(*arguments: Any) -> None:
                write(*arguments)
                self.copy(f"after vault {name} {arguments[1] if name == 'put' else ''}")

            return writing

        for name in WRITES:
            if name != "put":  # `put` is a `put_all`
                setattr(vault, name, told(name))


def lend_rights(world: World, app: App) -> None:
    """What the administrator does when asked, over the wire."""
    org, seed = world.simulator.first_org(), next(iter(world.simulator.catalogue))
    admin = org.user_by_name(seed.break_glass_username)
    assert admin is not None
    session = sessions.open_session(world.simulator, org, admin, origin="ui", login_type="Application")
    api = OrgApi(app.network, f"https://{seed.my_domain_host}", Secret(session.token), "66.0")
    (found,) = api.query("SELECT Id FROM PermissionSet WHERE Name = {n}", n="Orchestrator_JWT_Setup")
    (user,) = api.query("SELECT Id FROM User WHERE Username = {u}", u=seed.integration_username)
    fields = {"AssigneeId": user["Id"], "PermissionSetId": found["Id"]}
    given = {(one.assignee_id, one.permission_set_id) for one in org.assignments.values()}
    if (user["Id"], found["Id"]) not in given:  # a world may be copied between the deed and the word
        api.create("PermissionSetAssignment", fields)


def approve(app: App, run: str, now_s: float) -> None:
    record = app.journal.run(run)
    machine = app.playbook_of(record.playbook_digest).machine
    answer_run(app.journal, machine, record, approved=True, inputs={}, now_s=now_s)


def carry_on(world: World, app: App) -> RunRecord:
    """Drive the run to its end; the administrator lends rights when asked."""
    record = world.drive(app)
    if record.position.state == "ask_for_rights":
        lend_rights(world, app)
        approve(app, record.run, world.clock.now_s())
        record = world.drive(app)
    return record


@pytest.fixture(scope="module", params=MODES)
def recorded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Recorder:
    """A rotation in which nobody dies, with a copy of the world after each of its changes."""
    folder = tmp_path_factory.mktemp(request.param)
    world = World.new(folder / "world")
    app = world.process()
    world.start(app)
    assert world.drive(app).result in {"succeeded", "needs_attention"}
    app.close()
    recorder = Recorder(world, folder / "points")
    app = world.process(recorder.wire)
    start(world, app, request.param)
    recorder.watch(app)
    record = carry_on(world, app)
    assert record.result == "succeeded", (record.position.state, record.detail)
    app.close()
    return recorder


def start(world: World, app: App, mode: str) -> None:
    """Record a rotation of that mode."""
    compiled = app.compile(*playbook_source("rotate-certificate"))
    file = world.home.parent / "orgs.yaml"
    entry = read_orgs(file.read_text(), str(file), "yaml")[0]
    inputs = read_inputs(compiled.inputs, {"mode": mode})
    new = app.new_run(entry, compiled, inputs, batch="", priority=0)
    app.journal.put_playbook(compiled.digest, compiled.source)
    app.journal.create_run(new)
    world.run = new.run


def credentials(app: App) -> list[tuple[str, str, str]]:
    """Name, consumer key and private key of every whole credential in the vault of the org."""
    scope = next(one for one in app.vault.scopes() if one.startswith("org:"))
    found = []
    record, key = app.vault.get(scope, "record"), app.vault.get(scope, "private_key")
    if record is not None and key is not None:
        found.append(("in use", json.loads(record.reveal())["app"]["consumer_key"], key.reveal()))
    for name in ("next", "previous"):
        stored = app.vault.get(scope, name)
        if stored is not None:
            tree = json.loads(stored.reveal())
            found.append((name, tree["record"]["app"]["consumer_key"], tree["private_key"]))
    return found


def working(world: World, app: App) -> list[str]:
    """Names of the credentials in the vault that the org gives a token for."""
    seed = next(iter(world.simulator.catalogue))
    host = parse_org_url(f"https://{seed.my_domain_host}")
    names = []
    for name, consumer_key, private_key in credentials(app):
        assertion = jwt_assertion(
            consumer_key=consumer_key,
            username=seed.integration_username,
            audience=f"https://{seed.my_domain_host}",
            private_key=load_private_key(Secret(private_key)),
            now_s=world.clock.now_s(),
        )
        try:
            jwt_bearer(app.network, host, assertion)
        except TokenRefused:
            continue
        names.append(name)
    return names


def test_the_vault_is_never_without_a_credential_that_works(recorded: Recorder, tmp_path: Path):
    assert len(recorded.points) >= 8
    without = []
    for number, (what, point) in enumerate(recorded.points):
        world = point.copy(tmp_path / str(number))
        world.clock.sleep(7200.0)  # the front ends agree
        app = world.process(untouched)
        if not working(world, app):
            without.append(what)
        app.close()
    assert without == []


@pytest.mark.parametrize("share", range(SHARES))
def test_wherever_a_process_dies_the_next_one_ends_the_rotation(
    recorded: Recorder, tmp_path: Path, share: int
):
    for number, (what, point) in itertools.islice(enumerate(recorded.points), share, None, SHARES):
        world = point.copy(tmp_path / str(number))
        app = world.process(untouched)
        record = carry_on(world, app)
        assert record.result == "succeeded", (what, record.position.state, record.code, record.detail)
        world.clock.sleep(7200.0)
        assert "in use" in working(world, app), what
        org = world.simulator.first_org()
        assert len(org.apps) == 1, what
        app.close()
