"""The JWT bearer grant (RFC 7523), with the signature really checked against the deployed certificate.

Order of the checks, as the error texts of real orgs suggest: client id, installation, assertion (signature,
expiry, audience), user, scopes, approval, session policy.
"""

from __future__ import annotations

import binascii
import json
from base64 import urlsafe_b64decode
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from orchestrator.simulator import login
from orchestrator.simulator.client_app import ClientApp
from orchestrator.simulator.http import Request, Response
from orchestrator.simulator.oauth import (
    BLOCKED_APP,
    JWT_BEARER,
    NOT_APPROVED,
    NOT_INSTALLED,
    OauthRefusal,
    RefusedGrant,
    approval_refusal,
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

_ALGORITHMS = ["RS256", "RS384", "RS512"]
_LEEWAY_S = 10.0
_MILLISECONDS_FROM = 1e11
_GENERIC_MISS_PROBABILITY = 0.3

INVALID_ASSERTION = OauthRefusal("invalid_grant", "invalid assertion")
EXPIRED_ASSERTION = OauthRefusal("invalid_grant", "expired authorization code")
WRONG_AUDIENCE = OauthRefusal("invalid_grant", "audience is invalid")
NEEDS_REFRESH_SCOPE = OauthRefusal(
    "invalid_request",
    "The JWT bearer and SAML assertion bearer flows require a refresh_token scope. Install and "
    "preauthorize the app.",
)


def exchange(sim: Simulator, org: Org | None, fields: dict[str, str], request: Request) -> Response:
    """Answer a JWT bearer request; `org` is None on login. and test. hosts.

    Raises:
        RefusedGrant: any check failed.
    """
    assertion = fields.get("assertion", "")
    if not assertion:
        raise RefusedGrant(OauthRefusal("invalid_request", "missing required parameter: assertion"))
    claims = _unverified_claims(assertion)
    consumer_key = str(claims.get("iss", ""))
    username = str(claims.get("prn") or claims.get("sub") or "")
    on_generic_host = org is None and not request.is_loopback_host
    if org is None:
        org = _org_of(sim, request, username, consumer_key)
    seen = find_app(org, consumer_key, request.node, sim.now_s()) if org else None
    if org is None or seen is None or seen.stage == "unknown":
        raise RefusedGrant(unknown_client(sim, consumer_key))
    app = seen.facts
    if seen.stage == "not_installed" or (on_generic_host and _is_missed_on_generic_host(sim, org, app)):
        raise RefusedGrant(NOT_INSTALLED)
    user = org.user_by_name(username)
    try:
        _check_assertion(sim, org, app, assertion, claims, request)
        _check_user(sim, org, app, user, request, approved_here=seen.stage == "in_force")
    except RefusedGrant as refused:
        if user is not None:
            _record_failure(sim, org, user, app, request, refused.refusal)
        raise
    assert user is not None  # noqa: S101 - _check_user refused otherwise
    return success(sim, org, user, app, request, grant_type=JWT_BEARER, sub_type="oauthassertion")


def jwt_refusal(sim: Simulator, org: Org, app: ClientApp, user: User, client_ip: str) -> OauthRefusal | None:
    """Return why a well-signed assertion for this user would be refused, or None; counts nothing."""
    if not app.consumer_key or not app.certificate_pem:
        return INVALID_ASSERTION
    return _standing_refusal(sim, org, app, user, client_ip)


def _unverified_claims(assertion: str) -> dict[str, Any]:
    parts = assertion.split(".")
    if len(parts) != 3:  # noqa: PLR2004 - RFC 7515: header, payload, signature
        raise RefusedGrant(INVALID_ASSERTION)
    try:
        claims = json.loads(urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, ValueError):
        raise RefusedGrant(INVALID_ASSERTION) from None
    if not isinstance(claims, dict):
        raise RefusedGrant(INVALID_ASSERTION)
    return claims


def _org_of(sim: Simulator, request: Request, username: str, consumer_key: str) -> Org | None:
    side = None if request.is_loopback_host else request.host_name == "test.salesforce.com"
    found = sim.org_by_username(username, sandbox=side)
    if found is not None:
        return found
    for org in sim.touched_orgs():
        if org.app_by_key(consumer_key) is not None and side in {None, org.is_sandbox}:
            return org
    return None


def _is_missed_on_generic_host(sim: Simulator, org: Org, app: ClientApp) -> bool:
    """External Client Apps are found only now and then from login. and test. (forcedotcom/cli issue 3482)."""
    if app.kind != "external_client_app":
        return False
    if not org.switches.generic_host_serves_external_client_apps:
        return True
    return sim.rng.random() < _GENERIC_MISS_PROBABILITY


@lru_cache(maxsize=4096)
def _public_key(certificate_pem: str) -> RSAPublicKey | None:
    text = certificate_pem.strip()
    if "BEGIN CERTIFICATE" not in text:  # bare base64 is accepted too
        text = f"-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n"
    try:
        key = x509.load_pem_x509_certificate(text.encode()).public_key()
    except ValueError:
        return None
    return key if isinstance(key, RSAPublicKey) else None


def _check_assertion(  # noqa: PLR0917 - the parts of one request
    sim: Simulator, org: Org, app: ClientApp, assertion: str, claims: dict[str, Any], request: Request
) -> None:
    key = _public_key(app.certificate_pem) if app.certificate_pem else None
    if key is None:
        raise RefusedGrant(INVALID_ASSERTION)
    try:
        jwt.api_jws.decode(assertion, key, algorithms=_ALGORITHMS)
    except jwt.PyJWTError:
        raise RefusedGrant(INVALID_ASSERTION) from None
    expires_s = _seconds(claims.get("exp"))
    if expires_s is None:
        raise RefusedGrant(INVALID_ASSERTION)
    if expires_s < sim.wall_s(org) - _LEEWAY_S:
        raise RefusedGrant(EXPIRED_ASSERTION)
    named = claims.get("aud")
    audiences = named if isinstance(named, list) else [named]
    accepted = _audiences(sim, org, request)
    if not any(str(audience).rstrip("/").lower() in accepted for audience in audiences):
        raise RefusedGrant(WRONG_AUDIENCE)


def _seconds(exp: object) -> float | None:
    """Read `exp`: seconds, milliseconds (the Salesforce CLI) or a string (simple-salesforce)."""
    try:
        value = float(exp)  # type: ignore[arg-type]  # anything else is caught below
    except (TypeError, ValueError):
        return None
    return value / 1000 if value > _MILLISECONDS_FROM else value


def _audiences(sim: Simulator, org: Org, request: Request) -> set[str]:
    generic = "https://test.salesforce.com" if org.is_sandbox else "https://login.salesforce.com"
    return {generic, f"https://{org.my_domain_host}", sim.base_url(org, request)}


def _check_user(
    sim: Simulator, org: Org, app: ClientApp, user: User | None, request: Request, *, approved_here: bool
) -> None:
    if user is None:
        raise RefusedGrant(NOT_APPROVED)
    refusal = _standing_refusal(sim, org, app, user, request.client_ip)
    if refusal is not None:
        raise RefusedGrant(refusal)
    if not approved_here:
        raise RefusedGrant(NOT_APPROVED)


def _standing_refusal(
    sim: Simulator, org: Org, app: ClientApp, user: User, client_ip: str
) -> OauthRefusal | None:
    refused = user_refusal(sim, org, user, client_ip)
    if refused is not None:
        return refused[0]
    if not app.enabled or not app.oauth_plugin_enabled:
        return BLOCKED_APP
    scopes = runtime_scopes(app.scopes)
    if not scopes & REFRESH or not scopes - REFRESH:
        return NEEDS_REFRESH_SCOPE
    not_approved = approval_refusal(org, app, user)
    if not_approved is not None:
        return not_approved
    if app.required_session_level.upper() == "HIGH_ASSURANCE" and app.policy_action.lower() in {"", "block"}:
        return OauthRefusal("invalid_session_level", "high assurance session required")
    return None


def _record_failure(  # noqa: PLR0917 - the parts of one request
    sim: Simulator, org: Org, user: User, app: ClientApp, request: Request, refusal: OauthRefusal
) -> None:
    refused = user_refusal(sim, org, user, request.client_ip)
    status = refused[1] if refused is not None and refused[0] is refusal else f"Failed: {refusal.description}"
    login.record_login(
        sim,
        org,
        user,
        request,
        status=status[:120],
        login_type="Remote Access 2.0",
        login_sub_type="oauthassertion",
        application=app.label,
    )
