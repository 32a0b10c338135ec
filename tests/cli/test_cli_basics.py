"""Help, versions, wrong usage: everything that needs no org."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys

import pytest

from orchestrator import __version__

HEAVY = (
    "click",
    "rich",
    "requests",
    "sqlalchemy",
    "yaml",
    "zeep",
    "cryptography",
    "simple_salesforce",
    "lxml",
)
PASSWORD = {"ACME_PASSWORD": "Pa55word-of-the-test"}


def imported_by(*arguments: str) -> tuple[str, set[str]]:
    """Output of the program and every module it had loaded at its end."""
    code = (
        "import sys, runpy, json, atexit\n"
        f"sys.argv = ['orchestrator', *{list(arguments)!r}]\n"
        "atexit.register(lambda: print('\\n' + json.dumps(sorted(sys.modules))))\n"
        "runpy.run_module('orchestrator', run_name='__main__')\n"
    )
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    out, _, modules = done.stdout.rstrip().rpartition("\n")
    return out, set(json.loads(modules))


def test_the_version_imports_nothing_heavy():
    out, modules = imported_by("--version")
    assert out.strip() == f"orchestrator {__version__}"
    assert not [name for name in HEAVY if name in modules]
    assert {name for name in modules if name.startswith("orchestrator")} <= {
        "orchestrator",
        "orchestrator.__main__",
    }


def test_the_help_imports_no_command_and_no_library_of_one():
    out, modules = imported_by("--help")
    assert "simulate" in out
    assert not [name for name in HEAVY[1:] if name in modules]


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["run", "--help"], ["runs", "show", "-h"]])
def test_help_is_an_answer_and_no_error(command, arguments):
    done = command(*arguments)
    assert (done.code, done.err) == (0, "")
    assert "Usage: orchestrator" in done.out


def test_the_help_names_every_command_and_the_exit_codes(command):
    out = command("--help").out
    for name in ("run", "resume", "runs", "playbook", "org", "credentials", "simulate", "demo"):
        assert f"  {name} " in out
    assert "70 our defect" in out


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["run"],
        ["run", "hybrid"],
        ["run", "hybrid", "--orgs"],
        ["run", "hybrid", "--orgs", "missing.yaml"],
        ["run", "hybrid", "--nonsense"],
        ["resume"],
        ["runs", "show", "no-such-run"],
        ["runs", "approve"],
        ["runs", "cancel", "no-such-run"],
        ["playbook", "check", "missing.yaml"],
        ["org", "detect", "https://example.com"],
        ["credentials", "show", "nobody"],
        ["simulate", "--profile", "nonsense"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_exit_2_with_a_remedy_and_no_traceback(command, arguments):
    done = command(*arguments)
    assert done.code == 2
    assert done.out == ""
    assert "remedy" in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize("before", [True, False], ids=["before the command", "after the command"])
def test_an_error_with_json_is_one_object_on_standard_error(command, before):
    arguments = ["--json", "runs", "show", "nope"] if before else ["runs", "show", "nope", "--json"]
    done = command(*arguments)
    assert (done.code, done.out) == (2, "")
    assert list(json.loads(done.err)) == ["error"]
    assert list(done.error) == ["code", "blame", "detail", "remedy"]
    assert done.error["code"] == "run_unknown"


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--org", "nobody"], "org_unknown"),
        (["--limit", "nobody"], "org_unknown"),
        (["--limit", "wave=&"], "limit_invalid"),
        (["--until", "nowhere"], "state_unknown"),
        (["--set", "no_such_input=1"], "input_unknown"),
        (["--set", "key_bits=2049"], "input_invalid"),
        (["--set", "nonsense"], "setting_invalid"),
        (["--batch", "ten"], "batch_invalid"),
        (["--max-failures", "some"], "threshold_invalid"),
        (["--speed", "0"], "speed_invalid"),
        (["--concurrency", "0"], "usage"),
        (["--connect-to", "nonsense"], "connect_to_invalid"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else value,
)
def test_a_wrong_option_is_found_before_anything_is_recorded(command, orgs_file, options, code):
    done = command("run", "hybrid", "--orgs", orgs_file(), "--json", *options, **PASSWORD)
    assert (done.code, done.out) == (2, "")
    assert done.error["code"] == code
    assert done.error["remedy"]
    assert command("runs", "list", "--json").json == []


def test_an_unknown_playbook_is_named(command, orgs_file):
    done = command("run", "nonsense", "--orgs", orgs_file(), "--json", **PASSWORD)
    assert done.code == 2
    assert done.error["code"] == "playbook_unknown"
    assert "nonsense" in done.error["detail"]


def test_a_broken_playbook_is_refused_with_its_places(command, orgs_file, tmp_path):
    broken = tmp_path / "broken.yaml"
    broken.write_text("playbook: broken\nversion: 1\ninitial: nowhere\nstates: {end: {final: succeeded}}\n")
    done = command("run", str(broken), "--orgs", orgs_file(), "--json", **PASSWORD)
    assert done.code == 2
    assert done.error["code"] == "playbook_invalid"
    assert f"{broken}:3:" in done.error["detail"]


@pytest.mark.parametrize("field", ["password", "security_token", "access_token"])
def test_a_literal_secret_is_refused_with_the_fix_and_never_echoed(command, orgs_file, field):
    url = "https://acme.my.salesforce.com"
    text = f"orgs:\n  acme:\n    url: {url}\n    username: a@b.example\n    {field}: Hunter2-literal\n"
    for options in ([], ["--json"], ["--verbose"]):
        done = command("run", "hybrid", "--orgs", orgs_file(text), *options)
        assert done.code == 2
        assert "Hunter2" not in done.out + done.err
        assert "env:" in done.err
    assert command("runs", "list", "--json").json == []


def test_a_literal_secret_in_a_csv_is_refused_too(command, orgs_file):
    text = "name,url,username,password\nacme,https://acme.my.salesforce.com,a@b.example,Hunter2-literal\n"
    done = command("run", "hybrid", "--orgs", orgs_file(text, "orgs.csv"))
    assert done.code == 2
    assert "Hunter2" not in done.out + done.err


def test_an_orgs_file_that_is_wrong_in_two_places_names_both(command, orgs_file):
    text = "orgs:\n  acme:\n    url: https://acme.my.salesforce.com\n    colour: red\n  beta: {username: x}\n"
    done = command("run", "hybrid", "--orgs", orgs_file(text), "--json")
    assert done.code == 2
    assert done.error["code"] == "orgs_file_invalid"
    assert "colour" in done.error["detail"]
    assert ":5:" in done.error["detail"]


def test_a_missing_secret_is_found_before_anything_is_recorded(command, orgs_file):
    done = command("run", "hybrid", "--orgs", orgs_file(), "--json")
    assert done.code == 2
    assert done.error["code"] == "secret_unavailable"
    assert "ACME_PASSWORD" in done.error["detail"]
    assert command("runs", "list", "--json").json == []


def test_speed_is_for_loopback_only(command, orgs_file):
    done = command("run", "hybrid", "--orgs", orgs_file(), "--speed", "10", "--json", **PASSWORD)
    assert done.code == 2
    assert done.error["code"] == "speed_needs_loopback"


def test_a_database_that_cannot_be_opened_is_a_usage_error(command, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    done = command("--json", "--home", str(tmp_path / "file"), "runs", "list")
    assert done.code == 2
    assert done.error["blame"] == "operator"


def test_an_empty_home_has_no_runs(command):
    assert command("runs", "list").out == "no runs\n"
    assert command("runs", "list", "--json").json == []


def test_a_playbook_is_checked_without_an_org(command):
    done = command("playbook", "check", "hybrid", "--json")
    assert done.code == 0
    assert done.json == {"ok": True, "diagnostics": []}


def test_our_own_defect_is_exit_70_and_says_so(command, orgs_file, question, home):
    assert command("run", question, "--orgs", orgs_file(), "--detach", **PASSWORD).code == 0
    run = command("runs", "list", "--json").json[0]["run"]
    with sqlite3.connect(home / "journal.db") as journal:
        journal.execute("UPDATE run SET position = replace(position, '\"ask\"', '\"nowhere\"')")
    journal.close()
    done = command("runs", "approve", run, "--input", "reason=x", "--json")
    assert done.code == 70
    assert (done.error["code"], done.error["blame"]) == ("defect", "orchestrator")
    assert "Traceback" not in done.err
    loud = command("runs", "approve", run, "--input", "reason=x", "--verbose")
    assert "Traceback" in loud.err
