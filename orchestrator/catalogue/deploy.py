"""Faults of the Metadata API: deploys, components, reads."""

from __future__ import annotations

from orchestrator.errors import Blame, Disposition, FaultKind

DEPLOY_FAULTS: tuple[FaultKind, ...] = (
    FaultKind("connected_app_creation_blocked", Blame.ORG, Disposition.FIX),
    FaultKind("consumer_key_taken", Blame.ORCHESTRATOR, Disposition.FIX),
    FaultKind("consumer_key_on_update", Blame.ORCHESTRATOR, Disposition.FIX),
    FaultKind("app_exists", Blame.ORG, Disposition.FIX),
    FaultKind("cross_reference_missing", Blame.ORCHESTRATOR, Disposition.FIX),
    FaultKind("element_invalid", Blame.ORCHESTRATOR, Disposition.STOP),
    FaultKind("execution_user_invalid", Blame.OPERATOR, Disposition.STOP),
    FaultKind("warning_refused", Blame.ORCHESTRATOR, Disposition.STOP),
    FaultKind("certificate_refused", Blame.OPERATOR, Disposition.STOP),
    FaultKind("consumer_secret_access_off", Blame.ORG, Disposition.FIX),
    FaultKind("deploy_component_failed", Blame.ORG, Disposition.STOP),
    FaultKind("deploy_canceled", Blame.OPERATOR, Disposition.STOP),
    FaultKind("deploy_failed", Blame.ORG, Disposition.STOP),
    FaultKind("deploy_partial", Blame.ORG, Disposition.STOP),
    FaultKind("deploy_finalizing_failed", Blame.PLATFORM, Disposition.BACK_OFF),
    FaultKind("deploy_unknown", Blame.ORCHESTRATOR, Disposition.FIX),
    FaultKind("deploy_in_progress", Blame.ORG, Disposition.BACK_OFF),
    FaultKind("deploy_too_large", Blame.ORCHESTRATOR, Disposition.STOP),
    FaultKind("package_install_failed", Blame.ORG, Disposition.STOP),
    FaultKind("package_version_missing", Blame.OPERATOR, Disposition.STOP),
    FaultKind("package_not_available", Blame.PLATFORM, Disposition.BACK_OFF),
    FaultKind("package_installing", Blame.ORG, Disposition.WAIT),
    FaultKind("package_password_wrong", Blame.OPERATOR, Disposition.STOP),
    FaultKind("package_password_unneeded", Blame.OPERATOR, Disposition.STOP),
    FaultKind("package_newer_installed", Blame.OPERATOR, Disposition.STOP),
    FaultKind("package_beta_refused", Blame.OPERATOR, Disposition.STOP),
    FaultKind("package_requirement_missing", Blame.ORG, Disposition.STOP),
    FaultKind("package_in_the_way", Blame.ORG, Disposition.STOP),
    FaultKind("credential_of_other_app", Blame.OPERATOR, Disposition.STOP),
)
