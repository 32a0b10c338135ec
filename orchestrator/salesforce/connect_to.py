"""`--connect-to HOST:PORT:HOST2:PORT2`, with curl's meaning: dial elsewhere, keep the name.

Only the address that is dialled changes. The Host header, the name sent in TLS (SNI) and the name the
certificate is checked against stay those of the URL. Pure: parsing and choosing, no sockets.

Source: curl(1), `--connect-to`; `*` for any host is ours (curl writes an empty host for that, which works
too).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass

from orchestrator.errors import UsageError
from orchestrator.salesforce.hosts import is_loopback_host
from orchestrator.salesforce.http_answer import whole_number

_HOST = r"(?:\[[^\]]*\]|[^:\[\]]*)"
_RULE = re.compile(rf"(?P<host>{_HOST}):(?P<port>\d*):(?P<to_host>{_HOST}):(?P<to_port>\d*)")
_HIGHEST_PORT = 65535


@dataclass(frozen=True, slots=True)
class ConnectTo:
    """One rule.

    Attributes:
        host: lower-case name the rule applies to; "" for any.
        port: port the rule applies to; None for any.
        to_host: where to connect; "" for the same host.
        to_port: port to connect to; None for the same port.
    """

    host: str
    port: int | None
    to_host: str
    to_port: int | None

    def matches(self, host: str, port: int) -> bool:
        """Whether a connection to *host*:*port* is redirected by this rule."""
        return self.host in ("", normal_host(host)) and self.port in (None, port)


@dataclass(frozen=True, slots=True)
class Route:
    """What will be dialled for a URL's host and port.

    Attributes:
        mapped: a connect-to rule matched; such a connection never goes through a proxy.
        loopback: the address is a loopback address, or a name reserved for loopback (and then checked
            again after it was resolved).
    """

    host: str
    port: int
    mapped: bool
    loopback: bool


def parse_connect_to(text: str) -> ConnectTo:
    """Parse one `HOST:PORT:HOST2:PORT2`; IPv6 addresses in brackets; every part may be empty.

    Raises:
        UsageError (connect_to_invalid): it is not of that form.
    """
    found = _RULE.fullmatch(text.strip())
    if found is None:
        raise _invalid(text)
    host = normal_host(found["host"])
    return ConnectTo(
        host="" if host == "*" else host,
        port=_port(found["port"], text),
        to_host=normal_host(found["to_host"]),
        to_port=_port(found["to_port"], text),
    )


def parse_connect_to_list(text: str) -> tuple[ConnectTo, ...]:
    """Parse the comma-separated form of `ORCHESTRATOR_CONNECT_TO`; empty entries are skipped."""
    return tuple(parse_connect_to(entry) for entry in text.split(",") if entry.strip())


def route(rules: Iterable[ConnectTo], host: str, port: int) -> Route:
    """Where a connection to *host*:*port* goes; the first rule that matches wins."""
    for rule in rules:
        if rule.matches(host, port):
            real = rule.to_host or normal_host(host)
            return Route(real, rule.to_port or port, mapped=True, loopback=is_loopback_host(real))
    real = normal_host(host)
    return Route(real, port, mapped=False, loopback=is_loopback_host(real))


def normal_host(host: str) -> str:
    """Lower case, without IPv6 brackets and without the root dot."""
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    return bare.lower().removesuffix(".")


def is_loopback_address(address: str) -> bool:
    """Whether *address* is an IP address of this machine's loopback interface; False for names."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        return parsed.ipv4_mapped.is_loopback
    return parsed.is_loopback


def _port(text: str, rule: str) -> int | None:
    if not text:
        return None
    port = whole_number(text)
    if not 0 < port <= _HIGHEST_PORT:
        raise _invalid(rule)
    return port


def _invalid(text: str) -> UsageError:
    return UsageError(
        f"{text!r} is not HOST:PORT:HOST2:PORT2",
        code="connect_to_invalid",
        remedy="write it as curl's --connect-to, e.g. acme.my.salesforce.com:443:127.0.0.1:8443",
    )
