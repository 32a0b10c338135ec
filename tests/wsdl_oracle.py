"""Salesforce's own WSDLs as an oracle: every SOAP body can be checked against the XSD in their ``<types>``.

Two sources. simple-salesforce ships the v63 metadata WSDL of a real org, so that check runs everywhere. The
partner and metadata WSDLs of v62, v64 and v66 lie in a folder named ``shared`` beside the checkout (or at
``ORCHESTRATOR_SHARED``) and are used where it is there.
"""

from __future__ import annotations

import functools
import importlib.util
import os
from pathlib import Path

from lxml import etree

XSD = "http://www.w3.org/2001/XMLSchema"
WSDL = "http://schemas.xmlsoap.org/wsdl/"
SOAP_ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
BUNDLED_VERSION = 63


def shared_folder() -> Path | None:
    """Return the folder with Salesforce's WSDLs and recordings, or None where it is absent."""
    named = os.environ.get("ORCHESTRATOR_SHARED")
    folder = Path(named) if named else Path(__file__).resolve().parents[2] / "shared"
    return folder if folder.is_dir() else None


def wsdl_path(kind: str, version: int) -> Path | None:
    """Return the WSDL of one API (``partner`` or ``metadata``) and version, or None when it is not here."""
    if kind == "metadata" and version == BUNDLED_VERSION:
        found = importlib.util.find_spec("simple_salesforce")
        assert found is not None
        assert found.origin is not None
        return Path(found.origin).parent / "metadata.wsdl"
    folder = shared_folder()
    if folder is None:
        return None
    path = folder / "wsdl" / f"{kind}-v{version}.wsdl"
    return path if path.is_file() else None


class _InMemory(etree.Resolver):
    """Hands the schemas of one WSDL to libxml2, which would otherwise look for files."""

    def __init__(self, documents: dict[str, bytes]) -> None:
        super().__init__()
        self.documents = documents

    def resolve(self, system_url, public_id, context):
        del public_id
        document = self.documents.get(system_url or "")
        return None if document is None else self.resolve_string(document, context)


@functools.lru_cache(maxsize=16)
def schema_for(kind: str, version: int) -> etree.XMLSchema | None:
    """Compile the XSD of a WSDL's ``<types>``; None when that WSDL is not on this machine.

    Args:
        kind: ``partner`` or ``metadata``.
        version: the API version, such as 64.
    """
    path = wsdl_path(kind, version)
    if path is None:
        return None
    types = etree.parse(path).getroot().find(f"{{{WSDL}}}types")
    assert types is not None
    schemas = types.findall(f"{{{XSD}}}schema")
    url_of = {schema.get("targetNamespace"): f"mem:{place}.xsd" for place, schema in enumerate(schemas)}
    documents: dict[str, bytes] = {}
    for schema in schemas:
        for reference in schema.findall(f"{{{XSD}}}import"):
            if (url := url_of.get(reference.get("namespace"))) is not None:
                reference.set("schemaLocation", url)
        documents[url_of[schema.get("targetNamespace")]] = etree.tostring(schema)
    imports = "".join(
        f'<xsd:import namespace="{name}" schemaLocation="{url}"/>' for name, url in url_of.items()
    )
    parser = etree.XMLParser()
    parser.resolvers.add(_InMemory(documents))
    return etree.XMLSchema(etree.fromstring(f'<xsd:schema xmlns:xsd="{XSD}">{imports}</xsd:schema>', parser))


def body_of(envelope: bytes) -> etree._Element:
    """Return the first child of the SOAP Body."""
    body = etree.fromstring(envelope).find(f"{{{SOAP_ENVELOPE}}}Body")
    assert body is not None
    return next(body.iterchildren(tag=etree.Element))


def check_body(kind: str, version: int, envelope: bytes) -> None:
    """Assert that the first Body child of a SOAP envelope is valid; of a fault, that its detail is.

    Raises:
        AssertionError: naming the line and rule broken, or that there is no such WSDL here.
    """
    schema = schema_for(kind, version)
    assert schema is not None, f"no {kind} WSDL of version {version} on this machine"
    child = body_of(envelope)
    if child.tag == f"{{{SOAP_ENVELOPE}}}Fault":
        detail = child.find("detail")
        if detail is None:
            return
        child = next(detail.iterchildren(tag=etree.Element))
    document = etree.fromstring(etree.tostring(child))
    assert schema.validate(document), (
        f"{schema.error_log.last_error}\n{etree.tostring(document).decode()[:4000]}"
    )
