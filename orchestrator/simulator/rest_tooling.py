"""The Tooling API under /services/data/vNN.0/tooling: queries, describes and its own records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.simulator import package_installs
from orchestrator.simulator.describe import column_metadata, describe, describe_briefly
from orchestrator.simulator.http import Response
from orchestrator.simulator.refusals import RecordRefused, not_found
from orchestrator.simulator.schema import Table
from orchestrator.simulator.sobjects import find_table, tooling_tables_of
from orchestrator.simulator.soql import continue_query, run_query

if TYPE_CHECKING:
    from orchestrator.simulator.rest import RestCall

_CREATORS = {
    "PackageInstallRequest": package_installs.request_install,
    "SubscriberPackageVersionUninstallRequest": package_installs.request_uninstall,
}


def answer_tooling(call: RestCall) -> Response:
    """Answer anything under /tooling.

    Raises:
        RecordRefused: no such resource, or the record is refused.
        QueryError: the query is refused.
    """
    steps = call.steps[1:]
    if not steps:
        return call.answer({name: f"{_root(call)}/{name}" for name in ("query", "sobjects", "search")})
    if steps[0] in {"query", "queryAll"}:
        return _query(call, steps[1:])
    if steps[0] == "sobjects":
        return _sobjects(call, steps[1:])
    raise not_found()


def _root(call: RestCall) -> str:
    return f"{call.root}/tooling"


def _query(call: RestCall, steps: list[str]) -> Response:
    from orchestrator.simulator.rest import page_rows, result_page  # noqa: PLC0415 - it dispatches to here

    if steps:
        return call.answer(result_page(call, continue_query(call.org, steps[0]), _root(call)))
    text = call.request.first("q")
    if not text:
        raise RecordRefused("MALFORMED_QUERY", "SOQL statements can not be empty or null")
    result = run_query(call.sim, call.org, call.user, text, api_path=_root(call), page_rows=page_rows(call))
    if call.request.first("columns").lower() == "true":
        return call.answer(column_metadata(call.org, result))
    if result.table is not None and result.table.name == "SubscriberPackageVersion":
        package_installs.refuse_without_key(call.sim, text, result.rows)
    page = result_page(call, result, _root(call))
    name = result.table.name if result.table else None
    return call.answer({"size": len(result.rows), **page, "queryLocator": None, "entityTypeName": name})


def _sobjects(call: RestCall, steps: list[str]) -> Response:
    if not steps:
        described = [
            describe_briefly(each, _root(call))["objectDescribe"] for each in tooling_tables_of(call.org)
        ]
        return call.answer({"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": described})
    table = find_table(call.org, steps[0])
    if table is None or not table.is_on(tooling=True):
        raise not_found()
    if len(steps) == 1:
        if call.request.method != "POST":
            return call.answer(describe_briefly(table, _root(call)))
        return _create(call, table)
    if steps[1] == "describe":
        return call.answer(describe(call.org, table, _root(call)))
    return _record(call, table, steps[1])


def _create(call: RestCall, table: Table) -> Response:
    creator = _CREATORS.get(table.name)
    if creator is None:
        raise RecordRefused(
            "METHOD_NOT_ALLOWED", "HTTP Method 'POST' not allowed. Allowed are HEAD,GET", status=405
        )
    record_id = creator(call.sim, call.org, call.user, call.body())
    return call.answer({"id": record_id, "success": True, "errors": [], "warnings": [], "infos": []}, 201)


def _record(call: RestCall, table: Table, record_id: str) -> Response:
    if call.request.method != "GET":
        raise RecordRefused("METHOD_NOT_ALLOWED", "HTTP Method not allowed. Allowed are HEAD,GET", status=405)
    escaped = record_id.replace("\\", "").replace("'", "")
    text = f"SELECT FIELDS(ALL) FROM {table.name} WHERE Id = '{escaped}' LIMIT 1"  # noqa: S608 - SOQL, escaped
    result = run_query(call.sim, call.org, call.user, text, api_path=_root(call))
    if not result.rows:
        raise not_found()
    return call.answer(result.rows[0])
