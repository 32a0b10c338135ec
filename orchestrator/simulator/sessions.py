"""Sessions: opaque tokens with an idle timeout, and what refuses them.

Defaults: two hours idle (`SecuritySettings.sessionSettings.sessionTimeout`), an app policy may shorten it.
"""

from __future__ import annotations

import string
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.simulator.client_app import ClientApp
from orchestrator.simulator.org import Org
from orchestrator.simulator.records import Session
from orchestrator.simulator.users import User

if TYPE_CHECKING:
    from orchestrator.simulator.simulation import Simulator

_TOKEN_ALPHABET = string.ascii_letters + string.digits + "._"
_TIMEOUT_S = {
    "FifteenMinutes": 900,
    "ThirtyMinutes": 1800,
    "SixtyMinutes": 3600,
    "TwoHours": 7200,
    "FourHours": 14400,
    "EightHours": 28800,
    "TwelveHours": 43200,
    "TwentyFourHours": 86400,
}
SESSIONS_KEPT_PER_ORG = 500


@dataclass(frozen=True)
class SessionRefusal:
    """Why a token is not accepted: HTTP status for REST, exception code and message for both APIs."""

    status: int
    code: str
    message: str


EXPIRED = SessionRefusal(401, "INVALID_SESSION_ID", "Session expired or invalid")
NOT_FOR_API = SessionRefusal(403, "INVALID_SESSION_ID", "This session is not valid for use with the API")
API_DISABLED = SessionRefusal(
    403, "API_DISABLED_FOR_ORG", "The REST API is not enabled for this Organization."
)
EXPIRED_PASSWORD = SessionRefusal(
    403,
    "INVALID_OPERATION_WITH_EXPIRED_PASSWORD",
    "The users password has expired, you must call SetPassword before attempting any other API operations",
)


def new_token(sim: Simulator, org: Org) -> str:
    """Return a fresh session token in Salesforce's shape, `00D…!…`."""
    return f"{org.id15}!AQ" + "".join(sim.rng.choices(_TOKEN_ALPHABET, k=94))


def timeout_s(org: Org, app: ClientApp | None = None) -> float:
    """Return the idle timeout that applies, in seconds of org time."""
    if app is not None and app.session_timeout_minutes:
        return app.session_timeout_minutes * 60.0
    word = org.setting("SecuritySettings", "sessionSettings", "sessionTimeout", default="TwoHours")
    return float(_TIMEOUT_S.get(word, 7200))


def open_session(
    sim: Simulator,
    org: Org,
    user: User,
    *,
    origin: str,
    login_type: str,
    source_ip: str = "127.0.0.1",
    app: ClientApp | None = None,
    consumer_key: str = "",
    app_name: str = "",
    grant_type: str = "",
    scopes: frozenset[str] = frozenset(),
    password_expired: bool = False,
    login_history_id: str = "",
    token: str = "",
    is_jwt_format: bool = False,
) -> Session:
    """Open a session and return it; the oldest sessions go when an org holds too many."""
    idle_s = timeout_s(org, app)
    session = Session(
        id=org.next_id("0Ak"),
        token=token or new_token(sim, org),
        user_id=user.id,
        origin=origin,
        login_type=login_type,
        created_wall_s=sim.wall_s(org),
        timeout_s=idle_s,
        expires_s=sim.now_s() + idle_s,
        app_name=app_name or (app.label if app else ""),
        consumer_key=consumer_key,
        grant_type=grant_type,
        scopes=scopes,
        password_expired=password_expired,
        is_jwt_format=is_jwt_format,
        source_ip=source_ip,
        login_history_id=login_history_id,
    )
    org.sessions[session.token] = session
    while len(org.sessions) > SESSIONS_KEPT_PER_ORG:
        del org.sessions[next(iter(org.sessions))]
    return session


def find_session(sim: Simulator, org: Org, token: str) -> Session | None:
    """Return the live session of a token and push its idle timeout, or None if it is over or unknown."""
    session = org.sessions.get(token)
    if session is None:
        return None
    now_s = sim.now_s()
    user = org.users.get(session.user_id)
    if now_s >= session.expires_s or user is None or not user.is_active:
        del org.sessions[token]
        return None
    session.expires_s = now_s + session.timeout_s
    org.current_session_id = session.id
    return session


def api_refusal(org: Org, session: Session) -> SessionRefusal | None:
    """Return why a live session may not call the API (any API: REST, SOAP, metadata), or None.

    Under API Access Control only admin-approved apps, External Client Apps and users with "Use Any API
    Client" pass.
    """
    user = org.users[session.user_id]
    permissions = org.permissions_of(user)
    if session.password_expired:
        return EXPIRED_PASSWORD
    if "ApiEnabled" not in permissions:
        return API_DISABLED
    scopes = session.scopes
    if session.origin == "oauth" and scopes and not scopes & {"api", "full", "web", "sfap_api"}:
        return NOT_FOR_API
    controlled = org.setting_is_on("ConnectedAppSettings", "enableAdminApprovedAppsOnly")
    if controlled and "UseAnyApiClient" not in permissions:
        app = org.app_by_key(session.consumer_key)
        if app is None or (app.kind == "connected_app" and not app.admin_approved):
            return NOT_FOR_API
    return None


def close(org: Org, token: str) -> bool:
    """End one session; return whether it existed."""
    return org.sessions.pop(token, None) is not None


def close_all_of(org: Org, user_id: str, *, keep: str = "") -> int:
    """End every session of a user but the one with token `keep`; return how many ended."""
    doomed = [
        token for token, session in org.sessions.items() if session.user_id == user_id and token != keep
    ]
    for token in doomed:
        del org.sessions[token]
    return len(doomed)
