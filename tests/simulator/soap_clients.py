"""Third-party SOAP clients on an in-process wire: zeep and simple-salesforce."""

from __future__ import annotations

import functools

import requests
import zeep
from soap_wire import Wire, wsdl_oracle
from zeep.transports import Transport

from orchestrator.simulator.adapter import SimulatorAdapter


def session_for(wire: Wire) -> requests.Session:
    """Return a requests session whose every https call reaches the wire."""
    session = requests.Session()
    session.mount("https://", SimulatorAdapter(wire.sim))
    return session


@functools.cache
def _document(path: str):
    return zeep.Client(path, settings=zeep.Settings(strict=True))


def unwrapped(answer):
    """Return the result: where a WSDL declares a response header, zeep hands out header and body."""
    return answer.body.result if hasattr(answer, "body") else answer


def strict_zeep(wire: Wire, kind: str = "metadata", version: int = 63):
    """Return a strict zeep service proxy and client from Salesforce's WSDL, bound to the wire."""
    path = wsdl_oracle.wsdl_path(kind, version)
    assert path is not None
    client = _document(str(path))
    client.transport = Transport(session=session_for(wire))
    surface = {"metadata": "m", "partner": "u"}[kind]
    name = {
        "metadata": "{http://soap.sforce.com/2006/04/metadata}MetadataBinding",
        "partner": "{urn:partner.soap.sforce.com}SoapBinding",
    }[kind]
    address = f"https://{wire.org.my_domain_host}/services/Soap/{surface}/{version}.0"
    return client, client.create_service(name, address)
