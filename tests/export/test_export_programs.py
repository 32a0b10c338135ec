"""Handing the credential over to other programs: on standard input or by a private file, never by words."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from stand_ins import KEY, StandIns

from orchestrator.salesforce.certificate import KeyAndCertificate

Export = Callable[..., Any]
pytestmark = pytest.mark.reveals("files")  # the stand-ins write down what they were handed
TARGETS = {
    "sf": ["--to", "sf", "--alias", "acme"],
    "github": ["--to", "github", "--repo", "acme/app", "--environment", "production"],
    "gitlab": ["--to", "gitlab", "--repo", "group/project", "--environment", "production"],
    "vault": ["--to", "vault", "--path", "secret/acme"],
}


def lines_of(pair: KeyAndCertificate) -> list[str]:
    """Every line of the key that would give it away."""
    lines = pair.private_key_pem.reveal().splitlines()
    return [line for line in lines if len(line) > 40 and "-----" not in line]


@pytest.mark.parametrize("target", TARGETS)
def test_no_other_user_of_the_machine_can_see_the_key(
    export: Export, stand_ins: StandIns, stored: KeyAndCertificate, target: str
):
    done = export(*TARGETS[target])
    assert done.code == 0, done.err
    assert stand_ins.calls
    for call in stand_ins.calls:
        visible = json.dumps([call["words"], call["cmdline"], call["parent_cmdline"], call["environ"]])
        assert not [line for line in lines_of(stored) if line in visible]
        assert "ORCHESTRATOR_KEY" not in call["environ"]
    assert not [line for line in lines_of(stored) if line in done.out + done.err]


def test_the_salesforce_cli_logs_in_with_a_key_that_is_gone_afterwards(
    export: Export, stand_ins: StandIns, stored: KeyAndCertificate
):
    done = export(*TARGETS["sf"], "--set-default")
    assert done.code == 0, done.err
    (call,) = stand_ins.calls
    assert call["program"] == "sf"
    assert call["words"][:3] == ["org", "login", "jwt"]
    options = dict(zip(call["words"][4::2], call["words"][5::2], strict=False))
    assert options["--username"] == "integration@acme.example"
    assert options["--instance-url"] == "https://acme.my.salesforce.com"
    assert options["--client-id"].startswith("3MVG9")
    assert options["--alias"] == "acme"
    assert "--set-default" in call["words"]
    assert call["key_text"] == stored.private_key_pem.reveal()
    assert (call["key_mode"], call["folder_mode"]) == (0o600, 0o700)
    assert not Path(call["key_file"]).parent.exists()
    assert "export again" in done.out


def test_the_key_file_of_the_salesforce_cli_is_gone_also_when_it_fails(export: Export, stand_ins: StandIns):
    done = export(*TARGETS["sf"], STAND_IN_FAILS="jwt")
    assert (done.code, "status 1" in done.err) == (2, True)
    assert not Path(stand_ins.calls[0]["key_file"]).exists()


def test_the_key_stays_with_the_salesforce_cli_where_the_operator_says(
    export: Export, stand_ins: StandIns, stored: KeyAndCertificate, private: Path
):
    done = export("--to", "sf", "--file", str(private / "jwt.key"))
    assert done.code == 0, done.err
    kept = private / "jwt.key"
    assert stand_ins.calls[0]["key_file"] == str(kept)
    assert kept.read_text() == stored.private_key_pem.reveal()
    assert kept.stat().st_mode & 0o777 == 0o600
    assert "export again" not in done.out


def test_every_secret_of_github_is_set_by_its_own_standard_input(
    export: Export, stand_ins: StandIns, stored: KeyAndCertificate
):
    assert export(*TARGETS["github"]).code == 0
    given = {call["words"][2]: call for call in stand_ins.calls}
    assert {call["program"] for call in stand_ins.calls} == {"gh"}
    assert given["SF_PRIVATE_KEY"]["stdin"] == stored.private_key_pem.reveal()
    assert given["SF_USERNAME"]["stdin"] == "integration@acme.example"
    assert given["SF_PRIVATE_KEY"]["words"] == [
        *("secret", "set", "SF_PRIVATE_KEY", "--repo", "acme/app", "--env", "production")
    ]


def test_a_variable_of_gitlab_that_exists_is_updated(export: Export, stand_ins: StandIns):
    done = export(*TARGETS["gitlab"], STAND_IN_FAILS="variable set SF_USERNAME")
    assert done.code == 0, done.err
    verbs = [(call["words"][1], call["words"][2]) for call in stand_ins.calls]
    assert ("set", "SF_USERNAME") in verbs
    assert ("update", "SF_USERNAME") in verbs
    assert ("update", "SF_CLIENT_ID") not in verbs
    key = next(call for call in stand_ins.calls if call["words"][2] == "SF_PRIVATE_KEY")
    assert key["words"][3:] == ["--raw", "--type", "file", "--repo", "group/project", "--scope", "production"]


def test_hashicorps_vault_gets_one_json_object(
    export: Export, stand_ins: StandIns, stored: KeyAndCertificate
):
    assert export(*TARGETS["vault"]).code == 0
    (call,) = stand_ins.calls
    assert call["words"] == ["kv", "put", "secret/acme", "-"]
    fields = json.loads(call["stdin"])
    assert fields["private_key"] == stored.private_key_pem.reveal()
    assert fields["login_url"] == "https://acme.my.salesforce.com"


def test_what_a_program_says_of_its_failure_is_shown_without_the_key(
    export: Export, stand_ins: StandIns, stored: KeyAndCertificate
):
    done = export(*TARGETS["vault"], STAND_IN_FAILS="kv put")
    assert done.code == 2
    assert "cannot:" in done.err
    assert stand_ins.calls
    assert not [line for line in lines_of(stored) if line in done.err]


@pytest.mark.usefixtures("stored")
def test_a_program_that_is_not_there_is_named_with_what_to_install(command, tmp_path: Path):
    done = command(
        *("credentials", "export", "acme", "--to", "github", "--repo", "a/b", "--json"),
        ORCHESTRATOR_KEY=KEY,
        PATH=str(tmp_path),
    )
    assert (done.code, done.error["code"]) == (2, "program_missing")
    assert "gh auth login" in done.error["remedy"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--to", "github"], "option_missing"),
        (["--to", "gitlab"], "option_missing"),
        (["--to", "vault"], "option_missing"),
        (["--to", "vault", "--path", "a", "--repo", "a/b"], "option_invalid"),
        (["--to", "sf", "--reveal"], "option_invalid"),
        (["--to", "env"], "reveal_needed"),
        (["--to", "json"], "reveal_needed"),
    ],
)
def test_options_that_lack_or_mean_nothing_are_refused(
    export: Export, stand_ins: StandIns, arguments: list[str], code: str
):
    done = export(*arguments, "--json")
    assert (done.code, done.error["code"]) == (2, code)
    assert stand_ins.calls == []


def test_the_vault_writes_down_where_the_key_went(export: Export, credentials: Callable[..., Any]):
    export(*TARGETS["github"])
    export(*TARGETS["github"])
    export(*TARGETS["vault"])
    shown = credentials("show", "acme", "--json").json
    rows = [(row["to"], row["target"]) for row in shown["handed_over"]]
    assert rows == [("github", "acme/app (production)"), ("vault", "secret/acme")]
