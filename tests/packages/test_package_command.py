"""The command line: a run from the orgs file to the record, and no secret in anything it leaves behind."""

from __future__ import annotations

import pytest
from package_world import PASSWORD, vendor_pair

from orchestrator.shipped import playbook_source


@pytest.fixture
def vendor(simulated):
    """A simulated vendor with a version behind a password, and what the operator is given."""
    orgs = simulated(speed=40)
    pair = vendor_pair()
    document = {"namespace": "simconnect", "certificate": pair.certificate_pem, "version": "1.5"}
    published = orgs.ask("/packages", {**document, "installation_key": PASSWORD})
    package = next(one for one in published["packages"] if one["namespace"] == "simconnect")
    version = next(one for one in package["versions"] if one["number"].startswith("1.5"))
    settings = {
        "package": version["id"],
        "namespace": "simconnect",
        "app_name": "Sim_Connector",
        "consumer_key": package["app"]["consumer_key"],
        "private_key": "env:VENDOR_KEY",
        "certificate": "env:VENDOR_CERTIFICATE",
        "package_password": "env:PACKAGE_PASSWORD",
    }
    variables = {
        "VENDOR_KEY": pair.private_key_pem.reveal(),
        "VENDOR_CERTIFICATE": pair.certificate_pem,
        "PACKAGE_PASSWORD": PASSWORD,
    }
    return orgs, settings, variables


def given(settings):
    return [part for name, value in settings.items() for part in ("--set", f"{name}={value}")]


def everything_left(home):
    return b"\n".join(path.read_bytes() for path in sorted(home.rglob("*")) if path.is_file())


def test_a_run_succeeds_and_leaves_no_secret_behind(vendor, command, home):
    orgs, settings, variables = vendor
    ran = command("run", "managed-package", *orgs.options, *given(settings), orgs=orgs, **variables)
    assert ran.code == 0, ran.out + ran.err
    shown = command("runs", "list", "--json", orgs=orgs)
    reported = command("report", "--json", orgs=orgs)
    middle_of_key = variables["VENDOR_KEY"].splitlines()[7]
    left = everything_left(home)
    for secret in (PASSWORD, middle_of_key):
        for text in (ran.out, ran.err, shown.out, reported.out, reported.err):
            assert secret not in text
        assert secret.encode() not in left
    asked = orgs.ask(f"/requests?org={orgs.names()[0]}")["requests"]
    assert PASSWORD not in str([row.get("path") for row in asked])
    assert orgs.truth()["counts"]["operations"]["package_install_request_create"] == 1


def test_a_refused_password_is_not_quoted(vendor, command, home):
    orgs, settings, variables = vendor
    wrong = {**variables, "PACKAGE_PASSWORD": "canary-of-a-wrong-password"}
    ran = command("run", "managed-package", *orgs.options, *given(settings), orgs=orgs, **wrong)
    assert ran.code == 3
    assert "package_password_wrong" in ran.out
    assert "canary-of-a-wrong-password" not in ran.out + ran.err
    assert b"canary-of-a-wrong-password" not in everything_left(home)


def test_a_run_that_waits_for_an_administrator_says_so_and_exits_with_four(vendor, command):
    orgs, settings, variables = vendor
    ran = command(
        "run",
        "managed-package",
        *orgs.options,
        *given({**settings, "install": "by_admin"}),
        orgs=orgs,
        **variables,
    )
    assert ran.code == 4
    assert "/packaging/installPackage.apexp?p0=04t" in ran.out


@pytest.mark.parametrize("playbook", ["managed-package", "withdraw-package-access"])
def test_the_playbooks_check_and_can_be_drawn(playbook, command):
    _, path = playbook_source(playbook)
    assert command("playbook", "check", path).code == 0
    drawn = command("playbook", "graph", path)
    assert drawn.code == 0
    assert "bootstrap" in drawn.out
