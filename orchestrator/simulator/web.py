"""OAuth endpoints beside the token endpoint, discovery documents and the identity URL."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from orchestrator.simulator import sessions
from orchestrator.simulator.client_app import ClientApp
from orchestrator.simulator.clock import rest_timestamp
from orchestrator.simulator.grants import app_for
from orchestrator.simulator.http import Request, Response, html_response, json_response, oauth_error
from orchestrator.simulator.oauth import (
    BUILT_IN_CLIENT,
    OauthRefusal,
    RefusedGrant,
    approval_refusal,
    check_secret,
    identity_url,
    parse_form,
)
from orchestrator.simulator.operations import bearer_token
from orchestrator.simulator.org import Org
from orchestrator.simulator.permissions import SYSTEM_ADMINISTRATOR
from orchestrator.simulator.records import AuthorizationCode, Session
from orchestrator.simulator.scopes import REFRESH, runtime_scopes, scope_text
from orchestrator.simulator.users import User

if TYPE_CHECKING:
    from orchestrator.simulator.simulation import Simulator

_CODE_LIFE_S = 900.0
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._"


def answer_web(sim: Simulator, org: Org | None, request: Request, operation: str) -> Response:
    """Answer anything outside /services/Soap and /services/data."""
    if operation == "revoke":
        return _revoke(sim, org, request)
    known = org if org is not None else _org_on_generic_host(sim, request)
    if known is None:
        return html_response(200, "Login | Salesforce", "Login")
    if operation == "authorize":
        return _authorize(sim, known, request)
    if operation == "introspect":
        return _introspect(sim, known, request)
    if operation in {"userinfo", "identity"}:
        return _userinfo(sim, known, request)
    if operation == "singleaccess":
        return _singleaccess(sim, known, request)
    if operation == "auth_configuration":
        return _auth_configuration(sim, known, request)
    if operation == "openid_configuration":
        return _openid_configuration(sim, known, request)
    if request.path == "/":
        return html_response(200, "Login | Salesforce", f"{known.name}: username, password, Log In")
    return html_response(404, "Not found", "The URL you requested does not exist.")


def _org_on_generic_host(sim: Simulator, request: Request) -> Org | None:
    hint = request.first("login_hint")
    if hint:
        return sim.org_by_username(hint, sandbox=request.host_name == "test.salesforce.com")
    if request.path.startswith("/.well-known"):
        return None
    wants_sandbox = request.host_name == "test.salesforce.com"
    first = sim.first_org()
    return first if first.is_sandbox == wants_sandbox else None


def _authorize(sim: Simulator, org: Org, request: Request) -> Response:
    """Answer as for a browser in which the org's administrator (or `login_hint`) is logged in and consents.

    `immediate=true` carries no browser session here, so a well-formed probe ends in `immediate_unsuccessful`.
    """
    fields = parse_form(request)
    redirect_uri = fields.get("redirect_uri", "")
    try:
        app = app_for(sim, org, fields.get("client_id", ""), request.node)
    except RefusedGrant as refused:
        return _error_page(refused.refusal)
    if not redirect_uri:
        return _error_page(OauthRefusal("redirect_uri_missing", "redirect_uri must be provided"))
    if not _callback_allowed(app, redirect_uri):
        return _error_page(OauthRefusal("redirect_uri_mismatch", "redirect_uri must match configuration"))
    refusal = _authorize_refusal(org, app, fields)
    if refusal is not None:
        return _redirect(
            redirect_uri, fields, {"error": refusal.code, "error_description": refusal.description}
        )
    user = _browser_user(org, fields.get("login_hint", ""))
    if user is None:
        return html_response(200, "Login | Salesforce", "Login")
    if app.admin_approved and approval_refusal(org, app, user) is not None:
        return _redirect(
            redirect_uri,
            fields,
            {
                "error": "invalid_app_access",
                "error_description": "user is not admin approved to access this app",
            },
        )
    asked = frozenset(fields.get("scope", "").split())
    allowed = runtime_scopes(app.scopes)
    code = AuthorizationCode(
        code="aPrx" + "".join(sim.rng.choices(_LETTERS, k=80)) + "==",
        user_id=user.id,
        consumer_key=app.consumer_key,
        redirect_uri=redirect_uri,
        scopes=(asked & allowed) if asked else allowed,
        code_challenge=fields.get("code_challenge", ""),
        code_challenge_method=fields.get("code_challenge_method", "S256"),
        expires_s=sim.now_s() + _CODE_LIFE_S,
    )
    org.authorization_codes[code.code] = code
    return _redirect(redirect_uri, fields, {"code": code.code})


def _authorize_refusal(org: Org, app: ClientApp, fields: dict[str, str]) -> OauthRefusal | None:
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


def _redirect(redirect_uri: str, fields: dict[str, str], answer: dict[str, str]) -> Response:
    if "state" in fields:
        answer = {**answer, "state": fields["state"]}
    mark = "&" if "?" in redirect_uri else "?"
    return Response(302, {"Location": f"{redirect_uri}{mark}{urlencode(answer)}"})


def _error_page(refusal: OauthRefusal) -> Response:
    page = html_response(
        400,
        "OAuth Error",
        f"error={refusal.code}&error_description={refusal.description.replace(' ', '%20')}",
    )
    page.headers["Location"] = ""
    del page.headers["Location"]
    return page


def _revoke(sim: Simulator, org: Org | None, request: Request) -> Response:
    token = parse_form(request).get("token", "")
    holder = sim.org_by_session(token)
    holders = [each for each in (org, holder) if each is not None] or list(sim.touched_orgs())
    for each in holders:
        if sessions.close(each, token):
            return Response(200)
        for grant in each.oauth_grants.values():
            if grant.refresh_token == token and not grant.revoked:
                grant.revoked = True
                doomed = [
                    session.token
                    for session in each.sessions.values()
                    if session.consumer_key == grant.consumer_key and session.user_id == grant.user_id
                ]
                for session_token in doomed:
                    sessions.close(each, session_token)
                return Response(200)
    return oauth_error("unsupported_token_type", "this token type is not supported")


def _introspect(sim: Simulator, org: Org, request: Request) -> Response:
    fields = parse_form(request)
    try:
        app = app_for(sim, org, fields.get("client_id", ""), request.node)
        check_secret(app, fields)
    except RefusedGrant as refused:
        return refused.refusal.response()
    session = sessions.find_session(sim, org, fields.get("token", ""))
    if session is None or session.consumer_key != app.consumer_key or session.grant_type == "password":
        return json_response(200, {"active": False})
    user = org.users[session.user_id]
    wall_s = sim.wall_s(org)
    return json_response(
        200,
        {
            "active": True,
            "scope": scope_text(session.scopes),
            "client_id": app.consumer_key,
            "username": user.username,
            "sub": identity_url(sim, org, user, request),
            "token_type": "access_token",
            "exp": int(wall_s + session.expires_s - sim.now_s()),
            "iat": int(session.created_wall_s),
            "nbf": int(session.created_wall_s),
        },
    )


def _live_session(sim: Simulator, org: Org, request: Request) -> tuple[Session, User] | None:
    token = bearer_token(request) or parse_form(request).get("access_token", "")
    session = sessions.find_session(sim, org, token)
    return None if session is None else (session, org.users[session.user_id])


def _bad_token() -> Response:
    return Response(403, {"Content-Type": "text/html;charset=UTF-8"}, b"Bad_OAuth_Token")


def _userinfo(sim: Simulator, org: Org, request: Request) -> Response:
    found = _live_session(sim, org, request)
    if found is None:
        return _bad_token()
    session, user = found
    base = sim.base_url(org, request)
    if sessions.api_refusal(org, session) is sessions.NOT_FOR_API:
        return _bad_token()
    return json_response(
        200,
        {
            "sub": identity_url(sim, org, user, request),
            "user_id": user.id,
            "organization_id": org.id,
            "preferred_username": user.username,
            "username": user.username,
            "nickname": user.alias,
            "display_name": user.name,
            "name": user.name,
            "email": user.email,
            "email_verified": True,
            "given_name": user.first_name,
            "family_name": user.last_name,
            "zoneinfo": "America/Los_Angeles",
            "active": user.is_active,
            "user_type": user.user_type.upper(),
            "language": "en_US",
            "locale": "en_US",
            "utcOffset": -28800000,
            "updated_at": rest_timestamp(user.created_wall_s),
            "is_app_installed": True,
            "urls": {
                "rest": f"{base}/services/data/v{{version}}/",
                "metadata": f"{base}/services/Soap/m/{{version}}/{org.id}",
                "partner": f"{base}/services/Soap/u/{{version}}/{org.id}",
                "query": f"{base}/services/data/v{{version}}/query/",
                "sobjects": f"{base}/services/data/v{{version}}/sobjects/",
                "custom_domain": f"https://{org.my_domain_host}",
            },
        },
    )


def _singleaccess(sim: Simulator, org: Org, request: Request) -> Response:
    found = _live_session(sim, org, request)
    if found is None:
        return _bad_token()
    session, user = found
    if "ApiUserOnly" in org.permissions_of(user):
        return _bad_token()
    if session.origin == "oauth" and not session.scopes & {"web", "full"}:
        return Response(403, {"Content-Type": "text/html;charset=UTF-8"}, b"Invalid_Scope")
    ticket = "".join(sim.rng.choices(_LETTERS, k=60))
    return json_response(
        200, {"frontdoor_uri": f"{sim.base_url(org, request)}/secur/frontdoor.jsp?otp={ticket}"}
    )


def _auth_configuration(sim: Simulator, org: Org, request: Request) -> Response:
    return json_response(
        200,
        {
            "OrgId": org.id15,
            "Url": sim.base_url(org, request),
            "MobileSDK": {
                "UseAndroidNativeBrowserForAuthentication": False,
                "UseiOSNativeBrowserForAuthentication": False,
            },
            "LoginPage": {"BackgroundColor": "#F4F6F9", "LoginPageUrl": sim.base_url(org, request)},
            "SamlProviders": [],
            "AuthProviders": [],
            "CertificateLogin": {"CertificateLoginUrl": ""},
            "LoginPageType": "Standard",
            "LoginPageTypeConfigs": {},
        },
    )


def _openid_configuration(sim: Simulator, org: Org, request: Request) -> Response:
    base = sim.base_url(org, request)
    oauth2 = f"{base}/services/oauth2"
    return json_response(
        200,
        {
            "issuer": base,
            "authorization_endpoint": f"{oauth2}/authorize",
            "token_endpoint": f"{oauth2}/token",
            "revocation_endpoint": f"{oauth2}/revoke",
            "introspection_endpoint": f"{oauth2}/introspect",
            "userinfo_endpoint": f"{oauth2}/userinfo",
            "jwks_uri": f"{base}/id/keys",
            "scopes_supported": ["api", "full", "id", "openid", "refresh_token", "web"],
            "response_types_supported": ["code", "token", "token id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": [
                "client_secret_post",
                "client_secret_basic",
                "private_key_jwt",
            ],
        },
    )
