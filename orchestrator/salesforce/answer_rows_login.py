"""Tables of answers of the token endpoint and of SOAP login().

Sources: OAuthErrorCode of the Salesforce Mobile SDK (the full server enum), Salesforce help "OAuth 2.0
authorization flow errors", sfdx_dev_troubleshoot_auth_errors, forcedotcom/cli issue 3482; for login() the
ExceptionCode enum of the partner WSDL, Salesforce help 005132110 and the API guide.
"""

from __future__ import annotations

from orchestrator.salesforce.answer_row import rows

TOKEN_ROWS = rows(
    # The app itself.
    ("INVALID_CLIENT_ID", "", "client_id_unknown"),
    ("INVALID_CLIENT", "client identifier invalid", "client_id_unknown"),
    ("APP_NOT_FOUND", "", "app_not_found"),
    (".*", "external client app is not installed in this org", "app_not_found"),
    ("INVALID_CLIENT", "app must be installed into org", "app_not_installed"),
    ("INSTALLATION_ERROR", "", "app_not_installed"),
    (".*", "app is blocked by admin", "app_blocked"),
    ("APP_BLOCKED|FAIL_CLOSE_APP_BLOCKED|OAUTH_APP_BLOCKED", "", "app_blocked"),
    ("ECAPP_POLICY_NOT_FOUND|OAUTH_POLICY_NOT_FOUND", "", "policy_missing"),
    ("INVALID_DISTRIBUTION_STATE", "", "app_state_invalid"),
    ("OAUTH_FLOW_DISABLED", "", "flow_disabled"),
    # The user.
    (".*", "user hasn't approved this consumer", "user_not_approved"),
    (".*", "(?:user )?is not admin approved to access this app", "app_not_approved"),
    ("INVALID_APP_ACCESS", "", "app_not_approved"),
    ("INACTIVE_USER", "", "user_inactive"),
    ("INVALID_GRANT", "inactive user|user is inactive|user is frozen", "user_inactive"),
    ("INACTIVE_ORG", "", "org_inactive"),
    ("INVALID_GRANT", "org(?:anization)? (?:is )?(?:locked|closed|suspended|inactive)", "org_inactive"),
    ("INVALID_GRANT", "no client credentials user enabled", "client_credentials_user_missing"),
    # The assertion.
    (".*", "audience is invalid|audience validation failed|invalid audience", "audience_invalid"),
    ("INVALID_GRANT", "expired authorization code|assertion (?:has )?expired", "assertion_expired"),
    ("INVALID_GRANT", "invalid assertion", "assertion_invalid"),
    ("INVALID_GRANT", "couldn't validate jwt token|invalid signature", "assertion_invalid"),
    ("BAD_JTI_CLAIM", "", "assertion_replayed"),
    # Policies of org and profile.
    (".*", "ip restricted|ip address not allowed", "login_ip_restricted"),
    (".*", "invalid login hours|restricted time", "login_hours_restricted"),
    ("INVALID_SESSION_LEVEL", "", "session_level"),
    (".*", "high assurance", "session_level"),
    ("RATE_LIMIT_EXCEEDED", "", "login_rate"),
    (".*", "number of logins exceeded|login rate exceeded", "login_rate"),
    ("INVALID_GRANT|LOGIN_ERROR", "authentication failure|login is not allowed", "login_refused"),
    ("LOGIN_ERROR", "", "login_refused"),
    # Scopes and grants.
    (".*", "require a refresh_token scope", "refresh_token_scope_missing"),
    ("INVALID_SCOPE", "", "scope_invalid"),
    ("UNSUPPORTED_GRANT_TYPE", "", "grant_unsupported"),
    ("INVALID_GRANT", "expired access/refresh token|token validity expired", "refresh_token_invalid"),
    ("INVALID_GRANT", "invalid authorization code|invalid refresh token", "refresh_token_invalid"),
    ("INVALID_CLIENT", "", "client_credentials_invalid"),
    ("INVALID_TOKEN", "", "session_expired"),
    (".*", "bad_oauth_token", "session_expired"),
    # Flows with a browser.
    ("AUTHORIZATION_PENDING", "", "authorization_pending"),
    ("ACCESS_DENIED", "", "authorization_denied"),
    ("OAUTH_APPROVAL_ERROR_GENERIC", "", "authorization_denied"),
    ("OAUTH_EC_APP_NOT_FOUND", "", "app_not_found"),
    ("REDIRECT_URI_(?:MISSING|MISMATCH)", "", "callback_mismatch"),
    # Requests that are not as they should be.
    ("INVALID_ASSERTION_TYPE|INVALID_BASIC_AUTH_HEADER|INVALID_REQUEST", "", "request_malformed"),
    ("UNSUPPORTED_(?:RESPONSE|TOKEN)_TYPE", "", "request_malformed"),
    # The platform.
    ("SERVER_ERROR|SERVICE_UNAVAILABLE|SYSTEM_DOWN|UNKNOWN_ERROR|SLOW_DOWN", "", "server_trouble"),
    ("TEMPORARILY_UNAVAILABLE", "", "server_trouble"),
    # Members of the server's enum that belong to flows we never start.
    ("APP_ATTEST_FAILED(?:_RETRY)?|IMMEDIATE_UNSUCCESSFUL", "", "flow_unexpected"),
    ("EXCEEDED_REGISTRATION_LIMIT|FAILED_REGISTRATION|REGISTRATION_ERROR", "", "flow_unexpected"),
    ("INVALID_DPOP_PROOF|USE_DPOP_NONCE|INVALID_EXPID|UNSUPPORTED_EXPID", "", "flow_unexpected"),
    ("INVALID_OTP|OTP_ERROR", "", "flow_unexpected"),
)

SOAP_LOGIN_ROWS = rows(
    ("INVALID_OPERATION", r"login\(\) is disabled", "soap_login_disabled"),
    ("INSUFFICIENT_ACCESS", "use any api auth", "any_api_auth_required"),
    ("INVALID_OPERATION_WITH_EXPIRED_PASSWORD", "", "password_expired"),
    ("LOGIN_MUST_USE_SECURITY_TOKEN", "", "login_needs_security_token"),
    ("INVALID_LOGIN", "", "login_invalid"),
    ("PASSWORD_LOCKOUT", "", "password_locked_out"),
    ("LOGIN_DURING_RESTRICTED_DOMAIN", "my domain|login url", "login_domain_restricted"),
    ("LOGIN_DURING_RESTRICTED_DOMAIN", "", "login_ip_restricted"),
    ("LOGIN_DURING_RESTRICTED_TIME", "", "login_hours_restricted"),
    ("LOGIN_CHALLENGE_(?:ISSUED|PENDING)", "", "identity_challenge"),
    ("TXN_SECURITY_TWO_FA_REQUIRED", "", "identity_challenge"),
    ("TXN_SECURITY_.*", "", "transaction_security_blocked"),
    ("INVALID_SSO_GATEWAY_URL", "", "sso_gateway_missing"),
    ("SSO_SERVICE_DOWN", "", "sso_gateway_down"),
    ("API_DISABLED_FOR_ORG", "", "api_disabled"),
    ("API_CURRENTLY_DISABLED", "", "api_down"),
    ("ORG_LOCKED|ORG_ADMIN_LOCKED", "", "org_locked"),
    ("ORG_IN_MAINTENANCE", "", "org_in_maintenance"),
    ("ORG_NOT_OWNED_BY_INSTANCE", "", "org_moved_instance"),
    ("ORG_IS_SIGNING_UP", "", "org_not_ready"),
    ("ORG_IS_DOT_ORG", "", "login_refused"),
    ("TRIAL_EXPIRED", "", "trial_expired"),
    ("INACTIVE_OWNER_OR_USER", "", "user_inactive"),
    ("PORTAL_NO_ACCESS", "", "user_type_refused"),
    ("MUTUAL_AUTHENTICATION_FAILED", "", "mutual_tls_required"),
    ("UNSUPPORTED_API_VERSION", "", "api_version_unsupported"),
    ("UNSUPPORTED_CLIENT|INVALID_CLIENT", "", "client_refused"),
    ("CLIENT_(?:NOT_ACCESSIBLE|REQUIRE_UPDATE)_FOR_USER", "", "client_refused"),
    ("FUNCTIONALITY_NOT_ENABLED", "", "functionality_missing"),
    ("REQUEST_LIMIT_EXCEEDED", "", "request_limit"),
    ("INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE", "", "read_only"),
    ("SERVER_UNAVAILABLE|UNKNOWN_EXCEPTION", "", "server_trouble"),
    ("INVALID_SOAP_HEADER", "", "request_malformed"),
    ("INVALID_SESSION_ID", "not valid for use with the api", "session_not_valid_for_api"),
    ("INVALID_SESSION_ID", "", "session_expired"),
    ("INSUFFICIENT_ACCESS", "", "permission_missing"),
)
