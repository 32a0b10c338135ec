"""Faults of a login with a password (SOAP login, and what its session may then not do)."""

from __future__ import annotations

from orchestrator.errors import Blame, Disposition, FaultKind

LOGIN_FAULTS: tuple[FaultKind, ...] = (
    FaultKind("login_invalid", Blame.OPERATOR, Disposition.STOP),
    FaultKind("login_needs_security_token", Blame.OPERATOR, Disposition.STOP),
    FaultKind("soap_login_disabled", Blame.ORG, Disposition.STOP),
    FaultKind("any_api_auth_required", Blame.ORG, Disposition.STOP),
    FaultKind("password_expired", Blame.OPERATOR, Disposition.STOP),
    FaultKind("password_locked_out", Blame.ORG, Disposition.STOP),
    FaultKind("login_ip_restricted", Blame.ORG, Disposition.STOP),
    FaultKind("login_domain_restricted", Blame.ORG, Disposition.STOP),
    FaultKind("login_hours_restricted", Blame.ORG, Disposition.STOP),
    FaultKind("sso_gateway_missing", Blame.ORG, Disposition.STOP),
    FaultKind("sso_gateway_down", Blame.ORG, Disposition.STOP),
    FaultKind("sso_gateway_refused", Blame.ORG, Disposition.STOP),
    FaultKind("api_disabled", Blame.ORG, Disposition.STOP),
    FaultKind("api_down", Blame.PLATFORM, Disposition.BACK_OFF),
    FaultKind("client_refused", Blame.ORG, Disposition.STOP),
    FaultKind("identity_challenge", Blame.OPERATOR, Disposition.STOP),
    FaultKind("mutual_tls_required", Blame.ORG, Disposition.STOP),
    FaultKind("user_type_refused", Blame.OPERATOR, Disposition.STOP),
    FaultKind("transaction_security_blocked", Blame.ORG, Disposition.STOP),
    FaultKind("login_rate", Blame.PLATFORM, Disposition.BACK_OFF),
    FaultKind("session_expired", Blame.OPERATOR, Disposition.FIX),
    FaultKind("session_not_valid_for_api", Blame.ORG, Disposition.STOP),
    FaultKind("grant_unsupported", Blame.ORG, Disposition.STOP),
)
