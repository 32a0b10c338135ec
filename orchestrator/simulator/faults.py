"""Applies scripted faults (`fault_script.py`) to a request: changes facts, or spoils the answer."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from orchestrator.simulator import sessions
from orchestrator.simulator.fault_script import STATE_KINDS, Fault
from orchestrator.simulator.http import (
    ConnectionCut,
    Request,
    Response,
    html_response,
    oauth_error,
    rest_error,
    xml_response,
)
from orchestrator.simulator.operations import session_token
from orchestrator.simulator.org import Org

if TYPE_CHECKING:
    from orchestrator.simulator.simulation import Simulator

_PARTNER_FAULT = "urn:fault.partner.soap.sforce.com"
_METADATA = "http://soap.sforce.com/2006/04/metadata"
_ROW_LOCK = ("UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record or 1 records")


@dataclass
class Plan:
    """What the faults of one request add up to."""

    delay_s: float = 0.0
    response: Response | None = None
    cuts_before: bool = False
    cuts_after: bool = False
    sent_bytes: int = 0

    def cut(self, response: Response) -> ConnectionCut | None:
        """Return the reset to raise once the request was (or was not) worked on."""
        if self.cuts_before:
            return ConnectionCut()
        if self.cuts_after:
            return ConnectionCut(response if self.sent_bytes else None, self.sent_bytes)
        return None


def plan(sim: Simulator, org: Org | None, request: Request, operation: str) -> Plan | None:
    """Return what shall go wrong with this request, or None; changes of org facts happen at once."""
    names = (org.id, org.id15, sim.seed_of(org).name, org.my_domain_host) if org else ()
    taken = sim.faults.take(operation, request.path, names)
    if not taken:
        return None
    made = Plan()
    for fault in taken:
        if fault.kind in STATE_KINDS:
            if org is not None:
                change_fact(sim, org, fault.kind, fault.arguments)
        else:
            _spoil(made, fault, org, request, operation)
    return made


def _spoil(made: Plan, fault: Fault, org: Org | None, request: Request, operation: str) -> None:
    arguments = fault.arguments
    if fault.kind == "slow":
        made.delay_s += float(arguments.get("delay_s", 1.0))
    elif fault.kind == "reset":
        made.sent_bytes = int(arguments.get("sent_bytes", 0))
        made.cuts_after = bool(made.sent_bytes) or arguments.get("when") == "after"
        made.cuts_before = not made.cuts_after
    elif fault.kind == "expire_session":
        if org is not None:
            sessions.close(org, session_token(request))
    elif fault.kind == "status":
        status = int(arguments.get("status", 503))
        made.response = html_response(
            status, f"{status}", "We are down for maintenance. Please try again later."
        )
        if "retry_after_s" in arguments:
            made.response.headers["Retry-After"] = str(arguments["retry_after_s"])
    elif fault.kind in {"row_lock", "package_unavailable"}:
        made.response = error_answer(request, operation, *_ROW_LOCK, status=400)
    else:
        made.response = error_answer(
            request,
            operation,
            str(arguments.get("code", "UNKNOWN_EXCEPTION")),
            str(arguments.get("message", "An unexpected error occurred.")),
            status=int(arguments.get("status", 400)),
        )


def error_answer(request: Request, operation: str, code: str, message: str, *, status: int) -> Response:
    """Return an error in the shape of the surface that was addressed (OAuth, SOAP or REST)."""
    if request.path.startswith("/services/oauth2/"):
        return oauth_error(code, message, status)
    if not request.path.startswith("/services/Soap/"):
        return rest_error(status, code, message)
    metadata = request.path.startswith("/services/Soap/m/")
    namespace = _METADATA if metadata else _PARTNER_FAULT
    kind = "LoginFault" if operation == "soap_login" else "UnexpectedErrorFault"
    detail = (
        ""
        if metadata
        else f'<detail><sf:{kind} xsi:type="sf:{kind}"><sf:exceptionCode>{escape(code)}</sf:exceptionCode>'
        f"<sf:exceptionMessage>{escape(message)}</sf:exceptionMessage></sf:{kind}></detail>"
    )
    body = (
        '<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope '
        'xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" '
        f'xmlns:sf="{namespace}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body><soapenv:Fault>'
        f"<faultcode>sf:{escape(code)}</faultcode><faultstring>{escape(code)}: "
        f"{escape(message)}</faultstring>{detail}"
        "</soapenv:Fault></soapenv:Body></soapenv:Envelope>"
    )
    return xml_response(500, body.encode())


def change_fact(sim: Simulator, org: Org, kind: str, arguments: dict[str, Any]) -> None:
    """Apply a fault that changes a fact of the org (clock skew, maintenance, read-only...)."""
    value = arguments.get("value")
    if kind == "skew_s":
        org.switches.skew_s = float(value if value is not None else arguments.get("skew_s", 0.0))
    elif kind == "maintenance":
        org.switches.in_maintenance = value is not False
    elif kind == "read_only":
        org.is_read_only = value is not False
    elif kind == "settings_keep_old_value":
        org.switches.settings_keep_old_value.add(str(value or arguments.get("type", "OauthOidcSettings")))
    elif kind == "login_history_delay":
        org.switches.login_history_delay_s = float(
            value if value is not None else arguments.get("delay_s", 60.0)
        )
    elif kind == "moved_my_domain":
        first, _, rest = org.my_domain_host.partition(".")
        new_host = str(value or f"{first}-new.{rest}")
        sim.move_org(org, new_host, redirects=arguments.get("redirects") is not False)
