"""Every row of the tables of answers, one case each, as Salesforce words it."""

from __future__ import annotations

import pytest
from package_answers import PACKAGE_CASES

from orchestrator.catalogue import FAULTS
from orchestrator.errors import Defect, Disposition
from orchestrator.salesforce.answers import TABLES, classify, classify_token, matching_row

CASES = [
    # surface, code, message, fault
    *PACKAGE_CASES,
    ("token", "invalid_client_id", "client identifier invalid", "client_id_unknown"),
    ("token", "invalid_client", "client identifier invalid", "client_id_unknown"),
    ("token", "app_not_found", "", "app_not_found"),
    ("token", "invalid_client", "External client app is not installed in this org", "app_not_found"),
    ("token", "invalid_client", "app must be installed into org", "app_not_installed"),
    ("token", "installation_error", "", "app_not_installed"),
    ("token", "invalid_client", "this app is blocked by admin", "app_blocked"),
    ("token", "app_blocked", "", "app_blocked"),
    ("token", "fail_close_app_blocked", "", "app_blocked"),
    ("token", "OAUTH_APP_BLOCKED", "", "app_blocked"),
    ("token", "ecapp_policy_not_found", "", "policy_missing"),
    ("token", "oauth_policy_not_found", "", "policy_missing"),
    ("token", "invalid_distribution_state", "", "app_state_invalid"),
    ("token", "oauth_flow_disabled", "", "flow_disabled"),
    ("token", "invalid_grant", "user hasn't approved this consumer", "user_not_approved"),
    ("token", "invalid_grant", "user hasn\u2019t approved this consumer", "user_not_approved"),
    ("token", "invalid_grant", "user is not admin approved to access this app", "app_not_approved"),
    ("token", "invalid_app_access", "", "app_not_approved"),
    ("token", "inactive_user", "user is inactive", "user_inactive"),
    ("token", "invalid_grant", "inactive user", "user_inactive"),
    ("token", "inactive_org", "", "org_inactive"),
    ("token", "invalid_grant", "organization is suspended", "org_inactive"),
    ("token", "invalid_grant", "no client credentials user enabled", "client_credentials_user_missing"),
    ("token", "invalid_grant", "audience is invalid", "audience_invalid"),
    ("token", "invalid_grant", "Audience validation failed", "audience_invalid"),
    ("token", "invalid_grant", "expired authorization code", "assertion_expired"),
    ("token", "invalid_grant", "invalid assertion", "assertion_invalid"),
    ("token", "invalid_grant", "Failed: : Couldn\u2019t validate jwt token.", "assertion_invalid"),
    ("token", "invalid_grant", "invalid signature", "assertion_invalid"),
    ("token", "bad_jti_claim", "", "assertion_replayed"),
    ("token", "invalid_grant", "ip restricted", "login_ip_restricted"),
    ("token", "invalid_grant", "invalid login hours", "login_hours_restricted"),
    ("token", "invalid_session_level", "", "session_level"),
    ("token", "invalid_grant", "high assurance required", "session_level"),
    ("token", "rate_limit_exceeded", "", "login_rate"),
    ("token", "invalid_grant", "number of logins exceeded", "login_rate"),
    ("token", "invalid_grant", "authentication failure", "login_refused"),
    ("token", "login_error", "", "login_refused"),
    (
        "token",
        "invalid_request",
        "The JWT bearer and SAML assertion bearer flows require a refresh_token scope. Install the app.",
        "refresh_token_scope_missing",
    ),
    ("token", "invalid_scope", "requested scope is invalid, unknown, or malformed", "scope_invalid"),
    ("token", "unsupported_grant_type", "grant type not supported", "grant_unsupported"),
    ("token", "invalid_grant", "expired access/refresh token", "refresh_token_invalid"),
    ("token", "invalid_grant", "invalid authorization code", "refresh_token_invalid"),
    ("token", "invalid_client", "invalid client credentials", "client_credentials_invalid"),
    ("token", "invalid_token", "", "session_expired"),
    ("token", "", "Bad_OAuth_Token", "session_expired"),
    ("token", "authorization_pending", "", "authorization_pending"),
    ("token", "access_denied", "end-user denied authorization", "authorization_denied"),
    ("token", "OAUTH_APPROVAL_ERROR_GENERIC", "", "authorization_denied"),
    ("token", "OAUTH_EC_APP_NOT_FOUND", "", "app_not_found"),
    ("token", "redirect_uri_missing", "", "callback_mismatch"),
    ("token", "redirect_uri_mismatch", "", "callback_mismatch"),
    ("token", "invalid_assertion_type", "", "request_malformed"),
    ("token", "invalid_basic_auth_header", "", "request_malformed"),
    ("token", "invalid_request", "missing required parameter", "request_malformed"),
    ("token", "unsupported_response_type", "", "request_malformed"),
    ("token", "unsupported_token_type", "", "request_malformed"),
    ("token", "server_error", "", "server_trouble"),
    ("token", "service_unavailable", "", "server_trouble"),
    ("token", "system_down", "", "server_trouble"),
    ("token", "unknown_error", "retry your request", "server_trouble"),
    ("token", "slow_down", "", "server_trouble"),
    ("token", "temporarily_unavailable", "", "server_trouble"),
    ("token", "app_attest_failed", "", "flow_unexpected"),
    ("token", "app_attest_failed_retry", "", "flow_unexpected"),
    ("token", "immediate_unsuccessful", "", "flow_unexpected"),
    ("token", "exceeded_registration_limit", "", "flow_unexpected"),
    ("token", "failed_registration", "", "flow_unexpected"),
    ("token", "registration_error", "", "flow_unexpected"),
    ("token", "invalid_dpop_proof", "", "flow_unexpected"),
    ("token", "use_dpop_nonce", "", "flow_unexpected"),
    ("token", "invalid_expid", "", "flow_unexpected"),
    ("token", "unsupported_expid", "", "flow_unexpected"),
    ("token", "invalid_otp", "", "flow_unexpected"),
    ("token", "otp_error", "", "flow_unexpected"),
    (
        "soap_login",
        "INVALID_OPERATION",
        "SOAP API login() is disabled by default in this org. Contact the org administrator.",
        "soap_login_disabled",
    ),
    (
        "soap_login",
        "INSUFFICIENT_ACCESS",
        "SOAP API login() requires the Use Any API Auth user permission.",
        "any_api_auth_required",
    ),
    ("soap_login", "INVALID_OPERATION_WITH_EXPIRED_PASSWORD", "", "password_expired"),
    ("soap_login", "LOGIN_MUST_USE_SECURITY_TOKEN", "", "login_needs_security_token"),
    ("soap_login", "sf:INVALID_LOGIN", "Invalid username, password, security token", "login_invalid"),
    ("soap_login", "PASSWORD_LOCKOUT", "", "password_locked_out"),
    (
        "soap_login",
        "LOGIN_DURING_RESTRICTED_DOMAIN",
        "log in with your My Domain login URL",
        "login_domain_restricted",
    ),
    ("soap_login", "LOGIN_DURING_RESTRICTED_DOMAIN", "", "login_ip_restricted"),
    ("soap_login", "LOGIN_DURING_RESTRICTED_TIME", "", "login_hours_restricted"),
    ("soap_login", "LOGIN_CHALLENGE_ISSUED", "", "identity_challenge"),
    ("soap_login", "LOGIN_CHALLENGE_PENDING", "", "identity_challenge"),
    ("soap_login", "TXN_SECURITY_TWO_FA_REQUIRED", "", "identity_challenge"),
    ("soap_login", "TXN_SECURITY_END_A_SESSION", "", "transaction_security_blocked"),
    ("soap_login", "TXN_SECURITY_NO_ACCESS", "", "transaction_security_blocked"),
    ("soap_login", "TXN_SECURITY_METERING_ERROR", "", "transaction_security_blocked"),
    ("soap_login", "TXN_SECURITY_FAIL_CLOSE", "", "transaction_security_blocked"),
    ("soap_login", "INVALID_SSO_GATEWAY_URL", "", "sso_gateway_missing"),
    ("soap_login", "SSO_SERVICE_DOWN", "", "sso_gateway_down"),
    ("soap_login", "API_DISABLED_FOR_ORG", "", "api_disabled"),
    ("soap_login", "API_CURRENTLY_DISABLED", "", "api_down"),
    ("soap_login", "ORG_LOCKED", "", "org_locked"),
    ("soap_login", "ORG_ADMIN_LOCKED", "", "org_locked"),
    ("soap_login", "ORG_IN_MAINTENANCE", "", "org_in_maintenance"),
    ("soap_login", "ORG_NOT_OWNED_BY_INSTANCE", "", "org_moved_instance"),
    ("soap_login", "ORG_IS_SIGNING_UP", "", "org_not_ready"),
    ("soap_login", "ORG_IS_DOT_ORG", "", "login_refused"),
    ("soap_login", "TRIAL_EXPIRED", "", "trial_expired"),
    ("soap_login", "INACTIVE_OWNER_OR_USER", "", "user_inactive"),
    ("soap_login", "PORTAL_NO_ACCESS", "", "user_type_refused"),
    ("soap_login", "MUTUAL_AUTHENTICATION_FAILED", "", "mutual_tls_required"),
    ("soap_login", "UNSUPPORTED_API_VERSION", "", "api_version_unsupported"),
    ("soap_login", "UNSUPPORTED_CLIENT", "", "client_refused"),
    ("soap_login", "INVALID_CLIENT", "", "client_refused"),
    ("soap_login", "CLIENT_NOT_ACCESSIBLE_FOR_USER", "", "client_refused"),
    ("soap_login", "CLIENT_REQUIRE_UPDATE_FOR_USER", "", "client_refused"),
    ("soap_login", "FUNCTIONALITY_NOT_ENABLED", "", "functionality_missing"),
    ("soap_login", "REQUEST_LIMIT_EXCEEDED", "", "request_limit"),
    ("soap_login", "INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE", "", "read_only"),
    ("soap_login", "SERVER_UNAVAILABLE", "", "server_trouble"),
    ("soap_login", "INVALID_SOAP_HEADER", "", "request_malformed"),
    (
        "soap_login",
        "INVALID_SESSION_ID",
        "This session is not valid for use with the API",
        "session_not_valid_for_api",
    ),
    ("soap_login", "INVALID_SESSION_ID", "Invalid Session ID found in SessionHeader", "session_expired"),
    ("soap_login", "INSUFFICIENT_ACCESS", "something else", "permission_missing"),
    ("soap", "INVALID_OPERATION", "You can't create a connected app.", "connected_app_creation_blocked"),
    ("soap", "DUPLICATE_VALUE", "", "app_exists"),
    ("soap", "DUPLICATE_DEVELOPER_NAME", "", "app_exists"),
    ("soap", "INVALID_CROSS_REFERENCE_KEY", "", "cross_reference_missing"),
    ("soap", "INVALID_TYPE", "", "functionality_missing"),
    ("soap", "INVALID_ID_FIELD", "", "deploy_unknown"),
    ("soap", "UNKNOWN", "no DeployResult found for this id", "deploy_unknown"),
    ("soap", "ALREADY_IN_PROCESS", "", "deploy_in_progress"),
    ("soap", "LIMIT_EXCEEDED", "Maximum size of zip file exceeded", "deploy_too_large"),
    (
        "deploy",
        "Error",
        "You can\u2019t create a connected app. To enable connected app creation, contact Support.",
        "connected_app_creation_blocked",
    ),
    ("deploy", "Error", "The consumer key is already taken.", "consumer_key_taken"),
    ("deploy", "Error", "You cannot provide a Consumer Key", "consumer_key_on_update"),
    ("deploy", "DUPLICATE_VALUE", "", "app_exists"),
    ("deploy", "Error", "An app with that name already exists", "app_exists"),
    ("deploy", "Error", "This name is already in use", "app_exists"),
    (
        "deploy",
        "Error",
        "Enter a valid execution user for the OAuth client credentials flow.",
        "execution_user_invalid",
    ),
    (
        "deploy",
        "Error",
        "Element {http://soap.sforce.com/2006/04/metadata}x invalid at this location in type Y",
        "element_invalid",
    ),
    ("deploy", "Error", "Property x not valid in version 64.0", "element_invalid"),
    ("deploy", "INVALID_CROSS_REFERENCE_KEY", "", "cross_reference_missing"),
    (
        "deploy",
        "Error",
        "In field: permissionSet - no PermissionSet named Acme_JWT_Access found",
        "cross_reference_missing",
    ),
    ("deploy", "Error", "This feature is not currently enabled", "consumer_secret_access_off"),
    (
        "deploy",
        "Error",
        "You need View External Client Apps Consumer Secrets in Metadata",
        "consumer_secret_access_off",
    ),
    ("deploy", "Warning", "The consumer key is going to rotate", "warning_refused"),
    ("deploy", "Error", "Set ignoreWarnings to rotate the consumer key", "warning_refused"),
    ("deploy", "Error", "OAuth scope api is not valid. Valid scopes: Api, Web", "scope_invalid"),
    ("deploy", "Error", "Invalid value api for OAuth scopes", "scope_invalid"),
    ("deploy", "Error", "Permission X depends on permission(s): Y", "permission_dependency"),
    ("deploy", "Error", "The certificate could not be parsed", "certificate_refused"),
    ("deploy", "Error", "insufficient access rights on cross-reference id", "permission_missing"),
    ("deploy", "UNABLE_TO_LOCK_ROW", "", "row_locked"),
    ("deploy", "Error", "UNABLE_TO_LOCK_ROW: unable to obtain exclusive access", "row_locked"),
    ("deploy", "ALREADY_IN_PROCESS", "", "deploy_in_progress"),
    ("deploy", "LIMIT_EXCEEDED", "", "deploy_too_large"),
    ("deploy", "Canceled", "", "deploy_canceled"),
    ("deploy", "FinalizingDeployFailed", "", "deploy_finalizing_failed"),
    ("deploy", "SucceededPartial", "", "deploy_partial"),
    ("deploy", "Failed", "", "deploy_failed"),
    ("deploy", "Error", "something nobody has seen", "deploy_component_failed"),
    ("rest", "INVALID_OPERATION", "Cannot set password for self", "own_password_refused"),
    ("rest", "INVALID_NEW_PASSWORD", "", "password_policy"),
    ("rest", "UNKNOWN_EXCEPTION", "invalid repeated password", "password_policy"),
    ("rest", "CANNOT_FREEZE_SELF", "", "cannot_freeze_self"),
    ("rest", "CANNOT_DISABLE_LAST_ADMIN", "", "no_other_admin"),
    (
        "rest",
        "FIELD_INTEGRITY_EXCEPTION",
        "the user license doesn't allow the permission",
        "license_mismatch",
    ),
    ("rest", "LICENSE_LIMIT_EXCEEDED", "", "license_missing"),
    ("rest", "INACTIVE_OWNER_OR_USER", "", "user_inactive"),
    ("rest", "DUPLICATE_USERNAME", "", "username_taken"),
    ("rest", "INVALID_EMAIL_ADDRESS", "Email: invalid email address: x", "email_invalid"),
    ("rest", "DUPLICATE_VALUE", "", "record_exists"),
    ("rest", "FORBIDDEN", "feature is not enabled", "consumer_secret_access_off"),
    ("rest", "NOT_FOUND", "", "record_missing"),
    ("rest", "INVALID_FIELD", "", "functionality_missing"),
    ("network", "gaierror", "", "host_unknown"),
    ("network", "ConnectionError", "[Errno -2] Name or service not known", "host_unknown"),
    ("network", "MaxRetryError", "Failed to resolve 'x'", "host_unknown"),
    ("network", "SSLError", "", "tls_untrusted"),
    ("network", "MaxRetryError", "certificate verify failed: unable to get local issuer", "tls_untrusted"),
    ("network", "ProxyError", "", "proxy_refused"),
    ("network", "ReadTimeout", "", "network_timeout"),
    ("network", "ConnectTimeout", "", "network_timeout"),
    ("network", "OSError", "connection timed out", "network_timeout"),
    ("network", "302", "", "host_moved"),
    ("network", "too_large", "", "answer_too_large"),
    ("network", "not_xml", "", "not_xml"),
    ("network", "not_json", "", "not_json"),
    ("network", "401", "", "session_expired"),
    ("network", "403", "TotalRequests Limit exceeded", "request_limit"),
    ("network", "403", "Your address was blocked", "egress_blocked"),
    ("network", "404", "", "url_not_an_org"),
    ("network", "410", "", "api_version_unsupported"),
    ("network", "503", "Down for maintenance", "org_in_maintenance"),
    ("network", "406", "", "server_trouble"),
    ("network", "420", "", "server_trouble"),
    ("network", "429", "", "server_trouble"),
    ("network", "502", "", "server_trouble"),
    ("network", "ProtocolError", "", "network_unreachable"),
    ("network", "ConnectionError", "", "network_unreachable"),
    ("network", "ConnectionResetError", "", "network_unreachable"),
]
COMMON_CASES = [
    ("INVALID_SESSION_ID", "This session is not valid for use with the API", "session_not_valid_for_api"),
    ("INVALID_SESSION_ID", "Session expired or invalid", "session_expired"),
    ("INVALID_AUTH_HEADER", "", "session_expired"),
    ("OTHER", "Bad_OAuth_Token", "session_expired"),
    ("OTHER", "SOAP API does not support JWT-based access tokens", "request_malformed"),
    ("API_DISABLED_FOR_ORG", "", "api_disabled"),
    ("API_CURRENTLY_DISABLED", "", "api_down"),
    ("REQUEST_LIMIT_EXCEEDED", "", "request_limit"),
    ("UNSUPPORTED_API_VERSION", "", "api_version_unsupported"),
    ("InvalidVersion", "", "api_version_unsupported"),
    ("INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE", "", "read_only"),
    ("ORG_IN_MAINTENANCE", "", "org_in_maintenance"),
    ("ORG_LOCKED", "", "org_locked"),
    ("ORG_NOT_OWNED_BY_INSTANCE", "", "org_moved_instance"),
    ("TRIAL_EXPIRED", "", "trial_expired"),
    ("INVALID_OPERATION_WITH_EXPIRED_PASSWORD", "", "password_expired"),
    ("TXN_SECURITY_NO_ACCESS", "", "transaction_security_blocked"),
    ("UNABLE_TO_LOCK_ROW", "", "row_locked"),
    ("SERVER_UNAVAILABLE", "", "server_trouble"),
    ("QUERY_TIMEOUT", "", "server_trouble"),
    ("FUNCTIONALITY_NOT_ENABLED", "", "functionality_missing"),
    ("INSUFFICIENT_ACCESS_OR_READONLY", "", "permission_missing"),
    ("MALFORMED_QUERY", "", "request_malformed"),
]
CASES += [(surface, *case) for surface in ("soap", "deploy", "rest") for case in COMMON_CASES]


@pytest.mark.parametrize(("surface", "code", "message", "expected"), CASES)
def test_each_answer_salesforce_gives_means_its_fault(surface, code, message, expected):
    assert classify(surface, code, message).code == expected


def test_every_row_of_every_table_has_a_case_that_reaches_it():
    reached = {(surface, matching_row(surface, code, message)) for surface, code, message, _ in CASES}
    missed = [(s, row) for s, table in TABLES.items() for row in table if (s, row) not in reached]
    assert missed == []


def test_every_row_names_a_fault_of_the_catalogue():
    assert {row.fault_code for table in TABLES.values() for row in table} <= set(FAULTS)


@pytest.mark.parametrize("surface", sorted(TABLES))
def test_an_answer_nobody_has_seen_stops_the_run(surface):
    kind = classify(surface, "NEW_IN_2031", "")
    assert kind.code == "answer_unknown"
    assert kind.disposition is Disposition.STOP


def test_a_surface_that_does_not_exist_is_our_defect():
    with pytest.raises(Defect):
        classify("carrier pigeon", "X", "")


def test_white_space_and_case_of_a_message_do_not_matter():
    assert (
        classify("token", " Invalid_Grant ", "User  HASN\u2019T\n approved this consumer").code
        == "user_not_approved"
    )


@pytest.mark.parametrize(
    ("age_s", "expected"), [(0.0, "wait"), (899.0, "wait"), (900.0, "stop"), (None, "stop")]
)
def test_an_invalid_assertion_is_waited_for_only_while_the_certificate_is_fresh(age_s, expected):
    kind = classify_token("invalid_grant", "invalid assertion", certificate_age_s=age_s, app_age_s=0.0)
    assert (kind.code, kind.disposition) == ("assertion_invalid", expected)


@pytest.mark.parametrize("code", ["invalid_client_id", "app_not_found", "ecapp_policy_not_found"])
def test_a_missing_app_is_waited_for_within_the_window_and_final_after_it(code):
    assert classify_token(code, app_age_s=100.0, window_s=300.0).disposition is Disposition.WAIT
    assert classify_token(code, app_age_s=301.0, window_s=300.0).disposition is Disposition.STOP
    assert classify_token(code).disposition is Disposition.WAIT


def test_a_missing_grant_is_waited_for_five_minutes_only():
    assert classify_token("invalid_app_access", app_age_s=299.0).disposition is Disposition.WAIT
    assert classify_token("invalid_app_access", app_age_s=301.0).disposition is Disposition.STOP


def test_the_age_of_the_app_does_not_turn_a_final_answer_into_waiting():
    assert (
        classify_token("inactive_user", app_age_s=0.0, certificate_age_s=0.0).disposition is Disposition.STOP
    )
