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
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from orchestrator.catalogue import FAULTS
from orchestrator.errors import Defect, OrgFault
from orchestrator.redaction import Secret, redact
from orchestrator.salesforce.answers import classify
from orchestrator.salesforce.http_answer import Answer, check_depth
from orchestrator.salesforce.importing import IMPORTING
from orchestrator.salesforce.session import Network

API_VERSION = "64.0"
_OBJECT_NAME = re.compile(r"[A-Za-z]\w{0,254}")
_RECORD_ID = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?")
_MOST_PAGES = 500  # of up to 2000 records


class Row(dict[str, Any]):
    """An object of an answer; what was asked for and is not in it is a fault of the answer, not of ours."""

    def __missing__(self, name: str) -> Any:
        """Raises OrgFault `answer_unknown`."""
        raise OrgFault(FAULTS["answer_unknown"], f"the org's answer lacks {name!r}")


Renewal = Callable[[OrgFault], OrgFault]
"""From "this session is over" to the fault to raise instead, for whoever can have a new session at will."""


class OrgApi:
    """The data API of one org.

    Args:
        instance_url: origin of the org's API.
        token: session id or access token.
        api_version: such as "64.0".
        renewal: told when the org does not know *token* (any more); None: `session_expired` is raised.
    """

    def __init__(
        self,
        network: Network,
        instance_url: str,
        token: Secret,
        api_version: str = API_VERSION,
        *,
        renewal: Renewal | None = None,
    ) -> None:
        self._network = network
        self._origin = instance_url
        self._token = token
        self._version = api_version
        self._renewal = renewal

    def query(self, soql: str, **values: Any) -> list[dict[str, Any]]:
        """Every record of every page.

        Args:
            soql: with `{name}` where a quoted and escaped value goes (`{name:literal}` as it is).
            values: what goes there.

        Raises:
            OrgFault: the org's refusal, or the network.
        """
        with IMPORTING:
            from simple_salesforce.format import format_soql  # noqa: PLC0415 - see _simple

        # Page by page: the library's own loop would follow an org that never ends.
        return self._whole(self._asked_row(lambda: self._simple.query(format_soql(soql, **values))))

    def query_tooling(self, soql: str, **values: Any) -> list[dict[str, Any]]:
        """The same on the Tooling API. Raises OrgFault."""
        with IMPORTING:
            from simple_salesforce.format import format_soql  # noqa: PLC0415 - see _simple

        asked = {"q": format_soql(soql, **values)}
        return self._whole(self._asked_row(lambda: self._simple.restful("tooling/query", params=asked)))

    def get(self, object_name: str, record_id: str, fields: tuple[str, ...] = ()) -> dict[str, Any]:
        """One record. Raises OrgFault (`record_missing`, …)."""
        options = {"params": {"fields": ",".join(fields)}} if fields else {}
        return self._asked_row(lambda: self._object(object_name).get(_checked_id(record_id), **options))

    def create(self, object_name: str, values: Mapping[str, Any]) -> str:
        """Make a record; its id. Sent once. Raises OrgFault."""
        made = self._asked_row(lambda: self._object(object_name).create(dict(values)))
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
        return self._asked_row(self._object(object_name).describe)

    def limits(self) -> dict[str, Any]:
        """Limits of the org; the cheapest call that proves a token. Raises OrgFault."""
        return self._asked_row(self._simple.limits)

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
        with IMPORTING:
            from simple_salesforce.api import Salesforce  # noqa: PLC0415 - heavy; pay at the first call

        return Salesforce(
            session_id=self._token.reveal(),
            instance=urlsplit(self._origin).netloc,
            session=self._network.requests_session(self._origin),
            version=self._version,
            object_pairs_hook=Row,
        )

    def _object(self, name: str) -> Any:
        with IMPORTING:
            from simple_salesforce.api import SFType  # noqa: PLC0415 - heavy; pay at the first call

        if _OBJECT_NAME.fullmatch(name) is None:
            raise Defect(f"{name!r} is not the name of an object")
        return SFType(
            name,
            session_id=self._token.reveal(),
            sf_instance=urlsplit(self._origin).netloc,
            sf_version=self._version,
            session=self._simple.session,
            object_pairs_hook=Row,
        )

    def _whole(self, page: Row) -> list[dict[str, Any]]:
        """The records of *page* and of every page after it."""
        records: list[dict[str, Any]] = []
        seen: set[str] = set()
        while True:
            found = page["records"]
            if not isinstance(found, list) or not all(isinstance(row, Row) for row in found):
                raise self._unknown_shape()
            records += found
            if page.get("done", True):
                return records
            before, _, path = str(page["nextRecordsUrl"]).partition(f"/services/data/v{self._version}/")
            if before or not path:  # not a page of this API: nothing is asked there
                raise self._unknown_shape()
            if path in seen or len(seen) >= _MOST_PAGES:
                raise OrgFault(FAULTS["answer_too_large"], "the org's answer to a query does not end")
            seen.add(path)
            page = self._asked_row(functools.partial(self._simple.restful, path))

    def _asked_row(self, call: Callable[[], Any]) -> Row:
        """The same for a call that is answered by an object."""
        found = self._asked(call)
        if not isinstance(found, Row):
            raise self._unknown_shape()
        return found

    def _asked(self, call: Callable[[], Any]) -> Any:
        """The result of *call*, with simple-salesforce's exceptions turned into faults."""
        with IMPORTING:
            from simple_salesforce.exceptions import SalesforceError  # noqa: PLC0415 - see _simple

        try:
            return check_depth(call())
        except SalesforceError as error:
            refused = fault_of_errors(error.content, error.status, urlsplit(self._origin).netloc)
            raise renewed(refused, self._renewal) from None
        except (ValueError, RecursionError):  # 200 with a page instead of JSON, or with a pit of brackets
            raise OrgFault(FAULTS["not_json"], f"{urlsplit(self._origin).netloc} sent no JSON") from None
        except (KeyError, TypeError, AttributeError):
            raise self._unknown_shape() from None

    def _unknown_shape(self) -> OrgFault:
        return OrgFault(
            FAULTS["answer_unknown"], f"{urlsplit(self._origin).netloc} sent JSON of an unknown shape"
        )


def renewed(refused: OrgFault, renewal: Renewal | None) -> OrgFault:
    """*refused*, or what it means to whoever can have a new session."""
    return renewal(refused) if renewal is not None and refused.code == "session_expired" else refused


@contextmanager
def reading() -> Iterator[None]:
    """Around code that takes rows apart: one of another shape is a fault of the answer, not of ours.

    Raises:
        OrgFault: `answer_unknown`.
    """
    try:
        yield
    except (TypeError, AttributeError, LookupError, ValueError, ArithmeticError) as error:
        raise OrgFault(
            FAULTS["answer_unknown"], f"a row of the org is of an unknown shape ({type(error).__name__})"
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
    code = redact(str(row.get("errorCode") or row.get("statusCode") or row.get("error") or ""))
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
