"""OAuth endpoints beside the token endpoint, discovery documents and the identity URL."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from orchestrator.simulator import sessions
from orchestrator.simulator.authorize import answer_authorize
from orchestrator.simulator.clock import rest_timestamp
from orchestrator.simulator.grants import app_for
from orchestrator.simulator.http import Request, Response, html_response, json_response, oauth_error
from orchestrator.simulator.oauth import (
    RefusedGrant,
    check_secret,
    identity_url,
    parse_form,
)
from orchestrator.simulator.operations import bearer_token
from orchestrator.simulator.org import Org
from orchestrator.simulator.records import Session
from orchestrator.simulator.scopes import scope_text
from orchestrator.simulator.users import User

if TYPE_CHECKING:
    from orchestrator.simulator.simulation import Simulator

_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._"


def answer_web(sim: Simulator, org: Org | None, request: Request, operation: str) -> Response:
    """Answer anything outside /services/Soap and /services/data."""
    if operation == "revoke":
        return _revoke(sim, org, request)
    known = org if org is not None else _org_on_generic_host(sim, request)
    if known is None:
        return html_response(200, "Login | Salesforce", "Login")
    page = _PAGES.get(operation)
    if page is not None:
        return page(sim, known, request)
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


_PAGES: dict[str, Callable[[Simulator, Org, Request], Response]] = {
    "authorize": answer_authorize,
    "introspect": _introspect,
    "userinfo": _userinfo,
    "identity": _userinfo,
    "singleaccess": _singleaccess,
    "auth_configuration": _auth_configuration,
    "openid_configuration": _openid_configuration,
}
