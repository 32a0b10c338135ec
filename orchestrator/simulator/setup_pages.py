"""What a person does with a mouse: make an app in Setup, log in with a browser, allow the access."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from orchestrator.simulator import login
from orchestrator.simulator.app_effects import new_consumer_key, new_consumer_secret
from orchestrator.simulator.client_app import AppKind, ClientApp
from orchestrator.simulator.http import HTML_TYPE, Request, Response
from orchestrator.simulator.org import Org
from orchestrator.simulator.users import User

if TYPE_CHECKING:
    from orchestrator.simulator.simulation import Simulator

_KINDS: tuple[AppKind, AppKind] = ("external_client_app", "connected_app")
_FIELDS = frozenset(
    {
        "certificate_pem",
        "admin_approved",
        "pkce_required",
        "secret_optional",
        "requires_secret",
        "secret_required_for_refresh",
        "refresh_token_rotation",
        "enabled",
        "oauth_plugin_enabled",
    }
)
_STYLE = "body{font:16px/1.5 sans-serif;max-width:24rem;margin:10vh auto;padding:0 1rem}label{display:block}"


def make_app(sim: Simulator, org: Org, value: dict[str, Any]) -> None:
    """Make an app by hand in Setup: `{"name", "kind", "callback_url", "scopes", "certificate_pem"}`."""
    given = dict(value)
    name, kind = str(given.pop("name")), given.pop("kind", _KINDS[0])
    callback, scopes = str(given.pop("callback_url", "")), given.pop("scopes", ["Api", "RefreshToken"])
    permission_sets = given.pop("permission_sets", [])
    unknown = sorted(set(given) - _FIELDS)
    if kind not in _KINDS or unknown:
        raise ValueError(f"no app of kind {kind!r} with {', '.join(unknown) or 'these fields'}")
    app = ClientApp(
        kind=kind,
        name=name,
        label=name.replace("_", " "),
        app_id=org.next_id("0xI" if kind == _KINDS[0] else "0H4"),
        consumer_id=org.next_id("888"),
        consumer_key=new_consumer_key(org.rng),
        consumer_secret=new_consumer_secret(org.rng),
        callback_urls=tuple(line.strip() for line in callback.splitlines() if line.strip()),
        scopes=frozenset(scopes),
        permission_set_names=frozenset(permission_sets),
        created_wall_s=sim.wall_s(org),
        modified_wall_s=sim.wall_s(org),
        **given,
    )
    org.apps[name] = app
    org.apps_created += 1
    org.app_changed(app, sim.now_s())


def change_app(sim: Simulator, org: Org, value: dict[str, Any]) -> None:
    """Edit an app in Setup: `{"name", "callback_url", "certificate_pem", "requires_secret", "enabled"}`."""
    given = dict(value)
    app = org.apps.get(str(given.pop("name")))
    if app is None:
        raise ValueError("no such app")
    if "callback_url" in given:
        app.callback_urls = tuple(str(given.pop("callback_url")).split())
    if unknown := sorted(set(given) - _FIELDS):
        raise ValueError(f"unknown fields {', '.join(unknown)}")
    for name, setting in given.items():
        setattr(app, name, setting)
    org.app_changed(app, sim.now_s())


def is_a_person(request: Request) -> bool:
    """Whether a browser with a person before it asks: it says that it navigates (W3C Fetch Metadata)."""
    return request.headers.get("sec-fetch-mode", "") == "navigate"


def login_page(fields: dict[str, str], problem: str = "") -> Response:
    """The login page, which keeps what was asked of the authorize endpoint."""
    alert = f'<p role="alert">{escape(problem)}</p>' if problem else ""
    return _page(
        "Login | Salesforce",
        f"""<h1>Log in</h1>{alert}<form method="post">{_hidden(fields)}
<p><label for="username">Username</label><input id="username" name="un" autocomplete="username" autofocus></p>
<p><label for="password">Password</label><input id="password" name="pw" type="password"></p>
<button id="Login" type="submit">Log In</button></form>""",
    )


def approval_page(fields: dict[str, str], user: User, app: ClientApp, ticket: str) -> Response:
    """The page that asks whether the app may have the access."""
    return _page(
        "Allow Access?",
        f"""<h1>Allow Access?</h1><p>{escape(app.label)} is asking to: access and manage your data,
and perform requests at any time.</p><p>Hello {escape(user.username)}</p><form method="post">{_hidden(fields)}
<input type="hidden" name="ticket" value="{escape(ticket)}">
<button id="oaapprove" name="decision" value="allow" type="submit">Allow</button>
<button id="oadeny" name="decision" value="deny" type="submit">Deny</button></form>""",
    )


def person_at(sim: Simulator, org: Org, request: Request, fields: dict[str, str]) -> User | Response:
    """Who logged in on the login page; else the page to show."""
    user = org.user_by_name(fields.get("un", ""))
    if user is None:
        return login_page(_asked(fields), "Check your username and password.")
    wrong = login.judge_password(sim, org, user, fields.get("pw", ""), request.client_ip, over_soap=False)
    if wrong is not None or not user.is_active or user.is_frozen or "ApiUserOnly" in org.permissions_of(user):
        return login_page(_asked(fields), "Check your username and password.")
    return user


def _asked(fields: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in fields.items() if name not in {"un", "pw", "ticket", "decision"}}


def query_of(fields: dict[str, str]) -> str:
    """What the authorize endpoint was asked, as a query."""
    return urlencode(_asked(fields))


def _hidden(fields: dict[str, str]) -> str:
    return "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in _asked(fields).items()
    )


def _page(title: str, body: str) -> Response:
    page = (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head><body>{body}</body></html>"
    )
    return Response(200, {"Content-Type": HTML_TYPE}, page.encode())
