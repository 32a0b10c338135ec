"""`verify` and `doctor` as they are called: real processes on one side, the command line on the other."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request

import pytest

from orchestrator.app import App
from orchestrator.cli.main import run_cli
from orchestrator.configuration import Configuration

pytestmark = pytest.mark.slow
SPEED = "60"
ORGS = 4


@pytest.fixture(scope="module")
def fleet():
    """Simulated orgs behind a control plane, in a process of their own."""
    command = [sys.executable, "-m", "orchestrator", "simulate", "--count", str(ORGS), "--seed", "5"]
    process = subprocess.Popen([*command, "--speed", SPEED], stdout=subprocess.PIPE, text=True)  # noqa: S603
    try:
        yield json.loads(process.stdout.readline())
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


@pytest.fixture(scope="module")
def home(fleet, tmp_path_factory):
    """All orgs but the last provisioned."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REQUESTS_CA_BUNDLE", fleet["ca"])
        names = [row["name"] for row in asked(fleet, "/orgs")["orgs"]]
        chosen = [word for name in names[:-1] for word in ("--org", name)]
        code = run_cli([*options("run", fleet, folder), "hybrid", *chosen, "--speed", SPEED, "--quiet"])
        assert code == 0
    return folder


@pytest.fixture
def call(fleet, home, monkeypatch, capsys):
    """Run a command; exit code, standard output, standard error."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", fleet["ca"])

    def run(command, *arguments):
        capsys.readouterr()
        code = run_cli([*options(command, fleet, home), *arguments])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


@pytest.fixture
def names(fleet):
    return [row["name"] for row in asked(fleet, "/orgs")["orgs"]]


def options(command, fleet, folder):
    reach = ["--home", str(folder), "--connect-to", fleet["connect_to"], "--no-color"]
    return [command, *reach, "--orgs", fleet["orgs_file"]]


def asked(fleet, path, document=None):
    data = None if document is None else json.dumps(document).encode()
    with urllib.request.urlopen(fleet["control"] + path, data) as answer:  # noqa: S310 - our own loopback server
        return json.load(answer)


def test_verify_prints_every_check_of_one_org_and_exits_0(call, names):
    code, out, _ = call("verify", "--org", names[0])
    assert code == 0
    assert out.startswith(f"holds {names[0]} ")
    assert "not_readable   certificate_in_app" in out
    assert "1 org(s): 1 holds" in out


def test_verify_as_json_has_the_shape_that_is_promised(call, names):
    code, out, _ = call("verify", "--json", "--org", names[0], "--org", names[1])
    tree = json.loads(out)
    assert code == 0
    assert [row["org"] for row in tree["orgs"]] == names[:2]
    for row in tree["orgs"]:
        assert {"org", "org_id", "result", "checks", "certificate_days_left"} <= set(row)
        assert row["result"] == "holds"
        for check in row["checks"]:
            assert {"check", "state", "expected", "seen", "remedy"} <= set(check)
            assert check["state"] in {"holds", "drifted", "not_readable", "not_applicable"}


def test_verify_of_a_fleet_shows_the_org_that_drifted_and_exits_3(call, names):
    code, out, _ = call("verify")
    assert code == 3
    lines = out.splitlines()
    assert [line.split()[0] for line in lines if line.split()[1:2] and line.split()[1] in names] == [
        *["holds"] * (ORGS - 1),
        "drifted",
    ]
    assert "credential" in out
    assert f"{ORGS} org(s): 1 drifted, {ORGS - 1} holds" in out


def test_verify_warns_of_a_certificate_that_ends_and_still_exits_0(call, names):
    code, out, _ = call("verify", "--org", names[0], "--warn-days", "3650")
    assert code == 0
    assert "warning" in out
    assert "rotate-certificate" in out


def test_verify_is_journaled_like_any_run(call, names, home):
    _, out, _ = call("verify", "--json", "--org", names[0])
    (row,) = json.loads(out)["orgs"]
    app = App(Configuration(home=home))
    try:
        record = app.journal.run(row["run"])
    finally:
        app.close()
    assert (record.playbook, record.result) == ("verify", "succeeded")
    assert record.evidence["verification"]["checks"] == row["checks"]


@pytest.mark.parametrize("arguments", [["--org", "nobody"], ["--warn-days", "-1"], ["--limit", "nobody"]])
def test_verify_of_what_is_not_there_is_wrong_usage(call, arguments):
    code, _, err = call("verify", *arguments)
    assert code == 2
    assert "remedy" in err


def test_doctor_finds_nothing_wrong_and_exits_0(call, names):
    code, out, _ = call("doctor", names[0])
    assert code == 0
    assert out.startswith(f"nothing is wrong {names[0]} ")
    assert "ruled out" in out


def test_doctor_names_cause_reason_fix_and_place(call, names, fleet):
    user = next(row for row in asked(fleet, "/orgs")["orgs"] if row["name"] == names[1])["integration_user"]
    asked(fleet, f"/orgs/{names[1]}", {"deactivate_user": user})
    try:
        code, out, _ = call("doctor", names[1])
        as_json_code, as_json, _ = call("doctor", names[1], "--json")
    finally:
        asked(fleet, f"/orgs/{names[1]}", {"activate_user": user})
    assert (code, as_json_code) == (3, 3)
    assert out.startswith(f"user_inactive (certain) {names[1]} ")
    tree = json.loads(as_json)
    cause = tree["cause"]
    assert (tree["healthy"], cause["code"], cause["confidence"]) == (False, "user_inactive", "certain")
    for text in (*cause["evidence"], *cause["fix"], cause["link"]):
        assert text in out
    assert user in cause["fix"][0]
    assert cause["link"].startswith("https://")


def test_doctor_of_an_org_that_was_never_provisioned_says_so(call, names):
    code, out, _ = call("doctor", names[-1])
    assert code == 3
    assert out.startswith("credential_missing")


def test_doctor_of_an_unknown_org_is_wrong_usage(call):
    code, _, err = call("doctor", "nobody")
    assert code == 2
    assert "remedy" in err


def test_doctor_without_a_password_where_one_is_asked_for_is_wrong_usage(call, names, tmp_path, fleet):
    row = next(row for row in asked(fleet, "/orgs")["orgs"] if row["name"] == names[-1])
    file = tmp_path / "orgs.yaml"
    file.write_text(
        f"orgs:\n  {names[-1]}:\n    url: {row['url']}\n    integration_user: {row['integration_user']}\n"
    )
    code, _, err = call("doctor", names[-1], "--orgs", str(file), "--with-password")
    assert code == 2
    assert "bootstrap_missing" in err
