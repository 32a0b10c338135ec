"""The partner API (and, by its namespaces, the enterprise API): login and who is who."""

from __future__ import annotations

from collections.abc import Callable

from orchestrator.simulator import partner_describe, partner_passwords, partner_records, sessions, soap
from orchestrator.simulator.clock import soap_timestamp
from orchestrator.simulator.http import Request, Response
from orchestrator.simulator.login import LoginRefusal, password_login
from orchestrator.simulator.org import Org
from orchestrator.simulator.records import Session
from orchestrator.simulator.simulation import Simulator
from orchestrator.simulator.soap import Envelope, SoapFault, Surface
from orchestrator.simulator.soap_call import Call
from orchestrator.simulator.users import User

API_TYPES = {"u": "SOAP Partner", "c": "SOAP Enterprise"}
LOGIN_TYPES = {"u": "Partner Product", "c": "Other Apex API"}
# Refusals of login that are no LoginFault but arrive as UnexpectedErrorFault.
UNEXPECTED = frozenset(
    {"INVALID_OPERATION", "INSUFFICIENT_ACCESS", "ORG_IN_MAINTENANCE", "UNSUPPORTED_API_VERSION"}
)


def login(  # noqa: PLR0917 - the parts of one request
    sim: Simulator, org: Org | None, request: Request, envelope: Envelope, surface: Surface, version: float
) -> Response:
    """Log a user in by password.

    Raises:
        SoapFault: LoginFault, or UnexpectedErrorFault where the org and not the credentials refuse.
    """
    username = soap.text_of(envelope.body, "username") or ""
    password_element = soap.first(envelope.body, "password")
    password = "" if password_element is None else str(password_element.xpath("string()"))
    result = password_login(
        sim,
        org,
        username,
        password,
        request,
        LOGIN_TYPES[surface.name],
        api_type=API_TYPES[surface.name],
        api_version=f"{version:.1f}",
    )
    if isinstance(result, LoginRefusal):
        kind = "UnexpectedErrorFault" if result.code in UNEXPECTED else "LoginFault"
        raise SoapFault(result.code, result.message, kind)
    base_url = sim.base_url(result.org, request)
    id15 = result.org.id15
    pairs = [
        ("metadataServerUrl", f"{base_url}/services/Soap/m/{version:.1f}/{id15}"),
        ("passwordExpired", result.password_expired),
        ("sandbox", result.org.is_sandbox),
        ("serverUrl", f"{base_url}/services/Soap/{surface.name}/{version:.1f}/{id15}"),
        ("sessionId", result.session.token),
        ("userId", result.user.id),
        ("userInfo", user_details(result.org, result.user, result.session)),
    ]
    return soap.answer(surface, "login", [("result", pairs)])


def user_details(org: Org, user: User, session: Session) -> list[tuple[str, object]]:
    """Return GetUserInfoResult in schema order."""
    return [
        ("accessibilityMode", False),
        ("chatterExternal", False),
        ("currencySymbol", "$"),
        ("orgAttachmentFileSizeLimit", 26_214_400),
        ("orgDefaultCurrencyIsoCode", "USD"),
        ("orgDefaultCurrencyLocale", "en_US"),
        ("orgDisallowHtmlAttachments", False),
        ("orgHasPersonAccounts", False),
        ("organizationId", org.id),
        ("organizationMultiCurrency", False),
        ("organizationName", org.name),
        ("profileId", user.profile_id),
        ("roleId", None),
        ("sessionSecondsValid", int(session.timeout_s)),
        ("userDefaultCurrencyIsoCode", None),
        ("userEmail", user.email),
        ("userFullName", user.name),
        ("userId", user.id),
        ("userLanguage", "en_US"),
        ("userLocale", "en_US"),
        ("userName", user.username),
        ("userTimeZone", "America/Los_Angeles"),
        ("userType", user.user_type),
        ("userUiSkin", "Theme3"),
    ]


def answer(call: Call) -> Response:
    """Answer one operation of an authenticated caller.

    Raises:
        SoapFault: unknown operation, or whatever the operation refuses.
    """
    operation = OPERATIONS.get(call.envelope.operation)
    if operation is None:
        name = f"{{{call.envelope.namespace}}}{call.envelope.operation}"
        raise SoapFault("soapenv:Client", f"No operation available for request {name}, please check the WSDL")
    return operation(call)


def _logout(call: Call) -> Response:
    sessions.close(call.org, call.session.token)
    return call.answer()


def _invalidate_sessions(call: Call) -> Response:
    """End sessions; other users' only with Manage Users."""
    results: list[tuple[str, object]] = []
    for token in soap.texts_of(call.envelope.body, "sessionIds"):
        session = call.org.sessions.get(token)
        may_close = session is not None and (
            session.user_id == call.user.id or "ManageUsers" in call.permissions
        )
        if may_close:
            sessions.close(call.org, token)
            results.append(("result", [("success", True)]))
        else:
            error = [("message", "invalid session id"), ("statusCode", "INVALID_SESSION_ID")]
            results.append(("result", [("errors", error), ("success", False)]))
    return call.answer(*results)


def _get_user_info(call: Call) -> Response:
    return call.answer(("result", user_details(call.org, call.user, call.session)))


def _get_server_timestamp(call: Call) -> Response:
    return call.answer(("result", [("timestamp", soap_timestamp(call.sim.wall_s(call.org)))]))


OPERATIONS: dict[str, Callable[[Call], Response]] = {
    "logout": _logout,
    "invalidateSessions": _invalidate_sessions,
    "getUserInfo": _get_user_info,
    "getServerTimestamp": _get_server_timestamp,
    **partner_records.OPERATIONS,
    **partner_passwords.OPERATIONS,
    **partner_describe.OPERATIONS,
}
