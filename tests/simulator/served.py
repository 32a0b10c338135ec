"""A simulation on real sockets, in a thread of the test process."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
from urllib.parse import urlsplit

from orchestrator.simulator.command import ServeOptions, Simulation
from orchestrator.simulator.connection import Patience


@contextlib.contextmanager
def serving(*, patience: Patience | None = None, **options):
    """Run a simulation in a thread; yield its JSON line and the simulation."""
    started: list[dict] = []
    ready = threading.Event()
    loop = asyncio.new_event_loop()
    with Simulation(ServeOptions(seed="7", **options), patience=patience) as simulation:

        def run() -> None:
            asyncio.set_event_loop(loop)
            started.append(loop.run_until_complete(simulation.start()))
            ready.set()
            loop.run_forever()
            loop.run_until_complete(simulation.stop())
            loop.close()

        thread = threading.Thread(target=run)
        thread.start()
        assert ready.wait(10)
        try:
            yield started[0], simulation
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join(10)


@contextlib.contextmanager
def connected(line: dict, *, timeout_s: float = 10.0):
    """Open a raw connection, over TLS where the simulation speaks it."""
    parts = urlsplit(line["url"])
    with socket.create_connection((parts.hostname, parts.port), timeout=timeout_s) as raw:
        if parts.scheme == "http":
            yield raw
            return
        context = ssl.create_default_context(cafile=line["ca"])
        with context.wrap_socket(raw, server_hostname=parts.hostname) as wrapped:
            yield wrapped


def read_to_end(connection: socket.socket) -> bytes:
    """Read until the server closes or cuts."""
    answer = b""
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        while chunk := connection.recv(65536):
            answer += chunk
    return answer
