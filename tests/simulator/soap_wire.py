"""What the SOAP tests share: an org at the wire, envelopes, packages, and the XSD oracle on every answer."""

from __future__ import annotations

import base64
import datetime as dt
import functools
import io
import sys
import zipfile
from pathlib import Path
from xml.sax.saxutils import escape

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from lxml import etree

from orchestrator.simulator import Simulator
from orchestrator.simulator.http import Request, Response
from orchestrator.simulator.router import answer

sys.path.append(str(Path(__file__).parents[1]))

import wsdl_oracle

METADATA = "http://soap.sforce.com/2006/04/metadata"
PARTNER = "urn:partner.soap.sforce.com"
X = f'xmlns="{METADATA}"'
CALLBACK = "https://login.salesforce.com/services/oauth2/success"
PARTNER_FALLBACK = (66, 64, 62)


class Wire:
    """One org, spoken to in SOAP; every answer is held against Salesforce's schema where it is at hand."""

    def __init__(self, profile: str = "production", *, seed: str = "7", count: int = 1) -> None:
        self.wall_s = 1_790_000_000.0
        self.sim = Simulator(profile=profile, seed=seed, count=count, wall=lambda: self.wall_s)
        self.org = self.sim.first_org()
        self.seed = self.sim.seed_of(self.org)
        self.session_id = ""

    def advance(self, seconds: float) -> None:
        """Let org time pass, wall and all."""
        self.wall_s += seconds

    def post(self, path: str, body: bytes, *, org=None) -> Response:
        """Send a raw body to a SOAP path."""
        org = org or self.org
        request = Request("POST", org.my_domain_host, path, {}, {}, body, "127.0.0.1", 0)
        return answer(self.sim, request)[0]

    def login(
        self, version: str = "63.0", *, password: str | None = None, username: str | None = None
    ) -> Response:
        """Call login() and keep the session."""
        body = (
            f'<login xmlns="{PARTNER}"><username>{escape(username or self.seed.username)}</username>'
            f"<password>{escape(password or self.seed.password)}</password></login>"
        )
        response = self.post(f"/services/Soap/u/{version}", envelope(body))
        check("partner", 64, response)
        if response.status == 200:
            self.session_id = text_of(response, "sessionId")
        return response

    def partner(self, body: str, version: int = 64) -> Response:
        """Call the partner API in the session."""
        header = f'<SessionHeader xmlns="{PARTNER}"><sessionId>{self.session_id}</sessionId></SessionHeader>'
        response = self.post(f"/services/Soap/u/{version}.0/{self.org.id15}", envelope(body, header))
        check("partner", version, response)
        return response

    def metadata(self, body: str, version: int = 63, *, headers: str = "", checked: bool = True) -> Response:
        """Call the metadata API in the session, logging in first if need be."""
        if not self.session_id:
            self.login()
        header = f"<SessionHeader {X}><sessionId>{self.session_id}</sessionId></SessionHeader>{headers}"
        response = self.post(f"/services/Soap/m/{version}.0/{self.org.id}", envelope(body, header))
        if checked:
            check("metadata", version, response)
        return response

    def deploy(
        self, files: dict[str, str], *, options: str = "", version: int = 63, root: str = ""
    ) -> Response:
        """Deploy files with a manifest made for them, wait until it is over, return the last status."""
        response = self.start(files, options=options, version=version, root=root)
        assert response.status == 200, response.body
        return self.settle(text_of(response, "id"), version)

    def start(
        self, files: dict[str, str], *, options: str = "", version: int = 63, root: str = ""
    ) -> Response:
        """Call deploy() only."""
        content = base64.b64encode(package(files, version=version, root=root)).decode()
        body = f"<deploy {X}><ZipFile>{content}</ZipFile><DeployOptions>{options}</DeployOptions></deploy>"
        return self.metadata(body, version)

    def status(self, deploy_id: str, version: int = 63) -> Response:
        """Call checkDeployStatus."""
        body = f"<asyncProcessId>{deploy_id}</asyncProcessId><includeDetails>true</includeDetails>"
        return self.metadata(f"<checkDeployStatus {X}>{body}</checkDeployStatus>", version)

    def settle(self, deploy_id: str, version: int = 63) -> Response:
        """Poll until done."""
        for _ in range(40):
            response = self.status(deploy_id, version)
            if text_of(response, "done") == "true":
                return response
            self.advance(0.5)
        raise AssertionError("the deployment does not end")

    def read(self, type_name: str, full_name: str, version: int = 63) -> dict[str, str]:
        """Call readMetadata for one name; its leaf elements by name."""
        body = f"<readMetadata {X}><type>{type_name}</type><fullNames>{full_name}</fullNames></readMetadata>"
        found = root_of(self.metadata(body, version, checked=False)).find(f".//{{{METADATA}}}records")
        assert found is not None
        return {etree.QName(each).localname: each.text or "" for each in found.iter() if not len(each)}


def check(kind: str, version: int, response: Response) -> None:
    """Hold an answer against the nearest WSDL on this machine."""
    known = version if wsdl_oracle.wsdl_path(kind, version) else 63
    if kind == "metadata" and known == 63 and version > 63:
        return  # numberFiles and zipSize came with v64
    if wsdl_oracle.wsdl_path(kind, known):
        wsdl_oracle.check_body(kind, known, response.body)


def envelope(body: str, header: str = "") -> bytes:
    """Wrap a body as clients do."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        f"<soapenv:Header>{header}</soapenv:Header><soapenv:Body>{body}</soapenv:Body></soapenv:Envelope>"
    ).encode()


def root_of(response: Response) -> etree._Element:
    """Parse an answer."""
    return etree.fromstring(response.body)


def text_of(response: Response, name: str) -> str:
    """Return the text of the first element of a local name."""
    return root_of(response).findtext(f".//{{*}}{name}") or ""


def texts_of(response: Response, path: str) -> list[str]:
    """Return the texts of all elements at a path of local names."""
    steps = "/".join(f"{{*}}{step}" for step in path.split("/"))
    return [each.text or "" for each in root_of(response).findall(f".//{steps}")]


def problems(response: Response) -> list[str]:
    """Return the problems of a DeployResult's failures."""
    return texts_of(response, "componentFailures/problem")


def fault_code(response: Response) -> str:
    """Return the fault code without its prefix; empty for an answer that is no fault."""
    return (root_of(response).findtext(".//faultcode") or "").rpartition(":")[2]


TYPES = {
    "permissionsets": "PermissionSet",
    "profiles": "Profile",
    "externalClientApps": "ExternalClientApplication",
    "extlClntAppGlobalOauthSets": "ExtlClntAppGlobalOauthSettings",
    "extlClntAppOauthSettings": "ExtlClntAppOauthSettings",
    "extlClntAppOauthPolicies": "ExtlClntAppOauthConfigurablePolicies",
    "extlClntAppPolicies": "ExtlClntAppConfigurablePolicies",
    "connectedApps": "ConnectedApp",
    "settings": "Settings",
}


def manifest(files: dict[str, str], version: object) -> str:
    """Return a package.xml that lists the files."""
    types = ""
    for path in files:
        folder, _, name = path.partition("/")
        if folder in TYPES:
            member = name.rpartition(".")[0]
            types += f"<types><members>{member}</members><name>{TYPES[folder]}</name></types>"
    return f"<Package {X}>{types}<version>{float(version)}</version></Package>"


def package(files: dict[str, str], *, version: object = 63, root: str = "") -> bytes:
    """Zip files, with a manifest unless they bring one."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in ({"package.xml": manifest(files, version)} | files).items():
            archive.writestr(root + name, content)
    return stream.getvalue()


@functools.cache
def certificate(kind: str = "rsa2048") -> str:
    """Make a self-signed certificate in PEM."""
    bits = {"rsa2048": 2048, "rsa1024": 1024, "other": 2048}
    if kind == "ec":
        key = ec.generate_private_key(ec.SECP256R1())
    else:
        key = rsa.generate_private_key(65537, bits[kind])
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"test {kind}")])
    begin = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    built = x509.CertificateBuilder(name, name, key.public_key(), 1, begin, begin + dt.timedelta(days=999))
    return built.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


KEY = "ab12" * 16


def app_files(name: str = "Acme_JWT", *, key: str | None = KEY, **replaced: str) -> dict[str, str]:
    """Return the files of a complete External Client App with its permission set, some bodies replaced."""
    parent = f"<externalClientApplication>{name}</externalClientApplication>"
    key_element = f"<consumerKey>{key}</consumerKey>" if key else ""
    bodies = {
        "permission_set": "<hasActivationRequired>false</hasActivationRequired><label>Access</label>",
        "header": "<contactEmail>ops@example.com</contactEmail><distributionState>Local</distributionState>"
        "<label>Acme JWT</label>",
        "global": f"<callbackUrl>{CALLBACK}</callbackUrl><certificate>{certificate()}</certificate>"
        f"{key_element}"
        f"{parent}<isPkceRequired>true</isPkceRequired><label>Global</label>",
        "oauth": "<commaSeparatedOauthScopes>Api, RefreshToken</commaSeparatedOauthScopes>"
        f"{parent}<label>O</label>",
        "policy": f"<commaSeparatedPermissionSet>{name}_Access</commaSeparatedPermissionSet>{parent}"
        "<ipRelaxationPolicyType>Enforce</ipRelaxationPolicyType><label>P</label>"
        "<permittedUsersPolicyType>AdminApprovedPreAuthorized</permittedUsersPolicyType>",
        "app_policy": f"{parent}<isEnabled>true</isEnabled><isOauthPluginEnabled>true</isOauthPluginEnabled>"
        "<label>P</label>",
    } | replaced
    places = {
        "permission_set": ("permissionsets", "_Access", "permissionset"),
        "header": ("externalClientApps", "", "eca"),
        "global": ("extlClntAppGlobalOauthSets", "_glbloauth", "ecaGlblOauth"),
        "oauth": ("extlClntAppOauthSettings", "_oauth", "ecaOauth"),
        "policy": ("extlClntAppOauthPolicies", "_oauthPlcy", "ecaOauthPlcy"),
        "app_policy": ("extlClntAppPolicies", "_plcy", "ecaPlcy"),
    }
    files = {}
    for part, body in bodies.items():
        folder, suffix, extension = places[part]
        if body:
            path = f"{folder}/{name}{suffix}.{extension}"
            files[path] = f"<{TYPES[folder]} {X}>{body}</{TYPES[folder]}>"
    return files


def connected_app(body: str = "", oauth: str = "") -> dict[str, str]:
    """Return the file of a connected app named Legacy."""
    config = (
        f"<oauthConfig><callbackUrl>{CALLBACK}</callbackUrl>{oauth}<scopes>Api</scopes>"
        "<scopes>RefreshToken</scopes></oauthConfig>"
    )
    text = f"<contactEmail>ops@example.com</contactEmail><label>Legacy</label>{config}{body}"
    return {"connectedApps/Legacy.connectedApp": f"<ConnectedApp {X}>{text}</ConnectedApp>"}
