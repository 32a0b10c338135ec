# ruff: noqa: S608 - SOQL of our own making, as a script would write it
"""The yardstick: the calls of the hybrid flow in a row, with requests, PyJWT and cryptography alone.

No journal, no machine, no look before a second try, no classification of answers: what a script costs that
does the same to an org and hopes for the best. Run as a program, so that its CPU seconds can be told from
everything else's: `python -m tests.bench.straight_line ORGS_FILE PORT THREADS` prints seconds per org.
"""

from __future__ import annotations

import base64
import datetime as dt
import io
import json
import re
import resource
import secrets
import sys
import threading
import time
import zipfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import jwt
import requests
import urllib3.connection
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

_META = "http://soap.sforce.com/2006/04/metadata"
_PARTNER = "urn:partner.soap.sforce.com"
_ENVELOPE = (
    '<?xml version="1.0" encoding="utf-8"?><e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" '
    'xmlns="{ns}"><e:Header><SessionHeader><sessionId>{session}</sessionId></SessionHeader></e:Header>'
    "<e:Body>{body}</e:Body></e:Envelope>"
)
_APP = "Orchestrator_JWT"
_RIGHTS = ("ApiEnabled", "ManageUsers", "ModifyMetadata", "CustomizeApplication", "ViewSetup", "ViewRoles")
_SETTINGS = ("OauthOidc", "Security", "MyDomain", "ConnectedApp", "ExternalClientApp")
_POLL_S = 0.05
pause = threading.Event()


class Script:
    """One org, from the password to the probe."""

    def __init__(self, entry: dict[str, Any], folder: Path) -> None:
        self.http = requests.Session()
        self.host = entry["url"]
        self.username, self.integration = entry["username"], entry["integration_user"]
        self.password = (folder / entry["password"].removeprefix("file:")).read_text().strip()
        self.calls = 0

    def rest(self, path: str, method: str = "GET", **options: Any) -> requests.Response:
        """One REST call with the session in use."""
        self.calls += 1
        headers = {"Authorization": f"Bearer {self.session}"}
        return self.http.request(
            method, f"{self.host}/services/data/v66.0/{path}", headers=headers, **options
        )

    def query(self, soql: str) -> list[dict[str, Any]]:
        """The records of one page."""
        answer = self.rest("query/", params={"q": soql})
        answer.raise_for_status()
        return list(answer.json()["records"])

    def soap(self, body: str, api: str = "m/66.0", ns: str = _META) -> str:
        """One SOAP call."""
        self.calls += 1
        envelope = _ENVELOPE.format(ns=ns, session=self.session, body=body)
        headers = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": '""'}
        url = f"{self.host}/services/Soap/{api}"
        return self.http.post(url, data=envelope.encode(), headers=headers).text

    def read(self, kind: str, *names: str) -> str:
        """readMetadata."""
        listed = "".join(f"<fullNames>{name}</fullNames>" for name in names)
        return self.soap(f"<readMetadata><type>{kind}</type>{listed}</readMetadata>")

    def login(self) -> str:
        """login() with the password; the whole answer."""
        self.session = ""
        body = (
            f"<login><username>{self.username}</username><password>{escape(self.password)}</password></login>"
        )
        return self.soap(body, "u/64.0", _PARTNER)

    def run(self) -> int:
        """All of it; the number of calls."""
        self.calls += 2
        self.http.get(f"{self.host}/.well-known/auth-configuration").json()
        self.http.get(f"{self.host}/services/data").json()
        answer = self.login()
        self.session, self.admin_id = _between(answer, "sessionId"), _between(answer, "userId")
        self.look_around()
        self.make_key()
        self.deploy_sets()
        self.deploy_app()
        self.prove()
        self.soap("<logout/>", "u/64.0", _PARTNER)
        self.rest("limits/")
        self.session = self.token
        self.lock()
        if "INVALID_LOGIN" not in self.login():
            raise AssertionError("the password still works")
        self.session = self.token
        self.query(
            "SELECT Id, LoginTime, LoginType, Status, SourceIp FROM LoginHistory "
            f"WHERE UserId = '{self.admin_id}' ORDER BY LoginTime DESC LIMIT 50"
        )
        self.rest(f"sobjects/PermissionSetAssignment/{self.assigned[-1]}", "DELETE")
        self.mint()
        self.query("SELECT Id FROM Organization")
        return self.calls

    def look_around(self) -> None:
        """What preflight reads."""
        self.rest("limits/").json()
        self.query("SELECT Id, Name, InstanceName, IsSandbox, OrganizationType, IsReadOnly FROM Organization")
        fields = self.rest("sobjects/PermissionSet/describe").json()["fields"]
        self.known = [field["name"].removeprefix("Permissions") for field in fields]
        self.rights_of(self.admin_id)
        self.user_id = self.user(self.integration)
        self.other_admins()
        self.query(
            f"SELECT Id, LoginTime, SourceIp FROM LoginHistory WHERE UserId = '{self.admin_id}' LIMIT 50"
        )
        self.read("Profile", "Minimum Access - API Only Integrations")
        self.rights_of(self.user_id)
        for name in _SETTINGS:
            self.read(f"{name}Settings", name)

    def rights_of(self, user_id: str) -> None:
        """Which rights a user has."""
        fields = ", ".join(f"Permissions{name}" for name in _RIGHTS)
        self.query(
            f"SELECT Id, Name, {fields} FROM PermissionSet WHERE Id IN (SELECT PermissionSetId "
            f"FROM PermissionSetAssignment WHERE AssigneeId = '{user_id}')"
        )

    def user(self, username: str) -> str:
        """A user and whether it is frozen."""
        row = self.query(
            f"SELECT Id, Username, IsActive, ProfileId, Profile.Name FROM User WHERE Username = '{username}'"
        )[0]
        self.query(f"SELECT Id, IsFrozen FROM UserLogin WHERE UserId = '{row['Id']}'")
        return str(row["Id"])

    def other_admins(self) -> None:
        """Who else can get in."""
        rows = self.query(
            "SELECT AssigneeId, Assignee.Username FROM PermissionSetAssignment WHERE "
            "PermissionSet.PermissionsManageUsers = true AND Assignee.IsActive = true"
        )
        listed = ", ".join(f"'{row['AssigneeId']}'" for row in rows)
        self.query(f"SELECT UserId, IsFrozen FROM UserLogin WHERE UserId IN ({listed})")

    def make_key(self) -> None:
        """An RSA key and a certificate signed with it."""
        self.key = rsa.generate_private_key(65537, 2048)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _APP)])
        now = dt.datetime.now(dt.UTC)
        made = (
            x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(self.key.public_key())
        )
        made = made.serial_number(x509.random_serial_number()).not_valid_before(now - dt.timedelta(days=1))
        made = made.not_valid_after(now + dt.timedelta(days=365))
        pem = made.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        self.certificate = pem.decode()

    def deploy(self, package: Mapping[str, bytes]) -> None:
        """Zip, send, poll until it is done."""
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for path, content in package.items():
                archive.writestr(path, content)
        encoded = base64.b64encode(packed.getvalue()).decode()
        options = (
            "<DeployOptions><allowMissingFiles>false</allowMissingFiles><autoUpdatePackage>false"
            "</autoUpdatePackage><checkOnly>false</checkOnly><ignoreWarnings>false</ignoreWarnings>"
            "<performRetrieve>false</performRetrieve><purgeOnDelete>false</purgeOnDelete>"
            "<rollbackOnError>true</rollbackOnError><singlePackage>true</singlePackage></DeployOptions>"
        )
        answer = self.soap(f"<deploy><ZipFile>{encoded}</ZipFile>{options}</deploy>")
        request_id = _between(answer, "id")
        look = (
            f"<checkDeployStatus><asyncProcessId>{request_id}</asyncProcessId>"
            "<includeDetails>true</includeDetails></checkDeployStatus>"
        )
        while "<done>true" not in (answer := self.soap(look)):
            pause.wait(_POLL_S)
        if _between(answer, "status") != "Succeeded":
            raise AssertionError(answer)

    def deploy_sets(self) -> None:
        """Both permission sets, assigned and read back."""
        names = (f"{_APP}_Access", f"{_APP}_Setup")
        self.read("PermissionSet", *names)
        self.deploy(_package_of_sets(self.known))
        self.assigned = []
        listed = ", ".join(f"'{name}'" for name in names)
        found = {
            row["Name"]: row["Id"]
            for row in self.query(f"SELECT Id, Name FROM PermissionSet WHERE Name IN ({listed})")
        }
        for name in names:
            record = {"AssigneeId": self.user_id, "PermissionSetId": found[name]}
            made = self.rest("sobjects/PermissionSetAssignment/", "POST", json=record)
            self.assigned.append(made.json()["id"])
        self.query(f"SELECT Id FROM PermissionSetAssignment WHERE AssigneeId = '{self.user_id}'")

    def deploy_app(self) -> None:
        """The app, and its consumer key read back."""
        self.read("ExternalClientApplication", _APP)
        self.read("ConnectedApp", _APP)
        self.deploy(_package_of_app(self.certificate, self.integration))
        self.consumer_key = _between(
            self.read("ExtlClntAppGlobalOauthSettings", f"{_APP}_glbloauth"), "consumerKey"
        )

    def mint(self) -> bool:
        """A token by JWT bearer; False while the app propagates."""
        self.calls += 1
        claims = {
            "iss": self.consumer_key,
            "sub": self.integration,
            "aud": self.host,
            "exp": int(time.time()) + 180,
        }
        form = {
            "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
            "assertion": jwt.encode(claims, self.key, algorithm="RS256"),
        }
        answer = self.http.post(f"{self.host}/services/oauth2/token", data=form)
        found = answer.json()
        if "access_token" in found:
            self.token = self.session = found["access_token"]
            return True
        return False

    def prove(self) -> None:
        """Four tokens in a row, each used for a data and a metadata read."""
        bootstrap, streak = self.session, 0
        while streak < 4:
            if not self.mint():
                streak = 0
                pause.wait(_POLL_S)
                continue
            streak += 1
            self.query(f"SELECT Id FROM User WHERE Username = '{self.integration}'")
            self.read("ExternalClientApplication", _APP)
        self.session = bootstrap

    def lock(self) -> None:
        """What plan_lockdown reads, and four locks, each behind its interlock and its canaries."""
        self.rights_of(self.user_id)
        self.user(self.integration)
        self.user(self.username)
        self.rights_of(self.admin_id)
        set_id = self.query("SELECT Id FROM PermissionSet WHERE Name = 'Any_API_Auth'")[0]["Id"]
        self.read("PermissionSet", "Any_API_Auth")
        for table in ("ObjectPermissions", "SetupEntityAccess"):
            self.query(f"SELECT Id FROM {table} WHERE ParentId = '{set_id}' LIMIT 1")
        self.interlock()
        self.read("SecuritySettings", "Security")
        self.read("OauthOidcSettings", "OauthOidc")

        self.interlock()
        self.read("OauthOidcSettings", "OauthOidc")
        self.soap(
            '<upsertMetadata><metadata xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
            'xsi:type="OauthOidcSettings"><fullName>OauthOidc</fullName>'
            "<blockOAuthUnPwFlow>true</blockOAuthUnPwFlow></metadata></upsertMetadata>"
        )
        self.read("OauthOidcSettings", "OauthOidc")
        self.canaries()

        self.interlock()
        row = self.query(
            f"SELECT Id FROM PermissionSetAssignment WHERE AssigneeId = '{self.admin_id}' "
            f"AND PermissionSetId = '{set_id}'"
        )[0]
        self.rest(f"sobjects/PermissionSetAssignment/{row['Id']}", "DELETE")
        self.rights_of(self.admin_id)
        self.canaries()

        self.interlock()
        changed = f"SELECT LastPasswordChangeDate FROM User WHERE Id = '{self.admin_id}'"
        self.query(changed)
        word = {"NewPassword": f"Aa1!{secrets.token_hex(32)}"}
        self.rest(f"sobjects/User/{self.admin_id}/password", "POST", json=word)
        self.query(changed)
        self.canaries()

        self.interlock()
        for _ in range(3):
            self.query(f"SELECT Id FROM AuthSession WHERE UsersId = '{self.admin_id}' AND IsCurrent = false")
        self.canaries()

    def interlock(self) -> None:
        """The org is the one, and somebody else can get in."""
        self.query("SELECT Id, IsReadOnly FROM Organization")
        self.other_admins()

    def canaries(self) -> None:
        """Two more tokens, each used."""
        for _ in range(2):
            if not self.mint():
                raise AssertionError("a token was refused after a lock")
            self.query("SELECT Id, IsReadOnly FROM Organization")


def _between(text: str, tag: str) -> str:
    found = re.search(f"<{tag}>([^<]*)<", text)
    if found is None:
        raise AssertionError(f"no {tag} in {text[:600]}")
    return found.group(1)


def _package_of_sets(known: Sequence[str]) -> Mapping[str, bytes]:
    from orchestrator.salesforce.package import build_package  # noqa: PLC0415 - the same XML, nothing else
    from orchestrator.salesforce.permission_sets import preauthorisation_set, setup_set  # noqa: PLC0415

    sets = [
        preauthorisation_set(f"{_APP}_Access", f"{_APP} access", _APP),
        setup_set(f"{_APP}_Setup", f"{_APP} set-up, temporary", known),
    ]
    return build_package(sets, 66).files


def _package_of_app(certificate: str, email: str) -> Mapping[str, bytes]:
    from orchestrator.salesforce.client_app import ClientAppPlan, build_client_app  # noqa: PLC0415 - likewise

    plan = ClientAppPlan(
        kind="external_client_app",
        name=_APP,
        label=_APP,
        contact_email=email,
        description="straight line",
        certificate_pem=certificate,
        consumer_key=secrets.token_hex(32),
        scopes=("Api", "RefreshToken"),
        permission_set=f"{_APP}_Access",
        callback_url="https://login.salesforce.com/services/oauth2/success",
    )
    return build_client_app(plan, 66).files


def _dial_all_to(port: int) -> None:
    """Like curl's --connect-to: the name and its certificate stay, the connection goes to loopback."""
    dial = urllib3.connection.connection.create_connection

    def to_loopback(_address: tuple[str, int], *args: Any, **kwargs: Any) -> Any:
        return dial(("127.0.0.1", port), *args, **kwargs)

    urllib3.connection.connection.create_connection = to_loopback


def main(orgs_file: str, port: str, threads: str) -> None:
    """Run the script for every org; print one JSON line."""
    _dial_all_to(int(port))
    path = Path(orgs_file)
    scripts = [Script(entry, path.parent) for entry in yaml.safe_load(path.read_text())["orgs"].values()]
    began_s = time.perf_counter()
    with ThreadPoolExecutor(int(threads)) as pool:
        calls = list(pool.map(Script.run, scripts))
    used = resource.getrusage(resource.RUSAGE_SELF)
    figures = {
        "orgs": len(scripts),
        "calls_per_org": sum(calls) / len(calls),
        "wall_s": time.perf_counter() - began_s,
        "cpu_s": used.ru_utime + used.ru_stime,
    }
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
