"""POST /services/oauth2/token: dispatch of the grants, the answers and the refusals they share.

Error codes and texts follow Salesforce's OAuth error list (help remoteaccess_oauth_flow_errors) and what the
CLI's documentation and issues quote.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import string
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import jwt

from orchestrator.simulator import login, sessions
from orchestrator.simulator.client_app import ClientApp
from orchestrator.simulator.http import Request, Response, json_response, oauth_error
from orchestrator.simulator.org import Org
from orchestrator.simulator.records import OauthGrant, Session
from orchestrator.simulator.scopes import REFRESH, runtime_scopes, scope_text
from orchestrator.simulator.users import User

if TYPE_CHECKING:
    from orchestrator.simulator.simulation import Simulator

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
BUILT_IN_CLIENT = "PlatformCLI"
_LETTERS = string.ascii_letters + string.digits
_LEGACY_REFRESH = 87


@dataclass(frozen=True)
class OauthRefusal:
    """An error answer of the token endpoint."""

    code: str
    description: str
    status: int = 400

    def response(self) -> Response:
        """Return the wire form."""
        return oauth_error(self.code, self.description, self.status)


class RefusedGrant(Exception):
    """Carries a refusal to the endpoint that writes it."""

    def __init__(self, refusal: OauthRefusal) -> None:
        super().__init__(refusal.code)
        self.refusal = refusal


UNKNOWN_CLIENT = OauthRefusal("invalid_client_id", "client identifier invalid")
WRONG_SECRET = OauthRefusal("invalid_client", "invalid client credentials")
NOT_INSTALLED = OauthRefusal("app_not_found", "External client app is not installed in this org")
NOT_APPROVED = OauthRefusal("invalid_grant", "user hasn't approved this consumer")
NOT_ADMIN_APPROVED = OauthRefusal("invalid_app_access", "user is not admin approved to access this app")
BLOCKED_APP = OauthRefusal("app_blocked", "this app is blocked by admin")
AUTHENTICATION_FAILURE = OauthRefusal("invalid_grant", "authentication failure")
UNSUPPORTED_GRANT = OauthRefusal("unsupported_grant_type", "grant type not supported")
RATE_EXCEEDED = OauthRefusal("rate_limit_exceeded", "number of logins exceeded")


def unknown_client(sim: Simulator, consumer_key: str) -> OauthRefusal:
    """Return the refusal for a key this org does not have: a vendor's app is not installed, or nobody's."""
    app = sim.packages.app_by_key(consumer_key)
    if app is None:
        return UNKNOWN_CLIENT
    return NOT_INSTALLED if app.kind == "external_client_app" else BLOCKED_APP


def parse_form(request: Request) -> dict[str, str]:
    """Return the form fields of a token request; query parameters count too, as they do with Salesforce."""
    fields = {name: values[-1] for name, values in request.query.items() if values}
    text = request.body.decode("utf-8", "replace")
    fields.update(parse_qsl(text, keep_blank_values=True))
    basic = request.headers.get("authorization", "")
    if basic.lower().startswith("basic "):
        try:
            client_id, _, secret = base64.b64decode(basic[6:], validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return fields
        fields.setdefault("client_id", client_id)
        fields.setdefault("client_secret", secret)
    return fields


def user_refusal(sim: Simulator, org: Org, user: User, client_ip: str) -> tuple[OauthRefusal, str] | None:
    """Return the OAuth form of why a user may not log in, with the Login History status, or None."""
    if org.switches.is_suspended:
        return OauthRefusal("inactive_org", "org locked, closed, or suspended"), "Organization is locked"
    if not user.is_active:
        return OauthRefusal("inactive_user", "user is inactive"), "User is Inactive"
    if user.is_frozen:
        return AUTHENTICATION_FAILURE, "User is Frozen"
    if login.is_over_login_rate(sim, user):
        return RATE_EXCEEDED, "Login Rate Exceeded"
    network = login.network_refusal(org, user, client_ip)
    if network is not None:
        restricted_time = network.code == "LOGIN_DURING_RESTRICTED_TIME"
        return OauthRefusal(
            "invalid_grant", "invalid login hours" if restricted_time else "ip restricted"
        ), network.status
    return None


def is_preauthorised(org: Org, app: ClientApp, user: User) -> bool:
    """Whether a permission set or the profile of the user is on the app's list.

    A permission set bound to the Salesforce API Integration licence cannot hold assigned apps (KB 001453686).
    """
    if org.profiles[user.profile_id].name in app.profile_names:
        return True
    wanted = {name.lower() for name in app.permission_set_names}
    return any(
        permission_set.name.lower() in wanted and permission_set.license != "SalesforceAPIIntegrationPsl"
        for permission_set in org.assigned_permission_sets(user)
    )


def approval_refusal(org: Org, app: ClientApp, user: User) -> OauthRefusal | None:
    """Return why the user is not approved for a flow without approval page, or None."""
    if app.admin_approved:
        return None if is_preauthorised(org, app, user) else NOT_ADMIN_APPROVED
    for grant in org.oauth_grants.values():
        if grant.user_id == user.id and grant.consumer_key == app.consumer_key and not grant.revoked:
            return None
    return NOT_APPROVED


def check_secret(app: ClientApp, fields: dict[str, str], *, required: bool = True) -> None:
    """Compare the client secret.

    Raises:
        RefusedGrant: it is missing or wrong.
    """
    given = fields.get("client_secret", "")
    if not given and not required:
        return
    if not app.consumer_secret or not hmac.compare_digest(given.encode(), app.consumer_secret.encode()):
        raise RefusedGrant(WRONG_SECRET)


def new_grant(sim: Simulator, org: Org, user: User, app: ClientApp, scopes: frozenset[str]) -> OauthGrant:
    """Create a refresh token."""
    grant = OauthGrant(
        id=org.next_id("0CQ"),
        refresh_token=new_refresh_token(sim),
        user_id=user.id,
        consumer_key=app.consumer_key,
        app_name=app.label,
        scopes=scopes,
        created_wall_s=sim.wall_s(org),
        last_used_wall_s=sim.wall_s(org),
    )
    org.oauth_grants[grant.id] = grant
    return grant


def new_refresh_token(sim: Simulator) -> str:
    """Return a refresh token in Salesforce's shape (`5Aep861…`)."""
    return "5Aep861" + "".join(sim.rng.choices(_LETTERS + "._", k=_LEGACY_REFRESH - 7))


def success(
    sim: Simulator,
    org: Org,
    user: User,
    app: ClientApp,
    request: Request,
    *,
    grant_type: str,
    sub_type: str,
    scopes: frozenset[str] | None = None,
    refresh_token: str = "",
) -> Response:
    """Open a session, write Login History and return the token answer."""
    row = login.record_login(
        sim,
        org,
        user,
        request,
        status="Success",
        login_type="Remote Access 2.0",
        login_sub_type=sub_type,
        application=app.label,
    )
    granted = runtime_scopes(app.scopes) if scopes is None else scopes
    token = _jwt_format_token(sim, org, user, app, granted) if app.issues_jwt_tokens else ""
    session = sessions.open_session(
        sim,
        org,
        user,
        origin="oauth",
        login_type="Remote Access 2.0",
        source_ip=request.client_ip,
        app=app,
        consumer_key=app.consumer_key,
        grant_type=grant_type,
        scopes=granted,
        login_history_id=row.id,
        token=token,
        is_jwt_format=bool(token),
    )
    if token:
        sim.remember_token(token, org)
    document = token_answer(sim, org, user, session, request, app)
    if refresh_token:
        document["refresh_token"] = refresh_token
    if grant_type == JWT_BEARER:  # this flow's answer has no signature and no issue time
        document.pop("signature")
        document.pop("issued_at")
    response = json_response(200, document)
    response.headers["Cache-Control"] = "no-cache, no-store"
    return response


def token_answer(  # noqa: PLR0917 - the parts of one answer
    sim: Simulator, org: Org, user: User, session: Session, request: Request, app: ClientApp
) -> dict[str, str]:
    """Return the fields of a successful token answer."""
    identity = identity_url(sim, org, user, request)
    issued_at = str(int(sim.wall_s(org) * 1000))
    key = (app.consumer_secret or "secret").encode()
    signature = hmac.new(key, (identity + issued_at).encode(), hashlib.sha256).digest()
    return {
        "access_token": session.token,
        "signature": base64.b64encode(signature).decode(),
        "scope": scope_text(session.scopes),
        "instance_url": sim.base_url(org, request),
        "id": identity,
        "token_type": "Bearer",
        "issued_at": issued_at,
    }


def identity_url(sim: Simulator, org: Org, user: User, request: Request) -> str:
    """Return the user's identity URL; over a loopback host it stays on loopback."""
    if request.is_loopback_host:
        return f"{sim.base_url(org, request)}/id/{org.id}/{user.id}"
    host = "test.salesforce.com" if org.is_sandbox else "login.salesforce.com"
    return f"https://{host}/id/{org.id}/{user.id}"


def _jwt_format_token(sim: Simulator, org: Org, user: User, app: ClientApp, scopes: frozenset[str]) -> str:
    claims = {
        "iss": f"https://{org.my_domain_host}",
        "sub": f"uid:{user.id}",
        "aud": [f"https://{org.my_domain_host}"],
        "client_id": app.consumer_key,
        "scp": scope_text(scopes - REFRESH),
        "exp": int(sim.wall_s(org) + 1800),
        "jti": "".join(sim.rng.choices(_LETTERS, k=22)),
    }
    # The key matters to nobody: orgs look the token up. HMAC keeps it well formed.
    return jwt.encode(claims, "simulated-org-token-signing-key-not-secret", algorithm="HS256")
