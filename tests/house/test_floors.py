"""The floors hold, the network has one door, and nobody sleeps."""

from __future__ import annotations

import ast

import pytest
from house_files import PACKAGE, ROOT, here, imports, nodes, python_files
from importlinter.cli import lint_imports

# The session and what it is built of; `soap_wire` prepares requests and hands them to it.
THE_DOOR = {"session", "transport", "transport_faults", "retries", "soap_wire"}
NETWORK = {"requests", "urllib3", "socket", "ssl", "http", "aiohttp", "httpx"}
# The room of local pages answers browsers of this machine and opens no connection.
ANSWERS = {"http", "http.server"}


@pytest.mark.slow
def test_arrows_go_down_only(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ROOT)
    assert lint_imports(cache_dir=None, no_cache=True) == 0, capsys.readouterr().out


def test_only_the_session_layer_touches_the_network() -> None:
    strangers = [
        f"{here(path)} imports {module}"
        for path in python_files("orchestrator")
        if not path.is_relative_to(PACKAGE / "simulator")
        and not (path.parent.name == "salesforce" and path.stem in THE_DOOR)
        for module in imports(path)
        if module.partition(".")[0] in NETWORK
        and not (path.is_relative_to(PACKAGE / "web") and module in ANSWERS)
    ]
    assert strangers == []


def test_urllib_opens_connections_nowhere_but_to_the_simulator_of_the_demo() -> None:
    users = {
        here(path)
        for path in python_files("orchestrator")
        for name in imports(path)
        if name == "urllib.request"
    }
    assert users <= {"orchestrator/cli/demo.py"}


def test_the_simulator_imports_nothing_of_the_client() -> None:
    strangers = [
        f"{here(path)} imports {module}"
        for path in python_files("orchestrator/simulator")
        for module in imports(path)
        if module.startswith("orchestrator") and not module.startswith("orchestrator.simulator")
    ]
    assert strangers == []


def test_nobody_sleeps() -> None:
    """A wait is a journaled time or an event; only the composition root hands `time.sleep` on."""
    sleepers = []
    for path in python_files("orchestrator", "tests"):
        for node in nodes(path):
            is_named = isinstance(node, ast.ImportFrom) and node.module == "time"
            if is_named and any(alias.name == "sleep" for alias in node.names):
                sleepers.append(here(path, node))
            if isinstance(node, ast.Attribute) and ast.unparse(node) == "time.sleep":
                sleepers.append(here(path, node))
    assert [place for place in sleepers if not place.startswith("orchestrator/app.py:")] == []
    assert len(sleepers) <= 1


def test_random_numbers_and_the_time_are_asked_for_in_few_places() -> None:
    """Whatever decides gets clock and noise handed in; see the contract `pure-rooms` of import-linter too."""
    askers = {
        here(path)
        for path in python_files("orchestrator")
        if not path.is_relative_to(PACKAGE / "simulator")
        for node in nodes(path)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"time.time", "dt.datetime.now"}
    }
    assert askers <= {
        "orchestrator/ports.py",  # SystemClock
        "orchestrator/salesforce/http_answer.py",  # Retry-After as a date, relative to now
    } | {place for place in askers if place.startswith("orchestrator/cli/")}
