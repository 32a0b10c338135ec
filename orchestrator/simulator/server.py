"""The loopback server: listens on 127.0.0.1 and gives each connection to an `HttpConnection`."""

from __future__ import annotations

import asyncio
import ssl

from orchestrator.simulator.connection import Answerer, HttpConnection, Patience

_GOODBYE_S = 0.5
_GLANCE_S = 0.01


class LoopbackServer:
    """Serves an answerer on 127.0.0.1."""

    def __init__(
        self, answer: Answerer, *, tls: ssl.SSLContext | None = None, patience: Patience | None = None
    ) -> None:
        self._answer = answer
        self._patience = patience or Patience()
        self._tls = tls
        self._connections: set[HttpConnection] = set()
        self._server: asyncio.Server | None = None

    async def start(self, port: int = 0) -> int:
        """Bind and listen; return the port.

        Raises:
            OSError: the port is taken.
        """
        scheme = "https" if self._tls else "http"
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: HttpConnection(self._answer, scheme, self._connections, self._patience),
            "127.0.0.1",
            port,
            ssl=self._tls,
            ssl_handshake_timeout=self._patience.handshake_s if self._tls else None,
            backlog=1024,
            reuse_address=True,
        )
        bound: int = self._server.sockets[0].getsockname()[1]
        return bound

    async def stop(self) -> None:
        """Stop listening, let what is open close properly, cut what does not within half a second."""
        if self._server is None:
            return
        self._server.close()
        for connection in list(self._connections):
            connection.close()
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + _GOODBYE_S
        while self._connections and loop.time() < deadline_s:  # noqa: ASYNC110 - at shutdown only
            await asyncio.sleep(_GLANCE_S)
        for connection in list(self._connections):
            connection.abort()
        await asyncio.sleep(0)
        await self._server.wait_closed()
