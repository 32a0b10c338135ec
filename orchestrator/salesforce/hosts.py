"""From a URL a person pasted to the org's API host; and which hosts may be given credentials at all.

Pure functions of the text. Kinds come from the host grammar of enhanced domains: the partition stands before
`.my.salesforce.com`. The Organization row of the org beats the host; the host only says where to knock.
Texts that are refused are never quoted in full: a pasted URL may carry a session id or a password.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, replace
from typing import Literal, NoReturn
from urllib.parse import SplitResult, urlsplit

from orchestrator.errors import UsageError
from orchestrator.salesforce import host_suffixes as suffixes

OrgKind = Literal[
    "production",
    "sandbox",
    "scratch",
    "developer",
    "trailhead",
    "demo",
    "patch",
    "free",
    "unknown_partition",
    "government",
    "china",
    "legacy_instance",
    "generic_login",
    "loopback",
]
LOGIN_URL = "https://login.salesforce.com"
TEST_URL = "https://test.salesforce.com"

_ENDED = "copy the address from Setup > My Domain (it ends in .my.salesforce.com)"
_KIND_OF_PARTITION: dict[str, OrgKind] = {
    "sandbox": "sandbox",
    "scratch": "scratch",
    "develop": "developer",
    "trailblaze": "trailhead",
    "demo": "demo",
    "patch": "patch",
    "free": "free",
}
_SANDBOX_KINDS = frozenset({"sandbox", "scratch"})
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_INSTANCE = re.compile(
    r"(?P<name>(?:na|eu|ap|um|gs|usa|deu|jpn|aus|ind|can|gbr|fra|bra|swe|kor|sgp|cs)\d{1,4})"
)
_SANDBOX_INSTANCE = re.compile(r"cs\d{1,4}")
_EDGES = " \t\r\n\v\f\u00a0\u200b\u200c\u200d\u2060\ufeff"
_MAX_LENGTH = 2048


@dataclass(frozen=True, slots=True)
class OrgHost:
    """Where an org's API is, as far as its host says.

    Attributes:
        my_domain: API host, lower case; with the port on loopback.
        kind: what the host says about the org.
        login_host: generic host that would serve its logins ("" when only My Domain does).
        audiences: `aud` values of an assertion in the order to try.
        setup_host: host of the Setup pages.
        notes: what was changed or is uncertain, one sentence each.
        scheme: `https`, or `http` on loopback only.
    """

    my_domain: str
    kind: OrgKind
    login_host: str
    audiences: tuple[str, ...]
    setup_host: str
    notes: tuple[str, ...] = ()
    scheme: str = "https"

    @property
    def url(self) -> str:
        """The origin, such as `https://acme.my.salesforce.com`."""
        return f"{self.scheme}://{self.my_domain}"

    @property
    def setup_url(self) -> str:
        """The origin of the Setup pages."""
        return f"{self.scheme}://{self.setup_host}"

    @property
    def is_sandbox(self) -> bool | None:
        """What the host says about `Organization.IsSandbox`; None when it says nothing."""
        if self.kind in _SANDBOX_KINDS:
            return True
        return None if self.kind in {"unknown_partition", "loopback", "government", "china"} else False


def parse_org_url(text: str, *, require_org: bool = True) -> OrgHost:
    """The org a pasted URL or host names.

    Args:
        text: My Domain, Lightning or Setup URL, or bare host.
        require_org: refuse hosts that serve many orgs (login, test, instances), which a run cannot use.

    Raises:
        UsageError: `url_not_an_org`, with the reason and what to paste instead.
    """
    notes: list[str] = []
    parts = _split(text, notes)
    host = parts.hostname or ""
    if _is_loopback(host):
        return _loopback(parts, notes)
    if parts.scheme == "http":
        _refuse("http would show credentials to the network", "write https:// in front of the host")
    if parts.port not in (None, 443):
        _refuse(
            "a Salesforce org is served on port 443 only", "leave the port out; a port is for loopback hosts"
        )
    _check_labels(host)
    host = _map_to_api_host(host, notes)
    if require_org and host in suffixes.GENERIC_LOGIN_HOSTS:
        _refuse(f"{host} serves every org, so it names none", _ENDED)
    if host in suffixes.GENERIC_LOGIN_HOSTS:
        own = f"https://{host}"
        notes.append("this host serves every org; a run needs the org's My Domain")
        return OrgHost(host, "generic_login", host, (own,), host, tuple(notes))
    instance = _instance_host(host)
    if instance is not None:
        if require_org:
            _refuse(f"{host} is an instance that serves many orgs", _ENDED)
        return instance
    return _org_host(host, notes)


def is_salesforce_host(host: str) -> bool:
    """Whether *host* (without port) may be given credentials: an API host that Salesforce owns.

    Hosts of customer content (`*.file.force.com`, sites) do not count, though Salesforce owns them.
    """
    host = host.lower()
    if not _well_formed(host) or any(host.endswith(end) for end in suffixes.INTERNAL_SUFFIXES):
        return False
    return any(host.endswith(end) and host != end[1:] for end in suffixes.API_SUFFIXES)


def is_loopback_host(host: str) -> bool:
    """Whether *host* (without port) is this machine: `localhost`, `*.localhost`, 127.0.0.0/8 or ::1."""
    return _is_loopback(host.strip("[]"))


def audiences_for(host: OrgHost, is_sandbox: bool | None) -> tuple[str, ...]:  # noqa: FBT001 - Organization.IsSandbox
    """The `aud` values to try, best first; login and test are never both in the list.

    Args:
        host: the parsed host.
        is_sandbox: `Organization.IsSandbox`, true for scratch orgs too; None when not known yet.
    """
    if host.kind in {"generic_login", "legacy_instance"}:
        return host.audiences
    if host.kind == "china":
        return (host.url,)
    known = host.is_sandbox if is_sandbox is None else is_sandbox
    if known is None:
        return (host.url, LOGIN_URL) if host.kind in {"government", "loopback"} else (host.url,)
    return (host.url, TEST_URL if known else LOGIN_URL)


def _refuse(reason: str, remedy: str) -> NoReturn:
    raise UsageError(reason, code="url_not_an_org", remedy=remedy)


def _trim(text: str, notes: list[str]) -> str:
    """*text* without the white space and quotes that come along when an address is pasted."""
    trimmed = text.strip(_EDGES + "<>\"'`")
    if not trimmed:
        _refuse("the URL is empty", _ENDED)
    if trimmed != text:
        notes.append("white space or quotes around the address were removed")
    if len(trimmed) > _MAX_LENGTH:
        _refuse(f"the URL is longer than {_MAX_LENGTH} characters", _ENDED)
    if re.search(r"[\s\x00-\x1f\x7f\u200b-\u200d\u2060\ufeff\\]", trimmed):
        _refuse("the URL has white space, a control character or a backslash inside", _ENDED)
    return trimmed


def _split(text: str, notes: list[str]) -> SplitResult:
    """Scheme, host and port of *text*; refuses what no URL parser should guess about."""
    trimmed = _trim(text, notes)
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]*)://", trimmed)
    if scheme is None:
        if "@" in trimmed.split("/", 1)[0]:
            _refuse("this looks like a username, or a URL with a username in it", _ENDED)
        trimmed = f"https://{trimmed.removeprefix('//')}"
    elif scheme[1].lower() not in {"https", "http"}:
        _refuse(f"the scheme {scheme[1].lower()}:// is not https://", _ENDED)
    try:
        parts = urlsplit(trimmed)
        parts.port  # noqa: B018 - reading it is what finds a bad port
    except ValueError:
        _refuse("the URL cannot be read", _ENDED)
    if parts.username is not None or parts.password is not None:
        _refuse(
            "the URL has a username or password in it",
            "remove everything up to the @; secrets go by reference",
        )
    if not parts.hostname:
        _refuse("the URL has no host", _ENDED)
    if parts.path.strip("/") or parts.query or parts.fragment:
        notes.append("everything behind the host was left out")
    return parts


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _loopback(parts: SplitResult, notes: list[str]) -> OrgHost:
    """A simulator on this machine: any port, http allowed."""
    host = parts.hostname or ""
    shown = f"[{host}]" if ":" in host else host
    port = parts.port
    my_domain = shown if port is None else f"{shown}:{port}"
    own = f"{parts.scheme}://{my_domain}"
    notes.append("a host of this machine: a simulator, not Salesforce")
    return OrgHost(my_domain, "loopback", my_domain, (own, LOGIN_URL), my_domain, tuple(notes), parts.scheme)


def _well_formed(host: str) -> bool:
    labels = host.split(".")
    return len(host) <= 253 and len(labels) > 1 and all(_LABEL.fullmatch(label) for label in labels)  # noqa: PLR2004 - RFC 1035


def _check_labels(host: str) -> None:
    """Refuses addresses, look-alike letters and malformed names."""
    if not host.isascii() or any(label.startswith("xn--") for label in host.split(".")):
        _refuse("the host has letters outside a-z (a look-alike name?)", _ENDED)
    if host.endswith("."):
        _refuse("the host ends in a dot", "remove the dot at the end of the host")
    if re.fullmatch(r"[\d.]+|.*:.*|0x[0-9a-f.x]+", host):
        _refuse("an address of a machine is not a Salesforce host", _ENDED)
    if "." not in host:
        _refuse(
            f"{host[:63]!r} is only a name",
            f"write {host[:63]}.my.salesforce.com if that is the My Domain name",
        )
    if not _well_formed(host):
        _refuse("the host is not a valid host name", _ENDED)


def _map_to_api_host(host: str, notes: list[str]) -> str:
    """The API host behind a UI or proxy host; refuses hosts without API, and all foreign hosts."""
    if host.endswith(".mcas.ms"):
        host = host.removesuffix(".mcas.ms")
        notes.append("the Microsoft Defender proxy suffix .mcas.ms was removed")
        _check_labels(host)
    for end, reason in suffixes.REFUSED_SUFFIXES:
        if host.endswith(end) or host == end[1:]:
            _refuse(f"{host} {reason}", _ENDED)
    for end, api_end in suffixes.UI_SUFFIXES:
        if host.endswith(end):
            mapped = host.removesuffix(end) + api_end
            notes.append(f"{host} is a page for people; its API is {mapped}")
            return mapped
    if is_salesforce_host(host):
        return host
    if any(f"{end[1:]}." in f"{host}." for end in suffixes.API_SUFFIXES):
        _refuse(f"{host} only looks like a Salesforce host: it belongs to somebody else", _ENDED)
    _refuse(f"{host} is not a host of Salesforce", _ENDED)


def _instance_host(host: str) -> OrgHost | None:
    """`na139.salesforce.com`, `cs12.my.salesforce.com`: an instance, shared by many orgs."""
    match = re.fullmatch(rf"{_INSTANCE.pattern}(?:\.my)?\.salesforce\.com", host)
    if match is None:
        return None
    generic = TEST_URL if _SANDBOX_INSTANCE.fullmatch(match["name"]) else LOGIN_URL
    note = "an instance serves many orgs; a run needs the org's My Domain"
    return OrgHost(host, "legacy_instance", generic.removeprefix("https://"), (generic,), host, (note,))


def _org_host(host: str, notes: list[str]) -> OrgHost:
    """The org of a My Domain host."""
    for end, cloud in suffixes.OWN_CLOUD_SUFFIXES:
        if host.endswith(end):
            own = OrgHost(host, cloud, "", (), suffixes.setup_host(host), tuple(notes))
            return _with_audiences(own)
    for end in suffixes.MY_DOMAIN_SUFFIXES:
        if host.endswith(end):
            labels = host.removesuffix(end).split(".")
            break
    else:
        _refuse(f"{host} is a host of Salesforce, but of no org", _ENDED)
    if len(labels) > 2 or not labels[0]:  # noqa: PLR2004 - name and partition
        _refuse(f"{host} has more parts than name and partition", _ENDED)
    if len(labels) == 1:
        kind: OrgKind = "production"
        if "--" in labels[0]:
            kind = "sandbox"
            notes.append("an old sandbox address without partition; the org redirects to its new one")
    else:
        kind = _KIND_OF_PARTITION.get(labels[1], "unknown_partition")
    if kind == "unknown_partition":
        notes.append(f"partition {labels[1]!r} is not known; the Organization row decides what the org is")
    generic = TEST_URL if kind in _SANDBOX_KINDS else LOGIN_URL
    login_host = "" if kind == "unknown_partition" else generic.removeprefix("https://")
    return _with_audiences(OrgHost(host, kind, login_host, (), suffixes.setup_host(host), tuple(notes)))


def _with_audiences(host: OrgHost) -> OrgHost:
    return replace(host, audiences=audiences_for(host, None))
