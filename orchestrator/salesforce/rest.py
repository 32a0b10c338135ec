"""Records of an org over REST, through simple-salesforce.

simple-salesforce gets a session of ours (so timeouts, TLS and hosts obey `session`), a session id and an
explicit host; it never logs in, so it has nothing to log in again with. Kept away from: its metadata half
(ignores the session it is given), its shared headers (nothing of ours changes them), names of objects as
attributes (`.limits` is a method), and record ids that are not checked (it joins them to URLs).
Source: REST API guide.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from orchestrator.catalogue import FAULTS
from orchestrator.errors import Defect, OrgFault
from orchestrator.redaction import Secret, redact
from orchestrator.salesforce.answers import classify
from orchestrator.salesforce.http_answer import Answer
from orchestrator.salesforce.session import Network

API_VERSION = "64.0"
_OBJECT_NAME = re.compile(r"[A-Za-z]\w{0,254}")
_RECORD_ID = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?")


class OrgApi:
    """The data API of one org.

    Args:
        instance_url: origin of the org's API.
        token: session id or access token.
        api_version: such as "64.0".
    """

    def __init__(
        self, network: Network, instance_url: str, token: Secret, api_version: str = API_VERSION
    ) -> None:
        self._network = network
        self._origin = instance_url
        self._token = token
        self._version = api_version

    def query(self, soql: str, **values: Any) -> list[dict[str, Any]]:
        """Every record of every page.

        Args:
            soql: with `{name}` where a quoted and escaped value goes (`{name:literal}` as it is).
            values: what goes there.

        Raises:
            OrgFault: the org's refusal, or the network.
        """
        from simple_salesforce.format import format_soql  # noqa: PLC0415 - see _simple

        found = self._asked(lambda: self._simple.query_all(format_soql(soql, **values)))
        records: list[dict[str, Any]] = found["records"]
        return records

    def query_tooling(self, soql: str, **values: Any) -> list[dict[str, Any]]:
        """The same on the Tooling API. Raises OrgFault."""
        from simple_salesforce.format import format_soql  # noqa: PLC0415 - see _simple

        page = self.restful("tooling/query", params={"q": format_soql(soql, **values)})
        records: list[dict[str, Any]] = list(page["records"])
        while not page.get("done", True):
            path = str(page["nextRecordsUrl"]).partition(f"/services/data/v{self._version}/")[2]
            page = self.restful(path)
            records += page["records"]
        return records

    def get(self, object_name: str, record_id: str, fields: tuple[str, ...] = ()) -> dict[str, Any]:
        """One record. Raises OrgFault (`record_missing`, …)."""
        options = {"params": {"fields": ",".join(fields)}} if fields else {}
        found: dict[str, Any] = self._asked(
            lambda: self._object(object_name).get(_checked_id(record_id), **options)
        )
        return found

    def create(self, object_name: str, values: Mapping[str, Any]) -> str:
        """Make a record; its id. Sent once. Raises OrgFault."""
        made = self._asked(lambda: self._object(object_name).create(dict(values)))
        if not made.get("success", False) or not made.get("id"):
            raise fault_of_errors(made.get("errors"), 200, f"{object_name} was not created")
        return str(made["id"])

    def update(self, object_name: str, record_id: str, values: Mapping[str, Any]) -> None:
        """Change a record. Raises OrgFault."""
        self._asked(lambda: self._object(object_name).update(_checked_id(record_id), dict(values)))

    def delete(self, object_name: str, record_id: str) -> None:
        """Delete a record. Raises OrgFault."""
        self._asked(lambda: self._object(object_name).delete(_checked_id(record_id)))

    def describe(self, object_name: str) -> dict[str, Any]:
        """Fields and properties of an object. Raises OrgFault (`record_missing` for an object not there)."""
        found: dict[str, Any] = self._asked(self._object(object_name).describe)
        return found

    def limits(self) -> dict[str, Any]:
        """Limits of the org; the cheapest call that proves a token. Raises OrgFault."""
        found: dict[str, Any] = self._asked(self._simple.limits)
        return found

    def restful(
        self, path: str, *, method: str = "GET", params: Mapping[str, str] | None = None, json: Any = None
    ) -> Any:
        """Any resource below `/services/data/vNN.0/`; None for an answer without content. Raises OrgFault."""
        options = {} if json is None else {"json": json}
        return self._asked(
            lambda: self._simple.restful(
                path.lstrip("/"), params=dict(params) if params else None, method=method, **options
            )
        )

    def set_password(self, user_id: str, password: Secret) -> None:
        """Give a user another password. Raises OrgFault (`password_policy`, `own_password_refused`, …)."""
        self._asked(lambda: self._simple.set_password(_checked_id(user_id), password.reveal()))

    @functools.cached_property
    def _simple(self) -> Any:
        from simple_salesforce.api import Salesforce  # noqa: PLC0415 - heavy; pay at the first call

        return Salesforce(
            session_id=self._token.reveal(),
            instance=urlsplit(self._origin).netloc,
            session=self._network.requests_session(self._origin),
            version=self._version,
            object_pairs_hook=dict,
        )

    def _object(self, name: str) -> Any:
        from simple_salesforce.api import SFType  # noqa: PLC0415 - heavy; pay at the first call

        if _OBJECT_NAME.fullmatch(name) is None:
            raise Defect(f"{name!r} is not the name of an object")
        return SFType(
            name,
            session_id=self._token.reveal(),
            sf_instance=urlsplit(self._origin).netloc,
            sf_version=self._version,
            session=self._simple.session,
            object_pairs_hook=dict,
        )

    def _asked(self, call: Callable[[], Any]) -> Any:
        """The result of *call*, with simple-salesforce's exceptions turned into faults."""
        from simple_salesforce.exceptions import SalesforceError  # noqa: PLC0415 - see _simple

        try:
            return call()
        except SalesforceError as error:
            raise fault_of_errors(error.content, error.status, urlsplit(self._origin).netloc) from None
        except ValueError:  # 200 with a page instead of JSON
            raise OrgFault(FAULTS["not_json"], f"{urlsplit(self._origin).netloc} sent no JSON") from None
        except (KeyError, TypeError, AttributeError):
            raise OrgFault(
                FAULTS["answer_unknown"], f"{urlsplit(self._origin).netloc} sent JSON of an unknown shape"
            ) from None


def refusal(answer: Answer) -> OrgFault:
    """The fault in an answer of the REST API that is not a success."""
    try:
        content = answer.json()
    except OrgFault as fault:
        return fault
    refused = fault_of_errors(content, answer.status, answer.host)
    refused.retry_after_s = answer.retry_after_s
    return refused


def fault_of_errors(content: Any, status: int, what: str) -> OrgFault:
    """The fault in the body of a REST error.

    Args:
        content: `[{"errorCode", "message"}]`, an OAuth-style object, or text when it was no JSON.
        status: HTTP status.
        what: who answered, for the sentence.
    """
    rows = content if isinstance(content, list) else [content]
    row = next((row for row in rows if isinstance(row, Mapping)), None)
    if row is None:
        kind = classify("network", str(status), str(content)[:2000] if content else "")
        return OrgFault(kind, f"{what} answered {status} without an error code")
    code = str(row.get("errorCode") or row.get("statusCode") or row.get("error") or "")
    message = redact(str(row.get("message") or row.get("error_description") or ""))
    kind = classify("rest", code, message)
    if kind.code == "answer_unknown" and not code:
        kind = classify("network", str(status), message)
    return OrgFault(kind, f"{code}: {message}".strip(": ") or f"{what} answered {status}")


def _checked_id(record_id: str) -> str:
    """*record_id*, if it is one.

    simple-salesforce joins it to the URL, where `//host` would change the host.
    """
    if _RECORD_ID.fullmatch(record_id) is None:
        raise Defect(f"{record_id!r} is not a record id")
    return record_id
