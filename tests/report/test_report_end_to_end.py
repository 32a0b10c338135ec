from __future__ import annotations

import json
import re

import pytest
from report_building import page, term, words

from orchestrator.cli.demo import simulated_org
from orchestrator.cli.main import run_cli

pytestmark = pytest.mark.slow


@pytest.fixture
def orchestrator(tmp_path, monkeypatch, capsys):
    """The command line against a simulated org of a profile."""

    def run(*arguments):
        code = run_cli([*arguments, "--home", str(tmp_path / "home")])
        return code, capsys.readouterr().out

    def provision(profile, *settings):
        with simulated_org(profile, 60.0, "7") as org:
            monkeypatch.setenv("REQUESTS_CA_BUNDLE", org["ca"])
            places = ["--orgs", org["orgs_file"], "--connect-to", org["connect_to"]]
            code, _ = run("run", "hybrid", *places, "--speed", "60", "--quiet", *settings)
        return code

    run.provision = provision
    return run


def test_a_real_run_is_told_as_it_went(orchestrator, tmp_path):
    assert orchestrator.provision("production") == 0
    target = tmp_path / "page.html"
    assert orchestrator("report", "--html", str(target))[0] == 0
    tree = page(target.read_text("utf-8"))
    box = words(tree.find_class("verdict")[0])
    assert "The password of admin@acme.example opens nothing any more" in box
    assert "integration@acme.example works by certificate" in box
    assert "Simulated org" in words(tree.find_class("notice")[0])
    run = json.loads(orchestrator("report", "--json")[1])["runs"][0]
    assert run["chain"]["intact"]
    assert term(tree, "Consumer key") == run["evidence"]["app"]["consumer_key"]
    assert term(tree, "Head of the chain") == run["chain"]["head"]
    assert term(tree, "Answer") == "login_invalid"
    assert term(tree, "Afterwards") == f"\u2713 {run['rights']['withdrawn']} withdrawn"
    assert {state["state"] for state in run["states"] if state["one_way"]} == {"lock_password"}
    secrets = re.compile("(?i)(?:private key|BEGIN|00D\\w{12,15}!|eyJ)")
    assert not secrets.search(target.read_text("utf-8"))


def test_a_password_left_to_its_owner_is_said_to_work(orchestrator):
    assert orchestrator.provision("production", "--set", "bootstrap_principal=human_admin") == 4
    run = json.loads(orchestrator("report", "--json")[1])["runs"][0]
    assert "STILL WORKS at SOAP login()" in run["verdict"]["sentence"]
    assert {one["path"] for one in run["stays_open"]} == {"soap_login", "ui"}
    assert run["problem"]["code"] == "password_path_open"


def test_a_refused_bootstrap_is_told_with_its_cause(orchestrator):
    assert orchestrator.provision("soap_login_off") == 3
    _, out = orchestrator("report")
    assert "Stopped in bootstrap by soap_login_disabled." in out
