"""One HTTP/1.1 connection: asyncio for the socket, h11 for the protocol, the brain for everything else.

One thread, one event loop, no locks: a request is answered as soon as it is complete. Head and body leave in
one write, because two writes cost a delayed acknowledgement (40 ms) each.
"""

from __future__ import annotations

import asyncio
import gzip
import logging
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate

import h11

from orchestrator.simulator.http import ConnectionCut, Request, Response, html_response
from orchestrator.simulator.reading import UnreadableRequest, bad_request, body_limit_bytes, make_request

MAX_HEAD_BYTES = 65_536
MAX_CONNECTIONS = 10_000
_GZIP_FROM_BYTES = 1_000
_BODILESS = frozenset({204, 304})


@dataclass(frozen=True)
class Patience:
    """How long a connection may take over what, in seconds.

    Attributes:
        idle_s: between requests.
        head_s: from the first byte of a request to the end of its headers.
        body_s: from there to the end of its body.
        handshake_s: for TLS.
    """

    idle_s: float = 75.0
    head_s: float = 20.0
    body_s: float = 120.0
    handshake_s: float = 20.0


Answerer = Callable[[Request], tuple[Response, float]]
log = logging.getLogger(__name__)


class HttpConnection(asyncio.Protocol):
    """One client connection."""

    def __init__(
        self, answer: Answerer, scheme: str, open_connections: set[HttpConnection], patience: Patience
    ) -> None:
        self._answer = answer
        self._patience = patience
        self._scheme = scheme
        self._open = open_connections
        self._parser = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD_BYTES)
        self._head: h11.Request | None = None
        self._chunks: list[bytes] = []
        self._size_bytes = 0
        self._limit_bytes = 0
        self._waiting: asyncio.TimerHandle | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._is_idle = True
        self._is_choked = False
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._client_ip = "127.0.0.1"

    # --- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the transport."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - asyncio's own typing is wider
        self._transport = transport
        peer = transport.get_extra_info("peername")
        if peer:
            self._client_ip = str(peer[0])
        if len(self._open) >= MAX_CONNECTIONS:
            transport.abort()
            return
        self._open.add(self)
        self._wait_for_request()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget everything that could still fire."""
        del exc
        self._open.discard(self)
        for timer in (self._waiting, self._timer):
            if timer is not None:
                timer.cancel()
        self._transport = None

    def data_received(self, data: bytes) -> None:
        """Feed the parser and answer what is complete."""
        if self._is_idle:
            self._is_idle = False
            self._restart_timer(self._patience.head_s, self._refuse_slow)
        self._parser.receive_data(data)
        self._advance()

    def pause_writing(self) -> None:
        """Read no more while the client does not take its answers."""
        self._is_choked = True
        self._hold_reading()

    def resume_writing(self) -> None:
        """Go on with what has arrived."""
        self._is_choked = False
        self._go_on_reading()
        self._advance()

    def eof_received(self) -> bool:
        """Let a half-closed client still read its answer."""
        self._parser.receive_data(b"")
        self._advance()
        return self._waiting is not None

    # --- requests

    def _advance(self) -> None:
        try:
            while self._may_go_on():
                event = self._parser.next_event()
                if event is h11.NEED_DATA or event is h11.PAUSED:
                    return
                if isinstance(event, h11.ConnectionClosed):
                    self.close()
                    return
                if isinstance(event, h11.Request):
                    self._begin(event)
                elif isinstance(event, h11.Data):
                    self._collect(bytes(event.data))
                elif isinstance(event, h11.EndOfMessage) and not self._complete():
                    return
        except h11.RemoteProtocolError as broken:
            self._refuse(bad_request(broken.error_status_hint or 400, "The request is malformed."))
        except UnreadableRequest as unreadable:
            self._refuse(unreadable.response)

    def _may_go_on(self) -> bool:
        is_open = self._transport is not None and not self._transport.is_closing()
        return is_open and self._waiting is None and not self._is_choked

    def _hold_reading(self) -> None:
        if self._transport is not None and self._transport.is_reading():
            self._transport.pause_reading()

    def _go_on_reading(self) -> None:
        is_open = self._transport is not None and not self._transport.is_closing()
        if is_open and self._transport is not None and not self._transport.is_reading():
            self._transport.resume_reading()

    def _begin(self, head: h11.Request) -> None:
        self._head = head
        self._restart_timer(self._patience.body_s, self._refuse_slow)
        self._chunks = []
        self._size_bytes = 0
        path = head.target.decode("ascii", "replace").partition("?")[0]
        self._limit_bytes = body_limit_bytes(path)
        for name, value in head.headers:
            if name == b"content-length" and int(value) > self._limit_bytes:
                raise UnreadableRequest(bad_request(413, "The request body is too large."))
            if name == b"expect" and self._parser.they_are_waiting_for_100_continue and self._transport:
                go_on = self._parser.send(h11.InformationalResponse(status_code=100, headers=[]))
                self._transport.write(go_on or b"")

    def _collect(self, chunk: bytes) -> None:
        self._size_bytes += len(chunk)
        if self._size_bytes > self._limit_bytes:
            raise UnreadableRequest(bad_request(413, "The request body is too large."))
        self._chunks.append(chunk)

    def _complete(self) -> bool:
        """Answer the request; return whether the next one may be read at once."""
        head = self._head
        assert head is not None  # noqa: S101 - h11 gives EndOfMessage after Request only
        request = make_request(
            head.method.decode("ascii"),
            head.target.decode("latin-1"),
            [(name.decode("latin-1"), value.decode("latin-1")) for name, value in head.headers],
            b"".join(self._chunks),
            client_ip=self._client_ip,
            scheme=self._scheme,
        )
        self._chunks = []
        try:
            response, delay_s = self._answer(request)
        except ConnectionCut as cut:
            self._reset(request, cut)
            return False
        except Exception:
            log.exception("the simulator failed to answer %s %s", request.method, request.path)
            response, delay_s = (
                html_response(500, "Internal Server Error", "The simulator has a defect."),
                0.0,
            )
        if delay_s > 0:
            self._waiting = self._loop.call_later(delay_s, self._send_late, request, response)
            self._stop_timer()
            self._hold_reading()  # what comes meanwhile stays with the kernel, not in memory here
            return False
        return self._send(request, response)

    def _send_late(self, request: Request, response: Response) -> None:
        self._waiting = None
        self._go_on_reading()
        if self._send(request, response):
            self._advance()

    # --- answers

    def _send(self, request: Request, response: Response) -> bool:
        """Write an answer in one piece; return whether the connection goes on."""
        if self._transport is None or self._transport.is_closing():
            return False
        self._transport.write(self._serialise(request, response))
        if self._parser.our_state is h11.MUST_CLOSE or self._parser.their_state is h11.MUST_CLOSE:
            self.close()
            return False
        self._parser.start_next_cycle()
        self._wait_for_request()
        return True

    def _serialise(self, request: Request, response: Response) -> bytes:
        body = response.body
        headers = list(response.headers.items())
        accepts = request.headers.get("accept-encoding", "")
        if "gzip" in accepts and len(body) >= _GZIP_FROM_BYTES and "Content-Encoding" not in response.headers:
            body = gzip.compress(body, compresslevel=1)
            headers.append(("Content-Encoding", "gzip"))
            headers.append(("Vary", "Accept-Encoding"))
        if "Date" not in response.headers:
            headers.append(("Date", formatdate(usegmt=True)))
        if response.status not in _BODILESS:
            headers.append(("Content-Length", str(len(body))))
        out = self._parser.send(h11.Response(status_code=response.status, headers=headers)) or b""
        if body and request.method != "HEAD" and response.status not in _BODILESS:
            out += self._parser.send(h11.Data(data=body)) or b""
        return out + (self._parser.send(h11.EndOfMessage()) or b"")

    def _reset(self, request: Request, cut: ConnectionCut) -> None:
        if self._transport is None:
            return
        if cut.response is not None and cut.sent_bytes:
            whole = self._serialise(request, cut.response)
            head, mark, body = whole.partition(b"\r\n\r\n")
            self._transport.write(head + mark + body[: cut.sent_bytes])
        self._transport.abort()

    def _refuse(self, response: Response) -> None:
        if self._transport is None:
            return
        if self._parser.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            response.headers["Connection"] = "close"
            nobody = Request("GET", "", "", {}, {}, b"", self._client_ip, 0, self._scheme)
            self._transport.write(self._serialise(nobody, response))
        self.close()

    # --- ends

    def _wait_for_request(self) -> None:
        """Give the client the idle time; whatever of the next request has come already starts its own."""
        self._is_idle = not self._parser.trailing_data[0]
        if self._is_idle:
            self._restart_timer(self._patience.idle_s, self._end_idle)
        else:
            self._restart_timer(self._patience.head_s, self._refuse_slow)

    def _restart_timer(self, seconds: float, then: Callable[[], None]) -> None:
        self._stop_timer()
        self._timer = self._loop.call_later(seconds, then)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _end_idle(self) -> None:
        if self._is_choked:  # close() would wait for a client that does not read
            self.abort()
        self.close()

    def _refuse_slow(self) -> None:
        if self._is_choked:
            self.abort()
        self._refuse(bad_request(408, "The request took too long to arrive."))

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    def close(self) -> None:
        """Close after what was written has left."""
        if self._transport is not None:
            self._transport.close()
