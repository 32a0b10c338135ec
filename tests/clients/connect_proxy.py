"""A CONNECT proxy that leads every name to one loopback port, for clients that insist on Salesforce hosts."""

from __future__ import annotations

import contextlib
import select
import socket
import socketserver
import threading
from collections.abc import Iterator

TIMEOUT_S = 30


class _Tunnel(socketserver.StreamRequestHandler):
    """One client connection: read the CONNECT, answer 200, copy both ways."""

    timeout = TIMEOUT_S

    def handle(self) -> None:
        words = self.rfile.readline().decode("latin-1").split()
        while self.rfile.readline().strip():
            pass
        server = self.server
        assert isinstance(server, ConnectProxy)
        if len(words) < 2 or words[0] != "CONNECT":
            server.refused.append(" ".join(words[:2]))
            self.wfile.write(b"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n")
            return
        server.names.append(words[1])
        with socket.create_connection(("127.0.0.1", server.target_port), TIMEOUT_S) as upstream:
            self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            _copy(self.connection, upstream)


def _copy(one: socket.socket, other: socket.socket) -> None:
    pairs = {one: other, other: one}
    with contextlib.suppress(OSError):
        while True:
            readable, _, _ = select.select(list(pairs), [], [], TIMEOUT_S)
            if not readable:
                return
            for side in readable:
                chunk = side.recv(65_536)
                if not chunk:
                    return
                pairs[side].sendall(chunk)


class ConnectProxy(socketserver.ThreadingTCPServer):
    """Remembers which `host:port` were asked for (`names`) and which requests were no CONNECT (`refused`)."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, target_port: int) -> None:
        super().__init__(("127.0.0.1", 0), _Tunnel)
        self.target_port = target_port
        self.names: list[str] = []
        self.refused: list[str] = []

    @property
    def url(self) -> str:
        """The proxy's address, as `HTTPS_PROXY` wants it."""
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextlib.contextmanager
def proxying(target_port: int) -> Iterator[ConnectProxy]:
    """Run a proxy in a thread."""
    with ConnectProxy(target_port) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield proxy
        finally:
            proxy.shutdown()
            thread.join(TIMEOUT_S)
