"""`runs undo` as a person types it: over real TLS, against a simulator in a process of its own."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator.cli.demo import simulated_org

pytestmark = pytest.mark.slow
SPEED = "60"
RIGHTS = ("ModifyMetadata", "CustomizeApplication", "ManageUsers")


class Shell:
    """The command line with one home and one simulated org."""

    def __init__(self, home: Path, org: dict[str, Any]) -> None:
        self.org = org
        self.home = home
        self._environ = {**os.environ, "REQUESTS_CA_BUNDLE": org["ca"], "NO_COLOR": "1"}

    def __call__(self, *arguments: str, stdin: int = subprocess.DEVNULL) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603 - our own program
            [
                *(sys.executable, "-m", "orchestrator", *arguments),
                *("--home", str(self.home), "--connect-to", self.org["connect_to"]),
            ],
            env=self._environ,
            stdin=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )

    def runs(self) -> list[dict[str, Any]]:
        return list(json.loads(self("runs", "list", "--json").stdout))

    def control(self, document: dict[str, Any] | None = None) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.org['control']}/orgs") as answer:  # noqa: S310 - loopback
            row = json.load(answer)["orgs"][0]
        body = None if document is None else json.dumps(document).encode()
        url = f"{self.org['control']}/orgs/{row['name']}"
        with urllib.request.urlopen(url, data=body) as answer:  # noqa: S310 - loopback
            return {**row, **json.load(answer)}


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    with simulated_org("production", float(SPEED), "undo") as org:
        shell = Shell(tmp_path_factory.mktemp("home") / "home", org)
        done = shell("run", "hybrid", "--orgs", org["orgs_file"], "--speed", SPEED)
        assert done.returncode == 0, done.stdout + done.stderr
        yield shell


def hybrid_run(shell: Shell) -> str:
    return next(
        str(row["run"]) for row in shell.runs() if (row["playbook"], row["result"]) == ("hybrid", "succeeded")
    )


def undo(shell: Shell, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return shell("runs", "undo", hybrid_run(shell), "--speed", SPEED, *arguments, **options)


def test_without_a_terminal_and_without_yes_nothing_happens(locked: Shell):
    before = locked.runs()
    asked = undo(locked)
    assert asked.returncode == 2
    assert "confirmation_needed" in asked.stderr
    assert locked.runs() == before


def test_what_will_be_undone_is_shown_newest_first_and_no_means_no(locked: Shell):
    before = locked.runs()
    ours, theirs = pty.openpty()
    os.write(ours, b"n\n")
    asked = undo(locked, stdin=theirs)
    os.close(ours)
    os.close(theirs)
    assert asked.returncode == 5
    lines = [line.split()[1] for line in asked.stdout.splitlines()[1:]]
    assert lines == ["withdraw_any_api_auth", "block_password_grant", "end_sessions", "replace_password"]
    assert "cannot be undone: the owner chooses a new password" in asked.stdout
    assert locked.runs() == before


def test_a_run_that_locked_nothing_or_does_not_exist_is_refused(locked: Shell):
    unknown = locked("runs", "undo", "nobody-000", "--yes")
    assert (unknown.returncode, "run_unknown" in unknown.stderr) == (2, True)
    orgs = ("--orgs", locked.org["orgs_file"], "--speed", SPEED)
    run = locked("run", "hybrid", *orgs, "--until", "detect", "--detach").stdout.strip()
    assert locked("runs", "cancel", run).returncode == 0
    nothing = locked("runs", "undo", run, "--yes")
    assert (nothing.returncode, "nothing_to_undo" in nothing.stderr) == (2, True)


def test_undo_waits_for_rights_tells_its_events_and_goes_on(locked: Shell):
    first = undo(locked, "--yes", "--json")
    assert first.returncode == 4, first.stderr
    events = [json.loads(line) for line in first.stdout.splitlines()]
    assert events[0]["event"] == "run_started"
    assert {event["event"] for event in events} >= {"state_entered", "attempt_settled", "waiting"}
    run = events[0]["run"]
    asked = next(event for event in events if event["code"] == "rights_withdrawn")
    assert "Orchestrator_JWT_Setup" in asked["detail"]

    again = undo(locked, "--yes")
    assert again.returncode == 2
    assert "run_unfinished" in again.stderr

    user = locked.control()["integration_user"]
    for permission in RIGHTS:
        locked.control({"grant_permission": {"username": user, "permission": permission}})
    assert locked("runs", "approve", run).returncode == 0
    done = locked("resume", run, "--speed", SPEED)
    assert done.returncode == 4
    assert "undo_impossible" in done.stdout
    shown = json.loads(locked("runs", "show", run, "--json").stdout)
    assert [entry["mechanism"] for entry in shown["evidence"]["restored"]] == [
        *("end_sessions", "replace_password", "withdraw_any_api_auth", "block_password_grant")
    ]
    assert locked.control()["settings"]["OauthOidcSettings"]["blockOAuthUnPwFlow"] == "false"


def test_a_detached_undo_is_recorded_and_touches_nothing(locked: Shell):
    run = next(
        row["run"] for row in locked.runs() if row["playbook"] == "hybrid" and row["status"] == "finished"
    )
    seen = locked.control()["counts"]["requests"]
    done = locked("runs", "undo", run, "--yes", "--quiet", "--detach")
    assert done.returncode == 0, done.stderr
    recorded = done.stdout.strip()
    assert next(row["status"] for row in locked.runs() if row["run"] == recorded) == "active"
    assert locked.control()["counts"]["requests"] == seen
    assert locked("runs", "cancel", recorded).returncode == 0
