"""Several records or several requests in one call: sObject Collections, Composite and Composite Batch.

Shapes and limits follow the REST API Developer Guide ("Composite Resources"); jsforce creates, updates and
deletes lists of records this way, CumulusCI assigns permission sets with it.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

from orchestrator.simulator import record_rules
from orchestrator.simulator.http import Request, Response
from orchestrator.simulator.org import Org
from orchestrator.simulator.refusals import RecordRefused, not_found
from orchestrator.simulator.sobjects import tables_of
from orchestrator.simulator.soql import run_query

if TYPE_CHECKING:
    from orchestrator.simulator.rest import RestCall

MAX_RECORDS = 200
MAX_REQUESTS = 25
# Every fact of an org that record rules change: what a failed all-or-none call takes back.
_CHANGED_BY_RECORDS = (
    "users",
    "profiles",
    "permission_sets",
    "assignments",
    "license_assignments",
    "apps",
    "components",
    "sessions",
    "oauth_grants",
    "setup_audit_trail",
    "generic_records",
)
_ROLLED_BACK = RecordRefused(
    "ALL_OR_NONE_OPERATION_ROLLED_BACK",
    "Record rolled back because not all records were valid and the request was using AllOrNone header",
)
_REFERENCE = re.compile(r"@\{([\w.\[\]]+)\}")
_ERRORS_FROM_STATUS = 400

Run = Callable[[Request], Response]
Result = dict[str, Any]


def answer_composite(call: RestCall, run: Run) -> Response:
    """Answer anything under /composite; `run` answers one request to this org.

    Raises:
        RecordRefused: the resource, the body or the number of records is refused as a whole.
    """
    steps, method = call.steps[1:], call.request.method
    if not steps and method == "POST":
        return call.answer({"compositeResponse": _composite(call, run)})
    if steps == ["batch"] and method == "POST":
        return call.answer(_batch(call, run))
    if steps == ["sobjects"] and method in {"POST", "PATCH", "DELETE"}:
        return call.answer(_collection(call))
    if len(steps) == 2 and steps[0] == "sobjects" and method in {"GET", "POST"}:  # noqa: PLR2004 - sobjects/{type}
        return call.answer(_retrieved(call, steps[1]))
    raise not_found()


# --- sObject Collections


def _collection(call: RestCall) -> list[Result]:
    if call.request.method == "DELETE":
        ids = _limited(call.request.first("ids").split(","))
        is_all_or_none = call.request.first("allOrNone").lower() == "true"
        return _each(call, ids, _delete, is_all_or_none=is_all_or_none)
    document = call.body()
    records = _limited(document.get("records"))
    change = _create if call.request.method == "POST" else _update
    return _each(call, records, change, is_all_or_none=document.get("allOrNone") is True)


def _limited(items: object) -> list[Any]:
    if not isinstance(items, list) or not items or items == [""]:
        raise RecordRefused("INVALID_INPUT", "records are required")
    if len(items) > MAX_RECORDS:
        raise RecordRefused(
            "EXCEEDED_ID_LIMIT",
            f"record limit reached. cannot submit more than {MAX_RECORDS} records into this call",
        )
    return items


def _each(
    call: RestCall, items: Sequence[Any], change: Callable[[RestCall, Any], str], *, is_all_or_none: bool
) -> list[Result]:
    before = _facts(call.org) if is_all_or_none else {}
    results: list[Result] = []
    for item in items:
        try:
            results.append({"id": change(call, item), "success": True, "errors": []})
        except RecordRefused as refused:
            results.append(_failure(refused))
    if not is_all_or_none or all(each["success"] for each in results):
        return results
    for name, fact in before.items():
        setattr(call.org, name, fact)
    return [_failure(_ROLLED_BACK) if each["success"] else each for each in results]


def _facts(org: Org) -> dict[str, Any]:
    # One copy of all: collections share records, such as a profile and the permission set it owns.
    return copy.deepcopy({name: getattr(org, name) for name in _CHANGED_BY_RECORDS})


def _failure(refused: RecordRefused) -> Result:
    error = {"statusCode": refused.code, "message": refused.message, "fields": refused.fields}
    return {"success": False, "errors": [error]}


def _create(call: RestCall, record: Any) -> str:
    sobject, fields = _typed(record)
    return record_rules.create(call.sim, call.org, call.user, sobject, fields)


def _update(call: RestCall, record: Any) -> str:
    sobject, fields = _typed(record)
    record_id = str(fields.pop("Id", "") or fields.pop("id", ""))
    if not record_id:
        raise RecordRefused("MISSING_ARGUMENT", "Id not specified in an update call")
    record_rules.update(call.sim, call.org, call.user, sobject, record_id, fields)
    return record_id


def _delete(call: RestCall, record_id: Any) -> str:
    prefix = str(record_id)[:3]
    table = next((each for each in tables_of(call.org) if each.key_prefix == prefix), None)
    if table is None:
        raise RecordRefused("MALFORMED_ID", f"malformed id {record_id}")
    record_rules.delete(call.sim, call.org, call.user, table.name, str(record_id))
    return str(record_id)


def _typed(record: Any) -> tuple[str, dict[str, Any]]:
    attributes = record.get("attributes") if isinstance(record, dict) else None
    sobject = attributes.get("type") if isinstance(attributes, dict) else None
    if not isinstance(sobject, str):
        raise RecordRefused("INVALID_INPUT", "attributes.type is required")
    return sobject, {name: value for name, value in record.items() if name != "attributes"}


def _retrieved(call: RestCall, sobject: str) -> list[dict[str, Any] | None]:
    if call.request.method == "GET":
        ids: Any = call.request.first("ids").split(",")
        fields: Any = call.request.first("fields").split(",")
    else:
        ids, fields = call.body().get("ids"), call.body().get("fields")
    words = fields if isinstance(fields, list) else []
    names = [str(name) for name in words if re.fullmatch(r"[\w.]+", str(name))]
    text = f"SELECT {', '.join(names) or 'Id'} FROM {sobject}"  # noqa: S608 - SOQL of checked words
    if not re.fullmatch(r"\w+", sobject):
        raise not_found()
    rows = run_query(call.sim, call.org, call.user, text, api_path=call.root).rows
    by_id = {str(row["attributes"]["url"]).rpartition("/")[2][:15]: row for row in rows}
    return [by_id.get(str(record_id)[:15]) for record_id in _limited(ids)]


# --- several requests


def _composite(call: RestCall, run: Run) -> list[Result]:
    document = call.body()
    asked = _requests(document.get("compositeRequest"))
    before = _facts(call.org) if document.get("allOrNone") is True else {}
    known: dict[str, Any] = {}
    answers: list[Result] = []
    for each in asked:
        reference = str(each.get("referenceId", ""))
        filled = _filled({"url": each.get("url", ""), "body": each.get("body")}, known)
        status, headers, body = _run(call, run, str(each.get("method", "")), filled["url"], filled["body"])
        known[reference] = body
        answers.append(
            {"body": body, "httpHeaders": headers, "httpStatusCode": status, "referenceId": reference}
        )
    if before and any(each["httpStatusCode"] >= _ERRORS_FROM_STATUS for each in answers):
        for name, fact in before.items():
            setattr(call.org, name, fact)
        halted = [{"errorCode": "PROCESSING_HALTED", "message": "The transaction was rolled back"}]
        for each in answers:
            if each["httpStatusCode"] < _ERRORS_FROM_STATUS:
                each |= {"body": halted, "httpHeaders": {}, "httpStatusCode": 400}
    return answers


def _batch(call: RestCall, run: Run) -> dict[str, Any]:
    results = []
    for each in _requests(call.body().get("batchRequests")):
        url = str(each.get("url", ""))
        target = url if url.startswith("/") else f"/services/data/{url}"
        status, _, body = _run(call, run, str(each.get("method", "")), target, each.get("richInput"))
        results.append({"statusCode": status, "result": body})
    has_errors = any(each["statusCode"] >= _ERRORS_FROM_STATUS for each in results)
    return {"hasErrors": has_errors, "results": results}


def _requests(asked: object) -> list[dict[str, Any]]:
    if not isinstance(asked, list) or not all(isinstance(each, dict) for each in asked):
        raise RecordRefused("JSON_PARSER_ERROR", "A list of requests is expected")
    if len(asked) > MAX_REQUESTS:
        raise RecordRefused("LIMIT_EXCEEDED", f"Limit of {MAX_REQUESTS} subrequests exceeded")
    return asked


def _run(call: RestCall, run: Run, method: str, url: str, body: object) -> tuple[int, dict[str, str], Any]:
    parts = urlsplit(url)
    if re.match(r"/services/data/v\d+\.0/composite(?:/(?!sobjects)|$)", parts.path):
        raise RecordRefused("INVALID_INPUT", "composite requests do not nest")
    request = replace(
        call.request,
        method=method.upper(),
        path=unquote(parts.path),
        query=parse_qs(parts.query, keep_blank_values=True, max_num_fields=1000),
        body=b"" if body is None else json.dumps(body).encode(),
    )
    response = run(request)
    headers = {name: value for name, value in response.headers.items() if name == "Location"}
    return response.status, headers, json.loads(response.body) if response.body else None


def _filled(value: Any, known: dict[str, Any]) -> Any:
    """Return a value with every `@{reference.field}` replaced by what an earlier answer holds."""
    if isinstance(value, dict):
        return {name: _filled(inner, known) for name, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, known) for inner in value]
    if not isinstance(value, str):
        return value
    return _REFERENCE.sub(lambda found: str(_looked_up(found[1], known)), value)


def _looked_up(path: str, known: dict[str, Any]) -> Any:
    steps = [step for step in re.split(r"[.\[\]]+", path) if step]
    current: Any = known
    for step in steps:
        try:
            current = current[int(step)] if isinstance(current, list) else current[step]
        except (KeyError, IndexError, ValueError, TypeError):
            raise RecordRefused(
                "PROCESSING_HALTED", f"Invalid reference specified. No value for {path} found"
            ) from None
    return current
