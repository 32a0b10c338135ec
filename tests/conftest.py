"""Shared by all tests: simulated orgs in a process of their own, and the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from planted_secrets import Trace, dump, remember_simulators
from postgresql_server import fresh_database, running_server

from orchestrator.cli.main import run_cli

START_WITHIN_S = 30
STOP_WITHIN_S = 10
COMMAND_WITHIN_S = 60

remember_simulators()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "reveals(where): shows a secret on purpose, in its 'output' or in 'files' beside home",
    )


@pytest.fixture(autouse=True)
def trace(request: pytest.FixtureRequest) -> Iterator[Trace]:
    """After every test in which the product was at work: no secret is in what it left behind."""
    kept = Trace()
    folder = request.getfixturevalue("tmp_path") if "tmp_path" in request.fixturenames else None
    kept.collect()  # what longer-lived fixtures made belongs to the first test that uses it
    yield kept
    kept.collect()
    if not kept.is_hunted:
        return
    revealing = {where for mark in request.node.iter_markers("reveals") for where in mark.args}
    found = kept.found(folder, files="files" not in revealing, output="output" not in revealing)
    assert found == [], "secrets were left behind"


@dataclass(frozen=True)
class SimulatedOrgs:
    """What the first line of `orchestrator simulate` said, and questions to its control plane."""

    line: Mapping[str, str]
    speed: float

    @property
    def options(self) -> list[str]:
        """Options of `run` that lead to these orgs."""
        return ["--orgs", self.line["orgs_file"], "--speed", f"{self.speed:g}", *self.connect_to]

    @property
    def connect_to(self) -> list[str]:
        return ["--connect-to", self.line["connect_to"]]

    @property
    def environment(self) -> dict[str, str]:
        """The variable that makes clients trust the simulator's throwaway authority."""
        return {"REQUESTS_CA_BUNDLE": self.line["ca"]}

    def ask(self, path: str, document: Any = None) -> Any:
        """GET from the control plane, or POST *document*."""
        body = None if document is None else json.dumps(document).encode()
        with urllib.request.urlopen(f"{self.line['control']}{path}", body, timeout=START_WITHIN_S) as answer:  # noqa: S310 - loopback
            return json.load(answer)

    def names(self) -> list[str]:
        return [row["name"] for row in self.ask("/orgs")["orgs"]]

    def truth(self, name: str = "") -> dict[str, Any]:
        return dict(self.ask(f"/orgs/{name or self.names()[0]}"))

    def operations(self, name: str = "") -> list[str]:
        """What the org was asked, in order."""
        rows = self.ask(f"/requests?org={name or self.names()[0]}")["requests"]
        return [row["operation"] for row in rows]


@dataclass(frozen=True)
class Finished:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[dict[str, Any]]:
        """One JSON object a line."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def error(self) -> dict[str, str]:
        """The error object on standard error."""
        return dict(json.loads(self.err.splitlines()[-1])["error"])


@pytest.fixture
def simulated(trace: Trace) -> Iterator[Callable[..., SimulatedOrgs]]:
    """Starts simulators that live as long as the test: `simulated(profile=…, speed=…, count=…, seed=…)`."""
    processes: list[subprocess.Popen[str]] = []

    def start(*, speed: float = 20, seed: str = "1", **options: Any) -> SimulatedOrgs:
        command = [sys.executable, "-m", "orchestrator", "simulate", "--speed", f"{speed:g}", "--seed", seed]
        for name, value in options.items():
            command += [f"--{name}", str(value)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own program
        processes.append(process)
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, "the simulator did not start"
        orgs = SimulatedOrgs(json.loads(line), speed)
        trace.plant_folder(Path(orgs.line["orgs_file"]))
        return orgs

    yield start
    for process in processes:
        process.terminate()
    for process in processes:
        process.wait(STOP_WITHIN_S)
        assert process.stdout is not None
        process.stdout.close()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """URL of a PostgreSQL server, of this session or TEST_DATABASE_URL; skips loudly where there is none."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        yield given
        return
    with running_server() as server:
        yield server.url


@pytest.fixture
def shared_database(postgresql: str, trace: Trace) -> Iterator[str]:
    """An empty PostgreSQL database, as a user would name it; what it holds at the end is searched."""
    with fresh_database(postgresql) as url:
        yield url
        trace.hear("the shared database", dump(url))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Where the commands of a test keep their journal and vault."""
    return tmp_path / "home"


@pytest.fixture
def environment(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, str]]:
    """The environment of a command: this one without what would change its mind, and with what is given."""
    for name in [name for name in os.environ if name.startswith("ORCHESTRATOR_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("ORCHESTRATOR_HOME", str(home))
    monkeypatch.setenv("ORCHESTRATOR_KEY", "a passphrase of the tests, long enough")
    monkeypatch.setenv("HOME", str(tmp_path))

    def made(given: Mapping[str, str]) -> dict[str, str]:
        return {**os.environ, **given}

    return made


@pytest.fixture
def command(
    environment: Callable[..., dict[str, str]],
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    trace: Trace,
) -> Callable[..., Finished]:
    """Runs a command line in this process: `command("runs", "list", orgs=…, NAME="value")`."""

    def run(*arguments: str, orgs: SimulatedOrgs | None = None, **variables: str) -> Finished:
        capsys.readouterr()
        with monkeypatch.context() as patched:
            given = {**(orgs.environment if orgs else {}), **variables}
            for name, value in environment(given).items():
                patched.setenv(name, value)
            code = run_cli(arguments)
        out, err = capsys.readouterr()
        trace.hear("what a command said", out + err + caplog.text)
        return Finished(code, out, err)

    return run


@pytest.fixture
def program(
    environment: Callable[..., dict[str, str]], trace: Trace, tmp_path: Path
) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts a command line as a process of its own: `program("run", …, orgs=…)`; ended after the test."""
    processes: list[subprocess.Popen[str]] = []
    temporary = tmp_path / "tmp"  # where what a killed process leaves behind is found
    temporary.mkdir(exist_ok=True)

    def start(*arguments: str, orgs: SimulatedOrgs | None = None, **variables: str) -> subprocess.Popen[str]:
        given = {**(orgs.environment if orgs else {}), **variables}
        process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", "orchestrator", *arguments],
            env={"TMPDIR": str(temporary), **environment(given)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        if process.poll() is None:
            process.kill()
        out, err = process.communicate(timeout=STOP_WITHIN_S)
        trace.hear("what a program said", out + err)


@pytest.fixture
def finished(trace: Trace) -> Callable[[subprocess.Popen[str]], Finished]:
    """Waits for a process that `program` started."""

    def wait(process: subprocess.Popen[str]) -> Finished:
        out, err = process.communicate(timeout=COMMAND_WITHIN_S)
        trace.hear("what a program said", out + err)
        return Finished(process.returncode, out, err)

    return wait
