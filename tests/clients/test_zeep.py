"""Strict zeep with Salesforce's own WSDLs, over the wire: what it cannot read is a fault of the simulator.

simple-salesforce ships the v63 metadata WSDL, so that version is always checked; the others lie in the folder
`shared` beside the checkout.
"""

from __future__ import annotations

import io
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import requests
import zeep
from app_package import APP_TYPES, app_files, archive
from zeep.exceptions import Fault
from zeep.transports import Transport

sys.path.append(str(Path(__file__).parents[1]))

import wsdl_oracle

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

SURFACES = {
    "metadata": ("m", "{http://soap.sforce.com/2006/04/metadata}"),
    "partner": ("u", "{urn:partner.soap.sforce.com}"),
}
BINDINGS = {"metadata": "MetadataBinding", "partner": "SoapBinding"}


class Strict:
    """One WSDL, its strict client and a session."""

    def __init__(self, kind: str, version: int, url: str) -> None:
        path = wsdl_oracle.wsdl_path(kind, version)
        if path is None:
            pytest.skip(f"no {kind} WSDL v{version}: the folder 'shared' is not beside this checkout")
        web = requests.Session()
        web.trust_env = False
        self.client = zeep.Client(
            str(path), transport=Transport(session=web), settings=zeep.Settings(strict=True)
        )
        tail, self.namespace = SURFACES[kind]
        address = f"{url}/services/Soap/{tail}/{version}.0"
        self.service = self.client.create_service(f"{self.namespace}{BINDINGS[kind]}", address)
        self.headers: list[Any] = []

    def enter(self, session_id: str) -> None:
        """Send this session from now on."""
        self.headers = [self.client.get_element(f"{self.namespace}SessionHeader")(sessionId=session_id)]

    def make(self, type_name: str, **fields: Any) -> Any:
        """Return an instance of a metadata type."""
        return self.client.get_type(f"{self.namespace}{type_name}")(**fields)

    def call(self, operation: str, *arguments: Any) -> Any:
        """Call; return the result without the header some versions declare beside it."""
        answer = self.service[operation](*arguments, _soapheaders=self.headers)
        return getattr(answer.body, "result", None) if hasattr(answer, "body") else answer


@pytest.mark.shared
@pytest.mark.parametrize("version", [62, 64])
def test_partner_login_user_query_and_logout(orgs, version):
    strict = Strict("partner", version, orgs.url)
    result = strict.call("login", orgs.username, orgs.password)
    assert result.serverUrl == f"{orgs.url}/services/Soap/u/{version}.0/{orgs.org_id[:15]}"
    assert result.metadataServerUrl == f"{orgs.url}/services/Soap/m/{version}.0/{orgs.org_id[:15]}"
    assert (result.sandbox, result.passwordExpired) == (False, False)
    strict.enter(result.sessionId)
    user = strict.call("getUserInfo")
    assert (user.userName, user.organizationId, user.userId) == (orgs.username, orgs.org_id, result.userId)
    assert user.organizationName == "Acme Inc."
    answer = strict.call("query", "SELECT Id, Username FROM User")
    assert (answer.done, answer.size) == (True, len(answer.records))
    assert result.userId in {record.Id for record in answer.records}
    strict.call("logout")
    with pytest.raises(Fault) as dead:
        strict.call("getUserInfo")
    assert dead.value.code == "sf:INVALID_SESSION_ID"


@pytest.mark.shared
@pytest.mark.parametrize("version", [62, 64])
def test_a_bad_login_is_the_fault_the_wsdl_declares(orgs, version):
    strict = Strict("partner", version, orgs.url)
    with pytest.raises(Fault) as caught:
        strict.call("login", orgs.integration_user, "wrong")
    assert caught.value.code.removeprefix("sf:") == "INVALID_LOGIN"
    detail = caught.value.detail[0]
    declared = strict.client.get_element("{urn:fault.partner.soap.sforce.com}LoginFault")
    fault = declared.parse(detail, strict.client.wsdl.types)
    assert fault.exceptionCode == "INVALID_LOGIN"
    assert fault.exceptionMessage.startswith("Invalid username, password, security token")


@pytest.mark.shared
def test_login_in_a_version_that_has_lost_it_is_refused(orgs):
    strict = Strict("partner", 66, orgs.url)
    with pytest.raises(Fault, match="UNSUPPORTED_API_VERSION"):
        strict.call("login", orgs.username, orgs.password)


@pytest.fixture(scope="module", params=[62, 63, 64, 66])
def metadata(request, orgs):
    strict = Strict("metadata", request.param, orgs.url)
    strict.enter(orgs.log_in())
    return strict, request.param, orgs


def deploy(strict: Strict, files: dict[str, str], version: int, **given: Any) -> Any:
    flags = (
        "allowMissingFiles",
        "autoUpdatePackage",
        "checkOnly",
        "ignoreWarnings",
        "performRetrieve",
        "purgeOnDelete",
    )
    options = {
        **dict.fromkeys(flags, False),
        "rollbackOnError": True,
        "singlePackage": True,
        "runTests": [],
        **given,
    }
    made = strict.make("DeployOptions", testLevel="RunLocalTests", **options)
    return strict.call("deploy", archive(files, f"{version}.0"), made)


def status(strict: Strict, deploy_id: str) -> Any:
    return strict.call("checkDeployStatus", deploy_id, True)  # noqa: FBT003 - zeep's order


def test_deploy_its_status_and_retrieve(metadata):
    strict, version, orgs = metadata
    name = f"Strict_{version}"
    files = app_files(name, key=f"STRICT{version}" + "0123456789abcdef" * 3)
    started = deploy(strict, files, version)
    assert (started.done, started.state) == (False, "Queued")
    waiting = status(strict, started.id)
    assert waiting.details is not None, "the schema wants details from the first answer on"
    orgs.settle()
    ended = status(strict, started.id)
    assert (ended.status, ended.numberComponentsTotal) == ("Succeeded", 6)
    assert {each.componentType for each in ended.details.componentSuccesses} >= set(APP_TYPES)
    found = retrieve(strict, orgs, version, {kind: ["*"] for kind in APP_TYPES})
    for path, text in files.items():
        if not path.startswith("permissionsets/"):
            assert found[path] == text


def retrieve(strict: Strict, orgs: Any, version: int, wanted: dict[str, list[str]]) -> dict[str, str]:
    types = [strict.make("PackageTypeMembers", members=names, name=kind) for kind, names in wanted.items()]
    package = strict.make("Package", types=types, version=f"{version}.0")
    request = strict.make("RetrieveRequest", apiVersion=version, singlePackage=True, unpackaged=package)
    started = strict.call("retrieve", request)
    assert strict.call("checkRetrieveStatus", started.id, True).done is False  # noqa: FBT003 - zeep's order
    orgs.settle()
    result = strict.call("checkRetrieveStatus", started.id, True)  # noqa: FBT003 - zeep's order
    assert result.status == "Succeeded"
    with zipfile.ZipFile(io.BytesIO(result.zipFile)) as opened:
        return {name: opened.read(name).decode() for name in opened.namelist()}


def test_a_cancelled_deploy(metadata):
    strict, version, orgs = metadata
    started = deploy(strict, app_files(f"Cancelled_{version}"), version)
    answer = strict.call("cancelDeploy", started.id)
    assert answer.id == started.id
    orgs.settle()
    assert status(strict, started.id).status == "Canceled"


def test_describe_list_and_the_five_verbs(metadata):
    strict, version, _ = metadata
    described = {
        each.xmlName: each.suffix for each in strict.call("describeMetadata", version).metadataObjects
    }
    assert described["ExtlClntAppConfigurablePolicies"] == "ecaPlcy"
    name = f"Verbs_{version}"
    header = strict.make(
        "ExternalClientApplication",
        fullName=name,
        label="Verbs",
        contactEmail="ops@acme.example",
        distributionState="Local",
    )
    (made,) = strict.call("createMetadata", [header])
    assert (made.success, made.fullName, made.errors) == (True, name, [])
    (again,) = strict.call("createMetadata", [header])
    assert (again.success, again.errors[0].statusCode) == (False, "DUPLICATE_VALUE")
    header.description = "second"
    assert strict.call("updateMetadata", [header])[0].success
    header.description = "third"
    (upserted,) = strict.call("upsertMetadata", [header])
    assert (upserted.success, upserted.created) == (True, False)
    (read,) = strict.call("readMetadata", "ExternalClientApplication", [name])
    assert (read.fullName, read.description) == (name, "third")
    queries = [strict.make("ListMetadataQuery", type="ExternalClientApplication")]
    assert name in {each.fullName for each in strict.call("listMetadata", queries, version)}
    assert strict.call("deleteMetadata", "ExternalClientApplication", [name])[0].success
    (gone,) = strict.call("readMetadata", "ExternalClientApplication", [name])
    assert gone is None or gone.fullName is None
