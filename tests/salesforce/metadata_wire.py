"""A scripted org for the tests of the Metadata API client: its answers, and what it was sent."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

from lxml import etree
from wire_server import ORG, WireServer, http, network_to, serving

from orchestrator.redaction import Secret
from orchestrator.salesforce.metadata import Metadata

sys.path.insert(0, str(Path(__file__).parents[1]))
from wsdl_oracle import body_of, schema_for

MD = "http://soap.sforce.com/2006/04/metadata"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
SESSION = Secret("00D000000000001!AQEAQplantedsessionid")
DEPLOY_ID = "0Af3D00001NVCnwSAH"


def xml(inner: str, status: int = 200) -> bytes:
    body = (
        f'<soapenv:Envelope xmlns:soapenv="{ENVELOPE}" xmlns="{MD}" xmlns:xsi="{XSI}"><soapenv:Body>{inner}'
        "</soapenv:Body></soapenv:Envelope>"
    )
    return http(status, body.encode(), "text/xml;charset=UTF-8")


def status_answer(state: str = "Succeeded", details: str = "", **fields: str) -> bytes:
    values = {
        "id": DEPLOY_ID,
        "status": state,
        "done": "true",
        "success": "true",
        "checkOnly": "false",
        **fields,
    }
    inner = "".join(f"<{name}>{value}</{name}>" for name, value in values.items())
    return xml(
        "<checkDeployStatusResponse><result><createdDate>2020-10-28T13:33:25.000Z</createdDate>"
        f"<details>{details}<runTestResult><numFailures>0</numFailures></runTestResult></details>{inner}"
        "<numberComponentsTotal>4</numberComponentsTotal><newThing>x</newThing></result></checkDeployStatusResponse>"
    )


def failure(problem: str, kind: str = "Error", name: str = "Acme") -> str:
    return (
        "<componentFailures><changed>false</changed><componentType>ConnectedApp</componentType>"
        f"<fileName>connectedApps/{name}.connectedApp</fileName><fullName>{name}</fullName>"
        f"<problem>{problem}</problem><problemType>{kind}</problemType><success>false</success></componentFailures>"
    )


def record_of(fields: str, type_name: str = "ConnectedApp") -> str:
    return f'<records xsi:type="{type_name}"><fullName>A</fullName>{fields}</records>'


class ScriptedOrg:
    """`answers` maps operation names, or method and path, to answers; `server` remembers."""

    server: WireServer
    metadata: Metadata

    def __init__(self) -> None:
        self.answers: dict[str, bytes] = {}

    def answer(self, seen) -> bytes:
        if seen.path.startswith("/services/Soap/"):
            return self.answers[etree.QName(body_of(seen.body)).localname]
        return self.answers[f"{seen.method} {seen.path.partition('?')[0]}"]


@contextlib.contextmanager
def scripted_org() -> Iterator[ScriptedOrg]:
    org = ScriptedOrg()
    with serving(org.answer) as org.server, network_to(org.server) as network:
        org.metadata = Metadata(network, f"https://{ORG}", SESSION)
        yield org


def sent(org, place: int = -1) -> etree._Element:
    return body_of(org.server.seen[place].body)


def values(element: etree._Element) -> dict[str, str | None]:
    return {etree.QName(child).localname: child.text for child in element}


def valid(body: etree._Element, version: int = 63) -> None:
    schema = schema_for("metadata", version)
    assert schema is not None
    document = etree.fromstring(etree.tostring(body))
    assert schema.validate(document), schema.error_log.last_error
