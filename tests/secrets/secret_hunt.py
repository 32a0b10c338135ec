"""Plants secrets, runs the command line against a simulated org, and looks for them wherever it left a trace.

The server knows every session id and token it gave out and every secret it was sent; the vault is opened
with the operator's key to learn the private key. What is then searched is what other people may read:
standard output and error (with every logger of every library switched on), the home folder byte by byte,
and the command lines of the processes.
"""

from __future__ import annotations

import base64
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs

from planted_secrets import forms
from scenario_world import Wire

from orchestrator.app import App
from orchestrator.configuration import Configuration
from orchestrator.simulator.catalogue import generated_orgs
from orchestrator.simulator.http import Request, Response
from orchestrator.simulator.operations import operation_of
from orchestrator.simulator.router import answer
from orchestrator.simulator.simulation import Simulator

SPEED = 40
_GIVEN_OUT = {
    "soap_login": re.compile(rb"<sessionId>([^<]+)<"),
    "token": re.compile(rb'"access_token"\s*:\s*"([^"]+)"'),
}
_SENT = {"set_password": re.compile(rb'"NewPassword"\s*:\s*"([^"]+)"')}

# The command line with every logger of every library at its most talkative.
TALKATIVE = """
import logging, sys
logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
from orchestrator.cli.main import run_cli
raise SystemExit(run_cli(sys.argv[1:]))
"""
# The same with a library that breaks in the worst way: it quotes the session it was given.
BREAKING = (
    """
import simple_salesforce.api
def limits(self, **_):
    raise RuntimeError(f"cannot go on with {self.session_id} of {self.headers}")
simple_salesforce.api.Salesforce.limits = limits
"""
    + TALKATIVE
)


@dataclass
class Ran:
    """What a command said, and the command lines of its processes."""

    code: int
    output: str
    command_lines: list[bytes] = field(default_factory=list)


class Hunt:
    """One org, one home, and a list of secrets that grows while they work."""

    def __init__(self, wire: Wire, folder: Path, *, profile: str = "production") -> None:
        seeds = generated_orgs("secrets", profile, 1)
        self.seed = seeds[0]
        self.sim = Simulator(seeds, seed="secrets", speed=SPEED)
        self.home = folder / "home"
        self.key = base64.b64encode(os.urandom(32)).decode()
        self.secrets: dict[str, str] = {
            "password": self.seed.password,
            "security token": self.seed.security_token,
            "key of the vault": self.key,
            "foreign token": "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJlLW9mLXRoZS1jYW5hcnk",
            "foreign session": "00DSIM0000000AAA!AQcAQCanaryCanaryCanary.Canary_1",
        }
        self.orgs_file = folder / "orgs.yaml"
        self.orgs_file.write_text(self._orgs(), encoding="utf-8")
        self._port = wire.port
        self._ca = wire.ca_path
        wire.answerer = self._answer

    def _orgs(self) -> str:
        seed = self.seed
        return (
            f"orgs:\n  {seed.name}:\n    url: https://{seed.my_domain_host}\n    username: {seed.username}\n"
            f"    password: env:CANARY_PASSWORD\n    security_token: env:CANARY_TOKEN\n"
            f"    integration_user: {seed.integration_username}\n"
            f"    break_glass_user: {seed.break_glass_username}\n"
        )

    def _answer(self, request: Request) -> tuple[Response, float]:
        response, delay_s = answer(self.sim, request)
        operation = operation_of(request)
        for pattern, text in (
            (_GIVEN_OUT.get(operation), response.body),
            (_SENT.get(operation), request.body),
        ):
            if pattern is not None and (found := pattern.search(text)):
                self._remember(operation, found[1].decode())
        if operation == "token":
            for assertion in parse_qs(request.body.decode()).get("assertion", []):
                self._remember("assertion", assertion)
        return response, delay_s

    def _remember(self, kind: str, secret: str) -> None:
        self.secrets[f"{kind} {len(self.secrets)}"] = secret

    def run(self, *arguments: str, program: str = TALKATIVE, **environ: str) -> Ran:
        """A command of the product as a process; its command lines are read at every line it prints."""
        command = [sys.executable, "-c", program, *arguments, "--home", str(self.home)]
        command += ["--connect-to", f"*:443:127.0.0.1:{self._port}"]
        process = subprocess.Popen(  # noqa: S603 - our own program
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**self._environ(), **environ},
        )
        lines, seen = [], set()
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            seen |= set(command_lines(process.pid))
        process.stdout.close()
        code = process.wait(60)
        self._learn_private_keys()
        return Ran(code, "".join(lines), sorted(seen))

    def run_hybrid(self, *arguments: str, program: str = TALKATIVE, **environ: str) -> Ran:
        return self.run(
            "run", "hybrid", "--orgs", str(self.orgs_file), "--speed", str(SPEED), *arguments,
            program=program, **environ,
        )  # fmt: skip

    def _environ(self) -> Mapping[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        return {
            **kept,
            "CANARY_PASSWORD": self.secrets["password"],
            "CANARY_TOKEN": self.secrets["security token"],
            "ORCHESTRATOR_KEY": self.key,
            "REQUESTS_CA_BUNDLE": str(self._ca),
            "PYTHONUNBUFFERED": "1",
        }

    def _learn_private_keys(self) -> None:
        """With the operator's key; every line of the PEM is a secret of its own."""
        app = App(Configuration(home=self.home), environ={"ORCHESTRATOR_KEY": self.key})
        for scope in app.vault.scopes():
            key = app.vault.get(scope, "private_key")
            for line in key.reveal().splitlines() if key is not None else ():
                if len(line) > 32 and not line.startswith("-----"):
                    self._remember("private key", line)
        app.close()

    def found_in(self, where: str, text: bytes) -> list[str]:
        """Secrets that stand in the text, in any encoding they travel in."""
        return [
            f"{name} in {where}"
            for name, secret in self.secrets.items()
            if any(form in text for form in forms(secret))
        ]

    def found_at_home(self) -> list[str]:
        """Secrets in any file of the home folder."""
        found: list[str] = []
        for path in sorted(self.home.rglob("*")):
            if path.is_file():
                found += self.found_in(str(path.relative_to(self.home)), path.read_bytes())
        return found

    def found_by(self, ran: Ran) -> list[str]:
        """Secrets in what a command said, in its command line, or at home."""
        found = self.found_in("the output", ran.output.encode())
        for line in ran.command_lines:
            found += self.found_in("a command line", line)
        return found + self.found_at_home()

    def last_run(self) -> str:
        app = App(Configuration(home=self.home), environ={"ORCHESTRATOR_KEY": self.key})
        try:
            return app.journal.runs()[0].run
        finally:
            app.close()


def command_lines(pid: int) -> Iterator[bytes]:
    """Command lines of the process and its descendants, as everybody on the machine can read them."""
    folder = Path("/proc") / str(pid)
    try:
        yield (folder / "cmdline").read_bytes()
        children = (folder / "task" / str(pid) / "children").read_text().split()
    except OSError:  # it has ended
        return
    for child in children:
        yield from command_lines(int(child))
