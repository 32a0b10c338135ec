"""The metadata API over SOAP: deploy, retrieve, describe and list; CRUD is in `metadata_crud`.

Operations are told by the Body's first child alone. Errors of the endpoint are faults without a detail
element, because the WSDL declares none.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable

from lxml import etree

from orchestrator.simulator import deploy, metadata_crud, retrieve, soap
from orchestrator.simulator.components import EMPTY_TYPES, PACKAGE_TYPES, TYPE_BY_NAME, MetadataType
from orchestrator.simulator.deploy_result import Pairs, async_result, soap_result
from orchestrator.simulator.deployment import DeployOptions
from orchestrator.simulator.file_properties import file_properties, members_of
from orchestrator.simulator.http import Response
from orchestrator.simulator.soap import SoapFault
from orchestrator.simulator.soap_call import Call

MAX_LIST_QUERIES = 3
NOT_PERMITTED = "use of the Metadata API requires a user with the ModifyAllData or ModifyMetadata permissions"


def answer(call: Call) -> Response:
    """Answer one operation.

    Raises:
        SoapFault: not permitted, unknown operation, or whatever the operation refuses.
    """
    refuse_without_permission(call.permissions)
    operation = OPERATIONS.get(call.envelope.operation)
    if operation is None:
        name = f"{{{call.envelope.namespace}}}{call.envelope.operation}"
        raise SoapFault("soapenv:Client", f"No operation available for request {name}, please check the WSDL")
    return operation(call)


def refuse_without_permission(permissions: set[str]) -> None:
    """Refuse users who may not use the Metadata API.

    Raises:
        SoapFault: INSUFFICIENT_ACCESS.
    """
    if not permissions & {"ModifyMetadata", "ModifyAllData"}:
        raise SoapFault("INSUFFICIENT_ACCESS", NOT_PERMITTED)


def read_options(element: etree._Element | None) -> DeployOptions:
    """Read DeployOptions, in any order, with whatever a client leaves out or adds."""
    if element is None:
        return DeployOptions()
    level = soap.text_of(element, "testLevel") or ""
    tests = tuple(each for each in soap.texts_of(element, "runTests") if each and each != "None")
    return DeployOptions(
        allow_missing_files=soap.flag_of(element, "allowMissingFiles"),
        auto_update_package=soap.flag_of(element, "autoUpdatePackage"),
        check_only=soap.flag_of(element, "checkOnly"),
        ignore_warnings=soap.flag_of(element, "ignoreWarnings"),
        perform_retrieve=soap.flag_of(element, "performRetrieve"),
        purge_on_delete=soap.flag_of(element, "purgeOnDelete"),
        rollback_on_error=soap.flag_of(element, "rollbackOnError", default=True),
        single_package=soap.flag_of(element, "singlePackage"),
        test_level="" if level == "None" else level,
        run_tests=tests,
    )


def decode_zip(text: str) -> bytes:
    """Decode the base64 of a zip file.

    Raises:
        SoapFault: it is not base64.
    """
    try:
        return base64.b64decode(re.sub(r"\s+", "", text), validate=True)
    except (binascii.Error, ValueError):
        raise SoapFault("soapenv:Client", "Failed to parse the base64 content of ZipFile") from None


def _deploy(call: Call) -> Response:
    options = read_options(soap.first(call.envelope.body, "DeployOptions", "deployOptions"))
    content = decode_zip(call.text("ZipFile", "zipFile"))
    deployment = deploy.submit(call.sim, call.org, call.user, content, options, endpoint_version=call.version)
    return call.answer(("result", async_result(deployment.id)))


def _check_deploy_status(call: Call) -> Response:
    deployment = deploy.find_deployment(call.sim, call.org, call.text("asyncProcessId", "id"))
    include_details = soap.flag_of(call.envelope.body, "includeDetails")
    return call.answer(("result", soap_result(deployment, call.version, include_details=include_details)))


def _cancel_deploy(call: Call) -> Response:
    deployment_id = call.text("String", "id", "asyncProcessId")
    deployment = deploy.cancel(call.sim, call.org, call.user, deployment_id, call.version)
    return call.answer(("result", [("done", deployment.is_done), ("id", deployment.id)]))


def _deploy_recent_validation(call: Call) -> Response:
    validation_id = call.text("validationId", "validationID")
    deployment = deploy.deploy_validated(
        call.sim, call.org, call.user, validation_id, endpoint_version=call.version
    )
    return call.answer(("result", deployment.id))


def _check_status(call: Call) -> Response:
    """The operation of old: AsyncResult of deployments and retrieves alike (CumulusCI still asks)."""
    results: list[tuple[str, object]] = []
    for each in soap.texts_of(call.envelope.body, "asyncProcessId"):
        if each[:3] == "09S":
            is_done = retrieve.find_retrieval(call.sim, call.org, each).is_done
        else:
            is_done = deploy.find_deployment(call.sim, call.org, each).is_done
        state = "Completed" if is_done else "InProgress"
        results.append(("result", [("done", is_done), ("id", each), ("state", state)]))
    return call.answer(*results)


def _retrieve(call: Call) -> Response:
    element = soap.first(call.envelope.body, "retrieveRequest", "request")
    if element is None:
        raise SoapFault("INVALID_INPUT", "retrieveRequest is missing")
    retrieval = retrieve.submit(call.sim, call.org, call.user, retrieve.read_request(element, call.version))
    return call.answer(("result", async_result(retrieval.id)))


def _check_retrieve_status(call: Call) -> Response:
    retrieval = retrieve.find_retrieval(call.sim, call.org, call.text("asyncProcessId", "id"))
    include_zip = soap.flag_of(call.envelope.body, "includeZip", default=True)
    return call.answer(("result", retrieve.soap_result(retrieval, include_zip=include_zip)))


def _describe_metadata(call: Call) -> Response:
    version = _as_of(call)
    is_production = call.org.kind == "production"
    objects: Pairs = [
        ("metadataObjects", _described(each)) for each in sorted(PACKAGE_TYPES, key=lambda each: each.name)
        if version >= each.since
    ]  # fmt: skip
    tail: Pairs = [
        ("organizationNamespace", call.org.namespace_prefix or ""),
        ("partialSaveAllowed", not is_production),
        ("testRequired", is_production),
    ]
    return call.answer(("result", [*objects, *tail]))


def _described(package_type: MetadataType) -> Pairs:
    return [
        ("directoryName", package_type.folder),
        ("inFolder", False),
        ("metaFile", False),
        ("suffix", package_type.suffix),
        ("xmlName", package_type.name),
    ]


def _as_of(call: Call) -> float:
    text = call.text("asOfVersion")
    try:
        return float(text) if text else call.version
    except ValueError:
        raise SoapFault("INVALID_INPUT", f"'{text}' is not a valid API version") from None


def _list_metadata(call: Call) -> Response:
    queries = list(soap.elements(call.envelope.body, "queries"))
    if len(queries) > MAX_LIST_QUERIES:
        raise SoapFault("LIMIT_EXCEEDED", f"At most {MAX_LIST_QUERIES} queries can be made in one call")
    version = _as_of(call)
    results: list[tuple[str, object]] = []
    for query in queries:
        name = soap.text_of(query, "type") or ""
        if name in EMPTY_TYPES:
            continue
        package_type = TYPE_BY_NAME.get(name)
        if package_type is None or version < package_type.since:
            raise SoapFault("INVALID_TYPE", f"Unknown type:{name}")
        results += [
            ("result", file_properties(call.org, each)) for each in members_of(call.org, package_type)
        ]
    return call.answer(*results)


OPERATIONS: dict[str, Callable[[Call], Response]] = {
    "deploy": _deploy,
    "checkDeployStatus": _check_deploy_status,
    "cancelDeploy": _cancel_deploy,
    "deployRecentValidation": _deploy_recent_validation,
    "checkStatus": _check_status,
    "retrieve": _retrieve,
    "checkRetrieveStatus": _check_retrieve_status,
    "describeMetadata": _describe_metadata,
    "listMetadata": _list_metadata,
    **metadata_crud.OPERATIONS,
}
