"""One simulated org, one home folder and one clock in one process; all of it can be copied at any instant.

A process that dies leaves three things behind: the journal, the vault and the org. `World.copy` is
therefore exactly what the next process finds, and a copy after every change stands for every instant of
death between two changes. Time passes only when the test says so.
"""

from __future__ import annotations

import copy
import copyreg
import io
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import requests
from urllib3 import HTTPResponse

from orchestrator.app import App
from orchestrator.configuration import Configuration
from orchestrator.fleet.orgs import read_orgs
from orchestrator.ports import RunRecord, RunStatus
from orchestrator.salesforce.session import Network, NetworkPolicy
from orchestrator.shipped import playbook_source
from orchestrator.simulator.adapter import SimulatorAdapter
from orchestrator.simulator.operations import operation_of
from orchestrator.simulator.orgs_file import write_orgs_file
from orchestrator.simulator.reading import make_request
from orchestrator.simulator.simulation import Simulator
from orchestrator.simulator.truth import org_truth

T0 = 1_790_000_000.0
RUN_LENGTH_STEPS = 400
EFFECTS = ("deploys", "apps", "apps_created", "password_changes", "permission_set_assignments")


# The simulator freezes some of its tables; a copy of the world freezes copies of them.
copyreg.pickle(MappingProxyType, lambda frozen: (MappingProxyType, (dict(frozen),)))  # type: ignore[arg-type]


class Died(BaseException):
    """The process is gone: nothing in the product may catch this and carry on."""


@dataclass
class HandClock:
    """Unix seconds that pass only by `sleep`."""

    at_s: float = T0

    def now_s(self) -> float:
        return self.at_s

    def sleep(self, seconds: float) -> None:
        self.at_s += max(seconds, 0.0)


Wire = Callable[[requests.PreparedRequest, Callable[[], requests.Response]], requests.Response]


def untouched(_request: requests.PreparedRequest, send: Callable[[], requests.Response]) -> requests.Response:
    return send()


class WireAdapter(SimulatorAdapter):
    """The simulator as an adapter, with a place to cut the wire: before it is asked, or after it answered."""

    def __init__(self, simulator: Simulator, wire: Wire) -> None:
        super().__init__(simulator)
        self.wire = wire

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        def ask() -> requests.Response:
            answered = super(WireAdapter, self).send(request, **options)
            answered.raw = HTTPResponse(
                io.BytesIO(answered.raw.read()),
                headers=dict(answered.headers),
                status=answered.status_code,
                preload_content=False,
            )
            return answered

        return self.wire(request, ask)


def operation(request: requests.PreparedRequest) -> str:
    """What the simulator calls this request."""
    body = request.body or b""
    headers = [(name, str(value)) for name, value in request.headers.items()]
    return operation_of(
        make_request(
            request.method or "GET",
            request.path_url or "/",
            [("Host", urlsplit(request.url or "").netloc), *headers],
            body.encode() if isinstance(body, str) else bytes(body),
            client_ip="127.0.0.1",
            scheme="https",
        )
    )


@dataclass
class World:
    """Everything outside the process."""

    home: Path
    simulator: Simulator
    clock: HandClock = field(default_factory=HandClock)
    run: str = ""

    @classmethod
    def new(cls, folder: Path, *, profile: str = "production", seed: str = "1") -> World:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        clock = HandClock()
        simulator = Simulator(profile=profile, seed=seed, wall=clock.now_s)
        write_orgs_file(folder, list(simulator.catalogue))
        return cls(folder / "home", simulator, clock)

    def copy(self, folder: Path) -> World:
        """What a new process would find, if this one died now."""
        home = folder / "home"
        home.mkdir(mode=0o700, parents=True)
        for path in self.home.iterdir():
            if path.is_dir():  # a copied lock file is locked by nobody: its owner counts as dead
                shutil.copytree(path, home / path.name)
            elif path.is_file() and not path.name.startswith("journal.db"):
                shutil.copy2(path, home / path.name)
        with sqlite3.connect(self.home / "journal.db") as there, sqlite3.connect(home / "journal.db") as here:
            there.backup(here)
        there.close()
        here.close()
        # The files of the passwords stay where the orgs file says they are.
        simulator, clock = copy.deepcopy((self.simulator, self.clock))
        return World(home, simulator, clock, self.run)

    def process(self, wire: Wire = untouched) -> App:
        """A new process: the product's own composition, with our clock and the simulator for a network."""
        app = App(Configuration(home=self.home), environ={"ORCHESTRATOR_KEY": "k" * 43 + "="})
        app.clock = self.clock
        network = Network(NetworkPolicy(), clock_s=self.clock.now_s, sleep=self.clock.sleep)
        network._adapter = WireAdapter(self.simulator, wire)
        app.__dict__["network"] = network
        return app

    def start(self, app: App, playbook: str = "hybrid") -> str:
        """Record a run of the only org."""
        compiled = app.compile(*playbook_source(playbook))
        file = self.home.parent / "orgs.yaml"
        entry = read_orgs(file.read_text(), str(file), "yaml")[0]
        inputs = {name: spec.default for name, spec in compiled.inputs.items()}
        new = app.new_run(entry, compiled, inputs, batch="", priority=0)
        app.journal.put_playbook(compiled.digest, compiled.source)
        app.journal.create_run(new)
        self.run = new.run
        return new.run

    def drive(self, app: App, engine: Any = None) -> RunRecord:
        """Wake the run whenever it is due, until it is over."""
        engine = engine or app.engine(lambda _event: None)
        for _ in range(RUN_LENGTH_STEPS):
            record = engine.advance(self.run)
            if record.status is not RunStatus.ACTIVE:
                return record
            self.clock.at_s = max(self.clock.at_s, record.not_before_s)
        raise AssertionError(f"still active in {record.position.state} after {RUN_LENGTH_STEPS} wake-ups")

    def resume(self, wire: Wire = untouched) -> RunRecord:
        """Let a fresh process carry on, to the end."""
        app = self.process(wire)
        try:
            return self.drive(app)
        finally:
            app.close()

    def truth(self) -> dict[str, Any]:
        """The facts of the org."""
        return org_truth(self.simulator, self.simulator.first_org())

    def effects(self) -> dict[str, int]:
        """How often the org was changed, by kind."""
        counts = self.truth()["counts"]
        return {name: counts[name] for name in EFFECTS}
