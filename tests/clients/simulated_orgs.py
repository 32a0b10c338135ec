"""`orchestrator simulate` in its own process, its control plane, and what a test does as administrator."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

import requests
import yaml

STOP_TIMEOUT_S = 20
SETTLE_S = 60  # every change has reached every node by then


class SimulatedOrgs:
    """A running simulator; the first org is the one a bare loopback address means."""

    def __init__(self, *options: str) -> None:
        command = [sys.executable, "-m", "orchestrator", "simulate", "--seed", "7", *options]
        self._running = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own command
        assert self._running.stdout is not None
        first = self._running.stdout.readline()
        assert first, "the simulator did not start"
        self.line: dict[str, Any] = json.loads(first)
        self.url: str = self.line["url"]
        self.port = int(urlsplit(self.url).port or 0)
        self.web = requests.Session()
        self.web.trust_env = False
        if self.line["ca"]:
            self.web.verify = self.line["ca"]
        entries = yaml.safe_load(Path(self.line["orgs_file"]).read_text(encoding="utf-8"))["orgs"]
        self.name, entry = next(iter(entries.items()))
        self.org_id: str = entry["org_id"]
        self.my_domain: str = entry["url"]
        self.username: str = entry["username"]
        self.integration_user: str = entry["integration_user"]
        self.password = Path(entry["password"].removeprefix("file:")).read_text(encoding="utf-8")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.web.close()
        self._running.send_signal(signal.SIGTERM)
        status = self._running.wait(STOP_TIMEOUT_S)
        assert self._running.stdout is not None
        self._running.stdout.close()
        assert status == 0 or error is not None, "the simulator did not stop cleanly"

    # --- the control plane

    def truth(self) -> dict[str, Any]:
        """Return what is so inside the first org."""
        return self._control("GET", f"/orgs/{self.name}")

    def change(self, **changes: Any) -> None:
        """Change facts inside the first org."""
        self._control("POST", f"/orgs/{self.name}", changes)

    def fault(self, **fault: Any) -> None:
        """Script a fault."""
        self._control("POST", "/faults", fault)

    def settle(self) -> None:
        """Let every change reach every node."""
        self._control("POST", "/clock", {"advance_s": SETTLE_S})

    def requests(self) -> list[dict[str, Any]]:
        """Return what the first org saw, oldest first."""
        return self._control("GET", f"/requests?org={self.name}&limit=0")["requests"]

    def operations_since(self, mark: int) -> list[str]:
        """Return the names of the operations the first org saw after its first `mark` requests."""
        return [row["operation"] for row in self.requests()[mark:]]

    def _control(self, method: str, path: str, document: dict[str, Any] | None = None) -> dict[str, Any]:
        answer = self.web.request(method, self.line["control"] + path, json=document, timeout=30)
        assert answer.ok, answer.text
        return answer.json()

    # --- the administrator, by password

    def log_in(self) -> str:
        """Log the administrator in by SOAP; return the session id."""
        body = (
            '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>'
            '<login xmlns="urn:partner.soap.sforce.com">'
            f"<username>{escape(self.username)}</username><password>{escape(self.password)}</password>"
            "</login></e:Body></e:Envelope>"
        )
        headers = {"SOAPAction": '""', "Content-Type": "text/xml"}
        answer = self.web.post(f"{self.url}/services/Soap/u/64.0", data=body, headers=headers, timeout=30)
        found = re.search("<sessionId>(.*?)</sessionId>", answer.text)
        assert found, answer.text
        return found[1]

    def rest(self, method: str, path: str, session_id: str, **arguments: Any) -> Any:
        """Call REST v64; return the JSON."""
        headers = {"Authorization": f"Bearer {session_id}"}
        answer = self.web.request(
            method, f"{self.url}/services/data/v64.0{path}", headers=headers, timeout=30, **arguments
        )
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    def deploy(self, archive: bytes, session_id: str) -> dict[str, Any]:
        """Deploy a package over REST and wait until it is over."""
        options = json.dumps({"deployOptions": {"rollbackOnError": True, "singlePackage": True}})
        parts = {
            "json": (None, options, "application/json"),
            "file": ("deploy.zip", archive, "application/zip"),
        }
        started = self.rest("POST", "/metadata/deployRequest", session_id, files=parts)
        for _ in range(20):
            path = f"/metadata/deployRequest/{started['id']}?includeDetails=true"
            result = self.rest("GET", path, session_id)["deployResult"]
            if result["done"]:
                return result
            self.settle()
        raise AssertionError("the deploy does not end")

    def assign(self, permission_set: str, *usernames: str) -> None:
        """Give a permission set to users."""
        session_id = self.log_in()
        set_ids = self._ids("SELECT Id, Name FROM PermissionSet", "Name", session_id)
        user_ids = self._ids("SELECT Id, Username FROM User", "Username", session_id)
        for username in usernames:
            fields = {"AssigneeId": user_ids[username], "PermissionSetId": set_ids[permission_set]}
            self.rest("POST", "/sobjects/PermissionSetAssignment", session_id, json=fields)

    def _ids(self, query: str, key: str, session_id: str) -> dict[str, str]:
        records = self.rest("GET", "/query", session_id, params={"q": query})["records"]
        return {row[key]: row["Id"] for row in records}
