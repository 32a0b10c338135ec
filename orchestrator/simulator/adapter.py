"""An in-process `requests` adapter to the same brain, for tests that need no sockets."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

from orchestrator.simulator.http import ConnectionCut, Response
from orchestrator.simulator.reading import UnreadableRequest, make_request
from orchestrator.simulator.router import answer
from orchestrator.simulator.simulation import Simulator


class SimulatorAdapter(BaseAdapter):
    """Answers a `requests.Session` from a simulator.

    Args:
        simulator: the orgs.
        wait: called with the seconds a slow answer takes; the default ignores them, unless a read timeout is
            shorter.
    """

    def __init__(self, simulator: Simulator, *, wait: Callable[[float], None] | None = None) -> None:
        super().__init__()
        self._simulator = simulator
        self._wait = wait

    def send(  # noqa: PLR0917 - the signature of requests
        self,
        request: requests.PreparedRequest,
        stream: bool = False,  # noqa: FBT001, FBT002 - the signature of requests
        timeout: float | tuple[float, float] | tuple[float, None] | None = None,
        verify: bool | str = True,  # noqa: FBT001, FBT002 - the signature of requests
        cert: bytes | str | tuple[bytes | str, bytes | str] | None = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Answer a prepared request.

        Raises:
            requests.ConnectionError: a scripted reset.
            requests.ReadTimeout: a scripted delay longer than the read timeout.
        """
        del stream, verify, cert, proxies
        started = time.monotonic()
        url = urlsplit(request.url or "")
        body = request.body or b""
        headers = [
            ("Host", url.netloc),
            *((name, _text(value)) for name, value in (request.headers or {}).items()),
        ]
        try:
            made = make_request(
                request.method or "GET",
                (url.path or "/") + (f"?{url.query}" if url.query else ""),
                headers,
                _bytes(body),
                client_ip="127.0.0.1",
                scheme=url.scheme,
            )
            response, delay_s = answer(self._simulator, made)
        except UnreadableRequest as unreadable:
            response, delay_s = unreadable.response, 0.0
        except ConnectionCut as cut:
            raise requests.ConnectionError(str(cut), request=request) from None
        read_timeout_s = timeout[1] if isinstance(timeout, tuple) else timeout
        if read_timeout_s is not None and delay_s > read_timeout_s:
            raise requests.ReadTimeout(f"no answer within {read_timeout_s} s", request=request)
        if delay_s and self._wait:
            self._wait(delay_s)
        return _requests_response(request, response, started)

    def close(self) -> None:
        """Hold nothing."""


def _bytes(body: Any) -> bytes:
    if isinstance(body, bytes):
        return body
    if isinstance(body, str):
        return body.encode()
    if hasattr(body, "read"):
        return _bytes(body.read())
    return b"".join(_bytes(chunk) for chunk in body)


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _requests_response(
    request: requests.PreparedRequest, response: Response, started: float
) -> requests.Response:
    made = requests.Response()
    made.status_code = response.status
    made.headers = CaseInsensitiveDict(response.headers)
    made.headers["Content-Length"] = str(len(response.body))
    made.raw = io.BytesIO(response.body)
    made.encoding = requests.utils.get_encoding_from_headers(made.headers)
    made.url = request.url or ""
    made.request = request
    made.elapsed = timedelta(seconds=time.monotonic() - started)
    return made
