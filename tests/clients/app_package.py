"""The app the clients log in with and deploy: External Client App, certificate, key, permission set."""

from __future__ import annotations

import datetime as dt
import functools
import io
import zipfile
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

NAMESPACE = "http://soap.sforce.com/2006/04/metadata"
CALLBACK = "https://login.salesforce.com/services/oauth2/success"
CONSUMER_KEY = "CLIENTS" + "0123456789abcdef" * 4
SOURCE_SUFFIX = "-meta.xml"
PARTS = {  # folder: (type, suffix of the member, extension)
    "permissionsets": ("PermissionSet", "_Access", "permissionset"),
    "externalClientApps": ("ExternalClientApplication", "", "eca"),
    "extlClntAppGlobalOauthSets": ("ExtlClntAppGlobalOauthSettings", "_glbloauth", "ecaGlblOauth"),
    "extlClntAppOauthSettings": ("ExtlClntAppOauthSettings", "_oauth", "ecaOauth"),
    "extlClntAppOauthPolicies": ("ExtlClntAppOauthConfigurablePolicies", "_oauthPlcy", "ecaOauthPlcy"),
    "extlClntAppPolicies": ("ExtlClntAppConfigurablePolicies", "_plcy", "ecaPlcy"),
}
APP_TYPES = [type_name for type_name, _, _ in PARTS.values()][1:]


@functools.cache
def private_key() -> rsa.RSAPrivateKey:
    """Make the throwaway key of this test run."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def private_key_pem() -> str:
    """Return the key as PKCS#8 PEM."""
    made = private_key().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return made.decode()


@functools.cache
def certificate_pem() -> str:
    """Return a self-signed certificate of the key, valid for a day."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "third-party clients")])
    now = dt.datetime.now(dt.UTC)
    key = private_key()
    built = x509.CertificateBuilder(
        name, name, key.public_key(), 1, now - dt.timedelta(hours=1), now + dt.timedelta(days=1)
    )
    return built.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode().strip()


def app_files(
    name: str, *, key: str = "", scopes: str = "Api, RefreshToken, Web", run_as: str = ""
) -> dict[str, str]:
    """Return path and text of a complete app; `run_as` turns the client credentials flow on for that user."""
    parent = f"    <externalClientApplication>{name}</externalClientApplication>\n"
    flow = (
        f"    <isClientCredentialsFlowEnabled>{str(bool(run_as)).lower()}</isClientCredentialsFlowEnabled>\n"
    )
    run_as_line = f"    <clientCredentialsFlowUser>{run_as}</clientCredentialsFlowUser>\n" if run_as else ""
    key_line = f"    <consumerKey>{key}</consumerKey>\n" if key else ""
    bodies = {
        "permissionsets": "    <hasActivationRequired>false</hasActivationRequired>\n"
        f"    <label>{name} Access</label>\n",
        "externalClientApps": "    <contactEmail>ops@acme.example</contactEmail>\n"
        "    <description>Ünïcode &amp; Markup</description>\n"
        "    <distributionState>Local</distributionState>\n"
        f"    <isProtected>false</isProtected>\n    <label>{name}</label>\n",
        "extlClntAppGlobalOauthSets": f"    <callbackUrl>{CALLBACK}</callbackUrl>\n"
        f"    <certificate>{certificate_pem()}</certificate>\n{key_line}{parent}{flow}"
        f"    <isPkceRequired>true</isPkceRequired>\n    <label>{name} Global</label>\n",
        "extlClntAppOauthSettings": f"    <commaSeparatedOauthScopes>{scopes}</commaSeparatedOauthScopes>\n"
        f"{parent}    <label>{name} OAuth</label>\n",
        "extlClntAppOauthPolicies": f"{run_as_line}    <commaSeparatedPermissionSet>{name}_Access"
        f"</commaSeparatedPermissionSet>\n{parent}"
        f"    <ipRelaxationPolicyType>Enforce</ipRelaxationPolicyType>\n{flow}"
        f"    <label>{name} Policy</label>\n"
        "    <permittedUsersPolicyType>AdminApprovedPreAuthorized</permittedUsersPolicyType>\n",
        "extlClntAppPolicies": f"{parent}    <isEnabled>true</isEnabled>\n"
        f"    <isOauthPluginEnabled>true</isOauthPluginEnabled>\n    <label>{name} Policy</label>\n",
    }
    return {
        f"{folder}/{name}{suffix}.{extension}": _document(type_name, bodies[folder])
        for folder, (type_name, suffix, extension) in PARTS.items()
    }


def _document(type_name: str, inside: str) -> str:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<{type_name} xmlns="{NAMESPACE}">\n{inside}</{type_name}>\n'
    )


def manifest(files: dict[str, str], version: str = "64.0") -> str:
    """Return the package.xml that names the files."""
    types = "".join(
        f"    <types>\n        <members>{path.partition('/')[2].rpartition('.')[0]}</members>\n"
        f"        <name>{PARTS[path.partition('/')[0]][0]}</name>\n    </types>\n"
        for path in files
    )
    return _document("Package", f"{types}    <version>{version}</version>\n")


def archive(files: dict[str, str], version: str = "64.0") -> bytes:
    """Zip files and their manifest."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as opened:
        for path, text in {"package.xml": manifest(files, version), **files}.items():
            opened.writestr(path, text)
    return stream.getvalue()


def write_package(folder: Path, files: dict[str, str]) -> Path:
    """Write files and manifest in metadata format; return the folder."""
    for path, text in {"package.xml": manifest(files), **files}.items():
        _write(folder / path, text)
    return folder


def write_project(folder: Path, files: dict[str, str] | None = None) -> Path:
    """Write a Salesforce DX project with the files in source format; return the folder."""
    directories = '"packageDirectories": [{"path": "force-app", "default": true}]'
    _write(folder / "sfdx-project.json", f'{{{directories}, "sourceApiVersion": "64.0"}}\n')
    (folder / "force-app" / "main" / "default").mkdir(parents=True, exist_ok=True)
    for path, text in (files or {}).items():
        _write(folder / "force-app" / "main" / "default" / (path + SOURCE_SUFFIX), text)
    return folder


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="")
