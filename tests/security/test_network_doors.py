"""Chapter "A man in the middle": one module opens connections to orgs, and every other door is listed."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Whatever can open a connection or is made to.
OPENERS = {
    *("socket", "_socket", "ssl", "_ssl", "socketserver", "http", "asyncio", "selectors", "multiprocessing"),
    *(
        "urllib.request",
        "urllib.robotparser",
        "ftplib",
        "smtplib",
        "imaplib",
        "poplib",
        "nntplib",
        "telnetlib",
    ),
    *("xmlrpc", "webbrowser", "requests", "urllib3", "httpx", "aiohttp", "websockets", "pycurl", "h11"),
    *("zeep", "simple_salesforce", "psycopg", "procrastinate"),
}
ALLOWED = {
    "salesforce/transport.py": {"http", "requests", "socket", "ssl", "urllib3"},  # the door itself
    "salesforce/session.py": {"requests", "urllib3"},  # the rules before the door
    "salesforce/transport_faults.py": {"requests", "socket", "ssl", "urllib3"},  # names of exceptions
    "salesforce/retries.py": {"requests"},  # a type
    "salesforce/soap_wire.py": {"requests", "zeep"},  # zeep's transport is the session's
    "salesforce/rest.py": {"simple_salesforce"},  # is given the session's requests.Session
    "store/engine.py": {"psycopg"},  # quotes the parts of a connection string
    "fleet/queue.py": {"asyncio", "procrastinate"},  # connections to the shared database
    "web/callback.py": {"http"},  # listens on loopback
    "web/server.py": {"http"},  # likewise
    "web/site.py": {"http"},  # names of statuses
    "web/guard.py": {"http"},  # likewise
    "cli/demo.py": {"urllib.request"},  # asks its own simulator on loopback what is true
}


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in {"import_module", "__import__"}:
            first = node.args[0]
            yield ast.unparse(first.values[0] if isinstance(first, ast.JoinedStr) else first).strip("'f\"")


def openers(path: Path) -> set[str]:
    names = set(imported(path))
    return {opener for opener in OPENERS if any(f"{name}.".startswith(f"{opener}.") for name in names)}


def test_every_module_that_could_open_a_connection_is_listed_with_what_it_uses() -> None:
    package = ROOT / "orchestrator"
    found = {
        str(path.relative_to(package)): used
        for path in package.rglob("*.py")
        if not path.is_relative_to(package / "simulator") and (used := openers(path))
    }
    assert found == ALLOWED


def test_the_simulator_answers_and_never_calls() -> None:
    for path in (ROOT / "orchestrator" / "simulator").rglob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        called = {
            ast.unparse(node.func).rpartition(".")[2] for node in ast.walk(tree) if isinstance(node, ast.Call)
        }
        assert not called & {"open_connection", "create_connection", "urlopen", "connect", "connect_ex"}, path
        assert not openers(path) & {"urllib.request", "socket", "urllib3"}, path


@pytest.mark.parametrize(
    "line", ["import socket", "from urllib import request", "from http.client import HTTPConnection"]
)
def test_the_list_is_not_satisfied_by_a_module_that_opens_connections(tmp_path: Path, line: str) -> None:
    (tmp_path / "x.py").write_text(f"def f():\n    {line}\n")
    assert openers(tmp_path / "x.py")


# Every connection and every question for a name, and the innermost module of ours that caused it.
WITNESS = """
import json, sys
places = []
package = sys.argv[1]
def witness(event, arguments):
    if event in {"socket.connect", "socket.getaddrinfo"}:
        frame = sys._getframe()
        while frame is not None and not frame.f_code.co_filename.startswith(package):
            frame = frame.f_back
        address = arguments[1] if event == "socket.connect" else arguments[0]
        places.append([event, frame and frame.f_code.co_filename[len(package) + 1:], str(address)])
sys.addaudithook(witness)
from orchestrator.cli.main import run_cli
code = run_cli(sys.argv[3:])
with open(sys.argv[2], "w") as log:
    json.dump(places, log)
raise SystemExit(code)
"""


@pytest.mark.slow
def test_every_connection_of_a_whole_run_comes_through_the_transport_and_goes_to_loopback(
    simulated, environment, tmp_path: Path
) -> None:
    orgs = simulated(speed=40)
    log = tmp_path / "connections.json"
    command = [sys.executable, "-c", WITNESS, str(ROOT / "orchestrator"), str(log)]
    done = subprocess.run(  # noqa: S603 - our own words
        [*command, "run", "hybrid", "--json", *orgs.options],
        env=environment(orgs.environment),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    seen = json.loads(log.read_text())
    assert {event for event, _, _ in seen} >= {"socket.connect"}
    assert {place for _, place, _ in seen} == {"salesforce/transport.py"}
    assert all("127.0.0.1" in address for event, _, address in seen if event == "socket.connect")
