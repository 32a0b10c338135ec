"""Read the orgs file, YAML or CSV: one org or ten thousand, every mistake named with its place at once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from orchestrator.errors import OrgsFileError
from orchestrator.fleet.org_entry import BOOTSTRAP_PRINCIPALS, SECRET_FIELDS, OrgEntry
from orchestrator.fleet.org_ids import OrgIdRefused, canonical_org_id
from orchestrator.fleet.orgs_csv import read_rows
from orchestrator.fleet.orgs_yaml import read_mapping
from orchestrator.fleet.rows import FIELDS, TEXT_FIELDS, Cell, Row
from orchestrator.playbook import secret_references
from orchestrator.playbook.diagnostics import (
    BAD_NAME,
    DUPLICATE_KEY,
    LOADER_MEANINGS,
    MISSING_KEY,
    OUT_OF_RANGE,
    PLAYBOOK_MEANINGS,
    SECRET_LITERAL,
    SECRET_REFERENCE,
    UNKNOWN_KEY,
    WRONG_TYPE,
    Findings,
    Place,
    did_you_mean,
)
from orchestrator.playbook.grammar import is_secret_name

__all__ = ["OrgEntry", "read_orgs"]

_USERNAMES = frozenset({"username", "integration_user", "break_glass_user"})

SAME_ORG_TWICE = 70
INCOMPLETE_BOOTSTRAP = 71
_SHARED_CODES = (*LOADER_MEANINGS, WRONG_TYPE, OUT_OF_RANGE, SECRET_LITERAL, SECRET_REFERENCE)

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}")
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,62}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# Two places of a URL where people leave secrets: `https://user:secret@host`, and what Salesforce itself
# accepts as `/?un=…&pw=…` and `/secur/frontdoor.jsp?sid=…`.
_URL_SECRET = re.compile(
    r"^[a-zA-Z][a-zA-Z0-9+.-]*://[^/?#]*@|^[^/?#@:]+:[^/?#]*@"
    r"|[?&;#](?i:pw|pwd|password|sid|otp|token|access_token|refresh_token)="
)
_KEY_FORM = (re.compile(r"[A-Za-z0-9._]{8,256}"), "write the consumer key as Setup shows it")
_FORMS = {
    "consumer_key": _KEY_FORM,
    "web_client_id": _KEY_FORM,
    "sf_org": (
        re.compile(r"[A-Za-z0-9_][A-Za-z0-9._@+-]{0,127}"),
        "write an alias or username that `sf org list` shows",
    ),
    "web_callback": (
        re.compile(r"http://(?:localhost|127\.0\.0\.1):\d{2,5}(?:/[A-Za-z0-9._~/-]*)?"),
        "write the app's callback on this machine, such as `http://localhost:1717/OauthRedirect`",
    ),
}
_ABSENT = Cell(None, "", Place(1, 1))
_MAX_TEXT = 1024
# Salesforce limits usernames to 80 characters (object reference, User.Username).
_MAX_USERNAME = 80


def read_orgs(text: str, file: str, fmt: str = "yaml") -> list[OrgEntry]:
    """The entries of an orgs file, in its order.

    Args:
        text: the document; a byte-order mark at its start is skipped.
        file: its name for the diagnostics.
        fmt: `yaml` or `csv`. In CSV files the column of a diagnostic counts columns of the table.

    Raises:
        OrgsFileError: with all diagnostics at once. No diagnostic quotes a secret.
    """
    findings = Findings(file, "OF")
    rows = read_rows(text, findings, FIELDS) if fmt == "csv" else read_mapping(text, findings, FIELDS)
    reader = _EntryReader(findings)
    entries = [reader.entry(row) for row in rows]
    if findings:
        raise OrgsFileError(findings.listed())
    return entries


@dataclass(slots=True)
class _Text:
    """A checked text and where it stood."""

    value: str
    place: Place


class _EntryReader:
    """Makes entries of rows and compares them with those before."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._names: dict[str, int] = {}
        self._orgs: dict[tuple[str, str], tuple[str, int]] = {}

    def entry(self, row: Row) -> OrgEntry:
        """The entry of *row*; unusable when there are findings."""
        self._name(row)
        texts = {key: text for key in TEXT_FIELDS if (text := self._text(row, key)) is not None}
        url = texts.get("url")
        if url is None:
            if row.cells.get("url", _ABSENT).value is None and "url" not in row.meant:
                self._findings.add(
                    row.place,
                    MISSING_KEY,
                    f"'url' is missing in org '{row.name}'",
                    "add its My Domain, `url: https://…`",
                )
        else:
            self._url(url, row.name)
        secrets = self._secrets(row)
        entry = OrgEntry(
            name=row.name,
            url=url.value if url else "",
            org_id=self._org_id(texts.get("org_id")),
            username=_value(texts.get("username")),
            integration_user=_value(texts.get("integration_user")),
            break_glass_user=_value(texts.get("break_glass_user")),
            bootstrap_principal=self._principal(texts.get("bootstrap_principal")),
            accept_no_other_admin=_value(texts.get("accept_no_other_admin")),
            consumer_key=self._matching(texts.get("consumer_key"), "consumer_key"),
            sf_org=self._matching(texts.get("sf_org"), "sf_org"),
            web=self._web(row),
            web_client_id=self._matching(texts.get("web_client_id"), "web_client_id"),
            web_callback=self._matching(texts.get("web_callback"), "web_callback"),
            labels=self._labels(row),
            secrets=secrets,
        )
        self._bootstrap(row, entry)
        self._once(row, entry)
        return entry

    def _name(self, row: Row) -> None:
        if not _NAME.fullmatch(row.name):
            self._findings.add(
                row.name_place,
                BAD_NAME,
                f"'{row.name[:80]}' cannot be the name of an org",
                "use letters, digits and `. _ @ + -`, a letter or digit first, at most 128",
            )
        first = self._names.setdefault(row.name, row.place.line)
        if first != row.place.line:
            self._findings.add(
                row.name_place,
                DUPLICATE_KEY,
                f"the org '{row.name}' is here twice (first on line {first})",
                "give each org its own name",
            )

    def _text(self, row: Row, key: str) -> _Text | None:
        cell = row.cells.get(key)
        if cell is None or cell.value is None:
            return None
        if not isinstance(cell.value, str):
            # Ids and names that look like numbers lose zeros and digits in other readers.
            self._findings.add(cell.place, WRONG_TYPE, f"'{key}' is not a text", "write it in quotes")
            return None
        text = cell.value.strip()
        if not text:
            self._findings.add(
                cell.place, OUT_OF_RANGE, f"'{key}' is empty", f"give `{key}` a value, or leave it out"
            )
            return None
        if _CONTROL.search(text) or len(text) > _MAX_TEXT:
            self._findings.add(
                cell.place,
                OUT_OF_RANGE,
                f"'{key}' contains control characters or is too long",
                "write one short line",
            )
            return None
        if key in _USERNAMES and (text.count("@") != 1 or len(text) > _MAX_USERNAME or " " in text):
            self._findings.add(
                cell.place,
                OUT_OF_RANGE,
                f"'{key}' is not a Salesforce username",
                "usernames look like `admin@acme.example`, at most 80 characters",
            )
            return None
        return _Text(text, cell.place)

    def _url(self, url: _Text, name: str) -> None:
        if _URL_SECRET.search(url.value):
            variable = secret_references.variable_name(name, "password")
            self._findings.add(
                url.place,
                SECRET_LITERAL,
                "the url contains a login name, password or session",
                f"write the address alone, and `password: env:{variable}`",
            )

    def _org_id(self, org_id: _Text | None) -> str | None:
        if org_id is None:
            return None
        try:
            return canonical_org_id(org_id.value)
        except OrgIdRefused as refused:
            self._findings.add(org_id.place, OUT_OF_RANGE, str(refused), refused.remedy)
            return None

    def _principal(self, principal: _Text | None) -> str | None:
        if principal is None or principal.value in BOOTSTRAP_PRINCIPALS:
            return _value(principal)
        self._findings.add(
            principal.place,
            OUT_OF_RANGE,
            f"'{principal.value}' is not a bootstrap principal",
            did_you_mean(principal.value, BOOTSTRAP_PRINCIPALS),
        )
        return None

    def _matching(self, text: _Text | None, key: str) -> str | None:
        """Keys whose values end up in a request or a command line have a narrow form."""
        pattern, form = _FORMS[key]
        if text is None or pattern.fullmatch(text.value):
            return _value(text)
        self._findings.add(text.place, OUT_OF_RANGE, f"'{key}' is malformed", form)
        return None

    def _web(self, row: Row) -> bool:
        cell = row.cells.get("web")
        if cell is None or cell.value is None:
            return False
        if isinstance(cell.value, bool):
            return cell.value
        self._findings.add(cell.place, WRONG_TYPE, "'web' is neither true nor false", "write `web: true`")
        return False

    def _secrets(self, row: Row) -> dict[str, str]:
        secrets: dict[str, str] = {}
        for field in SECRET_FIELDS:
            cell = row.cells.get(field)
            if cell is None or cell.value is None:
                continue
            variable = secret_references.variable_name(row.name, field.removeprefix("security_"))
            judged = secret_references.judge(cell.text, field, variable)
            if judged is None:
                secrets[field] = cell.text
            else:
                self._findings.add(cell.place, *judged)
        return secrets

    def _labels(self, row: Row) -> dict[str, str]:
        labels: dict[str, str] = {}
        for key, cell in row.labels.items():
            if is_secret_name(key):
                self._findings.add(
                    cell.place,
                    SECRET_LITERAL,
                    f"the label '{key}' looks like a secret",
                    "labels are printed; rename it",
                )
            elif not _LABEL.fullmatch(key) or key in FIELDS or key == "name":
                self._findings.add(
                    cell.place,
                    BAD_NAME,
                    f"'{key[:80]}' cannot be a label",
                    "use letters, digits and `. _ / -`, at most 63, and no key of an org",
                )
            elif _CONTROL.search(cell.text) or len(cell.text) > _MAX_TEXT or set(cell.text) & set(",&=!"):
                self._findings.add(
                    cell.place,
                    OUT_OF_RANGE,
                    f"the value of label '{key}' cannot be selected with --limit",
                    "use a short text without `, & = !`",
                )
            else:
                labels[key] = cell.text
        return labels

    def _bootstrap(self, row: Row, entry: OrgEntry) -> None:
        """What one key is worth nothing without."""
        for field, needs in (
            ("password", "username"),
            ("security_token", "password"),
            ("consumer_secret", "consumer_key"),
            ("web_client_id", "web"),
            ("web_callback", "web"),
        ):
            given = field in entry.secrets or (field in TEXT_FIELDS and field in row.cells)
            if given and needs not in row.cells and needs not in row.meant:
                self._findings.add(
                    row.cells[field].place,
                    INCOMPLETE_BOOTSTRAP,
                    f"org '{entry.name}' has a {field} but no {needs}",
                    f"add `{needs}:`, or remove `{field}:`",
                )

    def _once(self, row: Row, entry: OrgEntry) -> None:
        if entry.org_id is None or not entry.url:
            return
        key = (_host(entry.url), entry.org_id)
        first, line = self._orgs.setdefault(key, (entry.name, row.place.line))
        if first != entry.name:
            self._findings.add(
                row.name_place,
                SAME_ORG_TWICE,
                f"'{entry.name}' is the same org as '{first}' (line {line}): same host, same org id",
                "keep one of the two entries",
            )


def is_org_name(text: str) -> bool:
    """Whether an org may be called so."""
    return _NAME.fullmatch(text) is not None


def _value(text: _Text | None) -> str | None:
    return None if text is None else text.value


def _host(url: str) -> str:
    """The host part, for comparing entries only; what a URL means is decided by `salesforce.hosts`."""
    try:
        return (urlsplit(url if "//" in url else f"//{url}").netloc or url).lower().rstrip(".")
    except ValueError:
        return url.lower()


# Meaning of every code of the orgs file (`OF` and three digits); most are shared with playbooks.
ORGS_MEANINGS: Mapping[int, str] = {
    **{number: PLAYBOOK_MEANINGS[number] for number in _SHARED_CODES},
    UNKNOWN_KEY: "a key or column an org does not have",
    MISSING_KEY: "a required key or column is missing",
    BAD_NAME: "a malformed name of an org or a label",
    SAME_ORG_TWICE: "the same org under two names",
    INCOMPLETE_BOOTSTRAP: "a key without the one it needs, such as a password without a username",
}
