"""A clock that passes only when told to, and the simulator as an adapter whose wire can be cut."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
from urllib3 import HTTPResponse

from orchestrator.simulator.adapter import SimulatorAdapter
from orchestrator.simulator.operations import operation_of
from orchestrator.simulator.reading import make_request
from orchestrator.simulator.simulation import Simulator

T0 = 1_790_000_000.0
READING = frozenset({"query", "read_metadata", "check_deploy_status", "token"})

Send = Callable[[], requests.Response]
Wire = Callable[[requests.PreparedRequest, Send], requests.Response]


class Died(BaseException):
    """The process is gone: nothing in the product may catch this and carry on."""


@dataclass
class HandClock:
    """Unix seconds that pass only when somebody says so."""

    at_s: float = T0

    def now_s(self) -> float:
        return self.at_s

    def sleep(self, seconds: float) -> None:
        self.at_s += max(seconds, 0.0)


def untouched(_request: requests.PreparedRequest, send: Send) -> requests.Response:
    return send()


class WireAdapter(SimulatorAdapter):
    """The simulator as an adapter, with a place to cut the wire: before it is asked, or after it answered."""

    def __init__(
        self, simulator: Simulator, wire: Wire, *, wait: Callable[[float], None] | None = None
    ) -> None:
        super().__init__(simulator, wait=wait)
        self.wire = wire

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        def ask() -> requests.Response:
            answered = super(WireAdapter, self).send(request, **options)
            answered.raw = HTTPResponse(
                io.BytesIO(answered.raw.read()),
                headers=dict(answered.headers),
                status=answered.status_code,
                preload_content=False,
            )
            return answered

        return self.wire(request, ask)


def operation(request: requests.PreparedRequest) -> str:
    """What the simulator calls this request."""
    body = request.body or b""
    headers = [(name, str(value)) for name, value in request.headers.items()]
    return operation_of(
        make_request(
            request.method or "GET",
            request.path_url or "/",
            [("Host", urlsplit(request.url or "").netloc), *headers],
            body.encode() if isinstance(body, str) else bytes(body),
            client_ip="127.0.0.1",
            scheme="https",
        )
    )


def changes(request: requests.PreparedRequest) -> bool:
    """Whether the request may change the org."""
    return request.method != "GET" and operation(request) not in READING
