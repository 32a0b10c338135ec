"""The Metadata API: deploy, watch, cancel, read, list, write.

Over SOAP by zeep; deploys also over REST, for tokens in JWT format, which SOAP refuses before API version 67.
Source: Metadata API guide.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from orchestrator.catalogue import FAULTS
from orchestrator.errors import OrgFault
from orchestrator.redaction import Secret, redact
from orchestrator.salesforce.answers import classify
from orchestrator.salesforce.deploys import DeployStatus, as_list, deploy_status, is_true
from orchestrator.salesforce.importing import IMPORTING
from orchestrator.salesforce.rest import Renewal, refusal, renewed
from orchestrator.salesforce.session import Network
from orchestrator.salesforce.soap import send

if TYPE_CHECKING:
    from orchestrator.salesforce.soap_wire import Call

API_VERSION = "64.0"
COMPONENTS_PER_CALL = 10  # limit of read, upsert, update and delete (Metadata API guide, CRUD calls)


Rows = list[Mapping[str, Any]]
Found = list[Mapping[str, Any] | None]


@dataclass(frozen=True, slots=True)
class Written:
    """What became of one record that was written or deleted.

    Attributes:
        created: it was not there before; always False for updates and deletions.
    """

    full_name: str
    created: bool


Outcomes = list[Written]


class Metadata:
    """The Metadata API of one org.

    Args:
        instance_url: origin of the org's API.
        token: session id or access token.
        api_version: such as "64.0".
        renewal: told when the org does not know *token* (any more); None: `session_expired` is raised.
    """

    def __init__(
        self,
        network: Network,
        instance_url: str,
        token: Secret,
        api_version: str = API_VERSION,
        *,
        renewal: Renewal | None = None,
    ) -> None:
        self._renewal = renewal
        self._network = network
        self._token = token
        self._version = api_version
        self._soap_url = f"{instance_url}/services/Soap/m/{api_version}"
        self._rest_url = f"{instance_url}/services/data/v{api_version}/metadata/deployRequest"

    def deploy(
        self,
        zip_bytes: bytes,
        *,
        check_only: bool = False,
        rollback_on_error: bool = True,
        ignore_warnings: bool = False,
    ) -> str:
        """Hand a package over; the id of the deploy. Sent once.

        `testLevel` is never sent: NoTestRun is refused in production, and without Apex no tests run anyway.

        Raises:
            OrgFault: the org's refusal, or the network; after a network fault look before sending again.
        """
        options = _options(
            check_only=check_only, rollback_on_error=rollback_on_error, ignore_warnings=ignore_warnings
        )
        result = self._send("deploy", {"ZipFile": zip_bytes, "DeployOptions": options}, idempotent=False)
        return _request_id(result)

    def status(self, request_id: str) -> DeployStatus:
        """Look at a deploy, with component details. Raises OrgFault (`deploy_unknown`, …)."""
        arguments = {"asyncProcessId": request_id, "includeDetails": True}
        return deploy_status(_mapping(self._send("checkDeployStatus", arguments, idempotent=True)))

    def cancel(self, request_id: str) -> None:
        """Ask for a deploy to be canceled; watch `status` for the end of it. Raises OrgFault."""
        self._send("cancelDeploy", {"String": request_id}, idempotent=True)

    def read(self, type_name: str, names: Sequence[str]) -> Found:
        """Read components by name; None for those that are not in the org. Raises OrgFault.

        Fields our description does not know are left out, and so are unset ones.
        """
        found: Rows = []
        for batch in _batches(names):
            result = self._send("readMetadata", {"type": type_name, "fullNames": batch}, idempotent=True)
            # zeep takes a result with one kind of child apart by itself, so the records may already be bare.
            records = result.get("records", result) if isinstance(result, Mapping) else result
            found += [row for row in as_list(records) if row.get("fullName")]
        by_name = {str(row["fullName"]): row for row in found}
        return [by_name.get(name) for name in names]

    def list(self, type_name: str) -> Rows:
        """Every component of a type: fullName, id, fileName, lastModifiedDate and so on. Raises OrgFault."""
        arguments = {"queries": [{"type": type_name}], "asOfVersion": float(self._version)}
        return [*as_list(self._send("listMetadata", arguments, idempotent=True))]

    def upsert(self, type_name: str, records: Sequence[Mapping[str, Any]]) -> tuple[Written, ...]:
        """Create or replace components; all of a call or none.

        Raises:
            OrgFault: the first refusal, or the network.
        """
        return self._write("upsertMetadata", type_name, records)

    def update(self, type_name: str, records: Sequence[Mapping[str, Any]]) -> tuple[Written, ...]:
        """Change components that exist; all of a call or none. Raises OrgFault."""
        return self._write("updateMetadata", type_name, records)

    def delete(self, type_name: str, names: Sequence[str]) -> tuple[Written, ...]:
        """Delete components by name; all of a call or none. Raises OrgFault."""
        written: Outcomes = []
        for batch in _batches(names):
            written += self._saved("deleteMetadata", {"type": type_name, "fullNames": batch})
        return tuple(written)

    def deploy_rest(
        self,
        zip_bytes: bytes,
        *,
        check_only: bool = False,
        rollback_on_error: bool = True,
        ignore_warnings: bool = False,
    ) -> str:
        """`deploy` over REST. Raises OrgFault."""
        options = _options(
            check_only=check_only, rollback_on_error=rollback_on_error, ignore_warnings=ignore_warnings
        )
        answer = self._network.request(
            "POST",
            self._rest_url,
            files={
                "json": (None, json.dumps({"deployOptions": options}).encode(), "application/json"),
                "file": ("package.zip", zip_bytes, "application/zip"),
            },
            auth=self._token,
            credentials=True,
            idempotent=False,
        )
        return _request_id(self._json_object(answer))

    def status_rest(self, request_id: str) -> DeployStatus:
        """`status` over REST. Raises OrgFault."""
        answer = self._network.request(
            "GET",
            f"{self._rest_url}/{quote(request_id, safe='')}",
            params={"includeDetails": "true"},
            auth=self._token,
            credentials=True,
            idempotent=True,
        )
        found = self._json_object(answer)
        return deploy_status({"id": found.get("id"), **_mapping(found.get("deployResult"))})

    def _write(
        self, operation: str, type_name: str, records: Sequence[Mapping[str, Any]]
    ) -> tuple[Written, ...]:
        with IMPORTING:
            from orchestrator.salesforce.soap_wire import typed  # noqa: PLC0415 - zeep is heavy; pay when used

        written: Outcomes = []
        for batch in _batches(records):
            written += self._saved(operation, {"metadata": [typed(type_name, record) for record in batch]})
        return tuple(written)

    def _saved(self, operation: str, arguments: Mapping[str, Any]) -> Sequence[Written]:
        """Send and judge a write. Raises OrgFault for the first record that was refused."""
        headers = {"AllOrNoneHeader": {"allOrNone": True}}
        rows = as_list(self._send(operation, arguments, idempotent=False, headers=headers))
        for row in rows:
            if not is_true(row.get("success")):
                error = next(iter(as_list(row.get("errors"))), {})
                code, message = str(error.get("statusCode") or ""), str(error.get("message") or "")
                raise OrgFault(
                    classify("deploy", code, message), redact(f"{row.get('fullName')}: {code}: {message}")
                )
        return [Written(str(row.get("fullName") or ""), is_true(row.get("created"))) for row in rows]

    def _send(
        self,
        operation: str,
        arguments: Mapping[str, Any],
        *,
        idempotent: bool,
        headers: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> Any:
        call = self._call(operation, arguments, idempotent=idempotent, headers=headers)
        try:
            return send(self._network, call, surface="soap")
        except OrgFault as refused:
            raise renewed(refused, self._renewal) from None

    def _json_object(self, answer: Any) -> Mapping[str, Any]:
        """The JSON object in *answer*. Raises OrgFault for refusals and for anything else."""
        if answer.status >= 300:  # noqa: PLR2004 - everything that is not a success
            raise renewed(refusal(answer), self._renewal)
        found = answer.json()
        if not isinstance(found, Mapping):
            raise OrgFault(FAULTS["answer_unknown"], f"{answer.host} answered with JSON that is no object")
        return found

    def _call(
        self,
        operation: str,
        arguments: Mapping[str, Any],
        *,
        idempotent: bool,
        headers: Mapping[str, Mapping[str, Any]] | None,
    ) -> Call:
        with IMPORTING:
            from orchestrator.salesforce.soap_wire import Call  # noqa: PLC0415 - zeep is heavy; pay when used

        return Call(
            "metadata",
            self._soap_url,
            operation,
            arguments,
            idempotent=idempotent,
            session=self._token,
            headers=headers,
        )


def _options(*, check_only: bool, rollback_on_error: bool, ignore_warnings: bool) -> dict[str, bool]:
    """DeployOptions without testLevel; every boolean is sent, as its default differs between documents."""
    return {
        "allowMissingFiles": False,
        "autoUpdatePackage": False,
        "checkOnly": check_only,
        "ignoreWarnings": ignore_warnings,
        "performRetrieve": False,
        "purgeOnDelete": False,
        "rollbackOnError": rollback_on_error,
        "singlePackage": True,
    }


def _mapping(value: Any) -> Mapping[str, Any]:
    """*value*, or an empty mapping for anything else, in which then everything is missing."""
    return value if isinstance(value, Mapping) else {}


def _request_id(result: Any) -> str:
    request_id = str(_mapping(result).get("id") or "")
    if not request_id:
        raise OrgFault(FAULTS["answer_unknown"], "the org took the deploy and gave no id for it")
    return request_id


def _batches(items: Sequence[Any]) -> Sequence[Sequence[Any]]:
    return [items[at : at + COMPONENTS_PER_CALL] for at in range(0, len(items), COMPONENTS_PER_CALL)]
