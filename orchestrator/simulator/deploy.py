"""Deployments: accepted, queued, run one at a time per org, ended by the org's clock and not by polling.

Durations are drawn from the org's random numbers: one to four seconds of org time from acceptance to the
end. `advance` brings an org's deployments up to the present; whoever answers a request for the org calls it
first, so that a deployed app spreads to the nodes from the moment it was committed, polled or not.
"""

from __future__ import annotations

import math
from dataclasses import replace

from orchestrator.simulator import effects
from orchestrator.simulator.archive import Archive, ArchiveError, open_archive
from orchestrator.simulator.deployment import (
    CANCELED,
    CANCELING,
    FAILED,
    FINALIZING,
    FINALIZING_FAILED,
    IN_PROGRESS,
    PARTIAL,
    PENDING,
    SUCCEEDED,
    Deployment,
    DeployOptions,
)
from orchestrator.simulator.effects import When
from orchestrator.simulator.org import Org
from orchestrator.simulator.package_run import Message, PackageRun
from orchestrator.simulator.refusals import READ_ONLY, READ_ONLY_MESSAGE
from orchestrator.simulator.simulation import Simulator
from orchestrator.simulator.soap import SoapFault
from orchestrator.simulator.users import User

KEPT_S = 30 * 86_400.0
VALIDATION_KEPT_S = 10 * 86_400.0
TEST_LEVELS = frozenset(
    {"NoTestRun", "RunSpecifiedTests", "RunRelevantTests", "RunLocalTests", "RunAllTestsInOrg"}
)
FIRST_VERSION_WITHOUT_LATE_CANCEL = 65.0
MAX_WAITING = 50
ROW_LOCK = ("UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record")


def submit(
    sim: Simulator, org: Org, user: User, content: bytes, options: DeployOptions, *, endpoint_version: float
) -> Deployment:
    """Accept a deployment.

    Raises:
        SoapFault: too large, options a production org refuses, or too many waiting.
    """
    refuse_options(org, options)
    refuse_writes_in_read_only(org)
    advance(sim, org)
    if sum(not each.is_done for each in org.deploys.values()) >= MAX_WAITING:
        raise SoapFault("REQUEST_LIMIT_EXCEEDED", "Too many deployments are waiting in this organization")
    archive, error = None, None
    try:
        archive = open_archive(content)
    except ArchiveError as refusal:
        if refusal.status_code == "LIMIT_EXCEEDED":
            raise SoapFault("LIMIT_EXCEEDED", str(refusal)) from None
        error = refusal
    deployment = _accept(
        sim, org, user, archive, options, endpoint_version=endpoint_version, zip_size_bytes=len(content)
    )
    if error is not None:
        deployment.error_code, deployment.error_message = error.status_code, str(error)
    return deployment


def _accept(
    sim: Simulator,
    org: Org,
    user: User,
    archive: Archive | None,
    options: DeployOptions,
    *,
    endpoint_version: float,
    zip_size_bytes: int,
) -> Deployment:
    wall_s = sim.wall_s(org)
    deployment = Deployment(
        id=org.next_id("0Af"),
        user_id=user.id,
        user_name=user.name,
        options=options,
        endpoint_version=endpoint_version,
        archive=archive,
        number_files=0 if archive is None else len(archive.files),
        zip_size_bytes=zip_size_bytes,
        created_s=sim.now_s(),
        created_wall_s=wall_s,
        changed_wall_s=wall_s,
        pending_s=org.rng.uniform(0.1, 0.6),
        work_s=org.rng.uniform(0.7, 2.6),
        finalize_s=org.rng.uniform(0.2, 0.8),
    )
    org.deploys[deployment.id] = deployment
    org.deploys_started += 1
    return deployment


def refuse_writes_in_read_only(org: Org) -> None:
    """Refuse metadata changes of an org in read-only mode.

    Raises:
        SoapFault: INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE.
    """
    if org.is_read_only:
        raise SoapFault(READ_ONLY, READ_ONLY_MESSAGE)


def refuse_options(org: Org, options: DeployOptions) -> None:
    """Refuse what a production org does not take.

    Raises:
        SoapFault: INVALID_OPERATION or INVALID_INPUT.
    """
    if options.test_level and options.test_level not in TEST_LEVELS:
        raise SoapFault(
            "INVALID_INPUT", f"'{options.test_level}' is not a valid value for the enum 'TestLevel'"
        )
    if org.kind != "production":
        return
    if options.test_level == "NoTestRun":
        raise SoapFault(
            "INVALID_OPERATION", "testLevel of NoTestRun cannot be used in production organizations"
        )
    if not options.rollback_on_error:
        raise SoapFault("INVALID_OPERATION", "rollbackOnError must be true for a production organization")


def find_deployment(sim: Simulator, org: Org, deployment_id: str) -> Deployment:
    """Return a deployment of the last 30 days, brought up to the present.

    Raises:
        SoapFault: no such deployment, or older.
    """
    advance(sim, org)
    wanted = deployment_id.strip()
    found = next((each for each in org.deploys.values() if wanted in {each.id, each.id[:15]}), None)
    if not isinstance(found, Deployment):
        raise SoapFault("INVALID_ID_FIELD", f"No deployment found for id {wanted[:18]}")
    if sim.now_s() - found.created_s > KEPT_S:
        raise SoapFault("INVALID_LOCATOR", f"The result of deployment {found.id} is no longer available")
    return found


def cancel(sim: Simulator, org: Org, user: User, deployment_id: str, endpoint_version: float) -> Deployment:
    """Cancel a deployment that has not ended.

    Before API v65 a cancel while finalizing was taken and came too late as often as not; since then it is
    refused.

    Raises:
        SoapFault: unknown, already over, or finalizing at v65 and later.
    """
    deployment = find_deployment(sim, org, deployment_id)
    if deployment.is_done:
        raise SoapFault("INVALID_ID_FIELD", "Deployment already completed")
    is_late = deployment.status == FINALIZING
    if is_late and endpoint_version >= FIRST_VERSION_WITHOUT_LATE_CANCEL:
        raise SoapFault("INVALID_OPERATION", "You can't cancel a deployment that is finalizing")
    deployment.canceled_by_id, deployment.canceled_by_name = user.id, user.name
    if is_late and org.rng.random() < 0.5:  # noqa: PLR2004 - as often as not
        return deployment
    now_s = sim.now_s()
    if deployment.status == PENDING:
        _end(sim, org, deployment, CANCELED, now_s)
        return deployment
    deployment.cancel_s = now_s + org.rng.uniform(0.2, 0.8)
    deployment.status = CANCELING
    deployment.changed_wall_s = sim.wall_s(org)
    return deployment


def deploy_validated(
    sim: Simulator, org: Org, user: User, validation_id: str, endpoint_version: float
) -> Deployment:
    """Deploy what a check-only deployment of the last 10 days has validated.

    Raises:
        SoapFault: no such validation, or it did not succeed.
    """
    refuse_writes_in_read_only(org)
    validated = find_deployment(sim, org, validation_id)
    is_fresh = sim.now_s() - validated.created_s <= VALIDATION_KEPT_S
    if not (validated.options.check_only and validated.is_success and is_fresh):
        raise SoapFault("INVALID_ID_FIELD", f"{validated.id} is not a recent successful validation")
    options = DeployOptions(ignore_warnings=validated.options.ignore_warnings)
    return _accept(
        sim,
        org,
        user,
        validated.archive,
        options,
        endpoint_version=endpoint_version,
        zip_size_bytes=validated.zip_size_bytes,
    )


def advance(sim: Simulator, org: Org) -> None:
    """Bring the org's deployments up to the present, oldest first, one running at a time."""
    free_s = -math.inf
    for deployment in org.deploys.values():
        if not deployment.is_done:
            _step(sim, org, deployment, free_s)
        if not deployment.is_done:
            return
        free_s = max(free_s, deployment.ended_s or -math.inf)


def _step(sim: Simulator, org: Org, deployment: Deployment, free_s: float) -> None:
    """Take one deployment as far as the clock says."""
    now_s = sim.now_s()
    if deployment.cancel_s <= now_s:
        _end(sim, org, deployment, CANCELED, deployment.cancel_s)
        return
    if deployment.status == CANCELING:
        return
    start_s = max(deployment.created_s + deployment.pending_s, free_s)
    if now_s < start_s:
        return
    if deployment.started_s is None:
        deployment.started_s = start_s
        deployment.started_wall_s = _wall_at(sim, org, deployment, start_s)
        deployment.status = IN_PROGRESS
        deployment.total = _counted_files(deployment)
    ready_s = deployment.started_s + deployment.work_s
    share = min(1.0, (now_s - deployment.started_s) / deployment.work_s)
    deployment.progress = int(deployment.total * share)
    if now_s < ready_s:
        deployment.changed_wall_s = _wall_at(sim, org, deployment, now_s)
        return
    if deployment.status == IN_PROGRESS and not _judge(sim, org, deployment, ready_s):
        return
    if now_s >= ready_s + deployment.finalize_s:
        _finish(sim, org, deployment, ready_s + deployment.finalize_s)


def _counted_files(deployment: Deployment) -> int:
    files = deployment.archive.files if deployment.archive is not None else {}
    return sum("/" in path for path in files)


def _judge(sim: Simulator, org: Org, deployment: Deployment, at_s: float) -> bool:
    """Run the package on a copy; tell whether the deployment goes on to be finalized."""
    run = _run(sim, org, deployment, at_s)
    if run is None:
        _end(sim, org, deployment, FAILED, at_s)
        return False
    if (scripted := _scripted(sim, org, "run_deploy")) is not None and run.messages:
        text = ": ".join(scripted)
        run.messages = [
            replace(run.messages[0], is_success=False, has_changed=False, problem=text, problem_type="Error")
        ]
    deployment.messages = run.messages
    counted = {(each.component_type, each.full_name) for each in run.messages if each.is_counted}
    deployment.total = len(counted)
    is_partial = run.has_failed and not deployment.options.rollback_on_error and bool(_kept(run.messages))
    if run.has_failed and not is_partial:
        _end(sim, org, deployment, FAILED, at_s)
        return False
    deployment.status = FINALIZING
    deployment.changed_wall_s = _wall_at(sim, org, deployment, at_s)
    return True


def _kept(messages: list[Message]) -> list[Message]:
    return [each for each in messages if each.is_success and each.is_counted]


def _run(sim: Simulator, org: Org, deployment: Deployment, at_s: float) -> PackageRun | None:
    """Run the package on a staged copy of the org; None when there is no archive or no user to run it."""
    user = org.users.get(deployment.user_id)
    if deployment.archive is None or user is None:
        return None
    when = When(user, at_s, _wall_at(sim, org, deployment, at_s))
    run = PackageRun(
        sim=sim,
        org=effects.stage(org),
        archive=deployment.archive,
        when=when,
        endpoint_version=deployment.endpoint_version,
        ignore_warnings=deployment.options.ignore_warnings,
        allow_missing_files=deployment.options.allow_missing_files,
    )
    run.run()
    return run


def _finish(sim: Simulator, org: Org, deployment: Deployment, at_s: float) -> None:
    """Run the package again on the org as it is at the end, and commit it."""
    scripted = _scripted(sim, org, "finalize_deploy")
    run = _run(sim, org, deployment, at_s)
    if scripted is not None or run is None or (run.has_failed and deployment.options.rollback_on_error):
        unknown = ("UNKNOWN_EXCEPTION", "The deployment failed while it was finalizing")
        deployment.error_code, deployment.error_message = scripted or unknown
        _end(sim, org, deployment, FINALIZING_FAILED, at_s)
        return
    deployment.messages = run.messages
    if not deployment.options.check_only:
        effects.announce(run.org, run.when)
        effects.commit(org, run.org)
    _end(sim, org, deployment, PARTIAL if run.has_failed else SUCCEEDED, at_s)


def _scripted(sim: Simulator, org: Org, operation: str) -> tuple[str, str] | None:
    """Return code and message of a fault scripted for a stage by name, or None.

    ``run_deploy`` fails a component, as a row lock does; ``finalize_deploy`` fails the last stage.
    """
    fault = sim.faults.take_stage(operation, (org.id, org.id15, sim.seed_of(org).name))
    if fault is None:
        return None
    usual = ROW_LOCK if fault.kind == "row_lock" else ("UNKNOWN_EXCEPTION", "An unexpected error occurred.")
    return str(fault.arguments.get("code", usual[0])), str(fault.arguments.get("message", usual[1]))


def _end(sim: Simulator, org: Org, deployment: Deployment, status: str, at_s: float) -> None:
    deployment.status = status
    deployment.ended_s = at_s
    if not (deployment.options.check_only and status == SUCCEEDED):
        deployment.archive = None  # nobody can ask for it again; it may hold a secret
    deployment.progress = len(_kept(deployment.messages))
    deployment.changed_wall_s = _wall_at(sim, org, deployment, at_s)


def _wall_at(sim: Simulator, org: Org, deployment: Deployment, at_s: float) -> float:
    """Return the wall time of a moment of org time that lies behind us; never before an earlier stage."""
    earliest_wall_s = deployment.started_wall_s or deployment.created_wall_s
    return max(earliest_wall_s, sim.wall_s(org) - (sim.now_s() - at_s) / sim.clock.speed)
