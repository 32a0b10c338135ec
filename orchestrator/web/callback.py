"""Where a browser comes back to after a login: one port of this machine, one path, one valid visit.

Bound to 127.0.0.1 only. Pages of other sites can send a browser here too, so a visit counts only when it is
a navigation to the very address that was registered, and its query is the answer to the login we began;
everything else is refused and the wait goes on. The page shown holds no script and loads nothing.

Source: RFC 8252 sections 7.3 and 8.3 (loopback redirect).
"""

from __future__ import annotations

import html
import os
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Generic, Protocol, Self, TypeVar
from urllib.parse import urlsplit

from orchestrator.catalogue import fault
from orchestrator.errors import OrgFault, UsageError

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

# Refusals that say nothing about the login we wait for: a forged, an old or a repeated visit.
_NOT_OURS = frozenset({"authorization_state_mismatch", "authorization_code_spent"})
_VISITOR_SILENCE_S = 10.0
_HTTP_PORT = 80
_NAMES_OF_LOOPBACK = ("localhost", "127.0.0.1")
_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Connection": "close",
}
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:36rem;margin:15vh auto;padding:0 1rem}}</style>
</head><body><h1>{title}</h1><p>{text}</p></body></html>
"""


class Reads(Protocol[T_co]):
    """Judges the query of a visit; `web_flow.read_callback` bound to the login that was begun."""

    def __call__(self, query: str, *, is_spent: bool) -> T_co:
        """What the visit brings. Raises OrgFault."""
        ...


class CallbackReceiver(Generic[T]):
    """Listens from the moment it is entered until it is left; `wait` gives what the one valid visit brought.

    Args:
        redirect_uri: loopback address with port and path, as registered with the app.
        read: judges a visit.

    Raises:
        UsageError: `callback_port_taken`, when it is entered.
    """

    def __init__(self, redirect_uri: str, read: Reads[T]) -> None:
        parts = urlsplit(redirect_uri)
        self._port = parts.port or _HTTP_PORT
        self.path = parts.path or "/"
        self.hosts = {f"{name}:{self._port}" for name in _NAMES_OF_LOOPBACK}
        self._read = read
        self._answered = threading.Event()
        self._one_at_a_time = threading.Lock()
        self._brought: list[T] = []
        self._refused: OrgFault | None = None

    def __enter__(self) -> Self:
        try:
            self._server = _Server(("127.0.0.1", self._port), self)
        except OSError as error:
            raise UsageError(
                f"port {self._port} of this machine, where the browser comes back to, cannot be used: "
                f"{error.strerror or error}",
                code="callback_port_taken",
                remedy="end the program that listens there (another login?), or register another callback",
            ) from None
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, name="callback", daemon=True
        )
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def wait(self, timeout_s: float) -> T:
        """What the valid visit brought.

        Raises:
            OrgFault: `authorization_unanswered` when none came in time; what the org said instead of a code.
        """
        if not self._answered.wait(timeout_s):
            raise OrgFault(
                fault("authorization_unanswered"), f"no browser came back within {timeout_s:.0f} s"
            )
        if self._refused is not None:
            raise self._refused
        return self._brought[0]

    def visit(self, query: str) -> tuple[HTTPStatus, str, str]:
        """Status, title and text for the visitor; the first valid visit ends the wait."""
        with self._one_at_a_time:
            try:
                brought = self._read(query, is_spent=self._answered.is_set())
            except OrgFault as refused:
                if refused.code not in _NOT_OURS:
                    self._refused = refused
                    self._answered.set()
                return HTTPStatus.BAD_REQUEST, "That did not work", f"{refused.detail}. {refused.remedy}"
            self._brought.append(brought)
            self._answered.set()
        return HTTPStatus.OK, "Logged in", "You can close this page and go back to the terminal."


class _Server(ThreadingHTTPServer):
    """A thread per visitor: browsers open connections ahead that they never use."""

    daemon_threads = True
    # Elsewhere it only spares the wait for old connections; on Windows it would let two programs listen.
    allow_reuse_address = os.name != "nt"

    def __init__(self, address: tuple[str, int], receiver: CallbackReceiver[T]) -> None:
        self.receiver = receiver
        super().__init__(address, _Visitor)


class _Visitor(BaseHTTPRequestHandler):
    """One connection; says nothing about itself and writes no log."""

    timeout = _VISITOR_SILENCE_S
    server: _Server

    def version_string(self) -> str:
        return "callback"

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the name of the base class
        """Request lines carry codes, so none is written anywhere."""

    def parse_request(self) -> bool:
        """Whether there is a request to answer; a login comes back by GET."""
        if not super().parse_request():
            return False
        if self.command != "GET":
            self._answer(HTTPStatus.METHOD_NOT_ALLOWED, "Refused", "Only GET is answered here.", Allow="GET")
            return False
        return True

    def do_GET(self) -> None:
        receiver = self.server.receiver
        url = urlsplit(self.path)
        headers = self.headers
        if (headers.get("Host") or "").lower() not in receiver.hosts:
            self._answer(HTTPStatus.MISDIRECTED_REQUEST, "Not here", "This is another address.")
        elif url.path != receiver.path:
            self._answer(HTTPStatus.NOT_FOUND, "Not found", "There is nothing here.")
        elif headers.get("Origin") or headers.get("Sec-Fetch-Mode", "navigate") != "navigate":
            self._answer(HTTPStatus.FORBIDDEN, "Refused", "Only a login that ends here may open this page.")
        elif headers.get("Sec-Fetch-Dest", "document") != "document":
            self._answer(HTTPStatus.FORBIDDEN, "Refused", "This page does not open inside another one.")
        else:
            self._answer(*receiver.visit(url.query))

    def _answer(self, status: HTTPStatus, title: str, text: str, **headers: str) -> None:
        page = _PAGE.format(title=html.escape(title), text=html.escape(text)).encode()
        self.send_response(status)
        for name, value in {**_HEADERS, **headers, "Content-Length": str(len(page))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(page)
        self.close_connection = True
