"""The SOAP door: version, envelope, session, then an operation of the partner or metadata API."""

from __future__ import annotations

import re

from orchestrator.simulator import deploy, metadata, partner, sessions, soap
from orchestrator.simulator.http import Request, Response
from orchestrator.simulator.org import Org
from orchestrator.simulator.records import Session
from orchestrator.simulator.simulation import Simulator
from orchestrator.simulator.soap import Envelope, SoapFault, Surface
from orchestrator.simulator.soap_call import Call

PATH = re.compile(r"/services/Soap/(?P<surface>[ucm])/(?P<version>\d{1,3}(?:\.\d)?)(?:/(?P<rest>.*))?")
OLDEST_VERSION = 31.0
NEWEST_VERSION = 66.0
FIRST_VERSION_WITHOUT_LOGIN = 65.0
FIRST_VERSION_WITH_JWT_TOKENS = 67.0
PASSWORD_OPERATIONS = frozenset({"setPassword", "changeOwnPassword", "logout"})
JWT_REFUSAL = (
    'SOAP API does not support JWT-based access tokens. You must disable the "Issue JSON Web Token '
    '(JWT)-based access tokens" setting in your Connected App or External Client App'
)
NO_SESSION = (
    "Invalid Session ID found in SessionHeader: Illegal Session. Session not found, missing session key: "
)


def answer_soap(sim: Simulator, org: Org | None, request: Request) -> Response:
    """Answer a POST under ``/services/Soap/{u,c,m}/NN.0``; org is None where the host does not name one."""
    path = PATH.fullmatch(request.path)
    surface = soap.SURFACES[path["surface"]] if path is not None else soap.PARTNER_SURFACE
    try:
        return _answer(sim, org, request, path, surface)
    except SoapFault as refusal:
        return soap.fault(surface, refusal)


def _answer(
    sim: Simulator, org: Org | None, request: Request, path: re.Match[str] | None, surface: Surface
) -> Response:
    if path is None:
        raise SoapFault("soapenv:Client", f"No service available at {request.path[:80]}")
    version = float(path["version"])
    oldest, newest = OLDEST_VERSION, NEWEST_VERSION
    if org is not None:
        oldest, newest = float(org.min_api_version), float(org.max_api_version)
    if not oldest <= version <= newest or version != int(version):
        raise SoapFault("UNSUPPORTED_API_VERSION", "Invalid Api version specified on URL")
    envelope = soap.read_envelope(request.body)
    if envelope.operation == "login" and surface is not soap.METADATA_SURFACE:
        if version >= FIRST_VERSION_WITHOUT_LOGIN:
            text = f"login() is not available in API version {version}; use version 64.0 or earlier"
            raise SoapFault("UNSUPPORTED_API_VERSION", text)
        return partner.login(sim, org, request, envelope, surface, version)
    call = _authenticated(sim, org, request, envelope, surface, version)
    _refuse_foreign_url(call, path["rest"] or "")
    deploy.advance(sim, call.org)
    return metadata.answer(call) if surface is soap.METADATA_SURFACE else partner.answer(call)


def _authenticated(  # noqa: PLR0917 - the parts of one request
    sim: Simulator, org: Org | None, request: Request, envelope: Envelope, surface: Surface, version: float
) -> Call:
    """Find the live session of the SessionHeader; an Authorization header does not count here.

    Raises:
        SoapFault: no session, a JWT-format token, or one that may not call the API.
    """
    token = envelope.header_text("SessionHeader", "sessionId") or ""
    session = _session(sim, org, token)
    if org is None or session is None:
        raise SoapFault("INVALID_SESSION_ID", NO_SESSION)
    if session.is_jwt_format and version < FIRST_VERSION_WITH_JWT_TOKENS:
        raise SoapFault("INVALID_SESSION_ID", JWT_REFUSAL)
    refusal = sessions.api_refusal(org, session)
    if refusal is not None and not (session.password_expired and envelope.operation in PASSWORD_OPERATIONS):
        raise SoapFault(refusal.code, refusal.message)
    user = org.users[session.user_id]
    return Call(sim, org, user, session, request, envelope, surface, version)


def _session(sim: Simulator, org: Org | None, token: str) -> Session | None:
    return None if org is None or not token else sessions.find_session(sim, org, token)


def _refuse_foreign_url(call: Call, rest: str) -> None:
    """Refuse a URL that names another org than the session's.

    Raises:
        SoapFault: UNKNOWN_EXCEPTION, as Salesforce does when a client forgot to take the URL login returned.
    """
    named = next((step for step in rest.split("/") if step.startswith("00D")), None)
    if named is not None and named[:15] != call.org.id15:
        text = "Destination URL not reset. The URL returned from login must be set in the SforceService"
        raise SoapFault("UNKNOWN_EXCEPTION", text)
