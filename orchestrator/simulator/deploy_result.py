"""Writes a deployment as DeployResult, for SOAP in schema order and for REST as JSON.

Status words: the WSDLs up to v64 know no finalizing stage, those from v65 call it ``Finalizing``, the guide
and REST ``FinalizingDeploy``. ``numberFiles`` and ``zipSize`` exist from v64.
"""

from __future__ import annotations

from typing import Any

from orchestrator.simulator.clock import rest_timestamp, soap_timestamp
from orchestrator.simulator.deployment import FAILED, FINALIZING, FINALIZING_FAILED, IN_PROGRESS, Deployment
from orchestrator.simulator.package_run import Message

FIRST_FINALIZING_VERSION = 65.0
FIRST_SIZES_VERSION = 64.0
Pairs = list[tuple[str, object]]


def soap_status(status: str, version: float) -> str:
    """Return the status word the WSDL of a version has."""
    if version < FIRST_FINALIZING_VERSION:
        return {FINALIZING: IN_PROGRESS, FINALIZING_FAILED: FAILED}.get(status, status)
    return {FINALIZING: "Finalizing", FINALIZING_FAILED: "FinalizingFailed"}.get(status, status)


def async_result(deployment_id: str) -> Pairs:
    """Return what deploy() and retrieve() answer."""
    return [("done", False), ("id", deployment_id), ("state", "Queued")]


def soap_result(deployment: Deployment, version: float, *, include_details: bool) -> Pairs:
    """Return DeployResult's elements in schema order; absent values are left out."""
    facts = _facts(deployment, version)
    facts |= {
        "completedDate": _soap_time(deployment.changed_wall_s if deployment.is_done else None),
        "createdDate": _soap_time(deployment.created_wall_s),
        "lastModifiedDate": _soap_time(deployment.changed_wall_s),
        "startDate": _soap_time(deployment.started_wall_s),
        "status": soap_status(deployment.status, version),
        "details": _soap_details(deployment if include_details else None),
    }
    return [(name, facts[name]) for name in sorted(facts) if facts[name] not in (None, "")]


def _soap_time(wall_s: float | None) -> str | None:
    return None if wall_s is None else soap_timestamp(wall_s)


def _facts(deployment: Deployment, version: float) -> dict[str, Any]:
    """Return the fields that both surfaces share."""
    failed = {(each.component_type, each.full_name) for each in deployment.failures() if each.is_counted}
    facts: dict[str, Any] = {
        "canceledBy": deployment.canceled_by_id or None,
        "canceledByName": deployment.canceled_by_name or None,
        "checkOnly": deployment.options.check_only,
        "createdBy": deployment.user_id[:15],
        "createdByName": deployment.user_name,
        "done": deployment.is_done,
        "errorMessage": deployment.error_message if deployment.is_done and deployment.error_message else None,
        "errorStatusCode": deployment.error_code if deployment.is_done and deployment.error_code else None,
        "id": deployment.id,
        "ignoreWarnings": deployment.options.ignore_warnings,
        "numberComponentErrors": len(failed) if deployment.is_done else 0,
        "numberComponentsDeployed": deployment.progress,
        "numberComponentsTotal": deployment.total,
        "numberTestErrors": 0,
        "numberTestsCompleted": 0,
        "numberTestsTotal": 0,
        "rollbackOnError": deployment.options.rollback_on_error,
        "runTestsEnabled": deployment.options.runs_tests,
        "stateDetail": _state_detail(deployment),
        "success": deployment.is_success,
    }
    if version >= FIRST_SIZES_VERSION:
        facts |= {"numberFiles": deployment.number_files, "zipSize": deployment.zip_size_bytes}
    return facts


def _state_detail(deployment: Deployment) -> str | None:
    if deployment.is_done or deployment.started_s is None:
        return None
    return f"Processed {deployment.progress} of {deployment.total} components"


def shown_messages(deployment: Deployment) -> tuple[list[Message], list[Message]]:
    """Return failures and successes as far as they may be seen: nothing before the deployment has judged."""
    if not deployment.is_done:
        return [], []
    return deployment.failures(), deployment.successes()


def _soap_details(deployment: Deployment | None) -> Pairs:
    failures, successes = ([], []) if deployment is None else shown_messages(deployment)
    details: Pairs = [("componentFailures", _soap_message(each)) for each in failures]
    details += [("componentSuccesses", _soap_message(each)) for each in successes]
    details.append(("runTestResult", [("numFailures", 0), ("numTestsRun", 0), ("totalTime", "0.0")]))
    return details


def _soap_message(message: Message) -> Pairs:
    pairs: list[tuple[str, object | None]] = [
        ("changed", message.has_changed),
        ("columnNumber", 1 if message.line else None),
        ("componentType", message.component_type),
        ("created", message.was_created),
        ("createdDate", soap_timestamp(message.wall_s)),
        ("deleted", message.was_deleted),
        ("fileName", message.file_name),
        ("fullName", message.full_name),
        ("id", message.component_id or None),
        ("lineNumber", message.line),
        ("problem", message.problem or None),
        ("problemType", message.problem_type or None),
        ("success", message.is_success),
    ]
    return [(name, value) for name, value in pairs if value is not None]


def json_result(deployment: Deployment, version: float, *, include_details: bool) -> dict[str, Any]:
    """Return DeployResult as REST writes it: every field present, null where SOAP leaves it out."""
    done_wall_s = deployment.changed_wall_s if deployment.is_done else None
    result = _facts(deployment, version) | {
        "createdBy": deployment.user_id,
        "completedDate": _rest_time(done_wall_s),
        "createdDate": _rest_time(deployment.created_wall_s),
        "lastModifiedDate": _rest_time(deployment.changed_wall_s),
        "startDate": _rest_time(deployment.started_wall_s),
        "status": deployment.status,
    }
    failures, successes = shown_messages(deployment) if include_details else ([], [])
    result["details"] = {
        "allComponentMessages": [_json_message(each) for each in (*failures, *successes)],
        "componentFailures": [_json_message(each) for each in failures],
        "componentSuccesses": [_json_message(each) for each in successes],
        "retrieveResult": None,
        "runTestResult": {
            "apexLogId": None,
            "codeCoverage": [],
            "codeCoverageWarnings": [],
            "failures": [],
            "flowCoverage": [],
            "flowCoverageWarnings": [],
            "numFailures": 0,
            "numTestsRun": 0,
            "successes": [],
            "totalTime": 0.0,
        },
    }
    return dict(sorted(result.items()))


def _rest_time(wall_s: float | None) -> str | None:
    return None if wall_s is None else rest_timestamp(wall_s)


def _json_message(message: Message) -> dict[str, Any]:
    return {
        "changed": message.has_changed,
        "columnNumber": 1 if message.line else -1,
        "componentType": message.component_type,
        "created": message.was_created,
        "createdDate": rest_timestamp(message.wall_s),
        "deleted": message.was_deleted,
        "fileName": message.file_name,
        "forPackageManifestFile": not message.component_type,
        "fullName": message.full_name,
        "id": message.component_id or None,
        "knownPackagingProblem": False,
        "lineNumber": message.line or -1,
        "problem": message.problem or None,
        "problemType": message.problem_type or None,
        "requiresProductionTestRun": False,
        "success": message.is_success,
        "warning": message.problem_type == "Warning",
    }
