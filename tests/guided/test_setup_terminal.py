"""The same set-up without a page: in the terminal, and by answers to the run alone."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from guided_world import Guided

from orchestrator.cli.main import run_cli
from orchestrator.cli.setup_terminal import guide


class Person(threading.Thread):
    """Somebody beside the terminal: makes the app as soon as it is asked for, and logs in with a browser."""

    def __init__(self, guided: Guided) -> None:
        super().__init__(daemon=True)
        self.guided = guided

    def run(self) -> None:
        until_s, pause = time.monotonic() + 20, threading.Event()
        while time.monotonic() < until_s:
            for line in self.guided.desk.setups():
                if line.stage == "sign_in":
                    view = self.guided.desk.view(line.run)
                    self.guided.come_back(self.guided.log_in(Shown(view.authorize_url)))
                    return
            pause.wait(0.05)


class Shown:
    """A page that shows one link."""

    def __init__(self, link: str) -> None:
        self._link = link

    def link(self, _needle: str) -> str:
        return self._link


@pytest.fixture
def in_terminal(make_guided: Callable[..., Guided]) -> Guided:
    """The terminal listens for the callback itself, so the page's server must not."""
    guided = make_guided()
    guided.server.__exit__(None, None, None)
    return guided


def prepared(guided: Guided) -> str:
    """The app a person would have made by now; its key."""
    callback = f"http://localhost:{guided.port}/OauthRedirect"
    guided.change(
        {"make_app": {"name": "Orchestrator_JWT", "callback_url": callback, "secret_optional": True}}
    )
    return guided.org.apps["Orchestrator_JWT"].consumer_key


def test_the_terminal_shows_the_steps_asks_and_ends_with_a_credential(in_terminal: Guided) -> None:
    guided = in_terminal
    key = prepared(guided)
    typed = f"https://login.salesforce.com\n{guided.url}\nnot a key!\ny\n{key}\nn\n"
    person = Person(guided)
    with CliRunner().isolation(input=typed) as (out, *_):
        person.start()
        guide(guided.app, guided.desk, None, paste=False, browser=False)
        said = out.getvalue().decode()
    person.join(10)
    assert "url_not_an_org" in said
    assert "1. Make the app" in said
    assert "salesforce-setup.com/lightning/setup/ManageExternalClientApplication" in said
    assert "-----BEGIN CERTIFICATE-----" in said
    assert "consumer_key_unusable" in said
    (saved,) = guided.home.glob("*.crt")
    assert str(saved) in said
    assert saved.read_text().strip() in said.replace("     ", "")
    assert "Connected." in said
    assert guided.seed.username in said
    (record,) = guided.app.journal.runs()
    assert record.result == "succeeded"
    assert "refresh_token" in guided.app.vault.names(f"org:{record.org}")


def test_a_browser_on_another_machine_is_served_by_pasting_its_last_address(
    in_terminal: Guided,
) -> None:
    guided = in_terminal
    key = prepared(guided)
    run = guided.desk.begin(guided.url)
    guided.desk.give_key(run, key, None, certificate_uploaded=False)
    address = guided.log_in(Shown(guided.desk.view(run).authorize_url))
    with CliRunner().isolation(input=f"{address}\n") as (out, *_):
        guide(guided.app, guided.desk, None, paste=True, browser=False)
        said = out.getvalue().decode()
    assert f"Going on with {guided.app.journal.run(run).org}" in said
    assert "Connected." in said
    assert address.partition("code=")[2][:20] not in said


def test_every_answer_may_be_given_to_the_run_alone(
    in_terminal: Guided,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    guided = in_terminal
    key = prepared(guided)
    run = guided.desk.begin(guided.url)
    monkeypatch.setenv("ORCHESTRATOR_KEY", guided.app.environ["ORCHESTRATOR_KEY"])
    common = ["--home", str(guided.home), "--connect-to", f"*:443:127.0.0.1:{guided.wire.port}"]

    answer = [
        "runs",
        "approve",
        run,
        "--input",
        f"consumer_key={key}",
        "--input",
        "certificate_uploaded=false",
    ]
    assert run_cli([*answer, *common]) == 0
    assert run_cli(["resume", run, *common]) == 4
    capsys.readouterr()
    address = guided.log_in(Shown(guided.desk.view(run).authorize_url))
    kept = tmp_path / "address.txt"
    kept.write_text(address)
    kept.chmod(0o600)
    assert run_cli(["runs", "approve", run, "--input", f"callback_address=file:{kept}", *common]) == 0
    assert run_cli(["resume", run, *common]) == 0
    assert run_cli(["runs", "show", run, "--json", *common]) == 0
    shown = json.loads(capsys.readouterr().out.partition("\n{\n")[2].join(["{\n", ""]))
    assert shown["evidence"]["signed_in"]["username"] == guided.seed.username
    assert address.partition("code=")[2][:20] not in json.dumps(shown)


def test_the_command_serves_until_it_is_told_to_stop_and_prints_where(
    simulated: Callable[..., Any], program: Callable[..., Any], tmp_path: Path
) -> None:
    orgs = simulated()
    process = program(
        "setup",
        f"https://{orgs.truth()['my_domain_host']}",
        "--json",
        "--port",
        "17391",
        "--speed",
        "10",
        "--home",
        str(tmp_path / "home"),
        *orgs.connect_to,
        **orgs.environment,
    )
    line = json.loads(process.stdout.readline())
    assert line["url"].startswith("http://127.0.0.1:17391/")
    process.terminate()
    out, err = process.communicate(timeout=20)
    assert process.returncode == 4, err
    assert line["url"].split("/")[3] not in out + err


def test_the_browser_is_opened_without_showing_the_address_to_other_users(
    program: Callable[..., Any], tmp_path: Path
) -> None:
    """A command line can be read by everybody on the machine; the file it names cannot."""
    opener = tmp_path / "bin" / "xdg-open"
    opener.parent.mkdir()
    opener.write_text(
        f'#!/bin/sh\necho "$@" > {tmp_path}/asked.tmp; mv {tmp_path}/asked.tmp {tmp_path}/asked\n'
    )
    opener.chmod(0o700)
    home = tmp_path / "home"
    process = program("setup", "--port", "17392", "--home", str(home), PATH=f"{opener.parent}:/usr/bin:/bin")
    lines = [process.stdout.readline().strip() for _ in range(3)]
    pause, until_s = threading.Event(), time.monotonic() + 10
    while not (tmp_path / "asked").exists() and time.monotonic() < until_s:
        pause.wait(0.05)
    asked = (tmp_path / "asked").read_text().strip()
    token = lines[1].split("/")[3]
    assert token not in asked
    page = Path(asked.removeprefix("file://"))
    assert token in page.read_text()
    assert page.stat().st_mode & 0o077 == 0
    process.terminate()
    process.communicate(timeout=20)
    assert process.returncode == 0
    assert not page.exists()
