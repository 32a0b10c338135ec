"""`plan` and `run --plan` as a person types them: over real TLS, with a simulator in its own process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator.cli.demo import simulated_org

pytestmark = pytest.mark.slow
SPEED = "60"
Shell = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def org() -> Iterator[dict[str, Any]]:
    with simulated_org("production", float(SPEED), "plan") as made:
        yield made


@pytest.fixture
def shell(org: dict[str, Any], tmp_path: Path) -> Shell:
    environ = {**os.environ, "REQUESTS_CA_BUNDLE": org["ca"], "NO_COLOR": "1"}

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        rest = ("--home", str(tmp_path / "home"), "--connect-to", org["connect_to"], "--speed", SPEED)
        return subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-m", "orchestrator", *arguments, "--orgs", org["orgs_file"], *rest],
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )

    return call


def test_a_plan_is_shown_kept_and_run(shell: Shell, tmp_path: Path) -> None:
    file = str(tmp_path / "plan.json")
    text = shell("plan", "hybrid", "--out", file)
    assert text.returncode == 0, text.stdout + text.stderr
    for words in (
        "+ client app",
        "~ block_password_grant",
        "false -> true",
        "= check-only deploy",
        "! password",
    ):
        assert words in text.stdout
    tree = json.loads(shell("plan", "hybrid", "--json").stdout)
    assert set(tree) == {"playbook", "playbook_digest", "inputs", "out", "orgs"}
    assert {
        *("org", "result", "code", "detail", "remedy", "run", "password_attempts", "session", "check_deploy"),
        *("about", "looked_as", "client_app", "permission_sets", "assignments", "rights_lent", "settings"),
        *("locks", "left_out", "stays_open", "caveats", "other_admins", "override", "person"),
    } <= set(tree["orgs"][0])
    drifted = shell("run", "hybrid", "--plan", file, "--set", "app_name=Another", "--json")
    assert drifted.returncode == 3
    assert json.loads(drifted.stderr.splitlines()[-1])["error"]["code"] == "plan_drifted"
    done = shell("run", "hybrid", "--plan", file)
    assert done.returncode == 0, done.stdout + done.stderr
    after = shell("run", "hybrid", "--plan", file)
    assert (after.returncode, "plan_drifted" in after.stderr) == (3, True)


def test_other_playbooks_are_not_planned(shell: Shell) -> None:
    refused = shell("plan", "verify")
    assert refused.returncode == 2
    assert "hybrid only" in refused.stderr
