"""Faults of a login with a password (SOAP login, and what its session may then not do)."""

from __future__ import annotations

from orchestrator.errors import Blame, Disposition, FaultKind

LOGIN_FAULTS: tuple[FaultKind, ...] = (
    FaultKind(
        "login_invalid",
        Blame.OPERATOR,
        Disposition.STOP,
        "Salesforce refused the username, password or security token; the same answer covers a locked, "
        "frozen or inactive user and a host of the wrong kind.",
        "Check username, password, security token and host (production or sandbox), and read Setup > "
        "Login History for the true cause before any second attempt.",
        "Salesforce API guide, login(); help 000212767",
    ),
    FaultKind(
        "login_needs_security_token",
        Blame.OPERATOR,
        Disposition.STOP,
        "The source address is not trusted, so the password must be followed by the user's security token.",
        "Set `security_token:` in the orgs file, or add this machine's address under Setup > Network Access.",
        "Salesforce API guide, login(); xcloud.user_security_token",
    ),
    FaultKind(
        "soap_login_disabled",
        Blame.ORG,
        Disposition.STOP,
        "The org does not allow SOAP login() at all.",
        "Bootstrap with `access_token:`, `sfdx_auth_url:` or `web: true`; switching login() on (Setup "
        "> User Interface) is one-way and not advised.",
        "Salesforce help 005132110",
    ),
    FaultKind(
        "any_api_auth_required",
        Blame.ORG,
        Disposition.STOP,
        "The user lacks the Use Any API Auth permission, without which SOAP login() is refused.",
        "Grant Use Any API Auth to the bootstrap user by a permission set for the length of the run, "
        "or bootstrap with a token.",
        "Salesforce help 005132110",
    ),
    FaultKind(
        "password_expired",
        Blame.OPERATOR,
        Disposition.STOP,
        "The password is right but expired; the session can do nothing but set a new one.",
        "Let the owner of the account log in and choose a new password, then run again.",
        "Salesforce API guide, LoginResult",
    ),
    FaultKind(
        "password_locked_out",
        Blame.ORG,
        Disposition.STOP,
        "Too many failed logins have locked the user out.",
        "Wait for the lockout interval or unlock the user in Setup > Users; do not try the password "
        "again before that.",
        "Salesforce API guide, ExceptionCode; S33",
    ),
    FaultKind(
        "login_ip_restricted",
        Blame.ORG,
        Disposition.STOP,
        "The profile's login IP ranges, or the app's IP policy, exclude the address this machine comes from.",
        "Run from an allowed address, or add this machine's address to the Login IP Ranges of the "
        "user's profile; JWT logins obey the same ranges.",
        "xcloud.connected_app_continuous_ip; Salesforce API guide, ExceptionCode",
    ),
    FaultKind(
        "login_domain_restricted",
        Blame.ORG,
        Disposition.STOP,
        "The org allows API logins only through its My Domain host.",
        "Use the My Domain URL of the org as `url:`.",
        "xcloud.domain_name_setting_login_policy",
    ),
    FaultKind(
        "login_hours_restricted",
        Blame.ORG,
        Disposition.STOP,
        "The profile's login hours exclude this time.",
        "Resume within the Login Hours of the user's profile.",
        "Salesforce API guide, ExceptionCode; help, OAuth flow errors",
    ),
    FaultKind(
        "sso_gateway_missing",
        Blame.ORG,
        Disposition.STOP,
        "The user may log in by single sign-on only, and no delegated gateway is set: the password is "
        "not accepted.",
        "Bootstrap with another user or with a token; this password is already locked.",
        "simple-salesforce issue 279; xcloud.sso_enforce_sso_login",
    ),
    FaultKind(
        "sso_gateway_down",
        Blame.ORG,
        Disposition.STOP,
        "The user may log in by single sign-on only, and the delegated gateway does not answer.",
        "Bootstrap with another user or with a token; this password is already locked.",
        "simple-salesforce issue 493",
    ),
    FaultKind(
        "sso_gateway_refused",
        Blame.ORG,
        Disposition.STOP,
        "The delegated single sign-on gateway of the org refused the password.",
        "Bootstrap with another user or with a token.",
        "EventLogFile LOGIN_STATUS",
    ),
    FaultKind(
        "api_disabled",
        Blame.ORG,
        Disposition.STOP,
        "The edition has no API, or the user lacks the API Enabled permission.",
        "Enable API Enabled on the user's profile or a permission set, or use an edition with API access.",
        "Salesforce API guide, ExceptionCode",
    ),
    FaultKind(
        "api_down",
        Blame.PLATFORM,
        Disposition.BACK_OFF,
        "Salesforce has switched the API off for a while.",
        "Resume later; see status.salesforce.com for the instance.",
        "Salesforce API guide, ExceptionCode",
    ),
    FaultKind(
        "client_refused",
        Blame.ORG,
        Disposition.STOP,
        "The org or Salesforce refuses this API client.",
        "Ask the administrator which API clients are allowed (Setup > Connected Apps OAuth Usage, API "
        "Access Control).",
        "Salesforce API guide, ExceptionCode",
    ),
    FaultKind(
        "identity_challenge",
        Blame.OPERATOR,
        Disposition.STOP,
        "Salesforce wants the person's identity verified (device activation or a second factor) before "
        "this login.",
        "Run from a trusted address, or bootstrap with `web: true` or `access_token:`.",
        "partner WSDL, ExceptionCode",
    ),
    FaultKind(
        "mutual_tls_required",
        Blame.ORG,
        Disposition.STOP,
        "The org or the user requires mutual TLS for API calls.",
        "Bootstrap with a user without Enforce SSL/TLS Mutual Authentication.",
        "partner WSDL, ExceptionCode",
    ),
    FaultKind(
        "user_type_refused",
        Blame.OPERATOR,
        Disposition.STOP,
        "This kind of user (portal, community, guest) may not log in here.",
        "Use an internal user with administrator rights.",
        "partner WSDL, ExceptionCode",
    ),
    FaultKind(
        "transaction_security_blocked",
        Blame.ORG,
        Disposition.STOP,
        "A transaction security policy of the org blocked the login or ended the session.",
        "Ask the security administrator to exempt the user in Setup > Transaction Security Policies.",
        "partner WSDL, TXN_SECURITY_* codes",
    ),
    FaultKind(
        "login_rate",
        Blame.PLATFORM,
        Disposition.BACK_OFF,
        "The user has logged in too often within the hour; every login is refused until the hour is over.",
        "Resume in an hour, and look for the other client that logs in so often (Setup > Login History).",
        "Salesforce help 000381578",
    ),
    FaultKind(
        "session_expired",
        Blame.ORCHESTRATOR,
        Disposition.FIX,
        "The session or token is no longer valid.",
        "Log in again; the run does so by itself once.",
        "Salesforce metadata guide, session expiration",
    ),
    FaultKind(
        "session_not_valid_for_api",
        Blame.ORG,
        Disposition.STOP,
        "The login worked but its session may not call the API: API Access Control allows approved "
        "apps only.",
        "Bootstrap with a token of an approved app, or let the administrator approve this client under "
        "API Access Control.",
        "Data Loader issue 1641",
    ),
    FaultKind(
        "grant_unsupported",
        Blame.ORG,
        Disposition.STOP,
        "The host or the app does not offer this OAuth flow.",
        "Check that the URL is the org's My Domain and that the app allows the flow (Setup > External "
        "Client App Manager).",
        "sfdx_dev_troubleshoot_auth_errors",
    ),
)
