"""Faults a run finds by itself: proofs, certificates, inputs, time."""

from __future__ import annotations

from orchestrator.errors import Blame, Disposition, FaultKind

RUN_FAULTS: tuple[FaultKind, ...] = (
    FaultKind("plan_drifted", Blame.OPERATOR, Disposition.STOP),
    FaultKind("plan_too_old", Blame.OPERATOR, Disposition.STOP),
    FaultKind("plan_tampered", Blame.OPERATOR, Disposition.STOP),
    FaultKind("login_budget", Blame.ORCHESTRATOR, Disposition.BACK_OFF),
    FaultKind("url_not_an_org", Blame.OPERATOR, Disposition.STOP),
    FaultKind("org_id_mismatch", Blame.OPERATOR, Disposition.STOP),
    FaultKind("credential_absent", Blame.OPERATOR, Disposition.STOP),
    FaultKind("client_app_invalid", Blame.OPERATOR, Disposition.STOP),
    FaultKind("key_unusable", Blame.OPERATOR, Disposition.STOP),
    FaultKind("certificate_unreadable", Blame.OPERATOR, Disposition.STOP),
    FaultKind("certificate_unpaired", Blame.OPERATOR, Disposition.STOP),
    FaultKind("certificate_expired", Blame.OPERATOR, Disposition.STOP),
    FaultKind("certificate_not_yet_valid", Blame.OPERATOR, Disposition.STOP),
    FaultKind("certificate_too_large", Blame.OPERATOR, Disposition.STOP),
    FaultKind("lock_not_read_back", Blame.ORG, Disposition.STOP),
    FaultKind("lock_canary_failed", Blame.ORG, Disposition.STOP),
    FaultKind("password_still_works", Blame.ORG, Disposition.STOP),
    FaultKind("login_history_missing", Blame.PLATFORM, Disposition.WAIT),
    FaultKind("proof_stale", Blame.ORCHESTRATOR, Disposition.FIX),
    FaultKind("jwt_wrong_org", Blame.OPERATOR, Disposition.STOP),
    FaultKind("org_drifted", Blame.OPERATOR, Disposition.STOP),
    FaultKind("undo_impossible", Blame.OPERATOR, Disposition.STOP),
    FaultKind("manual_step_open", Blame.OPERATOR, Disposition.STOP),
    FaultKind("step_not_applicable", Blame.ORCHESTRATOR, Disposition.STOP),
    FaultKind("timed_out", Blame.ORCHESTRATOR, Disposition.STOP),
    FaultKind("cancelled", Blame.OPERATOR, Disposition.STOP),
    FaultKind("password_attempts_used_up", Blame.OPERATOR, Disposition.STOP),
    FaultKind("jwt_wrong_user", Blame.ORG, Disposition.STOP),
    FaultKind("session_survives", Blame.ORG, Disposition.BACK_OFF),
    FaultKind("credential_refused", Blame.ORG, Disposition.STOP),
    FaultKind("rights_withdrawn", Blame.OPERATOR, Disposition.STOP),
    FaultKind("undo_not_read_back", Blame.ORG, Disposition.STOP),
    FaultKind("app_survives", Blame.PLATFORM, Disposition.WAIT),
    FaultKind("removal_incomplete", Blame.OPERATOR, Disposition.STOP),
)
