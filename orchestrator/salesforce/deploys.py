"""What a deploy is doing, in one shape whether SOAP or REST told it. Pure.

Source: Metadata API guide, DeployResult, DeployMessage, DeployStatus.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.catalogue import FAULTS
from orchestrator.errors import OrgFault
from orchestrator.redaction import redact
from orchestrator.salesforce.answers import classify
from orchestrator.salesforce.http_answer import whole_number

STATES = frozenset(
    {
        "Pending",
        "InProgress",
        "FinalizingDeploy",
        "FinalizingDeployFailed",
        "Succeeded",
        "SucceededPartial",
        "Failed",
        "Canceling",
        "Canceled",
    }
)

# The WSDLs from v65 on spell two of the words otherwise than the guide and REST.
_SPELT_OTHERWISE = {"Finalizing": "FinalizingDeploy", "FinalizingFailed": "FinalizingDeployFailed"}


@dataclass(frozen=True, slots=True)
class ComponentFailure:
    """One component that was refused.

    Attributes:
        component_type: metadata type; "" for package.xml.
        problem: Salesforce's sentence.
        problem_type: `Error` or `Warning`.
        file_name: within the zip.
    """

    component_type: str
    full_name: str
    problem: str
    problem_type: str
    file_name: str


@dataclass(frozen=True, slots=True)
class ComponentSuccess:
    """One component that is in the org now.

    Attributes:
        id: of the component; "" when Salesforce left it out.
        created: it was not there before.
        changed: it differs from before.
    """

    component_type: str
    full_name: str
    id: str
    created: bool
    changed: bool


@dataclass(frozen=True, slots=True)
class DeployStatus:
    """One look at a deploy.

    Attributes:
        request_id: 18 characters, prefix `0Af`.
        state: one of the nine words of the guide.
        done: nothing will change any more.
        success: all of it went in (or would, when `check_only`).
        error_code: of the deploy as a whole, such as UNKNOWN_EXCEPTION; usually "".
        created_s, completed_s: Unix seconds; None while Salesforce has none.
        components_deployed, components_total: progress.
    """

    request_id: str
    state: str
    done: bool
    success: bool
    check_only: bool
    failures: tuple[ComponentFailure, ...]
    successes: tuple[ComponentSuccess, ...]
    error_code: str
    error_message: str
    state_detail: str
    created_s: float | None
    completed_s: float | None
    components_deployed: int
    components_total: int

    def fault(self) -> OrgFault | None:
        """What went wrong, by the first failure our tables know; None while it runs and when it succeeded."""
        if not self.done or self.success:
            return None
        errors = [failure for failure in self.failures if failure.problem_type != "Warning"] or self.failures
        for failure in errors:
            kind = classify("deploy", failure.problem_type or "Error", failure.problem)
            if kind.code not in {"answer_unknown", "deploy_component_failed"}:
                return OrgFault(kind, _sentence(failure))
        if self.error_code or self.error_message:
            kind = classify("deploy", self.error_code, self.error_message)
            return OrgFault(kind, redact(f"{self.error_code}: {self.error_message}".strip(": ")))
        if errors:
            return OrgFault(FAULTS["deploy_component_failed"], "; ".join(map(_sentence, errors)))
        return OrgFault(
            classify("deploy", self.state), redact(f"deploy {self.request_id} ended as {self.state}")
        )


def deploy_status(result: Mapping[str, Any]) -> DeployStatus:
    """The status in a DeployResult, from SOAP (strings) or JSON (typed values).

    Raises:
        OrgFault (answer_unknown): no id, or a state the guide does not name.
    """
    request_id, word = str(result.get("id") or ""), str(result.get("status") or "")
    state = _SPELT_OTHERWISE.get(word, word)
    if state not in STATES or not request_id:
        raise OrgFault(
            FAULTS["answer_unknown"],
            redact(f"deploy {request_id or '(no id)'} is in a state named {state!r}"),
        )
    details = result.get("details")
    details = details if isinstance(details, Mapping) else {}
    return DeployStatus(
        request_id=request_id,
        state=state,
        done=is_true(result.get("done")),
        success=is_true(result.get("success")),
        check_only=is_true(result.get("checkOnly")),
        failures=tuple(_failure(row) for row in as_list(details.get("componentFailures"))),
        successes=tuple(_success(row) for row in as_list(details.get("componentSuccesses"))),
        error_code=str(result.get("errorStatusCode") or ""),
        error_message=str(result.get("errorMessage") or ""),
        state_detail=str(result.get("stateDetail") or ""),
        created_s=_unix_s(result.get("createdDate")),
        completed_s=_unix_s(result.get("completedDate")),
        components_deployed=_count(result.get("numberComponentsDeployed")),
        components_total=_count(result.get("numberComponentsTotal")),
    )


def as_list(value: Any) -> Sequence[Mapping[str, Any]]:
    """The rows of *value*: one row often comes without a list around it."""
    if value is None:
        return ()
    rows = value if isinstance(value, list | tuple) else [value]
    return [row for row in rows if isinstance(row, Mapping)]


def is_true(value: Any) -> bool:
    """Whether an XML or JSON boolean says yes."""
    return str(value).strip().lower() in {"true", "1"}


def _failure(row: Mapping[str, Any]) -> ComponentFailure:
    return ComponentFailure(
        component_type=str(row.get("componentType") or ""),
        full_name=str(row.get("fullName") or ""),
        problem=str(row.get("problem") or ""),
        problem_type=str(row.get("problemType") or "Error"),
        file_name=str(row.get("fileName") or ""),
    )


def _success(row: Mapping[str, Any]) -> ComponentSuccess:
    return ComponentSuccess(
        component_type=str(row.get("componentType") or ""),
        full_name=str(row.get("fullName") or ""),
        id=str(row.get("id") or ""),
        created=is_true(row.get("created")),
        changed=is_true(row.get("changed")),
    )


def _sentence(failure: ComponentFailure) -> str:
    return redact(f"{failure.component_type or 'package'} {failure.full_name}: {failure.problem}")


def _count(value: Any) -> int:
    return whole_number(str(value if value is not None else ""))


def _unix_s(value: Any) -> float | None:
    """Unix seconds of `2020-10-28T13:33:29.000Z` (SOAP) or `…+0000` (REST); None when it is neither."""
    try:
        return dt.datetime.fromisoformat(str(value)).timestamp()
    except ValueError:
        return None
