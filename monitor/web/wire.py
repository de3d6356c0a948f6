"""How uvicorn is set: no word of what it is, bounded headers, nobody who waits without asking.

Context: uvicorn's httptools protocol, chosen for its speed, bounds neither a request's head nor how long it takes.
Choice: both are bounded here, in the protocol itself. Price: it is tied to uvicorn's own class for one.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD = 16 * 1024
HEAD_SECONDS = 10.0
CONNECTIONS = 512
_AROUND = 4
"""The colon, the blank and the line's end around each header."""
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


def options() -> dict[str, Any]:
    """What to give `uvicorn.Config` besides app, host and port."""
    return {
        "http": Wire,
        "ws": "none",
        "lifespan": "off",
        "interface": "asgi3",
        "access_log": False,
        "log_config": None,
        "server_header": False,
        "proxy_headers": False,
        "timeout_keep_alive": 10,
        "backlog": 512,
    }


class Wire(HttpToolsProtocol):
    """One connection. A head over HEAD bytes is refused (431), one not whole in HEAD_SECONDS ends the connection."""

    _taken = 0
    _reading = True
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Somebody has connected."""
        super().connection_made(transport)
        if len(self.connections) > CONNECTIONS:
            transport.close()
            return
        self._deadline = self.loop.call_later(HEAD_SECONDS, transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        """Somebody has gone."""
        self._stop()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes have come; a head that has not ended by HEAD bytes is not read further."""
        self._taken += len(data) if self._reading else 0
        super().data_received(data)
        if self._reading and self._taken > HEAD:
            self._refuse()

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._reading = True
        if self._deadline is None:
            self._deadline = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self._reading, self._taken = False, 0
        self._stop()
        size = len(self.url) + sum(len(name) + len(value) + _AROUND for name, value in self.headers)
        if size > HEAD:
            self._refuse()
            return
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Some of the body; of a request that was refused nothing is kept."""
        if not self.transport.is_closing():
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole."""
        if not self.transport.is_closing():
            super().on_message_complete()

    def _refuse(self) -> None:
        if not self.transport.is_closing():
            self.transport.write(_TOO_LARGE)
            self.transport.close()

    def _stop(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
