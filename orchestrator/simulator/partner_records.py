"""Records over the partner API: queries, create, update, upsert, delete, retrieve, recycle bin.

The rules are those of REST (`record_rules`); this module reads and writes the SOAP forms.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from lxml import etree

from orchestrator.simulator import record_rules, soap
from orchestrator.simulator.http import Response
from orchestrator.simulator.ids import is_valid
from orchestrator.simulator.refusals import RecordRefused, refuse_in_read_only
from orchestrator.simulator.soap import SoapFault
from orchestrator.simulator.soap_call import Call
from orchestrator.simulator.sobjects import find_table, tables_of
from orchestrator.simulator.soql import PAGE_ROWS, QueryResult, continue_query, run_query
from orchestrator.simulator.soql_tree import QueryError

Pairs = list[tuple[str, object]]

MAX_RECORDS = 200
MAX_RETRIEVED = 2000
REST_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3})\+0000")
QUERY_FAULTS = {
    "MALFORMED_QUERY": "MalformedQueryFault",
    "INVALID_FIELD": "InvalidFieldFault",
    "INVALID_TYPE": "InvalidSObjectFault",
    "INVALID_QUERY_LOCATOR": "InvalidQueryLocatorFault",
    "INVALID_NEW_PASSWORD": "InvalidNewPasswordFault",
    "INVALID_OLD_PASSWORD": "InvalidOldPasswordFault",
}


# Codes of REST that the WSDL's enumerations lack, and what SOAP says instead.
SOAP_CODES = {
    "NOT_FOUND": "INVALID_CROSS_REFERENCE_KEY",
    "METHOD_NOT_ALLOWED": "INSUFFICIENT_ACCESS_OR_READONLY",
}


def fault_of(refusal: QueryError | RecordRefused) -> SoapFault:
    """Return a refusal of queries or records as the fault type the WSDL has for it."""
    code = SOAP_CODES.get(refusal.code, refusal.code)
    return SoapFault(code, refusal.message, QUERY_FAULTS.get(refusal.code, "UnexpectedErrorFault"))


# --- writing records


def record_pairs(row: dict[str, Any], *, is_typed_by_name: bool = False) -> soap.Typed:
    """Return a row as an sObject: ``type``, ``Id`` (nil when not asked for), then the fields as asked."""
    sobject = str(row.get("attributes", {}).get("type", ""))
    head: Pairs = [] if is_typed_by_name else [("sf:type", sobject)]
    pairs: Pairs = [*head, ("sf:Id", row.get("Id"))]
    for name, value in row.items():
        if name not in {"attributes", "Id"}:
            pairs.append((f"sf:{name}", _field_value(value, is_typed_by_name=is_typed_by_name)))
    return soap.Typed(f"sf:{sobject}" if is_typed_by_name else "sf:sObject", pairs)


def _field_value(value: object, *, is_typed_by_name: bool) -> object:
    if isinstance(value, dict) and "attributes" in value:
        return record_pairs(value, is_typed_by_name=is_typed_by_name)
    match value:
        case {"records": [*rows]}:
            records = [("records", record_pairs(row, is_typed_by_name=is_typed_by_name)) for row in rows]
            return soap.Typed(
                "QueryResult", [("done", True), ("queryLocator", None), *records, ("size", len(rows))]
            )
        case str() if found := REST_TIME.fullmatch(value):
            return f"{found[1]}Z"
        case None | str() | bool() | int() | float():
            return value
        case _:
            return str(value)


def _page(call: Call, result: QueryResult) -> Response:
    is_typed_by_name = call.surface is soap.ENTERPRISE_SURFACE
    records = [("records", record_pairs(row, is_typed_by_name=is_typed_by_name)) for row in result.rows]
    pairs: Pairs = [("done", result.done), ("queryLocator", result.query_locator or None), *records]
    return call.answer(("result", [*pairs, ("size", result.total)]))


def _query(call: Call) -> Response:
    size = call.envelope.header_text("QueryOptions", "batchSize") or ""
    try:
        result = run_query(
            call.sim,
            call.org,
            call.user,
            call.text("queryString"),
            page_rows=int(size) if size.isdecimal() else PAGE_ROWS,
            all_rows=call.envelope.operation == "queryAll",
        )
        return _page(call, result)
    except QueryError as wrong:
        raise fault_of(wrong) from None


def _query_more(call: Call) -> Response:
    try:
        return _page(call, continue_query(call.org, call.text("queryLocator")))
    except QueryError as wrong:
        raise fault_of(wrong) from None


def _retrieve(call: Call) -> Response:
    """Return records by id in the order asked; nil for what is not there."""
    sobject, ids = call.text("sObjectType"), soap.texts_of(call.envelope.body, "ids")
    _limited(ids, MAX_RETRIEVED)
    for each in ids:
        if not is_valid(each):
            raise SoapFault("MALFORMED_ID", f"malformed id {each[:20]}", "InvalidIdFault")
    names = dict.fromkeys(
        name.strip() for name in ("Id," + call.text("fieldList")).split(",") if name.strip()
    )
    fields = {name.lower(): name for name in names}.values()
    listed = ", ".join(f"'{each}'" for each in ids) or "''"
    text = f"SELECT {', '.join(fields)} FROM {sobject} WHERE Id IN ({listed})"  # noqa: S608 - SOQL of checked ids
    try:
        rows = run_query(call.sim, call.org, call.user, text).rows
    except QueryError as wrong:
        raise fault_of(wrong) from None
    found = {str(row["Id"])[:15]: row for row in rows}
    is_typed_by_name = call.surface is soap.ENTERPRISE_SURFACE
    results: Pairs = []
    for each in ids:
        row = found.get(each[:15])
        record = None if row is None else record_pairs(row, is_typed_by_name=is_typed_by_name)
        results.append(("result", record))
    return call.answer(*results)


# --- reading records


def _limited(items: list[Any], limit: int = MAX_RECORDS) -> None:
    if len(items) > limit:
        text = f"record limit reached. cannot submit more than {limit} records into this call"
        raise SoapFault("EXCEEDED_ID_LIMIT", text)


def _sobjects_of(call: Call) -> list[tuple[str, str, dict[str, Any]]]:
    """Read the sObjects of a call as (type, id, fields), values as JSON would have them."""
    items = list(soap.elements(call.envelope.body, "sObjects"))
    _limited(items)
    return [_read_sobject(call, item) for item in items]


def _read_sobject(call: Call, item: etree._Element) -> tuple[str, str, dict[str, Any]]:
    declared = item.get(f"{{{soap.XSI}}}type", "").rpartition(":")[2]
    sobject = soap.text_of(item, "type") or declared
    table = find_table(call.org, sobject)
    if table is None:
        raise SoapFault("INVALID_TYPE", f"sObject type '{sobject}' is not supported.", "InvalidSObjectFault")
    fields: dict[str, Any] = dict.fromkeys(soap.texts_of(item, "fieldsToNull"))
    for child in soap.elements(item):
        name = soap.local_name(child)
        if name in {"type", "Id", "fieldsToNull"}:
            continue
        found = table.find_field(call.org, name)
        fields[name] = _json_value(child, "string" if found is None else found.kind)
    return sobject, soap.text_of(item, "Id") or "", fields


def _json_value(element: etree._Element, kind: str) -> object:
    if soap.is_nil(element):
        return None
    text = soap.whole_text(element)
    if kind == "boolean":
        return text.lower() in soap.TRUE_WORDS
    if kind == "int" and re.fullmatch(r"-?\d{1,10}", text):
        return int(text)
    return text


def _outcome(act: Callable[[], str], *, is_created: bool | None = None) -> Pairs:
    """Do one change and return SaveResult or DeleteResult, or UpsertResult where ``is_created`` is given."""
    head: Pairs = [] if is_created is None else [("created", is_created)]
    try:
        record_id = act()
    except RecordRefused as refused:
        head = [] if is_created is None else [("created", False)]
        fields = [("fields", name) for name in refused.fields]
        error = [
            *fields,
            ("message", refused.message),
            ("statusCode", SOAP_CODES.get(refused.code, refused.code)),
        ]
        return [*head, ("errors", error), ("id", None), ("success", False)]
    return [*head, ("id", record_id), ("success", True)]


def _create(call: Call) -> Response:
    sent = _sobjects_of(call)
    results = [_outcome(partial(_created, call, sobject, fields)) for sobject, _, fields in sent]
    return call.answer(*(("result", each) for each in results))


def _created(call: Call, sobject: str, fields: dict[str, Any]) -> str:
    return record_rules.create(call.sim, call.org, call.user, sobject, fields)


def _updated(call: Call, sobject: str, record_id: str, fields: dict[str, Any]) -> str:
    if not is_valid(record_id):
        raise RecordRefused("MISSING_ARGUMENT", "Id not specified in an update call")
    record_rules.update(call.sim, call.org, call.user, sobject, record_id, fields)
    return record_id


def _update(call: Call) -> Response:
    results = [_outcome(partial(_updated, call, *each)) for each in _sobjects_of(call)]
    return call.answer(*(("result", each) for each in results))


def _upsert(call: Call) -> Response:
    """Create or update by record id, the only external id that standard objects here have."""
    if call.text("externalIDFieldName", "externalIdFieldName").lower() != "id":
        raise SoapFault("INVALID_FIELD", "only Id can be the external id field", "InvalidFieldFault")
    results = []
    for sobject, record_id, fields in _sobjects_of(call):
        if record_id:
            results.append(_outcome(partial(_updated, call, sobject, record_id, fields), is_created=False))
        else:
            results.append(_outcome(partial(_created, call, sobject, fields), is_created=True))
    return call.answer(*(("result", each) for each in results))


def _delete(call: Call) -> Response:
    ids = soap.texts_of(call.envelope.body, "ids")
    _limited(ids)
    return call.answer(*(("result", _outcome(partial(_deleted, call, each))) for each in ids))


def _deleted(call: Call, record_id: str) -> str:
    if not is_valid(record_id):
        raise RecordRefused("MALFORMED_ID", f"malformed id {record_id[:20]}")
    table = next((each for each in tables_of(call.org) if each.key_prefix == record_id[:3]), None)
    if table is None:
        raise RecordRefused("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
    record_rules.delete(call.sim, call.org, call.user, table.name, record_id)
    return record_id


def _undelete(call: Call) -> Response:
    ids = soap.texts_of(call.envelope.body, "ids")
    _limited(ids)
    return call.answer(*(("result", _outcome(partial(_restored, call, each, is_kept=True))) for each in ids))


def _empty_recycle_bin(call: Call) -> Response:
    ids = soap.texts_of(call.envelope.body, "ids")
    _limited(ids)
    return call.answer(*(("result", _outcome(partial(_restored, call, each, is_kept=False))) for each in ids))


def _restored(call: Call, record_id: str, *, is_kept: bool) -> str:
    """Take a record out of the recycle bin: back into its table, or away for good."""
    refuse_in_read_only(call.org)
    for rows in call.org.generic_records.values():
        for key, row in rows.items():
            if key[:15] == record_id[:15] and row.get("__deleted"):
                if is_kept:
                    row["__deleted"] = False
                else:
                    del rows[key]
                return key
    raise RecordRefused(
        "UNDELETE_FAILED" if is_kept else "INVALID_ID_FIELD", "entity is not in the recycle bin"
    )


OPERATIONS: dict[str, Callable[[Call], Response]] = {
    "query": _query,
    "queryAll": _query,
    "queryMore": _query_more,
    "retrieve": _retrieve,
    "create": _create,
    "update": _update,
    "upsert": _upsert,
    "delete": _delete,
    "undelete": _undelete,
    "emptyRecycleBin": _empty_recycle_bin,
}
