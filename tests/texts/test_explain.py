"""`orchestrator explain CODE`."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from orchestrator import texts
from orchestrator.catalogue import FAULTS
from orchestrator.cli.main import run_cli


@pytest.fixture(autouse=True)
def _home(tmp_path, monkeypatch):
    monkeypatch.setenv("ORCHESTRATOR_HOME", str(tmp_path))
    monkeypatch.delenv("ORCHESTRATOR_TEXTS", raising=False)
    yield
    texts.lay_over(None)


def test_a_fault_is_explained_as_the_catalogue_has_it(capsys):
    assert run_cli(["explain", "login_invalid", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    kind = FAULTS["login_invalid"]
    assert told == {
        "code": "login_invalid",
        "blame": "operator",
        "disposition": "stop",
        "machine": "only a person can change the answer",
        "meaning": kind.meaning,
        "remedy": kind.remedy,
        "source": kind.source,
    }
    assert run_cli(["explain", "LOGIN-INVALID"]) == 0
    assert kind.remedy in capsys.readouterr().out


@pytest.mark.parametrize("code", ["app_disabled", "PB012", "of050"])
def test_what_doctor_and_the_compiler_find_is_explained_too(code, capsys):
    assert run_cli(["explain", code, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["meaning"].endswith(".")
    assert told["remedy"]


def test_the_nearest_codes_are_offered_for_one_that_does_not_exist(capsys):
    assert run_cli(["explain", "login_invald"]) == 2
    assert "did you mean login_invalid" in capsys.readouterr().err


def test_without_a_code_every_code_is_listed(capsys):
    assert run_cli(["explain", "--json"]) == 0
    assert {row["code"] for row in json.loads(capsys.readouterr().out)} >= set(FAULTS)


def test_the_user_s_own_words_are_explained(tmp_path, capsys):
    (tmp_path / "texts.yaml").write_text("faults: {org_locked: {remedy: Call Kim.}}", "utf-8")
    assert run_cli(["explain", "org_locked"]) == 0
    assert "Call Kim." in capsys.readouterr().out


def test_importing_the_catalogue_reads_no_yaml():
    code = (
        "import sys, orchestrator.catalogue; "
        "sys.exit(bool({'yaml', 'importlib.resources', 'difflib'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0  # noqa: S603 - our own
