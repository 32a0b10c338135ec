"""SOAP envelopes: read what clients really send, write what Salesforce's WSDLs demand.

Reading is lenient, because real clients break the schema and Salesforce takes it: elements in any order,
booleans as ``False`` or ``None``, any prefix; the operation is the first child of the Body, never the
SOAPAction or the URL. Reading is hardened: a DOCTYPE is refused, entities are not resolved, nothing is
fetched, no huge trees. Writing is strict: elements in schema order, the prefixes of recorded answers,
faults with the prefix ``sf``, which clients match as text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from lxml import etree

from orchestrator.simulator.http import Response, xml_response

ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
METADATA = "http://soap.sforce.com/2006/04/metadata"
PARTNER = "urn:partner.soap.sforce.com"
PARTNER_SOBJECT = "urn:sobject.partner.soap.sforce.com"
PARTNER_FAULT = "urn:fault.partner.soap.sforce.com"
ENTERPRISE = "urn:enterprise.soap.sforce.com"
ENTERPRISE_SOBJECT = "urn:sobject.enterprise.soap.sforce.com"
ENTERPRISE_FAULT = "urn:fault.enterprise.soap.sforce.com"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
TRUE_WORDS = frozenset({"true", "1"})
# libxml2 refuses text above 10 MB unless huge trees are allowed; a zip of 39 MB is 52 MB of base64.
LARGE_DOCUMENT_BYTES = 8 * 1024 * 1024
ZIP_ELEMENT = re.compile(
    rb"(<(?P<name>(?:[\w.-]+:)?[Zz]ipFile)(?:\s[^<>]*)?>)(?P<text>[^<]*)(?=</(?P=name)\s*>)"
)
CONTROL_CHARACTERS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class Typed:
    """An element that says its type: ``xsi:type`` and its children."""

    type_name: str
    children: Sequence[tuple[str, object]]


@dataclass(frozen=True, slots=True)
class Surface:
    """The namespaces of one SOAP API: its own, its sObjects', its faults'."""

    name: str
    namespace: str
    sobject_namespace: str | None
    fault_namespace: str


METADATA_SURFACE = Surface("m", METADATA, None, METADATA)
PARTNER_SURFACE = Surface("u", PARTNER, PARTNER_SOBJECT, PARTNER_FAULT)
ENTERPRISE_SURFACE = Surface("c", ENTERPRISE, ENTERPRISE_SOBJECT, ENTERPRISE_FAULT)
SURFACES = {each.name: each for each in (METADATA_SURFACE, PARTNER_SURFACE, ENTERPRISE_SURFACE)}


class SoapFault(Exception):
    """A refusal on the wire.

    Attributes:
        code: the exception code, such as ``INVALID_LOGIN``.
        message: the sentence after the code.
        kind: the fault type of the partner API, such as ``LoginFault``.
    """

    def __init__(self, code: str, message: str, kind: str = "UnexpectedErrorFault") -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Envelope:
    """A request as read: the operation's element and the headers by local name."""

    operation: str
    namespace: str
    body: etree._Element
    headers: dict[str, etree._Element] = field(default_factory=dict)

    def header_text(self, header: str, name: str) -> str | None:
        """Return the text of one element of one SOAP header, or None."""
        element = self.headers.get(header)
        return None if element is None else text_of(element, name)

    def header_flag(self, header: str, name: str, *, default: bool = False) -> bool:
        """Return one boolean of one SOAP header."""
        element = self.headers.get(header)
        return default if element is None else flag_of(element, name, default=default)


def local_name(element: etree._Element) -> str:
    """Return an element's name without its namespace."""
    return etree.QName(element).localname


def elements(parent: etree._Element, name: str | None = None) -> Iterator[etree._Element]:
    """Yield child elements in document order, comments left out, of one local name if given."""
    for child in parent.iterchildren(tag=etree.Element):
        if name is None or local_name(child) == name:
            yield child


def first(parent: etree._Element, *names: str) -> etree._Element | None:
    """Return the first child with one of the local names, or None."""
    return next((child for child in elements(parent) if local_name(child) in names), None)


def is_nil(element: etree._Element) -> bool:
    """Tell whether an element is ``xsi:nil``."""
    return element.get(f"{{{XSI}}}nil", "").lower() in TRUE_WORDS


def text_of(parent: etree._Element, *names: str) -> str | None:
    """Return the stripped text of the first such child; None when absent, nil or empty."""
    child = first(parent, *names)
    if child is None or is_nil(child):
        return None
    return whole_text(child) or None


def whole_text(element: etree._Element) -> str:
    """Return all the text in an element, stripped."""
    return str(element.xpath("string()")).strip()


def texts_of(parent: etree._Element, name: str) -> list[str]:
    """Return the stripped texts of all such children."""
    return [whole_text(child) for child in elements(parent, name)]


def flag_of(parent: etree._Element, name: str, *, default: bool = False) -> bool:
    """Return a boolean child; ``True``, ``False``, ``None`` of careless templates are understood."""
    text = text_of(parent, name)
    return default if text is None or text.lower() == "none" else text.lower() in TRUE_WORDS


def parse_xml(document: bytes) -> etree._Element:
    """Parse untrusted XML: no DTD, no entity, no network, no huge tree.

    Raises:
        ValueError: not well-formed, or it carries a DOCTYPE.
    """
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False
    )
    try:
        root = etree.fromstring(document, parser)
    except etree.XMLSyntaxError as error:
        raise ValueError(str(error)) from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise ValueError("DOCTYPE is disallowed")
    return root


def read_envelope(document: bytes) -> Envelope:
    """Read a request's operation and headers.

    Raises:
        SoapFault: not XML, a DOCTYPE, not a SOAP 1.1 envelope, or an empty Body.
    """
    zip_text = None
    if len(document) > LARGE_DOCUMENT_BYTES and (found := ZIP_ELEMENT.search(document)) is not None:
        zip_text = found["text"]
        document = document[: found.start("text")] + document[found.end("text") :]
    try:
        root = parse_xml(document)
    except ValueError as error:
        raise SoapFault("soapenv:Client", str(error)) from None
    if root.tag != f"{{{ENVELOPE}}}Envelope":
        raise SoapFault("soapenv:VersionMismatch", f"{root.tag} is not a SOAP 1.1 Envelope")
    body = root.find(f"{{{ENVELOPE}}}Body")
    operation = None if body is None else next(elements(body), None)
    if operation is None:
        raise SoapFault("soapenv:Client", "No operation found in the SOAP Body")
    zip_element = first(operation, "ZipFile", "zipFile") if zip_text is not None else None
    if zip_element is not None and zip_text is not None:
        zip_element.text = zip_text.decode("ascii", "replace")
    header = root.find(f"{{{ENVELOPE}}}Header")
    headers = {} if header is None else {local_name(each): each for each in elements(header)}
    return Envelope(local_name(operation), etree.QName(operation).namespace or "", operation, headers)


def wire_text(value: object) -> str:
    """Write a scalar as XSD does; characters XML cannot carry are dropped."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return CONTROL_CHARACTERS.sub("", str(value))


def add(parent: etree._Element, name: str, value: object, resolve: Callable[[str], str]) -> None:
    """Append one element: None is ``xsi:nil``, a list of pairs its children, anything else its text."""
    element = etree.SubElement(parent, resolve(name))
    match value:
        case None:
            element.set(f"{{{XSI}}}nil", "true")
        case Typed():
            element.set(f"{{{XSI}}}type", value.type_name)
            for child, content in value.children:
                add(element, child, content, resolve)
        case list() | tuple():
            for child, content in value:
                add(element, child, content, resolve)
        case _:
            element.text = wire_text(value)


def answer(surface: Surface, operation: str, content: Sequence[tuple[str, object]]) -> Response:
    """Build ``<operation>Response`` with its children, HTTP 200.

    Args:
        surface: which API's namespaces to use.
        operation: the operation answered.
        content: the children of the response element, such as ``[("result", [...])]``; a name ``sf:Id`` goes
            to the sObject namespace.
    """
    namespaces: dict[str | None, str] = {"soapenv": ENVELOPE, None: surface.namespace, "xsi": XSI}
    if surface.sobject_namespace is not None:
        namespaces["sf"] = surface.sobject_namespace

    def resolve(name: str) -> str:
        prefix, colon, local = name.partition(":")
        if not colon:
            return f"{{{surface.namespace}}}{name}"
        return f"{{{namespaces[prefix]}}}{local}"

    root = new_root(f"{{{ENVELOPE}}}Envelope", namespaces)
    body = etree.SubElement(root, f"{{{ENVELOPE}}}Body")
    response = etree.SubElement(body, resolve(f"{operation}Response"))
    for name, value in content:
        add(response, name, value, resolve)
    return xml_response(200, serialize(root))


def new_root(tag: str, namespaces: Mapping[str | None, str]) -> etree._Element:
    """Make a root element; the key None is the default namespace."""
    # lxml-stubs lacks None as a key, which is how lxml writes a default namespace.
    return etree.Element(tag, nsmap=namespaces)  # type: ignore[arg-type]


def serialize(root: etree._Element) -> bytes:
    """Write a document with the XML declaration as recorded answers have it."""
    text = etree.tostring(root, encoding="UTF-8", xml_declaration=False)
    return b'<?xml version="1.0" encoding="UTF-8"?>' + text


def fault(surface: Surface, refusal: SoapFault) -> Response:
    """Build a fault, HTTP 500.

    Partner and enterprise faults carry a typed detail; metadata faults carry none (the WSDL declares none).
    A login fault's ``faultcode`` has no prefix, as the live service answers; all others have ``sf``.
    """
    namespaces: dict[str | None, str] = {"soapenv": ENVELOPE, "sf": surface.fault_namespace, "xsi": XSI}
    root = new_root(f"{{{ENVELOPE}}}Envelope", namespaces)
    body = etree.SubElement(root, f"{{{ENVELOPE}}}Body")
    element = etree.SubElement(body, f"{{{ENVELOPE}}}Fault")
    transport = refusal.code.startswith("soapenv:")
    prefix = "" if transport or refusal.kind == "LoginFault" else "sf:"
    etree.SubElement(element, "faultcode").text = f"{prefix}{refusal.code}"
    text = refusal.message if transport else f"{refusal.code}: {refusal.message}"
    etree.SubElement(element, "faultstring").text = wire_text(text)
    if surface is not METADATA_SURFACE and not transport:
        detail = etree.SubElement(element, "detail")
        typed = etree.SubElement(detail, f"{{{surface.fault_namespace}}}{refusal.kind}")
        typed.set(f"{{{XSI}}}type", f"sf:{refusal.kind}")
        parts = [("exceptionCode", refusal.code), ("exceptionMessage", refusal.message)]
        if refusal.kind in {"MalformedQueryFault", "InvalidFieldFault", "InvalidSObjectFault"}:
            parts += [("row", "-1"), ("column", "-1")]
        for name, value in parts:
            etree.SubElement(typed, f"{{{surface.fault_namespace}}}{name}").text = wire_text(value)
    return xml_response(500, serialize(root))
