"""No password, token, session id or private key ever stands where somebody else could read it."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable

import pytest
from secret_hunt import BREAKING, Hunt, Ran

pytestmark = pytest.mark.slow


def kinds(hunt: Hunt) -> set[str]:
    return {name.rstrip("0123456789 ") for name in hunt.secrets}


def test_a_whole_run_leaves_no_secret_in_output_journal_home_or_command_line(hunt: Hunt) -> None:
    ran = hunt.run_hybrid("--verbose")
    assert ran.code == 0, ran.output[-2000:]
    assert {"password", "soap_login", "token", "assertion", "set_password", "private key"} <= kinds(hunt)
    assert ran.command_lines
    assert hunt.found_by(ran) == []


def test_what_is_shown_of_a_finished_run_holds_no_secret(hunt: Hunt) -> None:
    ran = hunt.run_hybrid("--json")
    assert ran.code == 0, ran.output[-2000:]
    assert hunt.found_by(ran) == []
    run = hunt.last_run()
    for arguments in (
        ("runs", "list"),
        ("runs", "list", "--json"),
        ("runs", "show", run),
        ("runs", "show", run, "--json"),
        ("runs", "show", run, "--verbose"),
        ("credentials", "list"),
        ("credentials", "list", "--json"),
        ("credentials", "show", hunt.seed.name),
        ("credentials", "show", hunt.seed.name, "--json"),
    ):
        shown = hunt.run(*arguments)
        assert shown.code == 0, (arguments, shown.output[-2000:])
        assert shown.output.strip()
        assert hunt.found_by(shown) == [], arguments
    revealed = hunt.run("credentials", "show", hunt.seed.name, "--reveal")
    assert any(name.startswith("private key") for name in hunt.found_in("it", revealed.output.encode()))


def test_a_run_parked_before_the_lock_holds_its_session_in_the_vault_only(hunt: Hunt) -> None:
    parked = hunt.run_hybrid("--json", "--until", "prove_oauth")
    assert parked.code == 5, parked.output[-2000:]
    assert {"soap_login", "private key"} <= kinds(hunt)
    assert hunt.found_by(parked) == []
    resumed = hunt.run("resume", "--all", "--orgs", str(hunt.orgs_file), "--speed", "40", "--verbose")
    assert resumed.code == 0, resumed.output[-2000:]
    assert hunt.found_by(resumed) == []


FAILURES = {
    "the org quotes the password in its refusal": (
        {"kind": "error", "operation": "soap_login", "code": "INVALID_LOGIN", "message": "wrong: {password}"},
        3,
    ),
    "the org quotes password and token in an unknown fault": (
        {"kind": "error", "operation": "soap_login", "code": "NEW_FAULT", "message": "{password}{token}"},
        3,
    ),
    "the org quotes the password in an error of a query": (
        {"kind": "error", "operation": "query", "code": "NEW_FAULT", "message": "you sent {password}"},
        3,
    ),
    "a session that is refused is not quoted": (
        {
            "kind": "error",
            "operation": "deploy",
            "code": "NEW_FAULT",
            "message": "bad request",
            "status": 400,
        },
        3,
    ),
    "a token endpoint that quotes tokens of other people": (
        {
            "kind": "error",
            "operation": "token",
            "code": "new_error",
            "message": "{jwt} {session}",
            "times": 0,
        },
        4,
    ),
}


@pytest.mark.parametrize(("fault", "code"), FAILURES.values(), ids=FAILURES)
@pytest.mark.parametrize("flag", ["--verbose", "--json"])
def test_a_run_that_fails_says_why_without_a_secret(
    hunt: Hunt, fault: dict[str, object], code: int, flag: str
) -> None:
    filled = {
        key: value.format(
            password=hunt.seed.password,
            token=hunt.seed.security_token,
            jwt=hunt.secrets["foreign token"],
            session=hunt.secrets["foreign session"],
        )
        if isinstance(value, str)
        else value
        for key, value in fault.items()
    }
    hunt.sim.faults.add(filled)
    ran = hunt.run_hybrid(flag)
    assert ran.code == code, ran.output[-2000:]
    assert hunt.found_by(ran) == []
    shown = hunt.run("runs", "show", hunt.last_run(), "--json")
    assert hunt.found_by(shown) == []


@pytest.mark.parametrize("flag", ["--verbose", "--json"])
def test_a_defect_with_a_library_that_quotes_the_session_leaks_nothing(hunt: Hunt, flag: str) -> None:
    ran = hunt.run_hybrid(flag, program=BREAKING)
    assert ran.code == 70, ran.output[-2000:]
    assert "cannot go on with" in ran.output
    assert "soap_login" in kinds(hunt)
    assert hunt.found_by(ran) == []


def test_a_reference_that_leads_nowhere_does_not_name_a_value(hunt: Hunt) -> None:
    hunt.orgs_file.write_text(
        hunt.orgs_file.read_text().replace("env:CANARY_PASSWORD", "env:NOT_SET_ANYWHERE")
    )
    ran = hunt.run_hybrid("--verbose")
    assert ran.code == 2
    assert "NOT_SET_ANYWHERE" in ran.output
    assert hunt.found_by(ran) == []


def test_a_literal_password_in_the_orgs_file_is_refused_without_repeating_it(hunt: Hunt) -> None:
    hunt.orgs_file.write_text(
        hunt.orgs_file.read_text().replace("env:CANARY_PASSWORD", json.dumps(hunt.seed.password))
    )
    ran = hunt.run_hybrid("--verbose")
    assert ran.code == 2
    assert hunt.found_by(ran) == []


def test_files_of_the_vault_are_ciphertext_that_only_the_owner_can_open(hunt: Hunt) -> None:
    hunt.run_hybrid("--quiet", "--until", "prove_oauth")
    vault = hunt.home / "vault"
    files = [path for path in vault.rglob("*") if path.is_file()]
    assert files
    assert stat.S_IMODE(vault.stat().st_mode) == 0o700
    for path in files:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
        assert b"BEGIN" not in path.read_bytes()
    assert stat.S_IMODE((hunt.home / "journal.db").stat().st_mode) & 0o077 == 0


# --- and the hunt itself can fail


@pytest.mark.parametrize("encode", [str, lambda text: json.dumps({"x": text}), lambda text: f"<a>{text}</a>"])
def test_a_secret_planted_at_home_is_found(hunt: Hunt, encode: Callable[[str], str]) -> None:
    hunt.home.mkdir()
    (hunt.home / "notes.txt").write_text(encode(hunt.seed.password))
    assert hunt.found_at_home() == ["password in notes.txt"]


def test_a_secret_planted_in_output_or_command_line_is_found(hunt: Hunt) -> None:
    hunt.home.mkdir()
    ran = Ran(0, f"token {hunt.seed.security_token}", [b"curl\0-d\0" + hunt.seed.password.encode()])
    assert hunt.found_by(ran) == ["security token in the output", "password in a command line"]


def test_a_program_that_prints_the_password_is_found_out(hunt: Hunt) -> None:
    leaking = "import os, sys; sys.stderr.write(os.environ['CANARY_PASSWORD'] + '\\n')"
    ran = hunt.run(program=leaking)
    assert hunt.found_by(ran) == ["password in the output"]


def test_a_program_that_gives_the_password_to_a_child_is_found_out(hunt: Hunt) -> None:
    leaking = (
        "import os, subprocess, sys; "
        "subprocess.run([sys.executable, '-c', 'import sys; print(1, flush=True); sys.stdin.read(1)', "
        "os.environ['CANARY_PASSWORD']], stdin=subprocess.DEVNULL, check=True)"
    )
    ran = hunt.run(
        program=leaking.replace("sys.stdin.read(1)", "import threading; threading.Event().wait(1)")
    )
    assert "password in a command line" in hunt.found_by(ran)
