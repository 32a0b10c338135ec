"""Faults that lie in the org: its state, licences, permissions and records."""

from __future__ import annotations

from orchestrator.errors import Blame, Disposition, FaultKind

ORG_FAULTS: tuple[FaultKind, ...] = (
    FaultKind("org_locked", Blame.PLATFORM, Disposition.STOP),
    FaultKind("org_in_maintenance", Blame.PLATFORM, Disposition.BACK_OFF),
    FaultKind("org_moved_instance", Blame.PLATFORM, Disposition.FIX),
    FaultKind("org_not_ready", Blame.PLATFORM, Disposition.BACK_OFF),
    FaultKind("trial_expired", Blame.ORG, Disposition.STOP),
    FaultKind("api_version_unsupported", Blame.ORCHESTRATOR, Disposition.FIX),
    FaultKind("request_limit", Blame.ORG, Disposition.BACK_OFF),
    FaultKind("read_only", Blame.PLATFORM, Disposition.BACK_OFF),
    FaultKind("row_locked", Blame.PLATFORM, Disposition.BACK_OFF),
    FaultKind("permission_dependency", Blame.ORCHESTRATOR, Disposition.STOP),
    FaultKind("permission_missing", Blame.ORG, Disposition.STOP),
    FaultKind("functionality_missing", Blame.ORG, Disposition.STOP),
    FaultKind("license_missing", Blame.ORG, Disposition.STOP),
    FaultKind("license_mismatch", Blame.ORG, Disposition.STOP),
    FaultKind("integration_user_missing", Blame.OPERATOR, Disposition.STOP),
    FaultKind("username_taken", Blame.OPERATOR, Disposition.STOP),
    FaultKind("email_invalid", Blame.OPERATOR, Disposition.STOP),
    FaultKind("permission_invalid", Blame.OPERATOR, Disposition.STOP),
    FaultKind("permission_assignment_missing", Blame.ORCHESTRATOR, Disposition.FIX),
    FaultKind("record_missing", Blame.ORCHESTRATOR, Disposition.STOP),
    FaultKind("record_exists", Blame.ORCHESTRATOR, Disposition.FIX),
    FaultKind("own_password_refused", Blame.ORG, Disposition.STOP),
    FaultKind("password_policy", Blame.ORCHESTRATOR, Disposition.FIX),
    FaultKind("cannot_freeze_self", Blame.ORCHESTRATOR, Disposition.STOP),
    FaultKind("no_other_admin", Blame.ORG, Disposition.STOP),
    FaultKind("ip_range_excludes_us", Blame.ORG, Disposition.STOP),
    FaultKind("app_is_foreign", Blame.OPERATOR, Disposition.STOP),
    FaultKind("certificate_mismatch", Blame.OPERATOR, Disposition.STOP),
    FaultKind("sso_permission_absent", Blame.ORG, Disposition.STOP),
)
