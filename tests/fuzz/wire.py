"""An org that answers every request with the same bytes, over a real socket, without a server or a port.

Only the dialling is replaced: what is sent and read, TLS aside, goes through the sockets, http.client,
urllib3 and `Network` as it does in a run.
"""

from __future__ import annotations

import functools
import socket
from typing import Any

from orchestrator.salesforce.hosts import OrgHost, parse_org_url
from orchestrator.salesforce.session import Network, NetworkPolicy

ORIGIN = "http://127.0.0.1:1"
HOST: OrgHost = parse_org_url(ORIGIN)
MAX_ANSWER_BYTES = 1024 * 1024
MOST_EXCHANGES = 600
"""More requests than any one call of the product has reason to make."""
_BUFFER_BYTES = 512 * 1024
_READ_TIMEOUT_S = 5.0


class EndlessExchange(AssertionError):
    """One call of the product asks the org again and again."""


class _Clock:
    """Time that passes by sleeping only, so that patience costs none."""

    def __init__(self) -> None:
        self._now_s = 0.0

    def now_s(self) -> float:
        return self._now_s

    def sleep(self, seconds: float) -> None:
        self._now_s += max(seconds, 20.0)


class _Org:
    """Brings the same bytes on every connection, and counts these."""

    def __init__(self) -> None:
        self.clock = _Clock()
        self.raw = b""
        self._dialled = 0
        self._ends: list[socket.socket] = []

    def begin(self, raw: bytes) -> None:
        """Answer with *raw* from now on."""
        self.raw, self._dialled = raw, 0
        for end in self._ends:
            end.close()
        self._ends.clear()

    def dial(self) -> socket.socket:
        """A connection on which the answer waits already."""
        self._dialled += 1
        if self._dialled > MOST_EXCHANGES:
            raise EndlessExchange(f"more than {MOST_EXCHANGES} requests for one call")
        ours, theirs = socket.socketpair()
        for end in (ours, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)
        ours.settimeout(_READ_TIMEOUT_S)
        theirs.settimeout(0)
        theirs.send(self.raw[:_BUFFER_BYTES])
        theirs.shutdown(socket.SHUT_WR)
        self._ends += (ours, theirs)  # what is sent must find somebody, and nothing is left to the collector
        return ours


@functools.cache
def _network() -> tuple[Network, _Org]:
    """One for all inputs: reading the authorities takes longer than most of them."""
    org = _Org()
    policy = NetworkPolicy(
        loopback_only=True,
        deadline_s=5.0,
        read_timeout_s=_READ_TIMEOUT_S,
        max_response_bytes=MAX_ANSWER_BYTES,
    )
    network = Network(policy, clock_s=org.clock.now_s, sleep=org.clock.sleep)
    pool: Any = network._adapter._pool_classes["http"]
    pool.ConnectionCls._new_conn = org.dial  # bound, so it is given no connection
    return network, org


def answering(raw: bytes) -> Network:
    """A network behind which every connection brings *raw* and is closed; until the next call of this."""
    network, org = _network()
    network.close()
    org.begin(raw)
    return network


def http(body: bytes, status: int = 200, content_type: str = "application/json", *headers: str) -> bytes:
    """A whole answer that ends with the connection."""
    lines = [f"HTTP/1.1 {status} X", f"Content-Type: {content_type}", *headers, "Connection: close"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
