"""SOAP calls through zeep, on our own transport and our own slim service descriptions.

Importing this module imports zeep, so callers import it when they make their first call (0.03 s on top of
requests and lxml, 0.2 s without them). The descriptions are parsed once per process and shared by threads;
the transport is made per call.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import requests
import zeep
import zeep.exceptions
import zeep.helpers
from zeep.transports import Transport
from zeep.wsdl import Document

from orchestrator.catalogue import FAULTS
from orchestrator.errors import Defect, OrgFault
from orchestrator.redaction import Secret
from orchestrator.salesforce.envelope import screen
from orchestrator.salesforce.http_answer import Answer
from orchestrator.salesforce.session import Network, Rules

Service = Literal["partner", "metadata"]

_BINDINGS: Mapping[Service, str] = {
    "partner": "{urn:partner.soap.sforce.com}PartnerBinding",
    "metadata": "{http://soap.sforce.com/2006/04/metadata}MetadataBinding",
}
_NAMESPACES: Mapping[Service, str] = {
    service: binding[1:].partition("}")[0] for service, binding in _BINDINGS.items()
}
_SETTINGS = zeep.Settings(
    strict=False,  # unknown elements in answers are kept aside, not refused
    xsd_ignore_sequence_order=True,
    forbid_dtd=True,
    forbid_entities=True,
    forbid_external=True,
)
_parsing = threading.Lock()


@dataclass(frozen=True, slots=True)
class Call:
    """One operation.

    Attributes:
        url: the endpoint.
        arguments: as the description names them.
        session: for the SessionHeader; None for login.
        idempotent: sending it twice does no harm.
        headers: further SOAP headers, such as AllOrNoneHeader.
    """

    service: Service
    url: str
    operation: str
    arguments: Mapping[str, Any]
    idempotent: bool
    session: Secret | None = None
    headers: Mapping[str, Mapping[str, Any]] | None = None


class _LocalTransport(Transport):
    """zeep's transport without a network: enough to parse a description that imports nothing."""

    def __init__(self) -> None:
        # zeep's own constructor opens a session of its own, with a file:// adapter and no timeouts.
        self._close_session = False
        self.cache = None

    def load(self, url: str) -> bytes:
        """Refuse: descriptions import nothing, and answers may not make us fetch anything."""
        raise Defect(f"zeep asked for {url}")


class _OrgTransport(_LocalTransport):
    """zeep's transport for one call: posts through `Network`, screens the answer before zeep parses it."""

    def __init__(self, network: Network, call: Call) -> None:
        super().__init__()
        self._network = network
        self._call = call

    def post(self, address: str, message: bytes, headers: Mapping[str, str]) -> requests.Response:
        """Send *message*. Raises SoapFault and OrgFault instead of giving zeep something to guess about."""
        prepared = requests.Request("POST", address, headers=dict(headers), data=message).prepare()
        call = self._call
        login_of = str(call.arguments.get("username", "")) if call.operation == "login" else ""
        rules = Rules(credentials=True, idempotent=call.idempotent, login_of=login_of)
        response = self._network.exchange(prepared, rules)
        answer = Answer(response.status_code, response.headers, response.content, response.url)
        screen(answer, self._call.operation)
        response.headers["Content-Type"] = "text/xml"  # or zeep would look for the parts of a multipart body
        response.status_code = 200  # an envelope without a fault; zeep takes other statuses for faults
        return response


@functools.cache
def _parsed(service: Service) -> Any:
    path = Path(__file__).parent / "wsdl" / f"{service}.wsdl"
    with path.open("rb") as description:
        return Document(description, _LocalTransport(), settings=_SETTINGS)  # type: ignore[arg-type]  # zeep's slip


def _description(service: Service) -> Any:
    with _parsing:  # functools.cache alone would let two threads parse at once
        return _parsed(service)


def send(network: Network, call: Call, *, client_name: str = "salesforce-orchestrator") -> Any:
    """Make *call* and return its result as plain dicts, lists and strings; unset elements are left out.

    Raises:
        SoapFault: the server answered with a fault.
        OrgFault: the network's faults; `not_xml`; `answer_unknown` when zeep cannot make sense of the answer.
        Defect: the arguments do not fit the description.
    """
    transport = _OrgTransport(network, call)
    client: Any = zeep.Client(  # type: ignore[no-untyped-call]  # zeep is typed in parts
        _description(call.service), transport=transport, settings=_SETTINGS
    )
    service = client.create_service(_BINDINGS[call.service], call.url)
    headers = [_header(client, call.service, "CallOptions", {"client": client_name})]
    if call.session is not None:
        headers.append(_header(client, call.service, "SessionHeader", {"sessionId": call.session.reveal()}))
    headers += [_header(client, call.service, name, values) for name, values in (call.headers or {}).items()]
    try:
        result = service[call.operation](**call.arguments, _soapheaders=headers)
    except zeep.exceptions.ValidationError as error:
        raise Defect(f"{call.operation}: {error.message} at {error.path}") from None
    except (zeep.exceptions.Error, ValueError, TypeError, AttributeError, LookupError) as error:
        raise OrgFault(
            FAULTS["answer_unknown"],
            f"the answer to {call.operation} cannot be read ({type(error).__name__})",
        ) from None
    return plain(zeep.helpers.serialize_object(result, dict))  # type: ignore[no-untyped-call]  # as above


def typed(type_name: str, values: Mapping[str, Any]) -> Any:
    """A record of a metadata type, to be sent.

    Raises:
        Defect: the description has no such type, or the type no such field.
    """
    types = _description("metadata").types
    try:
        return types.get_type(f"{{{_NAMESPACES['metadata']}}}{type_name}")(**values)
    except (zeep.exceptions.LookupError, TypeError) as error:
        raise Defect(f"{type_name}: {error}") from None


def plain(value: Any) -> Any:
    """*value* without unset elements and without what zeep keeps aside (`_raw_elements` and the like)."""
    if isinstance(value, Mapping):
        return {
            key: plain(item)
            for key, item in value.items()
            if not key.startswith("_") and item is not None and item != []
        }
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [plain(item) for item in value]
    return value


def _header(client: Any, service: Service, name: str, values: Mapping[str, Any]) -> Any:
    return client.get_element(f"{{{_NAMESPACES[service]}}}{name}")(**values)
