"""One simulated org, the product's own composition, and everything that can happen to both.

A process is an `App` and an `Engine`; a crash throws both away and opens journal and vault anew. The product
reads its own clock, which can be set; the org's clock only goes on. Every request is written down with what
was true inside the org right before and right after it (`history.py`).
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import requests
from history import History
from worlds.wire import Died, HandClock, Send, WireAdapter, changes, operation

from orchestrator.app import App
from orchestrator.cli.undo import locks_of, new_undo
from orchestrator.configuration import Configuration
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

APP = "Orchestrator_JWT"
REQUEST_TAKES_S = 0.02
UNFINISHED = (RunStatus.ACTIVE, RunStatus.AWAITING_OPERATOR)


class ProductClock:
    """The clock of the product's machine: the org's, and as far off as somebody has set it."""

    def __init__(self, true: HandClock) -> None:
        self.true = true
        self.off_s = 0.0

    def now_s(self) -> float:
        return self.true.now_s() + self.off_s

    def sleep(self, seconds: float) -> None:
        self.true.sleep(seconds)


class Dying:
    """Counts what the process does, and kills it at the place that was chosen."""

    def __init__(self) -> None:
        self.disarm()

    def disarm(self) -> None:
        self.place, self.moment, self.is_dead = 0, "", False

    def arm(self, place: int, moment: str) -> None:
        """Die at the *place*-th `request_before`, `change_after`, `write` … from now on."""
        self.place, self.moment = place, moment

    def __call__(self, moment: str, what: str) -> None:
        if self.is_dead:  # what `finally` would still do, a dead process does not
            raise Died(what)
        if moment != self.moment:
            return
        self.place -= 1
        if self.place == 0:
            self.is_dead = True
            raise Died(f"{moment} {what}")


class Watched:
    """The journal, with a word after every write that is on disk."""

    def __init__(self, inner: Any, dying: Dying) -> None:
        self._inner = inner
        self._dying = dying

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name not in {"write", "note", "release"}:
            return found

        def call(*args: Any, **kwargs: Any) -> Any:
            self._dying("", name)
            answer = found(*args, **kwargs)
            self._dying("write", name)
            return answer

        return call


class World:
    """The org, the home, the clocks, and the process that runs at the moment."""

    def __init__(self, folder: Path, *, profile: str, principal: str, seed: str) -> None:
        self.home = folder / "home"
        self.home.mkdir(mode=0o700, parents=True)
        self.principal = principal
        self.true = HandClock()
        self.clock = ProductClock(self.true)
        self.simulator = Simulator(profile=profile, seed=seed, wall=self.true.now_s)
        self.seed = next(iter(self.simulator.catalogue))
        self.org = self.simulator.first_org()
        self.dying = Dying()
        self.driven = ""  # the run whose engine is at work
        self.runs: list[str] = []
        self.died = 0
        self.clock_was_set = False
        self.interference: list[str] = []  # names of what people changed
        self.open_process()
        self.history = History(self)

    # --- processes

    def open_process(self) -> None:
        environ = {
            "ORCHESTRATOR_KEY": "k" * 43 + "=",
            "PASSWORD": self.seed.password,
            "TOKEN": self.seed.security_token,
        }
        app = App(Configuration(home=self.home), environ=environ)
        app.clock = self.clock
        app._random = random.Random(1)  # noqa: S311 - jitter that can be replayed
        network = Network(NetworkPolicy(), clock_s=self.clock.now_s, sleep=self.clock.sleep)
        network._adapter = WireAdapter(self.simulator, self._wire, wait=self.true.sleep)
        app.__dict__["network"] = network
        app.__dict__["journal"] = Watched(app.journal, self.dying)
        self.app = app
        self.engine = app.engine(lambda _event: None)

    def new_process(self) -> None:
        """What was in memory is lost."""
        self.dying.disarm()
        self.close()
        self.open_process()

    def close(self) -> None:
        self.app.network.close()
        self.app.close()

    def _wire(self, request: requests.PreparedRequest, send: Send) -> requests.Response:
        self.true.sleep(REQUEST_TAKES_S)
        what = operation(request)
        is_change = changes(request)
        self.dying("request_before", what)
        if is_change:
            self.dying("change_before", what)
        seen = self.history.before(request, what)
        try:
            answer = send()
        except requests.RequestException:
            self.history.after(seen, None)
            raise
        self.history.after(seen, answer)
        if is_change:
            self.dying("change_after", what)
        self.dying("request_after", what)
        return answer

    # --- runs

    def entry(self) -> OrgEntry:
        fields: dict[str, Any] = {
            "name": self.seed.name,
            "url": f"https://{self.seed.my_domain_host}",
            "username": self.seed.username,
            "integration_user": self.seed.integration_username,
            "break_glass_user": self.seed.break_glass_username,
            "bootstrap_principal": self.principal,
            "secrets": {"password": "env:PASSWORD"},
        }
        return OrgEntry(**fields)

    def start(self, playbook: str, inputs: Mapping[str, str] | None = None) -> str:
        compiled = self.app.compile(*playbook_source(playbook))
        self.app.journal.put_playbook(compiled.digest, compiled.source)
        values = read_inputs(compiled.inputs, dict(inputs or {}))
        new = self.app.new_run(self.entry(), compiled, values, batch="", priority=0)
        self.app.journal.create_run(new)
        self.runs.append(new.run)
        return new.run

    def start_undo(self, of: str) -> str:
        """What `runs undo` does once it was confirmed."""
        record = self.app.journal.run(of)
        new = new_undo(self.app, record, locks_of(record, self.app.journal.attempts(of)), force=False)
        self.app.journal.create_run(new)
        self.runs.append(new.run)
        return new.run

    def record(self, run: str) -> RunRecord:
        return self.app.journal.run(run)

    def unfinished(self) -> list[RunRecord]:
        return [record for record in map(self.record, self.runs) if record.status in UNFINISHED]

    def locks(self, run: str) -> list[dict[str, Any]]:
        return locks_of(self.record(run), self.app.journal.attempts(run))

    def advance(self, run: str, *, until: str | None = None) -> RunRecord:
        """One wake-up at the time the run waits for; a death in it opens a new process."""
        waits_s = self.record(run).not_before_s - self.clock.now_s()
        if self.record(run).status is RunStatus.ACTIVE:
            self.true.sleep(waits_s)
        self.driven = run
        try:
            return self.engine.advance(run, until=until)
        except Died:
            self.died += 1
            self.new_process()
            return self.record(run)
        finally:
            self.driven = ""

    def answer(self, run: str, *, approved: bool) -> None:
        record = self.record(run)
        machine = self.app.playbook_of(record.playbook_digest).machine
        asked = machine.states[record.position.state].operator
        inputs = dict.fromkeys(asked.inputs, "given by the model") if asked and approved else {}
        answer_run(
            self.app.journal, machine, record, approved=approved, inputs=inputs, now_s=self.clock.now_s()
        )

    # --- the org, behind our back

    def change(self, document: dict[str, Any]) -> None:
        """What a person in Setup or another tool would have done."""
        self.interference += document
        with self.history.environment():
            control_changes.change_org(self.simulator, self.org, document)

    def set_clock(self, off_s: float) -> None:
        """Set the clock of the product's machine."""
        self.clock_was_set = True
        self.clock.off_s = off_s

    def fault(self, **document: Any) -> None:
        self.simulator.faults.add(document)

    def calm(self) -> None:
        """No scripted troubles any more; what people have changed stays changed."""
        self.simulator.faults.clear()
        self.change({"maintenance": False, "read_only": False, "skew_s": 0.0})
        if self.clock.off_s:
            self.set_clock(0.0)

    def assign_setup_set(self) -> None:
        """What the operator is asked for before an undo."""
        admin = self.org.user_by_name(self.seed.break_glass_username)
        assert admin is not None
        with self.history.environment():
            session = sessions.open_session(
                self.simulator, self.org, admin, origin="ui", login_type="Application"
            )
            url = f"https://{self.seed.my_domain_host}"
            api = OrgApi(self.app.network, url, Secret(session.token), "66.0")
            found = api.query("SELECT Id FROM PermissionSet WHERE Name = {n}", n=f"{APP}_Setup")
            (user,) = api.query("SELECT Id FROM User WHERE Username = {u}", u=self.seed.integration_username)
            held = api.query(
                "SELECT Id FROM PermissionSetAssignment WHERE AssigneeId = {u} AND PermissionSet.Name = {n}",
                u=user["Id"],
                n=f"{APP}_Setup",
            )
            if found and not held:
                given = {"AssigneeId": user["Id"], "PermissionSetId": found[0]["Id"]}
                api.create("PermissionSetAssignment", given)
