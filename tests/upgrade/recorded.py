"""Runs of an older release as it left them: its journal, its vault, and every request it had sent.

The simulator follows from its seed, so the requests, sent once more, bring the orgs to where they were.
"""

from __future__ import annotations

import base64
import gzip
import io
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from urllib3 import HTTPResponse

from orchestrator.app import App
from orchestrator.configuration import Configuration
from orchestrator.ports import RunRecord, RunStatus
from orchestrator.salesforce.session import Network, NetworkPolicy
from orchestrator.simulator import control_changes
from orchestrator.simulator.adapter import SimulatorAdapter
from orchestrator.simulator.catalogue import generated_orgs
from orchestrator.simulator.simulation import Simulator
from orchestrator.simulator.truth import org_truth

T0 = 1_790_000_000.0
SEED = "upgrade"
ORGS = 10
ALONE = 8  # in this org nobody else could let people back in
KEY = "k" * 43 + "="
WIRE = "wire.jsonl.gz"
WAKE_UPS = 400


@dataclass
class HandClock:
    """Unix seconds that pass only by `sleep`."""

    at_s: float = T0

    def now_s(self) -> float:
        return self.at_s

    def sleep(self, seconds: float) -> None:
        self.at_s += max(seconds, 0.0)


class TapeAdapter(SimulatorAdapter):
    """The simulator, and a tape of what it is asked."""

    def __init__(self, simulator: Simulator, tape: Callable[[requests.PreparedRequest], None]) -> None:
        super().__init__(simulator)
        self.tape = tape

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        self.tape(request)
        answered = super().send(request, **options)
        answered.raw = HTTPResponse(
            io.BytesIO(answered.raw.read()),
            headers=dict(answered.headers),
            status=answered.status_code,
            preload_content=False,
        )
        return answered


def written(request: requests.PreparedRequest, at_s: float) -> str:
    """One line of the tape."""
    body = request.body or b""
    raw = body.encode() if isinstance(body, str) else bytes(body)
    headers = {
        name: value if isinstance(value, str) else value.decode() for name, value in request.headers.items()
    }
    row = {"at_s": at_s, "method": request.method, "url": request.url, "headers": headers}
    return json.dumps({**row, "body": base64.b64encode(raw).decode()})


def tape(folder: Path) -> Iterator[tuple[float, requests.PreparedRequest]]:
    """(when, request) of every line."""
    with gzip.open(folder / WIRE, "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            request = requests.PreparedRequest()
            request.method, request.url = row["method"], row["url"]
            request.headers = requests.structures.CaseInsensitiveDict(row["headers"])
            request.body = base64.b64decode(row["body"])
            yield row["at_s"], request


@dataclass
class World:
    """The orgs, and the home that this version finds."""

    home: Path
    clock: HandClock = field(default_factory=HandClock)

    def __post_init__(self) -> None:
        self.seeds = generated_orgs(SEED, "production", ORGS)
        self.simulator = Simulator(self.seeds, seed=SEED, wall=self.clock.now_s)
        alone = self.seeds[ALONE]
        org = self.simulator.org_of(alone)
        control_changes.change_org(self.simulator, org, {"deactivate_user": alone.break_glass_username})
        self.environ = {"ORCHESTRATOR_KEY": KEY}
        self.environ |= {f"PASSWORD_{number}": seed.password for number, seed in enumerate(self.seeds)}

    def process(self, record: Callable[[requests.PreparedRequest], None] = lambda _request: None) -> App:
        """A new process of the version under test."""
        app = App(Configuration(home=self.home), environ=self.environ)
        app.clock = self.clock
        network = Network(NetworkPolicy(), clock_s=self.clock.now_s, sleep=self.clock.sleep)
        network._adapter = TapeAdapter(self.simulator, record)
        app.__dict__["network"] = network
        return app

    def drive(self, app: App, run: str, *, until: str | None = None) -> RunRecord:
        """Wake the run whenever it is due, until it is over, waits for a person, or stands before *until*."""
        engine = app.engine(lambda _event: None)
        for _ in range(WAKE_UPS):
            record = engine.advance(run, until=until)
            if record.status is not RunStatus.ACTIVE or record.position.state == until:
                return record
            self.clock.at_s = max(self.clock.at_s, record.not_before_s)
        raise AssertionError(f"still active in {record.position.state} after {WAKE_UPS} wake-ups")

    def truth(self, org: str) -> dict[str, Any]:
        found = self.simulator.org_by_name(org)
        assert found is not None
        return org_truth(self.simulator, found)


def left_behind(fixture: Path, folder: Path) -> World:
    """What this version finds after the release of *fixture* was stopped."""
    shutil.copytree(fixture / "home", folder)
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o700 if path.is_dir() else 0o600)
    world = World(folder)
    wire = SimulatorAdapter(world.simulator)
    for at_s, request in tape(fixture):
        world.clock.at_s = at_s
        wire.send(request)
    world.clock.sleep(60.0)
    return world
