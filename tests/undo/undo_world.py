"""A simulated org, the product's own engine and one clock in one process: lock, undo, remove, ask the org."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from worlds.wire import Died, HandClock, Wire, WireAdapter, changes, operation, untouched

from orchestrator.app import App
from orchestrator.cli.undo import locks_of, new_undo
from orchestrator.configuration import Configuration
from orchestrator.engine.events import Event
from orchestrator.engine.operator import answer_run
from orchestrator.fleet.org_entry import OrgEntry
from orchestrator.playbook.inputs import read_inputs
from orchestrator.ports import RunRecord, RunStatus
from orchestrator.redaction import Secret
from orchestrator.salesforce.rest import OrgApi
from orchestrator.salesforce.session import Network, NetworkPolicy
from orchestrator.shipped import playbook_source
from orchestrator.simulator import control_changes, sessions
from orchestrator.simulator.simulation import Simulator
from orchestrator.simulator.truth import org_truth

MOST_WAKE_UPS = 400
REQUEST_TAKES_S = 0.02
APP = "Orchestrator_JWT"


@dataclass
class World:
    """One org, one home, one clock."""

    home: Path
    profile: str = "production"
    principal: str = "handed_over"
    clock: HandClock = field(default_factory=HandClock)
    wire: Wire = untouched
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.simulator = Simulator(profile=self.profile, seed="1", wall=self.clock.now_s)
        self.seed = next(iter(self.simulator.catalogue))
        self.org = self.simulator.first_org()
        self.app = self._process()

    def _process(self) -> App:
        environ = {
            "ORCHESTRATOR_KEY": "k" * 43 + "=",
            "PASSWORD": self.seed.password,
            "TOKEN": self.seed.security_token,
        }
        app = App(Configuration(home=self.home), environ=environ)
        app.clock = self.clock
        network = Network(NetworkPolicy(), clock_s=self.clock.now_s, sleep=self.clock.sleep)
        network._adapter = WireAdapter(self.simulator, self._wired)
        app.__dict__["network"] = network
        return app

    def _wired(
        self, request: requests.PreparedRequest, send: Callable[[], requests.Response]
    ) -> requests.Response:
        """Whatever the wire is at this moment; a request takes its time."""

        def ask() -> requests.Response:
            self.clock.sleep(REQUEST_TAKES_S)
            return send()

        return self.wire(request, ask)

    def new_process(self) -> None:
        """What was in memory is lost."""
        self.wire = untouched
        self.close()
        self.app = self._process()

    def close(self) -> None:
        self.app.network.close()
        self.app.close()

    # --- runs

    def entry(self, **changed: Any) -> OrgEntry:
        fields: dict[str, Any] = {
            "name": self.seed.name,
            "url": f"https://{self.seed.my_domain_host}",
            "username": self.seed.username,
            "integration_user": self.seed.integration_username,
            "break_glass_user": self.seed.break_glass_username,
            "bootstrap_principal": self.principal,
            "secrets": {"password": "env:PASSWORD"},
        }
        if self.principal == "integration_user":
            fields["integration_user"] = self.seed.username
        return OrgEntry(**{**fields, **changed})

    def start(self, playbook: str, inputs: Mapping[str, str] | None = None, **entry: Any) -> str:
        compiled = self.app.compile(*playbook_source(playbook))
        self.app.journal.put_playbook(compiled.digest, compiled.source)
        values = read_inputs(compiled.inputs, dict(inputs or {}))
        new = self.app.new_run(self.entry(**entry), compiled, values, batch="", priority=0)
        self.app.journal.create_run(new)
        return new.run

    def start_undo(self, of: str, *, force: bool = False) -> str:
        """What `runs undo` does once it was confirmed."""
        record = self.app.journal.run(of)
        new = new_undo(self.app, record, locks_of(record, self.app.journal.attempts(of)), force=force)
        self.app.journal.create_run(new)
        return new.run

    def drive(self, run: str, *, until: str | None = None) -> RunRecord:
        engine = self.app.engine(self.events.append)
        for _ in range(MOST_WAKE_UPS):
            record = engine.advance(run, until=until)
            if record.status is not RunStatus.ACTIVE or record.position.state == until:
                return record
            self.clock.at_s = max(self.clock.at_s, record.not_before_s)
        raise AssertionError(f"{run} woke up {MOST_WAKE_UPS} times, still in {record.position.state}")

    def run(self, playbook: str, inputs: Mapping[str, str] | None = None, **entry: Any) -> RunRecord:
        return self.drive(self.start(playbook, inputs, **entry))

    def locked(self) -> RunRecord:
        """A hybrid run to its end."""
        record = self.run("hybrid")
        assert record.position.state in {"done", "attention"}, (
            record.position.state,
            record.code,
            record.detail,
        )
        return record

    def undo(self, of: str, *, force: bool = False) -> RunRecord:
        """A whole undo; an administrator gives the rights when they are asked for."""
        return self.with_rights(self.drive(self.start_undo(of, force=force)))

    def with_rights(self, record: RunRecord) -> RunRecord:
        """Give the rights and say so, when the run waits for them."""
        if record.position.state != "ask_for_rights":
            return record
        self.assign_setup_set()
        self.answer(record.run)
        return self.drive(record.run)

    def answer(self, run: str, *, approved: bool = True) -> None:
        record = self.app.journal.run(run)
        machine = self.app.playbook_of(record.playbook_digest).machine
        answer_run(self.app.journal, machine, record, approved=approved, inputs={}, now_s=self.clock.now_s())

    # --- the org

    @property
    def jwt_username(self) -> str:
        return str(self.entry().integration_user)

    def admin_api(self) -> OrgApi:
        """The second administrator, over the wire."""
        admin = self.org.user_by_name(self.seed.break_glass_username)
        assert admin is not None
        session = sessions.open_session(
            self.simulator, self.org, admin, origin="ui", login_type="Application"
        )
        return OrgApi(self.app.network, f"https://{self.seed.my_domain_host}", Secret(session.token), "66.0")

    def assign_setup_set(self) -> None:
        """What the operator is asked for."""
        api = self.admin_api()
        (found,) = api.query("SELECT Id FROM PermissionSet WHERE Name = {n}", n=f"{APP}_Setup")
        (user,) = api.query("SELECT Id FROM User WHERE Username = {u}", u=self.jwt_username)
        api.create("PermissionSetAssignment", {"AssigneeId": user["Id"], "PermissionSetId": found["Id"]})

    def change(self, document: dict[str, Any]) -> None:
        """What a person in Setup or another tool would have done."""
        control_changes.change_org(self.simulator, self.org, document)

    def truth(self) -> dict[str, Any]:
        return org_truth(self.simulator, self.org)

    def facts(self) -> dict[str, Any]:
        """Everything an undo answers for: settings, flags of users, what they hold, permission sets."""
        truth = self.truth()
        return {
            "settings": {kind: dict(values) for kind, values in truth["settings"].items()},
            "users": {
                name: {
                    key: user[key]
                    for key in ("is_active", "is_frozen", "is_locked", "permissions", "permission_sets")
                }
                for name, user in truth["users"].items()
            },
            "permission_sets": sorted(
                each.name for each in self.org.permission_sets.values() if not each.is_owned_by_profile
            ),
            "assignments": sorted(
                (
                    self.org.users[each.assignee_id].username,
                    self.org.permission_sets[each.permission_set_id].name,
                )
                for each in self.org.assignments.values()
            ),
            "apps": sorted(app["name"] for app in truth["apps"]),
            "locks": truth["locks"],
        }

    def lock_record(self) -> dict[str, Any]:
        """The `provisioned` part of the credential record."""
        stored = self.app.vault.get(f"org:{self.seed.name}", "record")
        assert stored is not None
        return dict(json.loads(stored.reveal())["provisioned"])


def without_ours(facts: dict[str, Any]) -> dict[str, Any]:
    """*facts* of an org without what the app itself needs and keeps after an undo."""
    ours = {f"{APP}_Access", f"{APP}_Setup"}
    return {
        **facts,
        "users": {
            name: {**user, "permission_sets": [each for each in user["permission_sets"] if each not in ours]}
            for name, user in facts["users"].items()
        },
        "permission_sets": [each for each in facts["permission_sets"] if each not in ours],
        "assignments": [row for row in facts["assignments"] if row[1] not in ours],
        "apps": [each for each in facts["apps"] if each != APP],
    }


def dying(world: World, place: int, *, answered: bool, of: str = "") -> list[str]:
    """Let the process die at the changing request of that place, or at that one *of* an operation.

    Returns: the operations seen so far; it grows.
    """
    seen: list[str] = []

    def wire(request: requests.PreparedRequest, send: Callable[[], requests.Response]) -> requests.Response:
        if not changes(request):
            return send()
        seen.append(operation(request))
        counted = seen.count(of) if of else len(seen)
        if counted == place and of in {"", seen[-1]}:
            if answered:
                send()
            raise Died(seen[-1])
        return send()

    world.wire = wire
    return seen
