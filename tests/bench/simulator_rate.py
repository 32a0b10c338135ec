"""How fast the org simulator starts, how much memory its orgs take, how many requests it answers a second."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

import yaml

ORGS = 10_000
REQUESTS = 4_000
CONNECTIONS = 4
_MEGABYTE = 1024 * 1024

_MEMORY = """
import json, os, sys, time
def resident():
    with open("/proc/self/statm") as stat:
        return int(stat.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
def resources():
    times = os.times()
    return times.user + times.system
from orchestrator.simulator import Simulator
before, cpu_s, began_s = resident(), resources(), time.perf_counter()
simulator = Simulator(count=int(sys.argv[1]), seed="bench")
made = {"start_s": time.perf_counter() - began_s, "start_cpu_s": resources() - cpu_s}
made["untouched"] = resident() - before
began_s = time.perf_counter()
for seed in simulator.catalogue:
    simulator.org_of(seed)
made |= {"build_s": time.perf_counter() - began_s, "built": resident() - before}
print(json.dumps(made))
"""

_SERVE = """
import sys
from orchestrator.simulator.command import serve
serve(count=int(sys.argv[1]), http=sys.argv[2] == "http", seed="bench")
"""

# The machine's own reference: the least an asyncio server can do for a request.
_BARE = """
import asyncio, sys
class Bare(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.kept = transport, b""
    def data_received(self, chunk):
        *whole, self.kept = (self.kept + chunk).split(b"\\r\\n\\r\\n")
        self.transport.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\n{}" * len(whole))
async def main():
    server = await asyncio.get_running_loop().create_server(Bare, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"""


def figures() -> list[tuple[str, str, str]]:
    """Measure, and return (name, measured, the machine's own reference) a row.

    CPU beside every figure is the server's own: on a busy machine it says more than the wall does.
    """
    found = _start_and_memory()
    with _process(_BARE) as (first_line, pid):
        bare = _rate(pid, ("127.0.0.1", int(first_line)), None, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    for scheme in ("http", "https"):
        for name, rate in _rates(scheme):
            found.append((f"simulator, {scheme}, {name}", rate, f"bare asyncio server: {bare}"))
    return found


def _start_and_memory() -> list[tuple[str, str, str]]:
    made = json.loads(_run(_MEMORY, str(ORGS)))
    served_s, served_cpu_s = _time_to_first_line(ORGS)
    empty_s = _time_of_empty_process()
    return [
        (
            f"simulator, {ORGS:,} orgs known",
            f"{made['start_s']:.2f} s ({made['start_cpu_s']:.2f} s CPU)",
            f"{made['start_cpu_s'] / ORGS * 1e6:.0f} us CPU an org",
        ),
        (
            f"simulator, {ORGS:,} orgs, command to first line (a password file each)",
            f"{served_s:.2f} s ({served_cpu_s:.2f} s CPU)",
            f"empty Python process {empty_s:.2f} s",
        ),
        (
            f"simulator, {ORGS:,} orgs untouched",
            f"{made['untouched'] / _MEGABYTE:.0f} MB",
            f"{made['untouched'] / ORGS / 1024:.1f} KB an org",
        ),
        (
            f"simulator, {ORGS:,} orgs all built",
            f"{made['built'] / _MEGABYTE:.0f} MB in {made['build_s']:.1f} s",
            f"{made['built'] / ORGS / 1024:.1f} KB an org",
        ),
    ]


def _run(code: str, *arguments: str) -> str:
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(  # noqa: S603 - our own code
        command, check=True, capture_output=True, text=True
    ).stdout


def _time_of_empty_process() -> float:
    began_s = time.perf_counter()
    _run("pass")
    return time.perf_counter() - began_s


def _time_to_first_line(count: int) -> tuple[float, float]:
    began_s = time.perf_counter()
    with _process(_SERVE, str(count), "http") as (_, pid):
        return time.perf_counter() - began_s, _cpu_s(pid)


def _cpu_s(pid: int) -> float:
    """Return the processor time a process has used, of its own and the kernel's for it."""
    words = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def _process(code: str, *arguments: str) -> Iterator[tuple[str, int]]:
    """Run code in a process of its own; yield its first line and its number."""
    command = [sys.executable, "-c", code, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:  # noqa: S603 - our own code
        assert running.stdout is not None
        try:
            yield running.stdout.readline(), running.pid
        finally:
            running.terminate()


def _rates(scheme: str) -> list[tuple[str, str]]:
    with _process(_SERVE, "1", scheme) as (first_line, pid):
        line = json.loads(first_line)
        parts = urlsplit(line["url"])
        address = (str(parts.hostname), int(parts.port or 0))
        context = ssl.create_default_context(cafile=line["ca"]) if line["ca"] else None
        token = _session(address, context, line["orgs_file"])
        head = f"Host: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
        root = "/services/data/v66.0"
        query = f"{root}/query?q=SELECT+Id,Username+FROM+User+WHERE+IsActive=true"
        asks = {
            "versions": "GET /services/data HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
            "limits": f"GET {root}/limits HTTP/1.1\r\n{head}\r\n",
            "query": f"GET {query} HTTP/1.1\r\n{head}\r\n",
            "wrong token request": (
                "POST /services/oauth2/token HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 19\r\n\r\n"
                "grant_type=password"
            ),
        }
        return [(name, _rate(pid, address, context, ask.encode())) for name, ask in asks.items()]


def _session(address: tuple[str, int], context: ssl.SSLContext | None, orgs_file: str) -> str:
    """Log the first org's administrator in by SOAP; return the session id."""
    org = next(iter(yaml.safe_load(Path(orgs_file).read_text(encoding="utf-8"))["orgs"].values()))
    password = Path(org["password"].removeprefix("file:")).read_text(encoding="utf-8")
    body = (
        '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>'
        f'<login xmlns="urn:partner.soap.sforce.com"><username>{org["username"]}</username>'
        f"<password>{escape(password)}</password></login></e:Body></e:Envelope>"
    ).encode()
    head = f"POST /services/Soap/u/64.0 HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n\r\n"
    with _connection(address, context) as connection:
        connection.sendall(head.encode() + body)
        found = re.search(rb"<sessionId>([^<]+)<", _read_answer(connection))
    assert found is not None, "the administrator cannot log in"
    return found[1].decode()


@contextlib.contextmanager
def _connection(address: tuple[str, int], context: ssl.SSLContext | None) -> Iterator[socket.socket]:
    with socket.create_connection(address, timeout=30) as raw:
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if context is None:
            yield raw
            return
        with context.wrap_socket(raw, server_hostname=address[0]) as wrapped:
            yield wrapped


def _read_answer(connection: socket.socket) -> bytes:
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += connection.recv(65536)
    head, _, body = answer.partition(b"\r\n\r\n")
    found = re.search(rb"content-length: (\d+)", head.lower())
    wanted = int(found[1]) if found else 0
    while len(body) < wanted:
        body += connection.recv(65536)
    return body


def _rate(pid: int, address: tuple[str, int], context: ssl.SSLContext | None, ask: bytes) -> str:
    """Return how many times a second one request is answered, asked over a few connections kept open."""
    each = REQUESTS // CONNECTIONS

    def work(_: int) -> None:
        with _connection(address, context) as connection:
            for _number in range(each):
                connection.sendall(ask)
                _read_answer(connection)

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        began_s, cpu_s = time.perf_counter(), _cpu_s(pid)
        list(pool.map(work, range(CONNECTIONS)))
        took_s, used_s = time.perf_counter() - began_s, _cpu_s(pid) - cpu_s
    return f"{REQUESTS / took_s:,.0f} requests/s, {used_s / REQUESTS * 1e6:.0f} us CPU each"


if __name__ == "__main__":
    for row in figures():
        sys.stdout.write(" | ".join(row) + "\n")
