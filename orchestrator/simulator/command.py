"""`orchestrator simulate`: serves orgs on loopback until SIGTERM, after one JSON line that says where."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from orchestrator.simulator.catalogue import OrgSeed, generated_orgs
from orchestrator.simulator.connection import Patience
from orchestrator.simulator.control import answer_control
from orchestrator.simulator.orgs_file import read_orgs_file, write_orgs_file, write_private
from orchestrator.simulator.profiles import ORG_PROFILES
from orchestrator.simulator.router import answer
from orchestrator.simulator.server import LoopbackServer
from orchestrator.simulator.simulation import Simulator
from orchestrator.simulator.tls import ThrowawayAuthority


@dataclass(frozen=True)
class ServeOptions:
    """What `orchestrator simulate` was asked for."""

    port: int = 0
    http: bool = False
    orgs_file: Path | None = None
    profile: str = "production"
    count: int = 1
    seed: str = ""
    speed: float = 1.0
    journal: Path | None = None


def serve(
    *,
    port: int = 0,
    http: bool = False,
    orgs_file: Path | None = None,
    profile: str = "production",
    count: int = 1,
    seed: str = "",
    speed: float = 1.0,
    journal: Path | None = None,
    out: TextIO | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        ValueError: the orgs file or the profile name is wrong (`OrgsFileError` is a ValueError).
        OSError: the port is taken or a file cannot be read.
    """
    options = ServeOptions(port, http, orgs_file, profile, count, seed, speed, journal)
    with Simulation(options) as simulation:
        asyncio.run(_serve_until_signal(simulation, out or sys.stdout))


class Simulation(AbstractContextManager["Simulation"]):
    """A simulator with its temporary files: CA certificate, orgs file, journal."""

    def __init__(self, options: ServeOptions, *, patience: Patience | None = None) -> None:
        self._options = options
        self.seed = options.seed or secrets.token_hex(4)
        self.simulator = Simulator(_seeds(options, self.seed), seed=self.seed, speed=options.speed)
        self._authority = None if options.http else ThrowawayAuthority()
        self._folder = Path(tempfile.mkdtemp(prefix="simulated-orgs-"))
        self._journal: TextIO | None = None
        if options.journal is not None:
            self._journal = open_journal(options.journal)
            self.simulator.on_request = self._write_journal
        self.orgs_path = options.orgs_file or write_orgs_file(self._folder, list(self.simulator.catalogue))
        self._server = LoopbackServer(
            lambda request: answer(self.simulator, request),
            tls=self._authority.server_context() if self._authority else None,
            patience=patience,
        )
        self._control = LoopbackServer(lambda request: answer_control(self.simulator, request))

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._journal is not None:
            self._journal.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    async def start(self) -> dict[str, Any]:
        """Listen; return the fields of the JSON line."""
        port = await self._server.start(self._options.port)
        control_port = await self._control.start()
        ca_path: Path | None = None
        if self._authority is not None:
            ca_path = self._folder / "ca.pem"
            write_private(ca_path, self._authority.certificate_pem)
        scheme = "http" if self._options.http else "https"
        return {
            "url": f"{scheme}://127.0.0.1:{port}",
            "ca": str(ca_path) if ca_path else None,
            "seed": self.seed,
            "connect_to": f"*:443:127.0.0.1:{port}",
            "orgs_file": str(self.orgs_path.absolute()),
            "control": f"http://127.0.0.1:{control_port}",
        }

    async def stop(self) -> None:
        """Stop listening."""
        await self._server.stop()
        await self._control.stop()

    def _write_journal(self, line: dict[str, Any]) -> None:
        if self._journal is not None:
            self._journal.write(json.dumps(line, separators=(",", ":")) + "\n")


def open_journal(path: Path) -> TextIO:
    """Open the request journal for appending, 0600 from its first byte on, written line by line.

    Raises:
        OSError: the file cannot be written.
    """
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    return os.fdopen(handle, "a", encoding="utf-8", buffering=1)


def _seeds(options: ServeOptions, seed: str) -> list[OrgSeed]:
    if options.profile not in ORG_PROFILES:
        raise ValueError(f"no org profile {options.profile!r}; one of {', '.join(ORG_PROFILES)}")
    if options.orgs_file is not None:
        return read_orgs_file(options.orgs_file, seed=seed, default_profile=options.profile)
    return generated_orgs(seed, options.profile, max(options.count, 1))


async def _serve_until_signal(simulation: Simulation, out: TextIO) -> None:
    loop = asyncio.get_running_loop()
    asked_to_stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(number, _setter(asked_to_stop))
    out.write(json.dumps(await simulation.start()) + "\n")
    out.flush()
    await asked_to_stop.wait()
    await simulation.stop()


def _setter(event: asyncio.Event) -> Callable[[], None]:
    return event.set
