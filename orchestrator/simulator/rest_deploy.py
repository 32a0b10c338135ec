"""Deployments over REST: ``/services/data/vNN.0/metadata/deployRequest[/<id>]``, engine as over SOAP.

POST is multipart: a part ``file`` with the zip and a part ``json`` (the guide's clients) or
``entity_content`` (jsforce) with the options. JWT-format access tokens are welcome here.
"""

from __future__ import annotations

import json
import re
from typing import Any

from orchestrator.simulator import deploy
from orchestrator.simulator.deploy_result import json_result
from orchestrator.simulator.deployment import Deployment, DeployOptions
from orchestrator.simulator.http import Request, Response, json_response, rest_error
from orchestrator.simulator.metadata import NOT_PERMITTED, refuse_without_permission
from orchestrator.simulator.org import Org
from orchestrator.simulator.refusals import READ_ONLY
from orchestrator.simulator.simulation import Simulator
from orchestrator.simulator.soap import SoapFault
from orchestrator.simulator.users import User

BOUNDARY = re.compile(r'boundary="?([^";,]{1,70})"?', re.IGNORECASE)
PART_NAME = re.compile(rb'name="?([^";\r\n]+)"?', re.IGNORECASE)
VERSION = re.compile(r"/v(\d+\.\d)/")
MAX_PARTS = 10
STATUS_BY_CODE = {"INVALID_ID_FIELD": 404, "INVALID_LOCATOR": 404, "LIMIT_EXCEEDED": 413, READ_ONLY: 503}


def answer_rest_deploy(sim: Simulator, org: Org, user: User, request: Request, tail: list[str]) -> Response:
    """Answer a request for deployRequest; ``tail`` is what follows it in the path."""
    found = VERSION.search(request.path)
    version = float(found[1]) if found is not None else float(org.max_api_version)
    identifier = next((step for step in tail if step), "")
    try:
        refuse_without_permission(org.permissions_of(user))
        deploy.advance(sim, org)
        match request.method, bool(identifier):
            case "POST", False:
                return _start(sim, org, user, request, version)
            case "GET", True:
                return _status(sim, org, request, identifier, version)
            case "PATCH", True:
                return _cancel(sim, org, user, request, identifier, version)
            case _:
                text = f"HTTP Method '{request.method}' not allowed."
                return rest_error(405, "METHOD_NOT_ALLOWED", text)
    except SoapFault as refusal:
        status = 403 if refusal.message == NOT_PERMITTED else STATUS_BY_CODE.get(refusal.code, 400)
        return rest_error(status, refusal.code, refusal.message)


def _pretty(request: Request) -> bool:
    return request.headers.get("x-prettyprint", "") in {"1", "true"}


def _start(sim: Simulator, org: Org, user: User, request: Request, version: float) -> Response:
    content_type = request.headers.get("content-type", "")
    if content_type.lower().startswith("multipart/form-data"):
        parts = read_multipart(content_type, request.body)
        content, text = parts.get("file"), parts.get("json", parts.get("entity_content", b"{}"))
    else:
        content, text = None, request.body
    document = _json_object(text)
    validated_id = document.get("validatedDeployRequestId")
    if validated_id:
        deployment = deploy.deploy_validated(sim, org, user, str(validated_id), endpoint_version=version)
    elif content is None:
        raise SoapFault("INVALID_MULTIPART_REQUEST", "The request must have a part named file with the zip")
    else:
        given = document.get("deployOptions", {})
        options = options_of(given if isinstance(given, dict) else {})
        deployment = deploy.submit(sim, org, user, content, options, endpoint_version=version)
    answer = {
        "validatedDeployRequestId": validated_id or None,
        "deployOptions": document.get("deployOptions"),
        "id": deployment.id,
        "deployResult": None,
    }
    return json_response(201, answer, pretty=_pretty(request))


def _status(sim: Simulator, org: Org, request: Request, identifier: str, version: float) -> Response:
    deployment = deploy.find_deployment(sim, org, identifier)
    include_details = request.first("includeDetails").lower() == "true"
    return _answer(deployment, version, request, include_details=include_details)


def _cancel(  # noqa: PLR0917 - the parts of one request
    sim: Simulator, org: Org, user: User, request: Request, identifier: str, version: float
) -> Response:
    wanted = _json_object(request.body).get("deployResult")
    if not isinstance(wanted, dict) or str(wanted.get("status")) not in {"Canceling", "Canceled"}:
        raise SoapFault("INVALID_INPUT", "Only the status Canceling can be set")
    deployment = deploy.cancel(sim, org, user, identifier, version)
    return _answer(deployment, version, request, include_details=False, status=202)


def _answer(
    deployment: Deployment, version: float, request: Request, *, include_details: bool, status: int = 200
) -> Response:
    document = {
        "id": deployment.id,
        "validatedDeployRequestId": None,
        "deployResult": json_result(deployment, version, include_details=include_details),
        "deployOptions": None,
    }
    return json_response(status, document, pretty=_pretty(request))


def _json_object(text: bytes) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        SoapFault: JSON_PARSER_ERROR.
    """
    try:
        document = json.loads(text or b"{}")
    except (ValueError, RecursionError):
        raise SoapFault("JSON_PARSER_ERROR", "The JSON of the request cannot be parsed") from None
    if not isinstance(document, dict):
        raise SoapFault("JSON_PARSER_ERROR", "The JSON of the request must be an object")
    return document


def options_of(given: dict[str, Any]) -> DeployOptions:
    """Read DeployOptions from JSON; booleans may be written as text."""

    def flag(name: str, *, default: bool = False) -> bool:
        value = given.get(name)
        return default if value is None else str(value).lower() == "true"

    tests = given.get("runTests") or []
    return DeployOptions(
        allow_missing_files=flag("allowMissingFiles"),
        auto_update_package=flag("autoUpdatePackage"),
        check_only=flag("checkOnly"),
        ignore_warnings=flag("ignoreWarnings"),
        perform_retrieve=flag("performRetrieve"),
        purge_on_delete=flag("purgeOnDelete"),
        rollback_on_error=flag("rollbackOnError", default=True),
        single_package=flag("singlePackage"),
        test_level=str(given.get("testLevel") or ""),
        run_tests=tuple(str(each) for each in tests) if isinstance(tests, list) else (),
    )


def read_multipart(content_type: str, body: bytes) -> dict[str, bytes]:
    """Split a multipart/form-data body into its parts by name (RFC 7578).

    Raises:
        SoapFault: no boundary, or no part that ends.
    """
    found = BOUNDARY.search(content_type)
    if found is None:
        raise SoapFault("INVALID_MULTIPART_REQUEST", "The multipart boundary is missing")
    delimiter = b"\r\n--" + found[1].encode()
    pieces = (b"\r\n" + body).split(delimiter, MAX_PARTS + 1)
    if len(pieces) < 2 or len(pieces) > MAX_PARTS + 1:  # noqa: PLR2004 - one delimiter makes two pieces
        raise SoapFault("INVALID_MULTIPART_REQUEST", "The multipart body cannot be read")
    parts: dict[str, bytes] = {}
    for piece in pieces[1:]:
        headers, blank, content = piece.partition(b"\r\n\r\n")
        name = PART_NAME.search(headers)
        if blank and name is not None:
            parts[name[1].decode("utf-8", "replace")] = content
    return parts
