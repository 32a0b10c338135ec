"""A world on the wire level, the people around it, and one run in it that can be driven to its end."""

from __future__ import annotations

import atexit
import copy
import datetime as dt
import functools
import os
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parents[1] / "crash"))

import requests
from crash_world import HandClock, Wire, WireAdapter, World, operation, untouched

from orchestrator.app import App
from orchestrator.configuration import Configuration
from orchestrator.engine.operator import answer_run
from orchestrator.errors import OrchestratorError
from orchestrator.fleet.org_entry import OrgEntry
from orchestrator.fleet.orgs import read_orgs
from orchestrator.playbook.inputs import read_inputs
from orchestrator.ports import RunRecord, RunStatus
from orchestrator.salesforce.certificate import KeyAndCertificate, issue
from orchestrator.salesforce.session import Network, NetworkPolicy
from orchestrator.shipped import playbook_source
from orchestrator.simulator.control_changes import change_org
from orchestrator.simulator.org import Org
from orchestrator.simulator.simulation import Simulator
from orchestrator.simulator.truth import org_truth

__all__ = ["Stage", "World", "operation", "own_pair", "scratch"]

if TYPE_CHECKING:
    from orchestrator.simulator.catalogue import OrgSeed

WAKE_UPS_AT_MOST = 1500
ANSWERS_AT_MOST = 3  # of one person to one question of a run
REQUEST_TAKES_S = 0.05
SILENCE_S = 60.0  # what the network layer waits for an answer
LEASE_S = 1e9  # nobody else drives these orgs, and the hand clock leaps
VAULT_KEY = "k" * 43 + "="
JITTER = 0.5  # in the middle: no jitter


@functools.cache
def own_pair() -> KeyAndCertificate:
    """One pair for all runs: making keys is what costs most."""
    now = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    return issue(
        subject_common_name="matrix",
        key_bits=2048,
        not_before=now,
        not_after=now + dt.timedelta(days=700),
        serial=7,
    )


@functools.cache
def only_ca() -> Path:
    """A bundle of one certificate: nothing is verified here, and reading the system's takes long."""
    handle, name = tempfile.mkstemp(suffix=".pem")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(own_pair().certificate_pem)
    atexit.register(os.unlink, name)
    return Path(name)


Person = Callable[["Stage", App, RunRecord], "Mapping[str, str] | None"]


def nobody(_stage: Stage, _app: App, _record: RunRecord) -> None:
    """Leaves every question open."""


@dataclass
class Stage:
    """One org, one home, one clock, one run.

    Attributes:
        environ: what the operator's references lead to.
        browse: opens an address in the browser of somebody who watches.
        meanwhile: what happens by itself as time passes.
        person: answers the questions of the run: inputs for a yes, None for silence.
    """

    world: World
    environ: dict[str, str] = field(default_factory=dict)
    person: Person = nobody
    meanwhile: Callable[[], None] = lambda: None
    browse: Callable[[Stage, str], None] | None = None

    @property
    def sim(self) -> Simulator:
        """The simulation."""
        return self.world.simulator

    @property
    def org(self) -> Org:
        """The org of the run."""
        return self.sim.first_org()

    @property
    def seed(self) -> OrgSeed:
        """What is fixed about it."""
        return next(iter(self.sim.catalogue))

    @property
    def clock(self) -> HandClock:
        """The time of everything."""
        return self.world.clock

    def copy(self, folder: Path) -> Stage:
        """What a new process would find."""
        return replace(self, world=self.world.copy(folder))

    @contextmanager
    def process(self, wire: Wire = untouched) -> Iterator[App]:
        """A process of the product for as long as the block lasts."""

        def timed(
            request: requests.PreparedRequest, send: Callable[[], requests.Response]
        ) -> requests.Response:
            self.clock.sleep(REQUEST_TAKES_S)
            try:
                return wire(request, send)
            except requests.ReadTimeout:
                self.clock.sleep(SILENCE_S)
                raise

        app = App(
            Configuration(home=self.world.home), environ={"ORCHESTRATOR_KEY": VAULT_KEY, **self.environ}
        )
        app.clock = self.clock
        network = Network(
            NetworkPolicy(ca_bundle=str(only_ca())), clock_s=self.clock.now_s, sleep=self.clock.sleep
        )
        network._adapter = WireAdapter(self.sim, timed)
        app.__dict__["network"] = network
        browse = self.browse
        if browse is not None:
            app.open_browser = lambda url: browse(self, url)
        try:
            yield app
        finally:
            app.close()

    # --- runs

    def entry(self, **changes: Any) -> OrgEntry:
        """The entry of the orgs file."""
        file = self.world.home.parent / "orgs.yaml"
        return replace(read_orgs(file.read_text("utf-8"), str(file), "yaml")[0], **changes)

    def start(self, app: App, playbook: str, inputs: Mapping[str, str], **entry: Any) -> str:
        """Record a run; nothing is sent yet."""
        compiled = app.compile(*playbook_source(playbook))
        app.journal.put_playbook(compiled.digest, compiled.source)
        values = read_inputs(compiled.inputs, dict(inputs))
        new = app.new_run(self.entry(**entry), compiled, values, batch="", priority=0)
        app.journal.create_run(new)
        self.world.run = new.run
        return new.run

    def play(self, playbook: str, inputs: Mapping[str, str] | None = None, **entry: Any) -> RunRecord:
        """A whole run in which nothing goes wrong, before the one that is looked at."""
        with self.process() as app:
            self.start(app, playbook, inputs or {}, **entry)
            record, error = self.drive(app)
            assert error is None, error
            return record

    def drive(
        self, app: App, *, stopping: Callable[[], bool] = lambda: False, until: str | None = None
    ) -> tuple[RunRecord, OrchestratorError | None]:
        """Wake the run whenever it is due, until it is over, waits for a silent person, or *stopping*."""
        engine = app.engine(lambda _event: None, stopping, lease_ttl_s=LEASE_S)
        engine.noise = lambda: JITTER
        asked: Counter[str] = Counter()
        run = self.world.run
        for _ in range(WAKE_UPS_AT_MOST):
            try:
                record = engine.advance(run, until=until)
            except OrchestratorError as error:
                return app.journal.run(run), error
            if record.status is RunStatus.AWAITING_OPERATOR:
                asked[record.position.state] += 1
                if asked[record.position.state] > ANSWERS_AT_MOST or not self.answer(app, record):
                    return record, None
            elif record.status is not RunStatus.ACTIVE or stopping() or record.position.state == until:
                return record, None
            else:
                self.clock.at_s = max(self.clock.at_s, record.not_before_s)
        return app.journal.run(run), None

    def answer(self, app: App, record: RunRecord) -> bool:
        """Let the person answer; whether it did."""
        inputs = self.person(self, app, record)
        if inputs is None:
            return False
        machine = app.playbook_of(record.playbook_digest).machine
        answer_run(app.journal, machine, record, approved=True, inputs=inputs, now_s=self.clock.now_s())
        return True

    # --- the org

    def change(self, document: dict[str, Any]) -> None:
        """What a person in Setup would do."""
        change_org(self.sim, self.org, document)

    def truth(self, later_s: float = 0.0) -> dict[str, Any]:
        """The facts of the org once *later_s* have passed; no time passes."""
        sim, clock = copy.deepcopy((self.sim, self.clock))
        clock.at_s += later_s
        return org_truth(sim, sim.first_org())


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder for many small files, in memory where the system offers it."""
    offered = Path("/dev/shm")  # noqa: S108 - a private folder is made inside
    made = Path(tempfile.mkdtemp(prefix="matrix-", dir=offered if os.access(offered, os.W_OK) else None))
    try:
        yield made
    finally:
        shutil.rmtree(made)
