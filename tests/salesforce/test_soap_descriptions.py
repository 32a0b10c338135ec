"""Our service descriptions against Salesforce's: nothing invented, nothing out of order, quick to load."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest
from lxml import etree

from orchestrator.salesforce import soap_wire

sys.path.insert(0, str(Path(__file__).parents[1]))
from wsdl_oracle import wsdl_path

XSD = "{http://www.w3.org/2001/XMLSchema}"
OURS = Path(soap_wire.__file__).parent / "wsdl"
# Types whose values we send; the others only come back, and there we accept any text.
SENT = (
    "ExternalClientApplication",
    "ExtlClntAppGlobalOauthSettings",
    "ExtlClntAppOauthSettings",
    "ExtlClntAppOauthConfigurablePolicies",
    "ExtlClntAppConfigurablePolicies",
    "ConnectedApp",
    "ConnectedAppOauthConfig",
    "ConnectedAppOauthPolicy",
    "ConnectedAppSessionPolicy",
    "PermissionSet",
    "PermissionSetUserPermission",
    "Profile",
    "ProfileLoginHours",
    "ProfileLoginIpRange",
    "ConnectedAppSettings",
    "ExternalClientAppSettings",
    "MyDomainSettings",
    "OauthOidcSettings",
    "SecuritySettings",
    "SingleSignOnSettings",
    "DeployOptions",
    "ListMetadataQuery",
)


def fields(path: Path) -> dict[str, list[tuple[str, str, bool]]]:
    """Type or element name → its fields in order: name, simple type, whether it may repeat."""
    root = etree.parse(path).getroot()
    enumerations = {node.get("name") for node in root.iter(f"{XSD}simpleType")}
    found: dict[str, list[tuple[str, str, bool]]] = {}
    for schema in root.iter(f"{XSD}schema"):
        for node in schema:
            rows = []
            for element in node.iter(f"{XSD}element"):
                kind = (element.get("type") or "").rpartition(":")[2]
                if element is not node:
                    kind = "string" if kind in enumerations else kind
                    rows.append((element.get("name") or "", kind, element.get("maxOccurs") == "unbounded"))
            found.setdefault(node.get("name") or "", rows)
    return found


def differences(kind: str, version: int) -> list[str]:
    path = wsdl_path(kind, version)
    assert path is not None
    theirs, wrong = fields(path), []
    for name, ours in fields(OURS / f"{kind}.wsdl").items():
        if name not in theirs:
            wrong.append(f"{name}: not in Salesforce's description")
            continue
        names = [row[0] for row in theirs[name]]
        places = [names.index(row[0]) for row in ours if row[0] in names]
        wrong += [f"{name}.{row[0]}: invented" for row in ours if row[0] not in names]
        if places != sorted(places):
            wrong.append(f"{name}: out of order")
        if name in SENT:
            known = set(theirs[name])
            wrong += [f"{name}.{row[0]}: other type" for row in ours if row[0] in names and row not in known]
    return wrong


def test_every_type_that_is_sent_is_described():
    assert set(SENT) <= set(fields(OURS / "metadata.wsdl"))


@pytest.mark.parametrize("version", [62, 63, 64, 66])
def test_the_metadata_description_invents_nothing(version):
    if wsdl_path("metadata", version) is None:
        pytest.skip("no folder `shared` beside the checkout: Salesforce's metadata WSDL is not here")
    # The fields are those of the newest version; older ones may lack some, never name them otherwise.
    wrong = differences("metadata", version)
    newer = [line for line in wrong if line.endswith("invented")]
    assert [line for line in wrong if line not in newer] == []
    if version == 66:
        assert newer == []


@pytest.mark.shared
@pytest.mark.parametrize("version", [62, 64, 66])
def test_the_partner_description_invents_nothing(version):
    if wsdl_path("partner", version) is None:
        pytest.skip("no folder `shared` beside the checkout: Salesforce's partner WSDL is not here")
    assert differences("partner", version) == []


def test_the_descriptions_load_in_tens_of_milliseconds():
    for service in ("partner", "metadata"):
        soap_wire._parsed.cache_clear()
        started_s = time.process_time()
        soap_wire._description(service)
        assert time.process_time() - started_s < 0.15
