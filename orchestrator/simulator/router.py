"""The brain's front door: finds the org, applies scripted faults, dispatches, remembers."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from email.utils import formatdate
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from orchestrator.simulator import deploy, faults, grants, package_installs, sessions, web
from orchestrator.simulator.http import ConnectionCut, Request, Response, html_response, rest_error
from orchestrator.simulator.operations import bearer_token, login_username, operation_of, session_token
from orchestrator.simulator.org import Org
from orchestrator.simulator.records import RequestRow
from orchestrator.simulator.rest import answer_rest
from orchestrator.simulator.simulation import GENERIC_HOSTS
from orchestrator.simulator.soap_entry import answer_soap

if TYPE_CHECKING:
    from orchestrator.simulator.simulation import Simulator

_FAULT_CODE = re.compile(rb"<faultcode>(?:\w+:)?([A-Z_]+)</faultcode>")
_ACCESS_TOKEN = re.compile(rb'"access_token":"([^"]+)"')
_UNKNOWN_HOST = html_response(404, "Not found", "The URL you requested does not exist.")


def answer(sim: Simulator, request: Request) -> tuple[Response, float]:
    """Answer one request; return the response and how long it must be held back (wall seconds).

    Raises:
        ConnectionCut: a scripted fault resets the connection.
    """
    operation = operation_of(request)
    generic = request.host_name in GENERIC_HOSTS
    org = _org_of(sim, request, operation, generic=generic)
    request.node = sim.draw_node(org)
    if org is not None:
        deploy.advance(sim, org)  # deployments go on whether or not anybody polls them
        package_installs.advance(sim, org)
    username = _username(org, request, operation)
    if org is None and (generic or request.is_loopback_host):
        org_for_history = sim.org_by_username(username) if username else None
    else:
        org_for_history = org
    cut: ConnectionCut | None = None
    delay_s = 0.0
    plan = faults.plan(sim, org_for_history, request, operation)
    if plan is None:
        response = _dispatch(sim, org, request, operation, generic=generic)
    else:
        delay_s = plan.delay_s
        response = plan.response or _dispatch_unless_cut(sim, org, request, operation, plan, generic=generic)
        cut = plan.cut(response)
    if org_for_history is None and operation == "token":
        org_for_history = _org_of_token_answer(sim, response)
    # Always: some responses are constants, and one org's skewed clock must not show in another's answers.
    response.headers["Date"] = formatdate(sim.wall_s(org), usegmt=True)
    if org_for_history is not None:
        _remember(sim, org_for_history, request, operation, response, username, is_cut=cut is not None)
    if cut is not None:
        raise cut
    return response, delay_s


def _dispatch_unless_cut(
    sim: Simulator, org: Org | None, request: Request, operation: str, plan: faults.Plan, *, generic: bool
) -> Response:
    if plan.cuts_before:
        return Response(0)
    return _dispatch(sim, org, request, operation, generic=generic)


def _org_of(sim: Simulator, request: Request, operation: str, *, generic: bool) -> Org | None:
    """Find the org a request is for; None on generic hosts as long as nothing names one."""
    if not generic and not request.is_loopback_host:
        return sim.org_by_host(request.host_name)
    token = session_token(request)
    if token:
        found = sim.org_by_session(token)
        if found is not None:
            return found
    if operation in {"identity", "soap_login", "token"} or request.path.startswith("/services/Soap/"):
        for step in request.path.split("/"):
            if step.startswith("00D"):
                return sim.org_by_id(step)
        return None
    return sim.first_org() if request.is_loopback_host else None


def _org_of_token_answer(sim: Simulator, response: Response) -> Org | None:
    found = _ACCESS_TOKEN.search(response.body)
    return sim.org_by_session(found[1].decode()) if found else None


def _username(org: Org | None, request: Request, operation: str) -> str:
    if operation in {"soap_login", "token"}:
        return login_username(request, operation)
    if org is None:
        return ""
    session = org.sessions.get(session_token(request))
    user = org.users.get(session.user_id) if session else None
    return user.username if user else ""


def _dispatch(  # noqa: PLR0911 - one return per surface
    sim: Simulator, org: Org | None, request: Request, operation: str, *, generic: bool
) -> Response:
    if org is None and not generic and not request.is_loopback_host:
        return _UNKNOWN_HOST
    elsewhere = _not_here(sim, org, request) if org is not None else None
    if elsewhere is not None:
        return elsewhere
    if request.path.startswith("/services/Soap/"):
        return answer_soap(sim, org, request)
    if operation == "versions":
        return answer_rest(sim, org or sim.first_org(), request)
    if request.path.startswith("/services/data"):
        if org is None:
            return rest_error(401, sessions.EXPIRED.code, sessions.EXPIRED.message)
        return answer_rest(sim, org, request)
    if operation == "token":
        return grants.answer_token(sim, org, request)
    return web.answer_web(sim, org, request, operation)


def _not_here(sim: Simulator, org: Org, request: Request) -> Response | None:
    """Return the answer of an org that moved to another My Domain or is down for maintenance."""
    moved = org.switches.moved_to_host and request.host_name != org.my_domain_host
    if moved and not request.is_loopback_host:
        if not org.switches.old_host_redirects:
            return _UNKNOWN_HOST
        query = f"?{urlencode(request.query, doseq=True)}" if request.query else ""
        return Response(302, {"Location": sim.base_url(org, request) + quote(request.path) + query})
    if org.switches.in_maintenance and not request.path.startswith("/services/Soap/"):
        return html_response(503, "Scheduled maintenance", "Salesforce is down for scheduled maintenance.")
    return None


def _remember(  # noqa: PLR0917 - the columns of one row
    sim: Simulator,
    org: Org,
    request: Request,
    operation: str,
    response: Response,
    username: str,
    *,
    is_cut: bool,
) -> None:
    if bearer_token(request) and request.path.startswith("/services/data"):
        org.api_calls += 1
    row = RequestRow(
        at_wall_s=sim.wall_s(org),
        at_s=sim.now_s(),
        method=request.method,
        host=request.host,
        path=request.path,
        operation=operation,
        status=0 if is_cut else response.status,
        username=username,
        node=request.node,
        code="CONNECTION_RESET" if is_cut else error_code(response),
    )
    org.requests.append(row)
    if sim.on_request is not None:
        sim.on_request({"org": sim.seed_of(org).name, "org_id": org.id, **asdict(row)})


def error_code(response: Response) -> str:
    """Return the error code an answer carries (OAuth, REST or SOAP), or the empty string."""
    if response.status < 400:  # noqa: PLR2004 - below are no errors
        return ""
    kind = response.headers.get("Content-Type", "")
    if kind.startswith("text/xml"):
        found = _FAULT_CODE.search(response.body)
        return found[1].decode() if found else ""
    if not kind.startswith("application/json"):
        return ""
    try:
        document = json.loads(response.body)
    except ValueError:
        return ""
    first = document[0] if isinstance(document, list) and document else document
    return str(first.get("error") or first.get("errorCode") or "") if isinstance(first, dict) else ""
