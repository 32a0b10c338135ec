"""What the network's exceptions mean: one function from a library's exception to a fault of the catalogue."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator

import requests
from urllib3.exceptions import (
    ConnectTimeoutError,
    DecodeError,
    NameResolutionError,
    NewConnectionError,
    ProxyError,
    ReadTimeoutError,
)

from orchestrator.catalogue import FAULTS
from orchestrator.errors import OrgFault
from orchestrator.redaction import redact

# No connection came about, so nothing of the request was sent.
_BEFORE_SENDING = (
    ConnectTimeoutError,
    NewConnectionError,
    NameResolutionError,
    socket.gaierror,
    ssl.SSLCertVerificationError,
    ProxyError,
    requests.exceptions.ProxyError,
)


def fault_of(error: BaseException, host: str) -> OrgFault:
    """The fault behind an exception of requests, urllib3, ssl or the socket.

    Args:
        error: what was raised; its request is not kept.
        host: who was spoken to, for the sentence.
    """
    causes = list(_causes(error))
    code, what = _judge(causes)
    fault = OrgFault(FAULTS[code], f"{host}: {redact(what)}")
    fault.was_sent = not _has(causes, *_BEFORE_SENDING)
    return fault


def _judge(causes: list[BaseException]) -> tuple[str, str]:
    """Code and sentence; the order matters, for one trouble shows as several exceptions."""
    code, what = "network_unreachable", _innermost(causes)
    tls = next((cause for cause in causes if isinstance(cause, ssl.SSLError)), None)
    if isinstance(tls, ssl.SSLCertVerificationError):
        code, what = "tls_untrusted", f"its certificate is not trusted: {tls.verify_message}"
    elif _has(causes, ProxyError, requests.exceptions.ProxyError):
        code, what = "proxy_refused", f"the proxy did not connect us: {_innermost(causes)}"
    elif _has(causes, NameResolutionError, socket.gaierror):
        code, what = "host_unknown", "the name cannot be resolved"
    elif _has(causes, ReadTimeoutError, TimeoutError, requests.Timeout):
        code, what = "network_timeout", "no complete answer in time"
    elif _has(causes, DecodeError, requests.exceptions.ContentDecodingError):
        what = "the answer cannot be unpacked"
    elif tls is not None and not isinstance(tls, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        code, what = "tls_untrusted", f"no TLS connection: {tls.reason or tls}"
    return code, what


def _has(causes: list[BaseException], *kinds: type[BaseException]) -> bool:
    return any(isinstance(cause, kinds) for cause in causes)


def _innermost(causes: list[BaseException]) -> str:
    """The most concrete text: the operating system's, when it had one."""
    for cause in reversed(causes):
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
    return f"{type(causes[-1]).__name__}: {causes[-1]}"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """*error* and everything it wraps, outermost first: causes, reasons and wrapped arguments."""
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        cause = waiting.pop(0)
        if not isinstance(cause, BaseException) or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        waiting += [getattr(cause, "reason", None), cause.__cause__, cause.__context__, *cause.args]
