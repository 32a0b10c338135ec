"""The other grants of the token endpoint: password, authorization code, refresh token, client credentials."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

from orchestrator.simulator import jwt_bearer, login
from orchestrator.simulator.client_app import ClientApp
from orchestrator.simulator.http import Request, Response
from orchestrator.simulator.oauth import (
    AUTHENTICATION_FAILURE,
    BUILT_IN_CLIENT,
    JWT_BEARER,
    NOT_INSTALLED,
    UNKNOWN_CLIENT,
    UNSUPPORTED_GRANT,
    OauthRefusal,
    RefusedGrant,
    check_secret,
    new_grant,
    new_refresh_token,
    parse_form,
    success,
    unknown_client,
    user_refusal,
)
from orchestrator.simulator.org import Org
from orchestrator.simulator.propagation import find_app
from orchestrator.simulator.scopes import REFRESH, runtime_scopes
from orchestrator.simulator.users import User

if TYPE_CHECKING:
    from orchestrator.simulator.simulation import Simulator

_EXPIRED_CODE = OauthRefusal("invalid_grant", "expired authorization code")
_EXPIRED_REFRESH = OauthRefusal("invalid_grant", "expired access/refresh token")


def answer_token(sim: Simulator, org: Org | None, request: Request) -> Response:
    """Answer POST /services/oauth2/token; `org` is None on generic and loopback hosts."""
    fields = parse_form(request)
    grant_type = fields.get("grant_type", "")
    grants = {
        JWT_BEARER: jwt_bearer.exchange,
        "password": _password,
        "authorization_code": _authorization_code,
        "refresh_token": _refresh_token,
        "client_credentials": _client_credentials,
    }
    if not grant_type:
        return OauthRefusal("invalid_request", "missing required parameter: grant_type").response()
    if grant_type not in grants:
        return UNSUPPORTED_GRANT.response()
    try:
        return grants[grant_type](sim, org, fields, request)
    except RefusedGrant as refused:
        return refused.refusal.response()


def built_in_app(org: Org) -> ClientApp:
    """Return the CLI's connected app, which every org knows."""
    return ClientApp(
        kind="connected_app",
        name=BUILT_IN_CLIENT,
        label="Salesforce CLI",
        app_id="",
        consumer_id="",
        consumer_key=BUILT_IN_CLIENT,
        callback_urls=("http://localhost:1717/OauthRedirect",),
        scopes=frozenset({"Api", "Web", "RefreshToken"}),
        pkce_required=False,
        secret_optional=True,
        secret_required_for_refresh=False,
        session_timeout_minutes=0,
        enabled=not org.switches.is_suspended,
    )


def app_for(sim: Simulator, org: Org, consumer_key: str, node: int) -> ClientApp:
    """Return the app under a consumer key as this node sees it.

    Raises:
        RefusedGrant: the key is not known here (yet), or the app is not installed.
    """
    if consumer_key == BUILT_IN_CLIENT:
        return built_in_app(org)
    seen = find_app(org, consumer_key, node, sim.now_s())
    if seen is None or seen.stage == "unknown":
        raise RefusedGrant(unknown_client(sim, consumer_key))
    if seen.stage == "not_installed":
        raise RefusedGrant(NOT_INSTALLED)
    return seen.facts


def _password(sim: Simulator, org: Org | None, fields: dict[str, str], request: Request) -> Response:
    username = fields.get("username", "")
    if org is None:
        side = None if request.is_loopback_host else request.host_name == "test.salesforce.com"
        org = sim.org_by_username(username, sandbox=side)
    if org is None:
        raise RefusedGrant(UNKNOWN_CLIENT)
    app = app_for(sim, org, fields.get("client_id", ""), request.node)
    if app.kind == "external_client_app" or app.name == BUILT_IN_CLIENT:
        raise RefusedGrant(UNSUPPORTED_GRANT)
    check_secret(app, fields)
    user = org.user_by_name(username)
    if user is None:
        raise RefusedGrant(AUTHENTICATION_FAILURE)
    refusal = _password_refusal(sim, org, user, fields.get("password", ""), request)
    if refusal is not None:
        code, status, counts = refusal
        login.record_login(
            sim,
            org,
            user,
            request,
            status=status,
            login_type="Remote Access 2.0",
            login_sub_type="oauthpassword",
            application=app.label,
        )
        if counts:
            login.count_failed_attempt(sim, org, user)
        raise RefusedGrant(code)
    user.failed_attempts = 0
    return success(sim, org, user, app, request, grant_type="password", sub_type="oauthpassword")


def _password_refusal(
    sim: Simulator, org: Org, user: User, password: str, request: Request
) -> tuple[OauthRefusal, str, bool] | None:
    if org.setting_is_on("OauthOidcSettings", "blockOAuthUnPwFlow"):
        return AUTHENTICATION_FAILURE, "Username-Password Flow Disabled", False
    refused = user_refusal(sim, org, user, request.client_ip)
    if refused is not None:
        return refused[0], refused[1], False
    wrong = login.judge_password(sim, org, user, password, request.client_ip, over_soap=False)
    if wrong is None:
        return None
    if wrong.code == "LOGIN_MUST_USE_SECURITY_TOKEN":
        text = "authentication failure - Failed: API security token required"
        return OauthRefusal("invalid_grant", text), wrong.status, False
    return AUTHENTICATION_FAILURE, wrong.status, wrong.counts_as_attempt


def _authorization_code(
    sim: Simulator, org: Org | None, fields: dict[str, str], request: Request
) -> Response:
    code_text = fields.get("code", "")
    holders = [org] if org is not None else list(sim.touched_orgs())
    holder = next((each for each in holders if code_text in each.authorization_codes), None)
    if holder is None:
        app = app_for(sim, org or sim.first_org(), fields.get("client_id", ""), request.node)
        check_secret(app, fields, required=_needs_secret(app, with_pkce="code_verifier" in fields))
        raise RefusedGrant(OauthRefusal("invalid_grant", "invalid authorization code"))
    code = holder.authorization_codes.pop(code_text)
    app = app_for(sim, holder, fields.get("client_id", ""), request.node)
    if sim.now_s() >= code.expires_s:
        raise RefusedGrant(_EXPIRED_CODE)
    if code.consumer_key != app.consumer_key:
        raise RefusedGrant(OauthRefusal("invalid_grant", "invalid client credentials"))
    if code.redirect_uri != fields.get("redirect_uri", ""):
        raise RefusedGrant(OauthRefusal("redirect_uri_mismatch", "redirect_uri must match configuration"))
    check_secret(app, fields, required=_needs_secret(app, with_pkce=bool(code.code_challenge)))
    if code.code_challenge and not _verifier_fits(code.code_challenge, fields.get("code_verifier", "")):
        raise RefusedGrant(OauthRefusal("invalid_grant", "invalid code verifier"))
    user = holder.users[code.user_id]
    refused = user_refusal(sim, holder, user, request.client_ip)
    if refused is not None:
        raise RefusedGrant(refused[0])
    token = new_grant(sim, holder, user, app, code.scopes).refresh_token if code.scopes & REFRESH else ""
    return success(
        sim,
        holder,
        user,
        app,
        request,
        grant_type="authorization_code",
        sub_type="oauthwebserver",
        scopes=code.scopes,
        refresh_token=token,
    )


def _needs_secret(app: ClientApp, *, with_pkce: bool) -> bool:
    """Whether the exchange of a code needs the secret; PKCE stands in for it unless the app says no."""
    return app.requires_secret or (not app.secret_optional and not with_pkce)


def _verifier_fits(challenge: str, verifier: str) -> bool:
    """Check S256 (RFC 7636); Salesforce takes a missing code_challenge_method for S256."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == challenge.rstrip("=")


def _refresh_token(sim: Simulator, org: Org | None, fields: dict[str, str], request: Request) -> Response:
    given = fields.get("refresh_token", "")
    for holder in [org] if org is not None else list(sim.touched_orgs()):
        for grant in holder.oauth_grants.values():
            if given and given in grant.spent_tokens:
                grant.revoked = True  # reuse of a rotated token revokes the family
                raise RefusedGrant(_EXPIRED_REFRESH)
            if given != grant.refresh_token or grant.revoked:
                continue
            app = app_for(sim, holder, fields.get("client_id", ""), request.node)
            if app.consumer_key != grant.consumer_key:
                raise RefusedGrant(OauthRefusal("invalid_grant", "token was not issued to this client"))
            check_secret(app, fields, required=app.secret_required_for_refresh and not app.secret_optional)
            user = holder.users[grant.user_id]
            refused = user_refusal(sim, holder, user, request.client_ip)
            if refused is not None:
                raise RefusedGrant(refused[0])
            grant.use_count += 1
            grant.last_used_wall_s = sim.wall_s(holder)
            if app.refresh_token_rotation:
                grant.spent_tokens.add(grant.refresh_token)
                grant.refresh_token = new_refresh_token(sim)
            return success(
                sim,
                holder,
                user,
                app,
                request,
                grant_type="refresh_token",
                sub_type="oauthrefreshtoken",
                scopes=grant.scopes,
                refresh_token=grant.refresh_token if app.refresh_token_rotation else "",
            )
    app_for(sim, org or sim.first_org(), fields.get("client_id", ""), request.node)
    raise RefusedGrant(_EXPIRED_REFRESH)


def _client_credentials(
    sim: Simulator, org: Org | None, fields: dict[str, str], request: Request
) -> Response:
    if org is None:
        if not request.is_loopback_host:  # the flow works on My Domain only
            raise RefusedGrant(OauthRefusal("invalid_grant", "request not supported on this domain"))
        org = next(
            (each for each in sim.touched_orgs() if each.app_by_key(fields.get("client_id", ""))),
            sim.first_org(),
        )
    app = app_for(sim, org, fields.get("client_id", ""), request.node)
    if app.name == BUILT_IN_CLIENT:
        raise RefusedGrant(UNSUPPORTED_GRANT)
    check_secret(app, fields)
    if not app.client_credentials_enabled:
        raise RefusedGrant(OauthRefusal("invalid_grant", "client credentials flow is not enabled"))
    user = org.user_by_name(app.client_credentials_username) if app.client_credentials_username else None
    if user is None:
        raise RefusedGrant(OauthRefusal("invalid_grant", "no client credentials user enabled"))
    refused = user_refusal(sim, org, user, request.client_ip)
    if refused is not None:
        raise RefusedGrant(refused[0])
    scopes = runtime_scopes(app.scopes) - REFRESH
    return success(
        sim,
        org,
        user,
        app,
        request,
        grant_type="client_credentials",
        sub_type="oauthclientcred",
        scopes=scopes,
    )
