"""How bytes reach an org: where to dial, TLS, a deadline no slow server can stretch, pools per host.

The classes here extend requests' adapter and urllib3's connections in the places both leave for it. The rules
about what may be sent where are in `session`; this module only enforces them at the moment of dialling, when
the real address is known.
"""

from __future__ import annotations

import http.client
import io
import os
import socket
import ssl
import time
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

import certifi
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util.connection import create_connection

from orchestrator.catalogue import FAULTS
from orchestrator.errors import Blame, OrgFault, UsageError
from orchestrator.salesforce.connect_to import ConnectTo, Route, is_loopback_address, route
from orchestrator.salesforce.http_answer import whole_number

if TYPE_CHECKING:
    from requests import PreparedRequest, Response

POOLED_HOSTS = 256  # pools kept; a fleet larger than this re-opens connections, oldest host first
POOLED_CONNECTIONS = 32  # idle connections kept per host
CA_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")  # first set wins
_CHUNK_BYTES = 64 * 1024

# Monotonic seconds at which the exchange on this thread must be over. A context variable, because the
# connection that reads is several library layers away from the call that knows the deadline.
deadline_at_s: ContextVar[float] = ContextVar("deadline_at_s", default=float("inf"))


def speed_needs_loopback(host: str) -> UsageError:
    """The refusal of `--speed` for a connection that would leave this machine."""
    return UsageError(
        f"--speed is for simulators on this machine, and {host} is not on a loopback address",
        code="speed_needs_loopback",
        remedy="leave --speed out, or send the host to the simulator with --connect-to",
        blame=Blame.OPERATOR,
    )


class _DeadlineReader(io.RawIOBase):
    """Reads a socket; every single wait ends at the deadline, so that a drip of bytes cannot stretch it."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__()
        self._sock = sock
        self._wait_s = sock.gettimeout()
        self._raw: Any = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        """Whether this can be read: yes."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Read what is there. Raises TimeoutError at the deadline."""
        left_s = deadline_at_s.get() - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("the deadline of the exchange has passed")
        if left_s != float("inf"):
            self._sock.settimeout(left_s if self._wait_s is None else min(self._wait_s, left_s))
        count: int | None = self._raw.readinto(buffer)
        return count

    def close(self) -> None:
        """Give the socket back."""
        if not self.closed:
            self._raw.close()
        super().close()


class _SocketView:
    """What http.client's response wants of a socket: a file to read from."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def makefile(self, mode: str) -> io.BufferedReader:
        """Open the reading side. http.client asks for nothing else."""
        del mode
        return io.BufferedReader(_DeadlineReader(self._sock))


class _DeadlineResponse(http.client.HTTPResponse):
    """A response whose status line, headers and body all obey the deadline."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(_SocketView(sock), *args, **kwargs)  # type: ignore[arg-type]  # only makefile() is used


class _Dialling(HTTPConnection):
    """A connection that dials where the rules say. Subclassed per adapter, which fills in the rules."""

    rules: ClassVar[tuple[ConnectTo, ...]] = ()
    loopback_only: ClassVar[bool] = False
    response_class = _DeadlineResponse

    def _new_conn(self) -> socket.socket:
        if self.proxy is not None:  # to the proxy itself; rules are about orgs, and matched orgs use no proxy
            return super()._new_conn()
        way = route(self.rules, self.host, self.port)
        timeout_s = self.timeout if isinstance(self.timeout, int | float) else None
        try:
            address = self._address(way)
            return create_connection(address, timeout_s, self.source_address, self.socket_options)
        except socket.gaierror as error:
            raise NameResolutionError(way.host, self, error) from error
        except TimeoutError as error:
            raise ConnectTimeoutError(self, f"no connection to {way.host}:{way.port} in time") from error
        except OSError as error:
            raise NewConnectionError(self, f"cannot connect to {way.host}:{way.port}: {error}") from error

    def _address(self, way: Route) -> tuple[str, int]:
        """What to dial; a name that must be loopback is resolved here and dialled by address."""
        if not (self.loopback_only or way.loopback):
            # The root dot of the URL's host matters to the resolver only (no search domains are tried).
            return (way.host if way.mapped else self._dns_host), way.port
        found = [str(info[4][0]) for info in socket.getaddrinfo(way.host, way.port, type=socket.SOCK_STREAM)]
        local = [address for address in found if is_loopback_address(address)]
        if local:
            return local[0], way.port
        if self.loopback_only:
            raise speed_needs_loopback(way.host)
        raise OSError(f"{way.host} is a loopback name but does not resolve to a loopback address")


class _DiallingTls(_Dialling, HTTPSConnection):
    """The same over TLS; the name checked stays the URL's."""


class OrgAdapter(HTTPAdapter):
    """requests' adapter with our dialling and one TLS context for every host.

    Args:
        context: verifies certificates and names; what callers pass as `verify` is ignored.
        rules: connect-to rules.
        loopback_only: refuse to dial anything but loopback addresses.
    """

    def __init__(self, context: ssl.SSLContext, rules: tuple[ConnectTo, ...], *, loopback_only: bool) -> None:
        self._context = context
        attributes = {"rules": rules, "loopback_only": loopback_only}
        plain = type("OrgConnection", (_Dialling,), attributes)
        tls = type("OrgTlsConnection", (_DiallingTls,), attributes)
        self._pool_classes = {
            "http": type("OrgPool", (HTTPConnectionPool,), {"ConnectionCls": plain}),
            "https": type("OrgTlsPool", (HTTPSConnectionPool,), {"ConnectionCls": tls}),
        }
        super().__init__(pool_connections=POOLED_HOSTS, pool_maxsize=POOLED_CONNECTIONS)

    def init_poolmanager(self, connections: int, maxsize: int, *options: Any, **pool_kwargs: Any) -> None:
        """Make the pools with our TLS context and connections."""
        super().init_poolmanager(connections, maxsize, *options, ssl_context=self._context, **pool_kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pool_classes

    def proxy_manager_for(self, proxy: str, **proxy_kwargs: Any) -> Any:
        """Make the pools behind *proxy* with the same TLS context and connections."""
        found = super().proxy_manager_for(proxy, ssl_context=self._context, **proxy_kwargs)
        if not proxy.lower().startswith("socks"):
            found.pool_classes_by_scheme = self._pool_classes
        return found

    def build_connection_pool_key_attributes(
        self, request: PreparedRequest, verify: Any, cert: Any = None
    ) -> tuple[Any, Any]:
        """Choose the pool by scheme, host and port alone; TLS settings are the context's."""
        host, _ = super().build_connection_pool_key_attributes(request, verify, cert)
        return host, {}

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Leave verification to the context, which cannot be switched off by an argument or a variable."""


def trusted_context(ca_bundle: str | None) -> ssl.SSLContext:
    """The TLS context: verifies certificates and names, TLS 1.2 or newer.

    Args:
        ca_bundle: file or folder of CA certificates; None for the environment's, then certifi's.

    Raises:
        UsageError (ca_bundle_unreadable): the file is not there or holds no certificates.
    """
    named = ca_bundle
    for variable in CA_VARIABLES:
        named = named or os.environ.get(variable)
    path = Path(named or certifi.where())
    try:
        if path.is_dir():
            context = ssl.create_default_context(capath=str(path))
        else:
            context = ssl.create_default_context(cafile=str(path))
    except OSError as error:
        raise UsageError(
            f"no CA certificates can be read from {path}: {error}",
            code="ca_bundle_unreadable",
            remedy="point REQUESTS_CA_BUNDLE or SSL_CERT_FILE at a PEM file",
        ) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.hostname_checks_common_name = False  # names are in subjectAltName (RFC 9525, section 2)
    return context


def read_whole(response: Response, max_bytes: int) -> None:
    """Read and unpack the body into *response*, at most *max_bytes*.

    Raises:
        OrgFault (answer_too_large): it is larger; the connection is dropped.
    """
    raw = response.raw
    announced = response.headers.get("Content-Length", "")
    chunks: list[bytes] = []
    size_bytes = whole_number(announced)
    is_whole = False
    try:
        if size_bytes <= max_bytes:
            size_bytes = 0
            while size_bytes <= max_bytes and (chunk := raw.read(_CHUNK_BYTES, decode_content=True)):
                chunks.append(chunk)
                size_bytes += len(chunk)
        is_whole = size_bytes <= max_bytes
    finally:
        # What is left unread must not become the answer to the next request on this connection.
        if not is_whole:
            raw.close()
        raw.release_conn()
    if not is_whole:
        host = urlsplit(response.url).netloc
        raise OrgFault(FAULTS["answer_too_large"], f"{host} answered with more than {max_bytes} bytes")
    response._content = b"".join(chunks)  # noqa: SLF001 - requests has no other way to hand over a read body
    response._content_consumed = True  # type: ignore[attr-defined]  # noqa: SLF001 - likewise
