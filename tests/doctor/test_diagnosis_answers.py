"""Every documented answer of the token endpoint and of login() has its cause."""

from __future__ import annotations

from dataclasses import replace

import pytest
from known_findings import BLIND, token

from orchestrator.salesforce.diagnosis import diagnose
from orchestrator.salesforce.diagnosis_findings import refused

# Rows of the token endpoint's errors, as documented and as seen: what the answer alone means.
TOKEN_ANSWERS = [
    ("invalid_client_id", "client identifier invalid", "client_id_unknown", "likely"),
    ("app_not_found", "External client app is not installed in this org", "app_not_found", "likely"),
    ("invalid_client", "app must be installed into org", "app_not_installed", "certain"),
    ("invalid_client", "invalid client credentials", "client_credentials_invalid", "certain"),
    ("invalid_grant", "user hasn't approved this consumer", "user_not_approved", "likely"),
    ("invalid_grant", "user hasn\u2019t approved this consumer", "user_not_approved", "likely"),
    ("invalid_app_access", "user is not admin approved to access this app", "app_not_approved", "likely"),
    ("invalid_grant", "invalid assertion", "assertion_invalid", "likely"),
    ("invalid_grant", "Failed: : Couldn't validate jwt token.", "assertion_invalid", "likely"),
    ("invalid_grant", "invalid signature", "assertion_invalid", "likely"),
    ("invalid_grant", "audience is invalid", "audience_invalid", "certain"),
    ("invalid_grant", "Audience validation failed", "audience_invalid", "certain"),
    ("invalid_grant", "expired authorization code", "assertion_expired", "likely"),
    ("invalid_grant", "authentication failure", "login_refused", "likely"),
    ("invalid_grant", "ip restricted", "login_ip_restricted", "certain"),
    ("invalid_grant", "invalid login hours", "login_hours_restricted", "certain"),
    ("inactive_user", "user is inactive", "user_inactive", "certain"),
    ("inactive_org", "org locked, closed, or suspended", "org_inactive", "certain"),
    ("rate_limit_exceeded", "number of logins exceeded", "login_rate", "certain"),
    (
        "invalid_request",
        "The JWT bearer and SAML assertion bearer flows require a refresh_token scope.",
        "refresh_token_scope_missing",
        "certain",
    ),
    ("invalid_scope", "requested scope is invalid, unknown, or malformed", "scope_invalid", "certain"),
    ("unsupported_grant_type", "grant type not supported", "grant_unsupported", "certain"),
    ("invalid_grant", "no client credentials user enabled", "client_credentials_user_missing", "certain"),
    ("invalid_session_level", "high assurance required", "session_level", "certain"),
    ("ecapp_policy_not_found", "", "policy_missing", "likely"),
    ("oauth_policy_not_found", "", "policy_missing", "likely"),
    ("oauth_flow_disabled", "", "flow_disabled", "certain"),
    ("app_blocked", "this app is blocked by admin", "app_blocked", "certain"),
    ("fail_close_app_blocked", "", "app_blocked", "certain"),
    ("server_error", "", "server_trouble", "likely"),
    ("service_unavailable", "", "server_trouble", "likely"),
    ("system_down", "", "server_trouble", "likely"),
    ("unknown_error", "", "server_trouble", "likely"),
    ("slow_down", "", "server_trouble", "likely"),
    ("never_heard_of", "", "answer_unknown", "likely"),
]


@pytest.mark.parametrize(("code", "text", "cause", "confidence"), TOKEN_ANSWERS)
def test_an_answer_of_the_token_endpoint_has_a_cause_when_nobody_can_look(code, text, cause, confidence):
    found = diagnose(replace(BLIND, token=token(code, text)))
    assert (found.cause.cause.code, found.cause.confidence) == (cause, confidence)
    assert text in found.cause.evidence[0]
    assert code in found.cause.evidence[0]
    assert found.cause.cause.fix


# Rows of the exception codes of SOAP login().
LOGIN_ANSWERS = [
    ("INVALID_LOGIN", "Invalid username, password, security token; or user locked out.", "login_invalid"),
    ("LOGIN_MUST_USE_SECURITY_TOKEN", "", "login_needs_security_token"),
    (
        "INVALID_OPERATION",
        "SOAP API login() is disabled by default in this org. Contact the org administrator.",
        "soap_login_disabled",
    ),
    (
        "INSUFFICIENT_ACCESS",
        "SOAP API login() requires the Use Any API Auth user permission.",
        "any_api_auth_required",
    ),
    ("INVALID_OPERATION_WITH_EXPIRED_PASSWORD", "", "password_expired"),
    ("API_DISABLED_FOR_ORG", "", "api_disabled"),
    ("API_CURRENTLY_DISABLED", "", "api_down"),
    (
        "LOGIN_DURING_RESTRICTED_DOMAIN",
        "User is not allowed to login from this IP address",
        "login_ip_restricted",
    ),
    ("LOGIN_DURING_RESTRICTED_TIME", "", "login_hours_restricted"),
    ("PASSWORD_LOCKOUT", "", "password_locked_out"),
    ("ORG_LOCKED", "", "org_locked"),
    ("ORG_ADMIN_LOCKED", "", "org_locked"),
    ("ORG_IN_MAINTENANCE", "", "org_in_maintenance"),
    ("SERVER_UNAVAILABLE", "", "server_trouble"),
    ("ORG_NOT_OWNED_BY_INSTANCE", "", "org_moved_instance"),
    ("TRIAL_EXPIRED", "", "trial_expired"),
    ("INVALID_SSO_GATEWAY_URL", "", "sso_gateway_missing"),
    ("SSO_SERVICE_DOWN", "", "sso_gateway_down"),
    ("UNSUPPORTED_API_VERSION", "", "api_version_unsupported"),
    ("UNSUPPORTED_CLIENT", "", "client_refused"),
    ("CLIENT_NOT_ACCESSIBLE_FOR_USER", "", "client_refused"),
    ("CLIENT_REQUIRE_UPDATE_FOR_USER", "", "client_refused"),
    ("INVALID_CLIENT", "", "client_refused"),
    ("REQUEST_LIMIT_EXCEEDED", "", "request_limit"),
    ("INACTIVE_OWNER_OR_USER", "", "user_inactive"),
    ("LOGIN_CHALLENGE_ISSUED", "", "identity_challenge"),
    ("FUNCTIONALITY_NOT_ENABLED", "", "functionality_missing"),
    ("MUTUAL_AUTHENTICATION_FAILED", "", "mutual_tls_required"),
    ("TXN_SECURITY_NO_ACCESS", "", "transaction_security_blocked"),
    ("PORTAL_NO_ACCESS", "", "user_type_refused"),
]


@pytest.mark.parametrize(("code", "text", "cause"), LOGIN_ANSWERS)
def test_an_answer_of_login_is_the_cause_where_there_is_no_credential_yet(code, text, cause):
    answer = refused("soap_login", code, text, "login() of admin@acme.example")
    found = diagnose(replace(BLIND, has_credential=False, proven_host="", days_left=None, login=answer))
    assert found.cause.cause.code == cause
    assert any("the vault holds no credential" in line for line in found.cause.evidence)
