"""Rows of the bootstrap: every way to the first session, at the login and when its session is first used."""

from __future__ import annotations

import json
import socket
import sys
import textwrap
from collections.abc import Callable, Mapping
from typing import Any

import requests
from matrix_people import browsed
from matrix_routes import Route
from matrix_rows import OWN_KEY, locked
from matrix_stage import Stage

from orchestrator.simulator import oauth, sessions
from orchestrator.simulator.client_app import ClientApp
from orchestrator.simulator.grants import built_in_app
from orchestrator.simulator.users import User

CONSUMER_KEY, CONSUMER_SECRET = "3MVG9customers.connected_app", "consumer-secret"
# A session somebody handed over is not ours to renew; the password grant would pay for each with a password.
LOSING = frozenset({"access_token", "sf_cli", "password_grant"})
AT = ("bootstrap", "preflight")
PLAYBOOK = "hybrid"


def free_port() -> int:
    """One for this process."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _admin(stage: Stage) -> User:
    found = stage.org.user_by_name(stage.seed.username)
    assert found is not None
    return found


def _token(stage: Stage) -> str:
    """A session that another program of the administrator's has."""
    return sessions.open_session(
        stage.sim, stage.org, _admin(stage), origin="soap", login_type="Application"
    ).token


def connected_app(stage: Stage) -> None:
    """The customer has a connected app; SOAP login is off."""
    org = stage.org
    app = ClientApp(
        *("connected_app", "Old_Tool", "Old Tool", org.next_id("0H4"), ""),
        consumer_key=CONSUMER_KEY,
        consumer_secret=CONSUMER_SECRET,
        scopes=frozenset({"Api", "RefreshToken"}),
    )
    org.apps[app.name] = app
    org.app_changed(app, stage.sim.now_s())
    stage.change({"switches": {"soap_login_enabled": False}})
    stage.environ = {**stage.environ, "TOOL_SECRET": CONSUMER_SECRET}
    stage.clock.sleep(600.0)


def handed_token(stage: Stage) -> None:
    """Somebody hands a token over."""
    stage.environ = {**stage.environ, "HANDED": _token(stage)}


def sfdx_url(stage: Stage) -> None:
    """Somebody hands the SFDX auth URL of a login with `sf` over."""
    scopes = frozenset({"api", "web", "refresh_token"})
    grant = oauth.new_grant(stage.sim, stage.org, _admin(stage), built_in_app(stage.org), scopes)
    url = f"force://PlatformCLI::{grant.refresh_token}@{stage.seed.my_domain_host}"
    stage.environ = {**stage.environ, "URL": url}


def sf_program(stage: Stage) -> None:
    """A program `sf` that knows a session."""
    folder = stage.world.home.parent / "bin"
    folder.mkdir(exist_ok=True)
    shown = {
        "id": stage.seed.org_id,
        "username": stage.seed.username,
        "instanceUrl": f"https://{stage.seed.my_domain_host}",
        "accessToken": _token(stage),
        "connectedStatus": "Connected",
    }
    (folder / "answer.json").write_text(json.dumps({"status": 0, "result": shown, "warnings": []}), "utf-8")
    script = f"""\
        #!{sys.executable} -S
        print(open({str(folder / "answer.json")!r}).read())
        """
    program = folder / "sf"
    program.write_text(textwrap.dedent(script), "utf-8")
    program.chmod(0o700)
    stage.environ = {**stage.environ, "PATH": str(folder)}


def _rung(name: str, before: Callable[[Stage], None], entry: Mapping[str, Any]) -> Route:
    def its_entry(stage: Stage) -> Mapping[str, Any]:
        secrets = {**stage.entry().secrets, **entry.get("secrets", {})}
        return {**entry, "secrets": {key: value for key, value in secrets.items() if value}}

    return Route(
        f"rung {name}",
        PLAYBOOK,
        before.__doc__ or "",
        before=before,
        inputs=lambda _stage: {**OWN_KEY, "ladder": name, "web_timeout": "1s"},
        entry=its_entry,
        states=AT,
        loses_sessions=name in LOSING,
    )


def browser(stage: Stage) -> None:
    """A person watches, and logs in with the browser."""
    stage.browse = _browse


def _browse(stage: Stage, url: str) -> None:
    answered = browsed(stage, url)
    if answered is None:
        return
    with requests.Session() as session:
        session.trust_env = False
        session.get(answered, timeout=10)


_NO_PASSWORD: Mapping[str, Any] = {"username": None}


def with_password(_stage: Stage) -> None:
    """The password of the orgs file."""


RUNG_ROUTES = (
    Route(
        "rung jwt",
        "rotate-certificate",
        "the credential of an earlier run, of a user who may deploy",
        profile="full_license_integration_user",
        before=locked,
        inputs=lambda _stage: {"work_by": "bootstrap", "ladder": "jwt"},
        states=("bootstrap", "deploy_certificate"),
    ),
    _rung("soap_login", with_password, {}),
    _rung(
        "password_grant",
        connected_app,
        {"consumer_key": CONSUMER_KEY, "secrets": {"consumer_secret": "env:TOOL_SECRET"}},
    ),
    _rung(
        "access_token",
        handed_token,
        {**_NO_PASSWORD, "secrets": {"password": "", "access_token": "env:HANDED"}},
    ),
    _rung(
        "sfdx_auth_url", sfdx_url, {**_NO_PASSWORD, "secrets": {"password": "", "sfdx_auth_url": "env:URL"}}
    ),
    _rung("sf_cli", sf_program, {**_NO_PASSWORD, "secrets": {"password": ""}, "sf_org": "acme-admin"}),
    _rung(
        "web",
        browser,
        {
            **_NO_PASSWORD,
            "secrets": {"password": ""},
            "web": True,
            "web_callback": f"http://127.0.0.1:{free_port()}/OauthRedirect",
        },
    ),
)
