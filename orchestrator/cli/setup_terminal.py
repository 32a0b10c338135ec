"""`setup --terminal`: the same set-up without a page."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import click

from orchestrator.app import App
from orchestrator.catalogue import FAULTS
from orchestrator.cli.opening import open_quietly
from orchestrator.errors import OrgFault, UsageError
from orchestrator.redaction import Secret
from orchestrator.web.callback import CallbackReceiver
from orchestrator.web.letter import certificate
from orchestrator.web.view import Problem, SetupView, StepView, problem_of

if TYPE_CHECKING:
    from orchestrator.cli.setup_desk import GuidedDesk

_LOGIN_WITHIN_S = 900.0
# What the run itself has judged is printed with the run.
_ASKED_AGAIN = frozenset(
    {"authorization_unanswered", "authorization_state_mismatch", "authorization_code_spent", "answer_unknown"}
)
_APP_NAMES = {"external_client_app": "External Client App", "connected_app": "Connected App"}


def guide(app: App, desk: GuidedDesk, url: str | None, *, paste: bool, browser: bool) -> None:
    """Ask and answer until the set-up is over.

    Args:
        app: for the signal to stop.
        desk: has the runs.
        url: of the org; None to go on with the one set-up under way, or to ask.
        paste: the browser runs on another machine, so its last address is pasted.
        browser: open one for the login.
    """
    run = _choose(desk, url)
    desk.go_on(run)
    shown = ""
    while not app.stop.is_set():
        desk.wait(run)
        view = desk.view(run)
        if view.problem is not None and view.stage not in {"looking", "checking", "proving"}:
            _print_problem(view.problem)
        match view.stage:
            case "app":
                if shown != run:
                    _print_steps(view)
                    _save_certificate(app.configuration.home, view)
                    shown = run
                _ask_key(desk, run, view)
            case "secret":
                _ask_secret(desk, run)
            case "sign_in":
                _sign_in(app, desk, view, paste=paste, browser=browser)
            case "certificate":
                desk.answer(run, approved=click.confirm("Try the certificate again (no: keep the login)?"))
            case "done" | "over":
                _print_end(view)
                return
            case _:
                continue


def _choose(desk: GuidedDesk, url: str | None) -> str:
    begun = desk.setups()
    if url is None and begun:
        click.echo(f"Going on with {begun[0].org} ({begun[0].my_domain}).")
        return begun[0].run
    while True:
        try:
            return desk.begin(url or click.prompt("Address of the org"))
        except (UsageError, OrgFault) as wrong:
            if url is not None:
                raise
            _print_problem(problem_of(wrong))


def _print_steps(view: SetupView) -> None:
    click.echo(
        f"\nMake the {_APP_NAMES[view.app_kind]} in {view.my_domain} ({view.kind.replace('_', ' ')}):\n"
    )
    for number, step in enumerate(view.steps, 1):
        _print_step(f"{number}. ", step)
    for remark in view.remarks:
        _print_step("* ", remark)


def _print_step(mark: str, step: StepView) -> None:
    click.echo(f"{mark}{step.title}")
    if step.link:
        click.echo(f"   {step.link_label}: {step.link}")
    for line in step.lines:
        click.echo(f"   - {line}")
    for value in step.values:
        click.echo(f"   {value.label}:")
        click.echo("\n".join(f"     {line}" for line in value.text.splitlines()))
    click.echo("")


def _save_certificate(home: Path, view: SetupView) -> None:
    """As a file, because Setup takes no text; it is public."""
    file = home / f"{view.org}.crt"
    file.write_text(certificate(view), encoding="utf-8")
    click.echo(f"The certificate is saved as {file}\n")


def _ask_key(desk: GuidedDesk, run: str, view: SetupView) -> None:
    key = click.prompt("Consumer key", default=view.consumer_key or None)
    uploaded = click.confirm("Did you upload the certificate", default=True)
    try:
        desk.give_key(run, key, None, certificate_uploaded=uploaded)
    except UsageError as wrong:
        _print_problem(problem_of(wrong))


def _ask_secret(desk: GuidedDesk, run: str) -> None:
    text = click.prompt(
        "Consumer secret (empty: give another key)", default="", hide_input=True, show_default=False
    )
    try:
        if text.strip():
            desk.give_secret(run, Secret(text))
        else:
            desk.answer(run, approved=False)
    except UsageError as wrong:
        _print_problem(problem_of(wrong))


def _sign_in(app: App, desk: GuidedDesk, view: SetupView, *, paste: bool, browser: bool) -> None:
    """Show the address and take what the browser brings back."""
    try:
        if paste:
            click.echo(f"Open this address in a browser and log in:\n  {view.authorize_url}")
            text = click.prompt(
                "Paste the address it ended at (it shows an error page there)", hide_input=True
            )
            desk.take_address(view.run, Secret(text))
            return
        with CallbackReceiver(_callback_url(view), partial(_take, desk)) as receiver:
            click.echo(f"Log in with a browser on this machine:\n  {view.authorize_url}")
            opener = open_quietly(app.configuration.home, view.authorize_url) if browser else None
            receiver.wait(_LOGIN_WITHIN_S)
            if opener is not None:
                opener.unlink(missing_ok=True)
    except OrgFault as said:
        if said.code in _ASKED_AGAIN:
            _print_problem(problem_of(said))


def _take(desk: GuidedDesk, query: str, *, is_spent: bool) -> str:
    del is_spent  # the desk knows whether the login is still waited for
    run = desk.callback(query)
    problem = desk.view(run).problem
    if problem is not None and problem.code in FAULTS:  # the page must not say that all went well
        raise OrgFault(FAULTS[problem.code], problem.seen)
    return run


def _callback_url(view: SetupView) -> str:
    """Where the browser comes back to, as the login's own address says."""
    return parse_qs(urlsplit(view.authorize_url).query)["redirect_uri"][0]


def _print_problem(problem: Problem) -> None:
    click.echo(f"\n{problem.code}: {problem.meaning}")
    if problem.seen:
        click.echo(f"  seen:   {problem.seen}")
    click.echo(f"  remedy: {problem.remedy}")
    if problem.link:
        click.echo(f"  page:   {problem.link}")


def _print_end(view: SetupView) -> None:
    click.echo("\nConnected.\n" if view.stage == "done" else "\nThis set-up has ended.\n")
    for label, text in view.facts:
        click.echo(f"  {label:<18} {text}")
    for command in view.commands:
        click.echo(f"  next: {command}")
