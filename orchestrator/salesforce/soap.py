"""The Partner API: login with a password, who am I, logout.

Source: SOAP API guide, login(), logout(), getUserInfo(); login() exists up to API version 64.0 and retires
with Summer '27 (Salesforce help 005132110).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from orchestrator.catalogue import FAULTS
from orchestrator.errors import OrgFault
from orchestrator.redaction import Secret
from orchestrator.salesforce.answer_row import Surface
from orchestrator.salesforce.answers import classify
from orchestrator.salesforce.envelope import SoapFault
from orchestrator.salesforce.hosts import OrgHost
from orchestrator.salesforce.http_answer import whole_number
from orchestrator.salesforce.importing import IMPORTING
from orchestrator.salesforce.rest import OrgApi
from orchestrator.salesforce.session import Network

if TYPE_CHECKING:
    from orchestrator.salesforce.soap_wire import Call

LAST_LOGIN_API_VERSION = "64.0"
_REST_PROBE_VERSION = "64.0"


@dataclass(frozen=True, slots=True)
class PasswordSession:
    """What a login with a password gave.

    Attributes:
        instance_url: origin of the org's API, such as `https://acme.my.salesforce.com`.
        session: session id, good for SOAP headers and as a bearer token; ends after `session_seconds_valid`.
        org_id, user_id, profile_id: 18 characters; "" where the org left them out.
        session_seconds_valid: 0 when the org did not say.
        metadata_url: endpoint of the Metadata API for this org and version; "" when the org did not say.
    """

    instance_url: str
    session: Secret
    org_id: str
    user_id: str
    profile_id: str
    sandbox: bool
    password_expired: bool
    session_seconds_valid: int
    metadata_url: str = field(default="")


@dataclass(frozen=True, slots=True)
class UserInfo:
    """Who a session belongs to (getUserInfo)."""

    org_id: str
    org_name: str
    user_id: str
    username: str
    profile_id: str
    session_seconds_valid: int


def soap_login(
    network: Network,
    host: OrgHost,
    username: str,
    password: Secret,
    security_token: Secret | None,
    *,
    api_version: str = LAST_LOGIN_API_VERSION,
) -> PasswordSession:
    """Log in with a password. Sent once, whatever happens: every failed try counts towards a lockout.

    The security token, when there is one, is appended to the password; it is needed where the source address
    is not trusted.

    Raises:
        OrgFault: the org's refusal (`login_invalid`, `soap_login_disabled`, …), `password_expired`, or the
        network.
    """
    text = password.reveal() + (security_token.reveal() if security_token else "")
    # Known to redact() while the call runs: a server that quotes what we sent must not put it into a log.
    joined = Secret(text)
    result = _call(
        network,
        f"{host.url}/services/Soap/u/{api_version}",
        "login",
        {"username": username, "password": joined.reveal()},
        surface="soap_login",
    )
    if _true(result, "passwordExpired"):
        raise OrgFault(FAULTS["password_expired"], f"the password of {username} has expired")
    session, server_url = result.get("sessionId"), result.get("serverUrl")
    if not session or not server_url:
        raise OrgFault(FAULTS["answer_unknown"], "login() answered without a session or without a server URL")
    user = result.get("userInfo") or {}
    server = urlsplit(server_url)
    return PasswordSession(
        instance_url=f"{server.scheme}://{server.netloc}",
        session=Secret(session),
        org_id=user.get("organizationId", ""),
        user_id=result.get("userId") or user.get("userId", ""),
        profile_id=user.get("profileId", ""),
        sandbox=_true(result, "sandbox"),
        password_expired=False,
        session_seconds_valid=_seconds(user),
        metadata_url=result.get("metadataServerUrl", ""),
    )


def get_user_info(
    network: Network, instance_url: str, session: Secret, api_version: str = LAST_LOGIN_API_VERSION
) -> UserInfo:
    """Who the session belongs to. Raises OrgFault."""
    url = f"{instance_url}/services/Soap/u/{api_version}"
    user = _call(network, url, "getUserInfo", {}, surface="soap", session=session, idempotent=True)
    return UserInfo(
        org_id=user.get("organizationId", ""),
        org_name=user.get("organizationName", ""),
        user_id=user.get("userId", ""),
        username=user.get("userName", ""),
        profile_id=user.get("profileId", ""),
        session_seconds_valid=_seconds(user),
    )


def logout(
    network: Network, instance_url: str, session: Secret, api_version: str = LAST_LOGIN_API_VERSION
) -> None:
    """End the session; one that has ended already is no error. Raises OrgFault."""
    url = f"{instance_url}/services/Soap/u/{api_version}"
    try:
        _call(network, url, "logout", {}, surface="soap", session=session, idempotent=True)
    except OrgFault as fault:
        if fault.code != "session_expired":
            raise


def session_usable(
    network: Network, session: PasswordSession, api_version: str = _REST_PROBE_VERSION
) -> None:
    """Make one cheap REST call with a fresh session.

    With API Access Control on, a login succeeds and its session is still worthless.

    Raises:
        OrgFault: `session_not_valid_for_api`, `session_expired`, `api_disabled`, `request_limit`, or the
        network.
    """
    OrgApi(network, session.instance_url, session.session, api_version).limits()


def fault_from(surface: Surface, fault: SoapFault) -> OrgFault:
    """The OrgFault a SOAP fault means."""
    detail = f"{fault.fault_code}: {fault.message}" if fault.message else fault.fault_code
    kind = classify(surface, fault.fault_code, fault.message)
    return OrgFault(kind, detail, retry_after_s=fault.retry_after_s)


def send(network: Network, call: Call, *, surface: Surface) -> Any:
    """`soap_wire.send` with faults classified. Raises OrgFault."""
    with IMPORTING:
        from orchestrator.salesforce import soap_wire  # noqa: PLC0415 - zeep is heavy; pay at the first call

    try:
        return soap_wire.send(network, call)
    except SoapFault as fault:
        raise fault_from(surface, fault) from None


def _call(
    network: Network,
    url: str,
    operation: str,
    arguments: Mapping[str, Any],
    *,
    surface: Surface,
    session: Secret | None = None,
    idempotent: bool = False,
) -> Mapping[str, Any]:
    with IMPORTING:
        from orchestrator.salesforce.soap_wire import Call  # noqa: PLC0415 - zeep is heavy; pay at the first call

    call = Call("partner", url, operation, arguments, idempotent=idempotent, session=session)
    result = send(network, call, surface=surface)
    return result if isinstance(result, Mapping) else {}


def _true(values: Mapping[str, Any], name: str) -> bool:
    return str(values.get(name, "")).strip().lower() in {"true", "1"}


def _seconds(user: Mapping[str, Any]) -> int:
    return whole_number(str(user.get("sessionSecondsValid", "")))
