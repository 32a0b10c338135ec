"""A simulated org, the product's own engine, and a clock that both read: everything a scenario needs.

The seam is the wire: every request goes over TLS to a loopback server, which writes down what it saw before
the simulator answers. Nobody sleeps; when the engine parks a run, the clock is set to the time it waits for.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import re
import threading
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape

from orchestrator.app import App
from orchestrator.catalogue import FAULTS
from orchestrator.cli.exits import exit_code
from orchestrator.configuration import Configuration
from orchestrator.engine.events import Event
from orchestrator.errors import OrchestratorError
from orchestrator.fleet.org_entry import OrgEntry
from orchestrator.playbook.inputs import read_inputs
from orchestrator.ports import RunRecord, RunStatus
from orchestrator.salesforce.connect_to import parse_connect_to
from orchestrator.salesforce.session import Network, NetworkPolicy
from orchestrator.shipped import playbook_source
from orchestrator.simulator import control_changes
from orchestrator.simulator.catalogue import OrgSeed, generated_orgs
from orchestrator.simulator.client_app import ClientApp
from orchestrator.simulator.http import Request, Response
from orchestrator.simulator.operations import operation_of
from orchestrator.simulator.org import Org
from orchestrator.simulator.router import answer
from orchestrator.simulator.server import LoopbackServer
from orchestrator.simulator.simulation import Simulator
from orchestrator.simulator.tls import ThrowawayAuthority
from orchestrator.simulator.truth import org_truth

STARTED_S = 1_790_000_000.0  # any moment; nothing depends on it
REQUEST_TAKES_S = 0.02
SILENCE_S = 0.4  # the client's read timeout, so that a slow answer costs a test little
MOST_WAKE_UPS = 400


class HandClock:
    """Seconds since the epoch that pass only when somebody says so. Both threads read it."""

    def __init__(self) -> None:
        self._now_s = STARTED_S
        self._lock = threading.Lock()

    def now_s(self) -> float:
        with self._lock:
            return self._now_s

    def advance(self, seconds: float) -> None:
        with self._lock:
            self._now_s += max(seconds, 0.0)

    def reach(self, at_s: float) -> None:
        with self._lock:
            self._now_s = max(self._now_s, at_s)


@dataclass
class Seen:
    """One request as the server got it, and the status it was answered with."""

    at_s: float
    host: str
    operation: str
    body: bytes
    status: int = 0


Answerer = Callable[[Request], tuple[Response, float]]


class Wire:
    """One TLS server on loopback for a whole test process; each scenario puts its own world behind it."""

    def __init__(self, folder: Path) -> None:
        self.answerer: Answerer | None = None
        authority = ThrowawayAuthority()
        self.ca_path = folder / "ca.pem"
        self.ca_path.write_text(authority.certificate_pem, encoding="utf-8")
        self._loop = asyncio.new_event_loop()
        self._server = LoopbackServer(self._answer, tls=authority.server_context())
        self._thread = threading.Thread(target=self._loop.run_forever, name="wire", daemon=True)
        self._thread.start()
        self.port = asyncio.run_coroutine_threadsafe(self._server.start(), self._loop).result(10)

    def _answer(self, request: Request) -> tuple[Response, float]:
        assert self.answerer is not None
        return self.answerer(request)

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._server.stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


@dataclass
class Finished:
    """How a run ended, and who saw what."""

    record: RunRecord
    errors: list[OrchestratorError]
    events: list[Event]

    @property
    def exit_code(self) -> int:
        return exit_code([self.record] if not self.errors else [], self.errors)

    @property
    def evidence(self) -> Mapping[str, Any]:
        return self.record.evidence

    @property
    def states(self) -> list[str]:
        return [event.state for event in self.events if event.event == "state_entered"]

    @property
    def codes(self) -> list[str]:
        """Every code an attempt was settled with, in order."""
        return [event.code for event in self.events if event.event == "attempt_settled" and event.code]

    def stopped_by(self) -> tuple[str, str, str]:
        """Code, blame and remedy that a person is shown."""
        if self.errors:
            error = self.errors[0]
            return error.code, str(error.blame), error.remedy
        kind = FAULTS[self.record.code]
        return kind.code, str(kind.blame), kind.remedy


class World:
    """Simulated orgs of one profile behind the wire, a home of the product, and the runs in it.

    The first org is the one that runs are for; the second is a bystander that must stay untouched.
    """

    def __init__(self, wire: Wire, home: Path, profile: str = "production", seed: str = "1") -> None:
        self.clock = HandClock()
        self.seen: list[Seen] = []
        self.seeds: Sequence[OrgSeed] = generated_orgs(seed, profile, 2)
        self.sim = Simulator(self.seeds, seed=seed, wall=self.clock.now_s)
        self.seed = self.seeds[0]
        self.org: Org = self.sim.org_of(self.seed)
        self.bystander: Org = self.sim.org_of(self.seeds[1])
        self.password = self.seed.password
        self._wire = wire
        self.answerer_before: Callable[[Request], None] = lambda _request: None
        self.rewrites: dict[str, list[tuple[str, str]]] = {}
        wire.answerer = self._answer
        self.app = self._open(home)

    def _answer(self, request: Request) -> tuple[Response, float]:
        self.clock.advance(REQUEST_TAKES_S)
        self.seen.append(Seen(self.clock.now_s(), request.host_name, operation_of(request), request.body))
        self.answerer_before(request)
        response, delay_s = answer(self.sim, request)
        self.seen[-1].status = response.status
        for pattern, replacement in self.rewrites.get(self.seen[-1].operation, ()):
            response.body = re.sub(pattern, replacement, response.body.decode(), count=1).encode()
        return response, delay_s

    def forget_history(self) -> None:
        """What was seen so far does not count."""
        self.seen.clear()
        for org in (self.org, self.bystander):
            org.requests.clear()
            org.deploys_started = 0

    def take_key_of_deploy(self, body: bytes) -> bool:
        """Give the consumer key that a deploy brings to an app of the other org; whether it brings one."""
        found = re.search(rb"<(?:\w+:)?ZipFile>([^<]+)<", body)
        if found is None:
            return False
        with zipfile.ZipFile(io.BytesIO(base64.b64decode(found[1]))) as archive:
            text = b"".join(archive.read(name) for name in archive.namelist()).decode()
        key = re.search(r"<consumerKey>(\w+)<", text)
        if key is None:
            return False
        app_id = self.bystander.next_id("0xI")
        name = f"Taker_{len(self.bystander.apps)}"
        self.bystander.apps[name] = ClientApp(
            "external_client_app", name, name, app_id, "", consumer_key=key[1]
        )
        return True

    def _open(self, home: Path) -> App:
        environ = {
            "ORCHESTRATOR_KEY": base64.b64encode(bytes(32)).decode(),  # a key, not a passphrase: no scrypt
            "ADMIN_PASSWORD": self.password,
            "ADMIN_TOKEN": self.seed.security_token,
        }
        app = App(Configuration(home=home), environ=environ)
        app.clock = self.clock
        policy = NetworkPolicy(
            connect_to=(parse_connect_to(f"*:443:127.0.0.1:{self._wire.port}"),),
            loopback_only=True,
            ca_bundle=str(self._wire.ca_path),
            read_timeout_s=SILENCE_S,
        )
        app.__dict__["network"] = Network(policy, clock_s=self.clock.now_s, sleep=self.clock.advance)
        return app

    def new_home(self, home: Path) -> None:
        """Another machine: an empty journal and an empty vault, the same org."""
        self.close()
        self.app = self._open(home)

    def close(self) -> None:
        self.app.network.close()
        self.app.close()

    def give_password(self, password: str) -> None:
        """What the operator's reference leads to from now on."""
        self.password = password
        self.app.environ = {**self.app.environ, "ADMIN_PASSWORD": password}

    # --- the org

    def change(self, document: Mapping[str, Any]) -> None:
        """What a person in Setup or another tool would have done."""
        control_changes.change_org(self.sim, self.org, dict(document))

    def fault(self, **document: Any) -> None:
        """Script a fault for the org of the run."""
        self.sim.faults.add({"org": self.seed.name, **document})

    def truth(self) -> dict[str, Any]:
        return org_truth(self.sim, self.org)

    # --- the product

    def entry(self, **changes: Any) -> OrgEntry:
        seed = self.seed
        secrets = {"password": "env:ADMIN_PASSWORD"}
        if seed.profile.security_token_required:
            secrets["security_token"] = "env:ADMIN_TOKEN"
        fields: dict[str, Any] = {
            "name": seed.name,
            "url": f"https://{seed.my_domain_host}",
            "org_id": seed.org_id,
            "username": seed.username,
            "integration_user": seed.integration_username,
            "break_glass_user": seed.break_glass_username,
            "secrets": secrets,
        }
        return OrgEntry(**{**fields, **changes})

    def start(self, inputs: Mapping[str, str] | None = None, playbook: str = "hybrid", **entry: Any) -> str:
        """Record a run of the playbook for the org; nothing is sent yet."""
        compiled = self.app.compile(*playbook_source(playbook))
        self.app.journal.put_playbook(compiled.digest, compiled.source)
        values = read_inputs(compiled.inputs, dict(inputs or {}))
        new = self.app.new_run(self.entry(**entry), compiled, values, batch="scenario", priority=0)
        self.app.journal.create_run(new)
        return new.run

    def drive(self, run: str, *, until: str | None = None) -> Finished:
        """Advance the run until it is over or parked before *until*; the clock jumps over its waits."""
        events: list[Event] = []
        engine = self.app.engine(events.append)
        errors: list[OrchestratorError] = []
        record = self.app.journal.run(run)
        for _ in range(MOST_WAKE_UPS):
            try:
                record = engine.advance(run, until=until)
            except OrchestratorError as error:
                errors.append(error)
                break
            if record.status is not RunStatus.ACTIVE or record.position.state == until:
                break
            self.clock.reach(record.not_before_s)
        else:
            raise AssertionError(
                f"{run} woke up {MOST_WAKE_UPS} times and is still in {record.position.state}"
            )
        return Finished(self.app.journal.run(run), errors, events)

    def run(self, inputs: Mapping[str, str] | None = None, **entry: Any) -> Finished:
        """A whole run."""
        return self.drive(self.start(inputs, **entry))


# --- what the org saw


@dataclass
class Witness:
    """Judges a run by what arrived at the server, not by what the product says about itself."""

    seen: Sequence[Seen]
    password: str
    my_domain: str
    complaints: list[str] = field(default_factory=list)

    MOST_PASSWORDS = 3
    LEAST_PROOFS = 3
    LEAST_SPREAD_S = 45.0

    @property
    def passwords(self) -> list[Seen]:
        """Requests that carried the admin's password, in any encoding a form, XML or JSON gives it."""
        forms = {
            self.password,
            escape(self.password),
            escape(self.password, {"'": "&apos;", '"': "&quot;"}),
            quote(self.password, safe=""),
            quote_plus(self.password),
        }
        needles = {form.encode() for form in forms}
        return [one for one in self.seen if any(needle in one.body for needle in needles)]

    def count(self, operation: str) -> int:
        return sum(one.operation == operation for one in self.seen)

    def first_lock(self) -> int | None:
        """Place of the first request that takes a password's power away."""
        for place, one in enumerate(self.seen):
            if is_lock(one):
                return place
        return None

    def check(self) -> list[str]:
        """Everything that must never happen, whatever else went wrong."""
        said: list[str] = []
        if len(self.passwords) > self.MOST_PASSWORDS:
            said.append(f"{len(self.passwords)} passwords were sent")
        strangers = {one.host for one in self.passwords if one.host != self.my_domain}
        if strangers:
            said.append(f"the password was sent to {', '.join(sorted(strangers))}")
        said += self._lock_before_proof()
        return said

    def _lock_before_proof(self) -> list[str]:
        place = self.first_lock()
        if place is None:
            return []
        streak: list[Seen] = []
        for one in self.seen[:place]:
            if one.operation == "token":
                streak = [*streak, one] if one.status == 200 else []
        if len(streak) < self.LEAST_PROOFS:
            return [f"a lock after {len(streak)} proofs"]
        if (spread_s := streak[-1].at_s - streak[0].at_s) < self.LEAST_SPREAD_S:
            return [f"a lock after proofs within {spread_s:.0f} s"]
        return []


def is_lock(one: Seen) -> bool:
    """Whether the request changes settings, passwords, sessions or the state of users."""
    if one.operation in {"set_password", "user_login_update", "user_update", "auth_session_delete"}:
        return True
    return one.operation == "upsert_metadata" and b"blockOAuthUnPwFlow" in one.body


@contextlib.contextmanager
def world_behind(wire: Wire, home: Path, **options: Any) -> Iterator[World]:
    """A world for as long as the block lasts."""
    world = World(wire, home, **options)
    try:
        yield world
    finally:
        world.close()
