"""What the core tests share: an org behind `requests`, a clock in hand, an app deployed over the wire."""

from __future__ import annotations

import base64
import datetime as dt
import functools
import io
import json
import re
import zipfile
from urllib.parse import urlencode
from xml.sax.saxutils import escape

import jwt
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from orchestrator.simulator import Simulator
from orchestrator.simulator.adapter import SimulatorAdapter

METADATA = 'xmlns="http://soap.sforce.com/2006/04/metadata"'
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
CALLBACK = "https://login.salesforce.com/services/oauth2/success"
CONSUMER_KEY = "ACME" + "0123456789abcdef" * 4
NOON_S = 1_790_000_000.0


class World:
    """A simulator, a hand-driven wall clock and a `requests` session mounted on it."""

    def __init__(self, profile: str = "production", *, count: int = 1, seed: str = "7") -> None:
        self.wall_s = NOON_S
        self.sim = Simulator(profile=profile, count=count, seed=seed, wall=lambda: self.wall_s)
        self.org = self.sim.first_org()
        self.seed = self.sim.seed_of(self.org)
        self.base = f"https://{self.org.my_domain_host}"
        self.web = requests.Session()
        self.web.trust_env = False
        self.web.mount("https://", SimulatorAdapter(self.sim))
        self.web.mount("http://", SimulatorAdapter(self.sim))

    # --- logins

    def soap_login(
        self, password: str | None = None, *, username: str | None = None, host: str = ""
    ) -> requests.Response:
        body = (
            '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>'
            '<login xmlns="urn:partner.soap.sforce.com">'
            f"<username>{escape(username or self.seed.username)}</username>"
            f"<password>{escape(self.seed.password if password is None else password)}</password>"
            "</login></e:Body></e:Envelope>"
        )
        return self.web.post(
            f"{host or self.base}/services/Soap/u/64.0", data=body, headers={"SOAPAction": '""'}
        )

    def admin_token(self) -> str:
        answer = self.soap_login()
        assert answer.status_code == 200, answer.text
        return re.search("<sessionId>(.*?)</sessionId>", answer.text)[1]

    def token(self, *, host: str = "", **fields: str) -> requests.Response:
        return self.web.post(f"{host or self.base}/services/oauth2/token", data=fields)

    def assertion(
        self, *, username: str | None = None, key=None, consumer_key: str = CONSUMER_KEY, **claims
    ) -> str:
        payload = {
            "iss": consumer_key,
            "sub": username or self.seed.integration_username,
            "aud": self.base,
            "exp": int(self.wall_s) + 120,
        }
        return jwt.encode({**payload, **claims}, key or private_key(), algorithm="RS256")

    def jwt(self, *, host: str = "", **claims) -> requests.Response:
        return self.token(host=host, grant_type=JWT_BEARER, assertion=self.assertion(**claims))

    # --- REST

    def rest(self, method: str, path: str, token: str, **arguments) -> requests.Response:
        headers = {"Authorization": f"Bearer {token}", **arguments.pop("headers", {})}
        return self.web.request(
            method, f"{self.base}/services/data/v66.0{path}", headers=headers, **arguments
        )

    def query(self, text: str, token: str) -> list[dict]:
        answer = self.rest("GET", "/query", token, params={"q": text})
        assert answer.status_code == 200, answer.text
        return answer.json()["records"]

    def user_id(self, username: str) -> str:
        return self.org.user_by_name(username).id

    # --- apps

    def deploy(self, files: dict[str, str], token: str) -> dict:
        options = json.dumps({"deployOptions": {"rollbackOnError": True, "singlePackage": True}})
        parts = {
            "json": (None, options, "application/json"),
            "file": ("deploy.zip", package(files), "application/zip"),
        }
        started = self.rest("POST", "/metadata/deployRequest", token, files=parts)
        assert started.status_code == 201, started.text
        path = f"/metadata/deployRequest/{started.json()['id']}?includeDetails=true"
        for _ in range(60):
            result = self.rest("GET", path, token).json()["deployResult"]
            if result["done"]:
                return result
            self.wall_s += 1
        raise AssertionError("the deploy does not end")

    def deploy_app(
        self, token: str, *, certificate: str = "", approved: bool = True, scopes: str = "Api, RefreshToken"
    ) -> None:
        """Deploy an External Client App with its permission set and give the set to the integration user."""
        key = "" if self.org.apps else CONSUMER_KEY  # a key cannot be given twice
        files = app_files(certificate or certificate_pem(), key, approved=approved, scopes=scopes)
        result = self.deploy(files, token)
        assert result["success"], result["details"]
        permission_set = self.query("SELECT Id FROM PermissionSet WHERE Name = 'Acme_JWT_Access'", token)[0][
            "Id"
        ]
        fields = {
            "AssigneeId": self.user_id(self.seed.integration_username),
            "PermissionSetId": permission_set,
        }
        given = self.rest("POST", "/sobjects/PermissionSetAssignment", token, json=fields)
        assert given.status_code in {201, 400}, given.text

    def settle(self) -> None:
        """Let every change reach every node."""
        self.sim.clock.advance(60)


def app_files(
    certificate: str,
    consumer_key: str = CONSUMER_KEY,
    *,
    approved: bool = True,
    scopes: str = "Api, RefreshToken",
) -> dict[str, str]:
    key = f"<consumerKey>{consumer_key}</consumerKey>" if consumer_key else ""
    users = "AdminApprovedPreAuthorized" if approved else "AllSelfAuthorized"
    return {
        "permissionsets/Acme_JWT_Access.permissionset": _xml(
            "PermissionSet",
            "<hasActivationRequired>false</hasActivationRequired><label>Acme JWT Access</label>",
        ),
        "externalClientApps/Acme_JWT.eca": _xml(
            "ExternalClientApplication",
            "<contactEmail>ops@example.com</contactEmail><distributionState>Local</distributionState>"
            "<isProtected>false</isProtected><label>Acme JWT</label>",
        ),
        "extlClntAppGlobalOauthSets/Acme_JWT_glbloauth.ecaGlblOauth": _xml(
            "ExtlClntAppGlobalOauthSettings",
            f"<callbackUrl>{CALLBACK}</callbackUrl><certificate>{certificate}</certificate>"
            f"{key}<externalClientApplication>Acme_JWT</externalClientApplication>"
            "<label>Acme JWT Global</label>",
        ),
        "extlClntAppOauthSettings/Acme_JWT_oauth.ecaOauth": _xml(
            "ExtlClntAppOauthSettings",
            f"<commaSeparatedOauthScopes>{scopes}</commaSeparatedOauthScopes>"
            "<externalClientApplication>Acme_JWT</externalClientApplication><label>Acme JWT OAuth</label>",
        ),
        "extlClntAppOauthPolicies/Acme_JWT_oauthPlcy.ecaOauthPlcy": _xml(
            "ExtlClntAppOauthConfigurablePolicies",
            "<commaSeparatedPermissionSet>Acme_JWT_Access</commaSeparatedPermissionSet>"
            "<externalClientApplication>Acme_JWT</externalClientApplication>"
            "<ipRelaxationPolicyType>Enforce</ipRelaxationPolicyType><label>Acme JWT OAuth Policy</label>"
            f"<permittedUsersPolicyType>{users}</permittedUsersPolicyType>",
        ),
        "extlClntAppPolicies/Acme_JWT_plcy.ecaPlcy": _xml(
            "ExtlClntAppConfigurablePolicies",
            "<externalClientApplication>Acme_JWT</externalClientApplication><isEnabled>true</isEnabled>"
            "<isOauthPluginEnabled>true</isOauthPluginEnabled><label>Acme JWT Policy</label>",
        ),
    }


_FOLDER_TYPES = {
    "permissionsets": "PermissionSet",
    "externalClientApps": "ExternalClientApplication",
    "extlClntAppGlobalOauthSets": "ExtlClntAppGlobalOauthSettings",
    "extlClntAppOauthSettings": "ExtlClntAppOauthSettings",
    "extlClntAppOauthPolicies": "ExtlClntAppOauthConfigurablePolicies",
    "extlClntAppPolicies": "ExtlClntAppConfigurablePolicies",
    "settings": "Settings",
    "installedPackages": "InstalledPackage",
}


def package(files: dict[str, str]) -> bytes:
    types = "".join(
        f"<types><members>{path.partition('/')[2].rpartition('.')[0]}</members>"
        f"<name>{_FOLDER_TYPES[path.partition('/')[0]]}</name></types>"
        for path in files
        if "/" in path
    )
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("package.xml", f"<Package {METADATA}>{types}<version>66.0</version></Package>")
        for path, text in files.items():
            archive.writestr(path, text)
    return stream.getvalue()


def _xml(type_name: str, inside: str) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<{type_name} {METADATA}>{inside}</{type_name}>'


@functools.cache
def _key_called(name: str) -> rsa.RSAPrivateKey:
    del name  # tells keys apart
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def private_key(name: str = "first") -> rsa.RSAPrivateKey:
    """Return a throwaway key; `name` tells keys apart."""
    return _key_called(name)


@functools.cache
def certificate_pem(name: str = "first") -> str:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "DO NOT TRUST")])
    now = dt.datetime.fromtimestamp(NOON_S, dt.UTC)
    key = private_key(name)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=365))
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM).decode().strip()


def basic(name: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()


def form(**fields: str) -> bytes:
    return urlencode(fields).encode()
