"""SOAP envelopes as they come from the wire: refused, turned into a fault, or let through to zeep.

zeep forgives broken XML (its `strict=False` repairs it) and meets pages of HTML with AttributeErrors; so
every body passes here first.
"""

from __future__ import annotations

from dataclasses import dataclass

from lxml import etree

from orchestrator.catalogue import FAULTS
from orchestrator.errors import OrgFault
from orchestrator.redaction import redact
from orchestrator.salesforce.http_answer import Answer

SOAP_NAMESPACE = "http://schemas.xmlsoap.org/soap/envelope/"


class SoapFault(Exception):
    """The server answered with a SOAP fault. Internal to this package: callers turn it into an OrgFault.

    Attributes:
        fault_code: exceptionCode of the detail, else the prefix of the faultstring, else the faultcode.
        message: what the server said, secrets removed.
        retry_after_s: Retry-After of the answer.
    """

    def __init__(self, fault_code: str, message: str, retry_after_s: float | None) -> None:
        super().__init__(f"{fault_code}: {message}")
        self.fault_code = fault_code
        self.message = message
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class FaultText:
    """A fault as it stands in the envelope.

    Attributes:
        fault_code: without namespace prefix.
        message: without the code in front.
    """

    fault_code: str
    message: str


def screen(answer: Answer, operation: str) -> None:
    """Let *answer* pass only if it is a SOAP envelope with the answer to *operation*.

    Raises:
        OrgFault: `not_xml` when it is no envelope or has a DOCTYPE; `answer_unknown` for another content.
        SoapFault: it is a fault.
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(answer.body, parser)
    except (etree.XMLSyntaxError, ValueError):
        raise answer.unusable("not_xml") from None
    # A DOCTYPE is where entity bombs and foreign files come from; SOAP forbids it (SOAP 1.1 section 3).
    if root.getroottree().docinfo.internalDTD is not None or root.tag != f"{{{SOAP_NAMESPACE}}}Envelope":
        raise answer.unusable("not_xml")
    body = root.find(f"{{{SOAP_NAMESPACE}}}Body")
    if body is None:
        raise answer.unusable("not_xml")
    child = next(body.iterchildren(tag=etree.Element), None)
    name = "nothing" if child is None else etree.QName(child).localname
    if child is not None and name == "Fault":
        text = fault_text(child)
        raise SoapFault(redact(text.fault_code), redact(text.message), answer.retry_after_s)
    if name != f"{operation}Response":
        raise OrgFault(FAULTS["answer_unknown"], f"{answer.host} answered {operation} with {redact(name)}")


def fault_text(fault: etree._Element) -> FaultText:
    """Code and message of a Fault element, found by local names.

    Two spellings of the faultcode are in the wild (`sf:INVALID_LOGIN` and `INVALID_LOGIN`), and the Metadata
    API sends no detail at all, so the sources are tried from the most to the least exact.
    """
    exact = _first_text(fault, "exceptionCode")
    said = _first_text(fault, "exceptionMessage")
    string = _first_text(fault, "faultstring")
    prefix, colon, rest = string.partition(":")
    prefixed = bool(colon) and prefix.replace("_", "").isalnum() and prefix.upper() == prefix
    code = exact or (prefix if prefixed else _first_text(fault, "faultcode").rpartition(":")[2])
    message = said or (rest.strip() if prefixed else string)
    return FaultText(code.strip(), message.strip())


def _first_text(root: etree._Element, local_name: str) -> str:
    for element in root.iter(f"{{*}}{local_name}"):
        return (element.text or "").strip()
    return ""
