"""The truth inside an org, as an outside observer without a login could never see it."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from orchestrator.simulator import login, propagation
from orchestrator.simulator.client_app import ClientApp
from orchestrator.simulator.clock import rest_timestamp
from orchestrator.simulator.jwt_bearer import jwt_refusal
from orchestrator.simulator.org import Org
from orchestrator.simulator.permissions import SSO_PERMISSION
from orchestrator.simulator.users import User

if TYPE_CHECKING:
    from orchestrator.simulator.simulation import Simulator

_LOCAL = "127.0.0.1"


def org_truth(sim: Simulator, org: Org) -> dict[str, Any]:
    """Return the facts of an org as JSON values; no secret is among them."""
    seed = sim.seed_of(org)
    users = {user.username: _user(sim, org, user) for user in org.users.values()}
    admin = org.user_by_name(seed.username)
    integration = org.user_by_name(seed.integration_username)
    operations = Counter(row.operation for row in org.requests)
    return {
        "name": seed.name,
        "org_id": org.id,
        "my_domain_host": org.my_domain_host,
        "profile": org.profile_name,
        "is_sandbox": org.is_sandbox,
        "password_works": bool(admin and users[admin.username]["password_works"]),
        "jwt_works": bool(
            integration and any(_jwt_works(sim, org, app, integration) for app in org.apps.values())
        ),
        "apps": [_app(sim, org, app) for app in org.apps.values()],
        "users": users,
        "locks": _locks(sim, org),
        "settings": org.settings,
        "switches": {
            "soap_login_enabled": org.switches.soap_login_enabled,
            "any_api_auth_enforced": org.switches.any_api_auth_enforced,
            "api_access_control": org.setting_is_on("ConnectedAppSettings", "enableAdminApprovedAppsOnly"),
            "connected_app_creation_allowed": org.switches.connected_app_creation_allowed,
            "is_read_only": org.is_read_only,
            "in_maintenance": org.switches.in_maintenance,
        },
        "components": sorted(f"{type_name}:{full_name}" for type_name, full_name in org.components),
        "login_history": [
            {
                "login_time": rest_timestamp(row.login_wall_s),
                "username": org.users[row.user_id].username,
                "status": row.status,
                "login_type": row.login_type,
                "login_sub_type": row.login_sub_type,
                "application": row.application,
            }
            for row in org.login_history
        ],
        "setup_audit_trail": [
            {"action": row.action, "display": row.display} for row in org.setup_audit_trail
        ],
        "counts": {
            "requests": len(org.requests),
            "operations": dict(operations),
            "api_calls": org.api_calls,
            "deploys": org.deploys_started,
            "apps": len(org.apps),
            "apps_created": org.apps_created,
            "password_changes": sum(user.password_changes for user in org.users.values()),
            "live_sessions": sum(session.expires_s > sim.now_s() for session in org.sessions.values()),
            "permission_set_assignments": len(org.assignments),
        },
    }


def _user(sim: Simulator, org: Org, user: User) -> dict[str, Any]:
    known = sim.seed_of(org).password if user.username == sim.seed_of(org).username else ""
    mechanisms = password_mechanisms(sim, org, user, known) if known else {}
    return {
        "id": user.id,
        "profile": org.profiles[user.profile_id].name,
        "is_active": user.is_active,
        "is_frozen": user.is_frozen,
        "is_locked": login.is_locked(sim, user),
        "failed_attempts": user.failed_attempts,
        "has_password": user.password_hash is not None,
        "password_is_original": user.password_hash is not None
        and user.password_hash == user.original_password_hash,
        "password_works": "works" in {mechanisms.get("soap_login"), mechanisms.get("oauth_password")},
        "password_mechanisms": mechanisms,
        "password_changes": user.password_changes,
        "permissions": sorted(org.permissions_of(user)),
        "permission_sets": sorted(each.name for each in org.assigned_permission_sets(user)),
        "logins_last_hour": len(user.login_times_s),
        "live_sessions": [
            {"origin": session.origin, "app": session.app_name, "grant_type": session.grant_type}
            for session in org.sessions.values()
            if session.user_id == user.id and session.expires_s > sim.now_s()
        ],
    }


def password_mechanisms(sim: Simulator, org: Org, user: User, password: str) -> dict[str, str]:
    """Return, per way to log in by password, `works` or why not; nothing is counted as an attempt."""
    over_soap = login.judge_password(sim, org, user, password, _LOCAL, over_soap=True)
    soap = "works" if over_soap is None else f"{over_soap.code} ({over_soap.status or over_soap.message})"
    if not org.switches.soap_login_enabled:
        soap = "INVALID_OPERATION (SOAP API login() is disabled)"
    over_oauth = login.judge_password(sim, org, user, password, _LOCAL, over_soap=False)
    if org.setting_is_on("OauthOidcSettings", "blockOAuthUnPwFlow"):
        oauth = "Username-Password Flow Disabled"
    elif not any(app.kind == "connected_app" and app.consumer_secret for app in org.apps.values()):
        oauth = "no connected app that could use the flow"
    else:
        oauth = "works" if over_oauth is None else f"{over_oauth.code} ({over_oauth.status})"
    return {"soap_login": soap, "oauth_password": oauth, "ui": _ui(sim, org, user, password)}


def _ui(sim: Simulator, org: Org, user: User, password: str) -> str:
    permissions = org.permissions_of(user)
    if "ApiUserOnly" in permissions:
        return "API only user"
    sso_only = org.setting_is_on(
        "SecuritySettings", "singleSignOnSettings", "isLoginWithSalesforceCredentialsDisabled"
    )
    if SSO_PERMISSION in permissions and sso_only:
        return "single sign-on only"
    state = login.user_state_refusal(sim, org, user)
    if state is not None:
        return state.status
    if login.is_locked(sim, user):
        return "Password Lockout"
    return "works" if user.password_matches(password) else "Invalid Password"


def _jwt_works(sim: Simulator, org: Org, app: ClientApp, user: User) -> bool:
    return jwt_refusal(sim, org, app, user, _LOCAL) is None and sim.now_s() >= propagation.converged_s(app)


def _app(sim: Simulator, org: Org, app: ClientApp) -> dict[str, Any]:
    refusals = {}
    for user in org.users.values():
        refusal = jwt_refusal(sim, org, app, user, _LOCAL)
        refusals[user.username] = "works" if refusal is None else f"{refusal.code}: {refusal.description}"
    now_s = sim.now_s()
    return {
        "kind": app.kind,
        "name": app.name,
        "label": app.label,
        "app_id": app.app_id,
        "consumer_key": app.consumer_key,
        "certificate_sha256": _fingerprint(app.certificate_pem),
        "scopes": sorted(app.scopes),
        "admin_approved": app.admin_approved,
        "permission_sets": sorted(app.permission_set_names),
        "profiles": sorted(app.profile_names),
        "enabled": app.enabled and app.oauth_plugin_enabled,
        "nodes": org.switches.propagation.nodes,
        "nodes_ready": propagation.nodes_ready(app, now_s)
        if app.versions
        else org.switches.propagation.nodes,
        "converged_in_s": max(0.0, propagation.converged_s(app) - now_s),
        "jwt": refusals,
    }


def _fingerprint(certificate_pem: str | None) -> str | None:
    if not certificate_pem:
        return None
    try:
        return x509.load_pem_x509_certificate(certificate_pem.encode()).fingerprint(hashes.SHA256()).hex()
    except ValueError:
        return hashlib.sha256(certificate_pem.encode()).hexdigest()


def _locks(sim: Simulator, org: Org) -> dict[str, Any]:
    """Return which mechanisms hold a password back, org-wide and per user."""
    holders = [
        user.username
        for user in org.users.values()
        if user.is_active and SSO_PERMISSION in org.permissions_of(user)
    ]
    return {
        "password_flow_blocked": org.setting_is_on("OauthOidcSettings", "blockOAuthUnPwFlow"),
        "user_agent_flow_blocked": org.setting_is_on("OauthOidcSettings", "blockOAuthUsrAgtFlow"),
        "soap_login_disabled": not org.switches.soap_login_enabled,
        "credentials_login_disabled_for_sso_users": org.setting_is_on(
            "SecuritySettings", "singleSignOnSettings", "isLoginWithSalesforceCredentialsDisabled"
        ),
        "api_login_requires_my_domain": org.setting_is_on("MyDomainSettings", "doesApiLoginRequireOrgDomain"),
        "sso_users": holders,
        "frozen_users": [user.username for user in org.users.values() if user.is_frozen],
        "inactive_users": [user.username for user in org.users.values() if not user.is_active],
        "locked_out_users": [user.username for user in org.users.values() if login.is_locked(sim, user)],
    }
