"""Serve the guided page on 127.0.0.1, with narrow limits: size, silence, and how many visitors at once."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from orchestrator.errors import UsageError
from orchestrator.web.guard import MAX_BODY_BYTES, Visit
from orchestrator.web.site import Reply

_VISITOR_SILENCE_S = 10.0
_MOST_VISITORS = 32
_MAX_PATH_CHARACTERS = 4096
_MOST_DIGITS = 9


class PageServer:
    """Listens from the moment it is entered until it is left.

    Args:
        port: of this machine; 0 takes a free one, which no app can know beforehand (for tests).

    Raises:
        UsageError: `callback_port_taken`.
    """

    def __init__(self, port: int) -> None:
        self._answer: Callable[[Visit], Reply] | None = None
        try:
            self._server = _Server(("127.0.0.1", port), self)
        except OSError as error:
            raise UsageError(
                f"port {port} of this machine, where the browser comes back to, cannot be used: "
                f"{error.strerror or error}",
                code="callback_port_taken",
                remedy="end the program that listens there (another set-up?), or give another --port",
            ) from None
        self.port = int(self._server.server_address[1])

    def serve(self, answer: Callable[[Visit], Reply]) -> Self:
        """Answer visits with *answer*, in threads of their own, until left."""
        self._answer = answer
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, name="page", daemon=True
        )
        self._thread.start()
        return self

    def answer(self, visit: Visit) -> Reply:
        """What to answer."""
        assert self._answer is not None  # noqa: S101 - `serve` comes before the first visit
        return self._answer(visit)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._answer is not None:
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = os.name != "nt"

    def __init__(self, address: tuple[str, int], page: PageServer) -> None:
        self.page = page
        self._places = threading.BoundedSemaphore(_MOST_VISITORS)
        super().__init__(address, _Visitor)

    def process_request(self, request: Any, client_address: Any) -> None:
        """A visitor more than there are places for is sent away at once."""
        if self._places.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that went away in the middle is no news, and a traceback could quote what it sent."""


class _Visitor(BaseHTTPRequestHandler):
    """One connection, one request; says nothing about itself and writes no log."""

    timeout = _VISITOR_SILENCE_S
    server: _Server

    def version_string(self) -> str:
        return "page"

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the name of the base class
        """Request lines carry tokens and codes, so none is written anywhere."""

    def parse_request(self) -> bool:
        """Answer every method here, so that each gets the same headers; False: nothing is left to do."""
        if super().parse_request():
            body = self._body()
            if body is not None:
                self._send(self._reply(body))
        return False

    def _body(self) -> bytes | None:
        """The body, b"" when there is none; None when it was refused."""
        length = self.headers.get("Content-Length", "0")
        if self.headers.get("Transfer-Encoding") or not (length.isascii() and length.isdecimal()):
            self.send_error(HTTPStatus.LENGTH_REQUIRED)
            return None
        if (
            len(length) > _MOST_DIGITS
            or int(length) > MAX_BODY_BYTES
            or len(self.path) > _MAX_PATH_CHARACTERS
        ):
            self.send_error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return None
        try:
            return self.rfile.read(int(length))
        except (TimeoutError, ConnectionError):
            self.close_connection = True
            return None

    def _reply(self, body: bytes) -> Reply:
        target = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        return self.server.page.answer(Visit(self.command, target.path, target.query, headers, body))

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        headers = {**reply.headers, "Content-Length": str(len(reply.body)), "Connection": "close"}
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.body)
        self.close_connection = True
