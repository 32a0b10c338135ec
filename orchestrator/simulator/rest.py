"""The REST API under /services/data: versions, authentication, resources, queries, records.

Paths work with and without a trailing slash; JSON is read whatever the Content-Type says (simple-salesforce
sends `text/xml` after a deploy, and Salesforce takes it).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from orchestrator.simulator import record_rules, sessions, user_rules
from orchestrator.simulator.describe import column_metadata, describe, describe_briefly, global_describe
from orchestrator.simulator.http import Request, Response, json_response, rest_error
from orchestrator.simulator.operations import bearer_token
from orchestrator.simulator.org import Org
from orchestrator.simulator.records import Session
from orchestrator.simulator.refusals import RecordRefused, not_found
from orchestrator.simulator.rest_apps import answer_apps
from orchestrator.simulator.rest_composite import answer_composite
from orchestrator.simulator.sobjects import find_table
from orchestrator.simulator.soql import PAGE_ROWS, QueryResult, continue_query, run_query
from orchestrator.simulator.soql_tree import QueryError
from orchestrator.simulator.users import User

if TYPE_CHECKING:
    from orchestrator.simulator.simulation import Simulator

_VERSION = re.compile(r"v(\d{1,3})\.0")
_BATCH_SIZE = re.compile(r"batchSize\s*=\s*(\d{1,6})", re.IGNORECASE)
_RETIRED = range(20, 31)  # REST began with v20; 21 to 30 went in Summer '25, 20 before them
_SEASONS = ("Spring", "Summer", "Winter")
_RESOURCES = [
    "tooling",
    "metadata",
    "eclair",
    "folders",
    "jsonxform",
    "chatter",
    "limits",
    "parameterizedSearch",
    "query",
    "queryAll",
    "search",
    "sobjects",
    "composite",
    "actions",
    "support",
    "identity",
    "process",
    "recent",
    "connect",
    "apps",
]


@dataclass(frozen=True)
class RestCall:
    """One authenticated REST request."""

    sim: Simulator
    org: Org
    user: User
    session: Session
    request: Request
    version: int
    steps: list[str]

    @property
    def root(self) -> str:
        """`/services/data/vNN.0`."""
        return f"/services/data/v{self.version}.0"

    @property
    def pretty(self) -> bool:
        """Whether the caller asked for indented JSON."""
        return self.request.headers.get("x-prettyprint", "") not in {"", "0", "false"}

    def body(self) -> dict[str, Any]:
        """Return the JSON object of the body.

        Raises:
            RecordRefused: JSON_PARSER_ERROR.
        """
        try:
            document = json.loads(self.request.body or b"{}")
        except (ValueError, RecursionError):
            raise RecordRefused("JSON_PARSER_ERROR", "Unexpected character in the request body") from None
        if not isinstance(document, dict):
            raise RecordRefused("JSON_PARSER_ERROR", "Unrecognized body: an object is expected")
        return document

    def answer(self, document: object, status: int = 200) -> Response:
        """Return a JSON answer in the layout asked for."""
        return json_response(status, document, pretty=self.pretty)


def answer_rest(sim: Simulator, org: Org, request: Request) -> Response:
    """Answer any request under /services/data."""
    steps = request.path.strip("/").split("/")[2:]
    pretty = request.headers.get("x-prettyprint", "") not in {"", "0", "false"}
    if not steps:
        return json_response(200, version_list(org), pretty=pretty)
    version = _version(org, steps[0])
    if isinstance(version, Response):
        return version
    session = sessions.find_session(sim, org, bearer_token(request))
    if session is None:
        return rest_error(401, sessions.EXPIRED.code, sessions.EXPIRED.message)
    refusal = sessions.api_refusal(org, session)
    call = RestCall(
        sim, org, org.users[session.user_id], session, request, version, [s for s in steps[1:] if s]
    )
    sets_password = call.steps[-1:] == ["password"]
    if refusal is not None and not (session.password_expired and sets_password):
        return rest_error(refusal.status, refusal.code, refusal.message)
    if org.api_calls >= org.switches.daily_api_limit:
        return rest_error(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
    try:
        response = _dispatch(call)
    except RecordRefused as refused:
        extra = {"fields": refused.fields} if refused.fields or refused.status == 400 else {}  # noqa: PLR2004
        response = rest_error(refused.status, refused.code, refused.message, **extra)
    except QueryError as wrong:
        response = rest_error(400, wrong.code, wrong.message)
    response.headers["Sforce-Limit-Info"] = f"api-usage={org.api_calls + 1}/{org.switches.daily_api_limit}"
    return response


def version_list(org: Org) -> list[dict[str, str]]:
    """Return what GET /services/data lists."""
    listed = []
    for version in range(org.min_api_version, org.max_api_version + 1):
        # Version 64 is Summer '25; three releases a year, Winter carries the next year's number.
        season = _SEASONS[(version - 63) % 3]
        year = 25 + (version - 63) // 3 + (season == "Winter")
        listed.append(
            {
                "label": f"{season} '{year:02d}",
                "url": f"/services/data/v{version}.0",
                "version": f"{version}.0",
            }
        )
    return listed


def _version(org: Org, step: str) -> int | Response:
    if step == "latest":
        return org.max_api_version
    found = _VERSION.fullmatch(step)
    number = int(found[1]) if found else 0
    if number in _RETIRED:
        return rest_error(410, "GONE", "The requested resource is no longer available")
    if not org.min_api_version <= number <= org.max_api_version:
        return rest_error(404, "NOT_FOUND", "The requested resource does not exist")
    return number


def _dispatch(call: RestCall) -> Response:
    if not call.steps:
        return call.answer({name: f"{call.root}/{name}" for name in _RESOURCES})
    resources: dict[str, Callable[[RestCall], Response]] = {
        "limits": _limits,
        "sobjects": _sobjects,
        "query": _query,
        "queryAll": _query,
        "tooling": _tooling,
        "metadata": _metadata,
        "apps": answer_apps,
        "composite": _composite,
    }
    resource = resources.get(call.steps[0])
    if resource is None:
        raise not_found()
    return resource(call)


def _limits(call: RestCall) -> Response:
    limit = call.org.switches.daily_api_limit
    remaining = max(limit - call.org.api_calls, 0)
    return call.answer(
        {
            "DailyApiRequests": {"Max": limit, "Remaining": remaining},
            "DailyAsyncApexExecutions": {"Max": 250000, "Remaining": 250000},
            "DailyBulkApiBatches": {"Max": 15000, "Remaining": 15000},
            "DataStorageMB": {"Max": 5, "Remaining": 5},
            "FileStorageMB": {"Max": 20, "Remaining": 20},
            "PermissionSets": {
                "Max": 1500,
                "Remaining": 1500 - len(call.org.permission_sets),
                "CreateCustom": {"Max": 1000, "Remaining": 1000 - len(call.org.permission_sets)},
            },
        }
    )


# --- records


def _sobjects(call: RestCall) -> Response:  # noqa: PLR0911 - one return per shape of path
    steps, method = call.steps[1:], call.request.method
    if not steps:
        return call.answer(global_describe(call.org, call.root))
    table = find_table(call.org, steps[0])
    if table is None or not table.is_on(tooling=False):
        raise not_found()
    if len(steps) == 1:
        if method == "POST":
            record_id = record_rules.create(call.sim, call.org, call.user, table.name, call.body())
            return call.answer({"id": record_id, "success": True, "errors": []}, 201)
        return call.answer(describe_briefly(table, call.root))
    if steps[1] == "describe":
        return call.answer(describe(call.org, table, call.root))
    if table.name == "User" and len(steps) > 2 and steps[2] == "password":  # noqa: PLR2004 - User/{id}/password
        return _password(call, steps[1])
    if method == "PATCH" or (method == "POST" and call.request.first("_HttpMethod").upper() == "PATCH"):
        record_rules.update(call.sim, call.org, call.user, table.name, steps[1], call.body())
        return Response(204)
    if method == "DELETE":
        record_rules.delete(call.sim, call.org, call.user, table.name, steps[1])
        return Response(204)
    return _record(call, table.name, steps[1])


def _record(call: RestCall, sobject: str, record_id: str) -> Response:
    wanted = call.request.first("fields")
    shown = ", ".join(name.strip() for name in wanted.split(",")) if wanted else "FIELDS(ALL)"
    escaped = record_id.replace("\\", "").replace("'", "")
    text = f"SELECT {shown} FROM {sobject} WHERE Id = '{escaped}' LIMIT 1"  # noqa: S608 - SOQL, escaped above
    result = run_query(call.sim, call.org, call.user, text, api_path=call.root)
    if not result.rows:
        raise not_found()
    return call.answer(result.rows[0])


def _password(call: RestCall, user_id: str) -> Response:
    user = user_rules.find_user(call.org, user_id)
    if call.request.method == "GET":
        return call.answer({"isExpired": user.password_expired})
    if call.request.method == "POST":
        password = call.body().get("NewPassword")
        if not isinstance(password, str):
            raise RecordRefused("MISSING_ARGUMENT", "NewPassword is required")
        user_rules.set_password(call.sim, call.org, call.user, user, password)
        return Response(204)
    if call.request.method == "DELETE":
        temporary = user_rules.reset_password(call.sim, call.org, call.user, user)
        return call.answer({"NewPassword": temporary})
    raise RecordRefused(
        "METHOD_NOT_ALLOWED", "HTTP Method not allowed. Allowed are DELETE,GET,POST", status=405
    )


# --- queries


def _query(call: RestCall) -> Response:
    if len(call.steps) > 1:
        return call.answer(result_page(call, continue_query(call.org, call.steps[1])))
    text = call.request.first("q")
    if not text:
        raise RecordRefused("MALFORMED_QUERY", "SOQL statements can not be empty or null")
    result = run_query(
        call.sim,
        call.org,
        call.user,
        text,
        api_path=call.root,
        page_rows=page_rows(call),
        all_rows=call.steps[0] == "queryAll",
    )
    if call.request.first("columns").lower() == "true":
        return call.answer(column_metadata(call.org, result))
    return call.answer(result_page(call, result))


def page_rows(call: RestCall) -> int:
    """Return how many rows a page may hold, as `Sforce-Query-Options: batchSize=` asks."""
    asked = _BATCH_SIZE.search(call.request.headers.get("sforce-query-options", ""))
    return int(asked[1]) if asked else PAGE_ROWS


def result_page(call: RestCall, result: QueryResult, root: str = "") -> dict[str, Any]:
    """Return one page of a result as JSON values."""
    page: dict[str, Any] = {"totalSize": result.total, "done": result.done}
    if result.query_locator:
        page["nextRecordsUrl"] = f"{root or call.root}/query/{result.query_locator}"
    page["records"] = result.rows
    return page


def _tooling(call: RestCall) -> Response:
    from orchestrator.simulator.rest_tooling import answer_tooling  # noqa: PLC0415

    return answer_tooling(call)


def _metadata(call: RestCall) -> Response:
    if call.steps[1:2] != ["deployRequest"]:
        raise not_found()
    from orchestrator.simulator.rest_deploy import answer_rest_deploy  # noqa: PLC0415

    return answer_rest_deploy(call.sim, call.org, call.user, call.request, call.steps[2:])


def _composite(call: RestCall) -> Response:
    return answer_composite(call, partial(answer_rest, call.sim, call.org))
