"""GET /services/oauth2/authorize: the browser half of the web server flow, and the `immediate` probe.

Clients without a person (no `Sec-Fetch-Mode: navigate`) are answered as if the org's administrator, or the
user of `login_hint`, were logged in and consented. A real browser is shown a login page and an approval page.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from orchestrator.simulator.client_app import ClientApp
from orchestrator.simulator.grants import app_for
from orchestrator.simulator.http import Request, Response, html_response
from orchestrator.simulator.oauth import (
    BLOCKED_APP,
    BUILT_IN_CLIENT,
    NOT_ADMIN_APPROVED,
    NOT_INSTALLED,
    OauthRefusal,
    RefusedGrant,
    approval_refusal,
    parse_form,
)
from orchestrator.simulator.org import Org
from orchestrator.simulator.permissions import SYSTEM_ADMINISTRATOR
from orchestrator.simulator.records import AuthorizationCode
from orchestrator.simulator.scopes import REFRESH, runtime_scopes
from orchestrator.simulator.setup_pages import approval_page, is_a_person, login_page, person_at
from orchestrator.simulator.users import User

if TYPE_CHECKING:
    from orchestrator.simulator.simulation import Simulator

_CODE_LIFE_S = 900.0
_CODES_KEPT_PER_ORG = 100
_DENIED = {"error": "access_denied", "error_description": "end-user denied authorization"}
# What the authorize page tells the callback of an app that exists, but not in this org.
_OF_ANOTHER_ORG: Mapping[OauthRefusal, Mapping[str, str]] = {
    NOT_INSTALLED: {"error": "OAUTH_EC_APP_NOT_FOUND", "error_description": NOT_INSTALLED.description},
    BLOCKED_APP: {"error": "OAUTH_APP_BLOCKED", "error_description": BLOCKED_APP.description},
}
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._"


def answer_authorize(sim: Simulator, org: Org, request: Request) -> Response:
    """Answer with a redirect to the callback (a code or an error), or an error page if there is no callback.

    `immediate=true` carries no browser session here, so a well-formed probe ends in `immediate_unsuccessful`.
    """
    fields = parse_form(request)
    app = _app_asked_for(sim, org, request, fields)
    if isinstance(app, Response):
        return app
    redirect_uri = fields["redirect_uri"]
    user = _browser_user(org, fields.get("login_hint", ""))
    refusal = _switched_off(app) or _refusal(org, app, fields) or _uninstalled(org, app, user)
    if refusal is None and is_a_person(request):
        return _ask_person(sim, org, app, request, fields)
    if refusal is None and user is None:
        return html_response(200, "Login | Salesforce", "Login")
    if refusal is None and user is not None and app.admin_approved and approval_refusal(org, app, user):
        refusal = NOT_ADMIN_APPROVED
    if refusal is not None or user is None:
        chosen = refusal or NOT_ADMIN_APPROVED
        answer = {"error": chosen.code, "error_description": chosen.description}
        return _redirect(redirect_uri, fields, answer)
    return _redirect(redirect_uri, fields, {"code": _new_code(sim, org, app, user, fields)})


def _app_asked_for(
    sim: Simulator, org: Org, request: Request, fields: dict[str, str]
) -> ClientApp | Response:
    """The app a login is for; else the page, or the way to the callback, that says why there is none."""
    redirect_uri = fields.get("redirect_uri", "")
    try:
        app = app_for(sim, org, fields.get("client_id", ""), request.node)
    except RefusedGrant as refused:
        if refused.refusal in _OF_ANOTHER_ORG and redirect_uri:
            return _redirect(redirect_uri, fields, _OF_ANOTHER_ORG[refused.refusal])
        return _error_page(refused.refusal)
    if not redirect_uri:
        return _error_page(OauthRefusal("redirect_uri_missing", "redirect_uri must be provided"))
    if not _callback_allowed(app, redirect_uri):
        return _error_page(OauthRefusal("redirect_uri_mismatch", "redirect_uri must match configuration"))
    return app


def _switched_off(app: ClientApp) -> OauthRefusal | None:
    """What an administrator's switches say; the texts are those the callback is told."""
    if not app.enabled:
        return OauthRefusal("OAUTH_APP_BLOCKED", BLOCKED_APP.description)
    if not app.oauth_plugin_enabled:
        return OauthRefusal("oauth_flow_disabled", "OAuth flow is disabled for this app")
    return None


def _ask_person(
    sim: Simulator, org: Org, app: ClientApp, request: Request, fields: dict[str, str]
) -> Response:
    """Login page, approval page, and the way back to the callback."""
    if "decision" in fields:
        return _decided(sim, org, app, fields)
    if "un" not in fields:
        return login_page(fields)
    found = person_at(sim, org, request, fields)
    if isinstance(found, Response):
        return found
    if app.admin_approved and approval_refusal(org, app, found):
        return _redirect(fields["redirect_uri"], fields, _OF_ANOTHER_ORG[BLOCKED_APP])
    ticket = "".join(sim.rng.choices(_LETTERS, k=40))
    org.approval_tickets[ticket] = found.id
    return approval_page(fields, found, app, ticket)


def _decided(sim: Simulator, org: Org, app: ClientApp, fields: dict[str, str]) -> Response:
    """What the person said on the approval page."""
    user = org.users.get(org.approval_tickets.pop(fields.get("ticket", ""), ""))
    if user is None:
        return login_page(fields, "Your session has ended. Log in again.")
    if fields["decision"] != "allow":
        return _redirect(fields["redirect_uri"], fields, _DENIED)
    return _redirect(fields["redirect_uri"], fields, {"code": _new_code(sim, org, app, user, fields)})


def _new_code(sim: Simulator, org: Org, app: ClientApp, user: User, fields: dict[str, str]) -> str:
    asked = frozenset(fields.get("scope", "").split())
    allowed = runtime_scopes(app.scopes)
    code = AuthorizationCode(
        code="aPrx" + "".join(sim.rng.choices(_LETTERS, k=80)) + "==",
        user_id=user.id,
        consumer_key=app.consumer_key,
        redirect_uri=fields["redirect_uri"],
        scopes=(asked & allowed) if asked else allowed,
        code_challenge=fields.get("code_challenge", ""),
        code_challenge_method=fields.get("code_challenge_method", "S256"),
        expires_s=sim.now_s() + _CODE_LIFE_S,
    )
    org.authorization_codes[code.code] = code
    if len(org.authorization_codes) > _CODES_KEPT_PER_ORG:
        del org.authorization_codes[next(iter(org.authorization_codes))]
    return code.code


def _refusal(org: Org, app: ClientApp, fields: dict[str, str]) -> OauthRefusal | None:
    if fields.get("response_type") == "token" and org.setting_is_on(
        "OauthOidcSettings", "blockOAuthUsrAgtFlow"
    ):
        return OauthRefusal("invalid_request", "User-Agent Flow Disabled")
    if fields.get("response_type") != "code":
        return OauthRefusal("unsupported_response_type", "response type not supported")
    if fields.get("immediate", "").lower() == "true":
        return OauthRefusal("immediate_unsuccessful", "immediate unsuccessful")
    if app.pkce_required and not fields.get("code_challenge"):
        return OauthRefusal("invalid_request", "missing required code challenge")
    asked = frozenset(fields.get("scope", "").split())
    allowed = runtime_scopes(app.scopes)
    if "full" not in allowed and asked - allowed - REFRESH - {"id", "openid"}:
        return OauthRefusal("invalid_scope", "the requested scope is not allowed")
    return None


def _uninstalled(org: Org, app: ClientApp, user: User | None) -> OauthRefusal | None:
    """Since September 2025 an app that is not installed is for users who may approve it (help 005132365)."""
    if app.name != BUILT_IN_CLIENT or user is None or not org.switches.blocks_uninstalled_apps:
        return None
    if "ApproveUninstalledConnectedApps" in org.permissions_of(user):
        return None
    text = "An unexpected error has occurred during authentication"
    return OauthRefusal("OAUTH_APPROVAL_ERROR_GENERIC", text)


def _callback_allowed(app: ClientApp, redirect_uri: str) -> bool:
    if app.name == BUILT_IN_CLIENT:
        return redirect_uri.startswith(("http://localhost:", "http://127.0.0.1:"))
    return redirect_uri in app.callback_urls


def _browser_user(org: Org, hint: str) -> User | None:
    if hint:
        return org.user_by_name(hint)
    admin = org.profile_by_name(SYSTEM_ADMINISTRATOR)
    return next(
        (
            user
            for user in org.users.values()
            if admin and user.profile_id == admin.id and user.is_active and not user.is_frozen
        ),
        None,
    )


def _redirect(redirect_uri: str, fields: dict[str, str], answer: Mapping[str, str]) -> Response:
    if "state" in fields:
        answer = {**answer, "state": fields["state"]}
    mark = "&" if "?" in redirect_uri else "?"
    return Response(302, {"Location": f"{redirect_uri}{mark}{urlencode(answer)}"})


def _error_page(refusal: OauthRefusal) -> Response:
    description = refusal.description.replace(" ", "%20")
    return html_response(400, "OAuth Error", f"error={refusal.code}&error_description={description}")
