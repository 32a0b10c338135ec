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

from orchestrator.cli.main import run_cli

START_WITHIN_S = 30
STOP_WITHIN_S = 10
COMMAND_WITHIN_S = 60


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
def simulated() -> Iterator[Callable[..., SimulatedOrgs]]:
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
        return SimulatedOrgs(json.loads(line), speed)

    yield start
    for process in processes:
        process.terminate()
    for process in processes:
        process.wait(STOP_WITHIN_S)
        assert process.stdout is not None
        process.stdout.close()


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
    monkeypatch: pytest.MonkeyPatch,
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
        return Finished(code, out, err)

    return run


@pytest.fixture
def program(environment: Callable[..., dict[str, str]]) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts a command line as a process of its own: `program("run", …, orgs=…)`; ended after the test."""
    processes: list[subprocess.Popen[str]] = []

    def start(*arguments: str, orgs: SimulatedOrgs | None = None, **variables: str) -> subprocess.Popen[str]:
        given = {**(orgs.environment if orgs else {}), **variables}
        process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", "orchestrator", *arguments],
            env=environment(given),
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
        process.communicate(timeout=STOP_WITHIN_S)


@pytest.fixture
def finished() -> Callable[[subprocess.Popen[str]], Finished]:
    """Waits for a process that `program` started."""

    def wait(process: subprocess.Popen[str]) -> Finished:
        out, err = process.communicate(timeout=COMMAND_WITHIN_S)
        return Finished(process.returncode, out, err)

    return wait
