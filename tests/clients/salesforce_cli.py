"""The Salesforce CLI as its users run it, with a home of its own and nowhere to go but loopback."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from npm_clients import NpmClients

COMMAND_TIMEOUT_S = 90


ONLY_LOOPBACK = Path(__file__).with_name("only_loopback.cjs")


def contained_environment(home: Path, clients: NpmClients) -> dict[str, str]:
    """Return the environment of a Node client: nothing inherited, and only loopback within reach."""
    home.mkdir(parents=True, exist_ok=True)
    return {
        "HOME": str(home),
        "PATH": f"{clients.node.parent}{os.pathsep}{os.environ['PATH']}",
        "TMPDIR": str(home),
        "NODE_OPTIONS": f"--require={ONLY_LOOPBACK}",
        "NODE_COMPILE_CACHE": str(clients.modules.parent / "compiled"),
        "SF_AUTOUPDATE_DISABLE": "true",
        "SF_DISABLE_AUTOUPDATE": "true",
        "SF_DISABLE_DNS_CHECK": "true",
        "SF_DISABLE_LOG_FILE": "true",
        "SF_DISABLE_TELEMETRY": "true",
        "SF_SKIP_NEW_VERSION_CHECK": "true",
        "SF_USE_GENERIC_UNIX_KEYCHAIN": "true",
    }


@dataclass
class SalesforceCli:
    """`sf` with one home folder."""

    clients: NpmClients
    home: Path
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.environment = {**contained_environment(self.home, self.clients), **self.environment}

    def run(self, *words: str, cwd: Path | None = None, **more: str) -> tuple[int, dict[str, Any]]:
        """Run `sf WORDS --json`; return exit code and document. `more` is added to the environment."""
        completed = self._start([*words, "--json"], cwd, more)
        try:
            document = json.loads(completed.stdout)
        except ValueError:
            raise AssertionError(
                f"sf {words} printed no JSON: {completed.stdout}{completed.stderr}"
            ) from None
        return completed.returncode, document

    def done(self, *words: str, cwd: Path | None = None, **more: str) -> Any:
        """Run a command that must succeed; return its `result`."""
        code, document = self.run(*words, cwd=cwd, **more)
        assert (code, document.get("status")) == (0, 0), (words, code, document)
        return document["result"]

    def refused(self, *words: str, cwd: Path | None = None, **more: str) -> dict[str, Any]:
        """Run a command that must fail with exit code 1; return the whole document."""
        code, document = self.run(*words, cwd=cwd, **more)
        assert (code, document.get("status")) == (1, 1), (words, code, document)
        return document

    def printed(self, *words: str) -> str:
        """Run a command that has no `--json` and must succeed; return its standard output."""
        completed = self._start(list(words), None, {})
        assert completed.returncode == 0, completed.stderr
        return completed.stdout

    def _start(
        self, words: list[str], cwd: Path | None, more: dict[str, str]
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603 - the CLI from the lock
            [self.clients.node, self.clients.salesforce_cli, *words],
            cwd=cwd or self.home,
            env={**self.environment, **more},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=COMMAND_TIMEOUT_S,
        )
