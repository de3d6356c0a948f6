"""How uvicorn is set: no word of what it is, bounded headers, nobody who waits without asking.

Context: uvicorn's httptools protocol, chosen for its speed, bounds neither a request's head nor how long it takes.
Choice: both are bounded here, in the protocol itself. Price: it is tied to uvicorn's own class for one.

Context: devices send one small heartbeat each, tens of thousands a second. Choice: what `Quick` answers from head and
small body alone is answered here, without a task and an ASGI cycle for each. Price: a second way in, which must refuse
what the first one refuses; whatever is unusual about a request (a long body, one that is still coming when another is
under way) takes the ordinary way.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from monitor.web.answer import Quick

HEAD = 16 * 1024
HEAD_SECONDS = 10.0
CONNECTIONS = 512
KEPT_SECONDS = 75.0
"""How long a connection that has sent heartbeats is kept for the next one."""
SMALL = 4096
_AROUND = 4
"""The colon, the blank and the line's end around each header."""
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


def options(prefix: bytes = b"", quick: Quick | None = None) -> dict[str, Any]:
    """What to give `uvicorn.Config` besides app, host and port. POSTs below `prefix` are offered to `quick`."""
    protocol = type("Wire", (Wire,), {"prefix": prefix, "quick": staticmethod(quick)}) if quick else Wire
    return {
        "http": protocol,
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

    prefix = b""
    quick: Quick | None = None
    _taken = 0
    _reading = True
    _small: bytearray | None = None
    """The body so far of a request that is answered here; None while there is none."""
    _seen = 0.0
    _deadline: asyncio.TimerHandle | None = None
    _idle: asyncio.TimerHandle | None = None

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
        if self._idle is not None:
            self._idle.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes have come; a head that has not ended by HEAD bytes is not read further."""
        self._taken += len(data) if self._reading else 0
        super().data_received(data)
        if self._reading and self._taken > HEAD:
            self._refuse()
        elif self._deadline is None and (self._small is not None or (self._reading and self._taken)):
            self._deadline = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def on_message_begin(self) -> None:
        """A request begins; most are whole in what has come, so a clock is set only for those that are not."""
        super().on_message_begin()
        self._reading, self._taken = True, self._taken or 1

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self._reading, self._taken = False, 0
        self._stop()
        size = len(self.url) + sum(len(name) + len(value) + _AROUND for name, value in self.headers)
        if size > HEAD:
            self._refuse()
        elif self.quick is not None and self.url.startswith(self.prefix) and self._is_small():
            self._small = bytearray()
        else:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Some of the body; of a request that was refused nothing is kept."""
        if self._small is not None:
            self._small += body
        elif not self.transport.is_closing():
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole."""
        if self.transport.is_closing():
            return
        if self._small is None:
            super().on_message_complete()
            return
        body, self._small = bytes(self._small), None
        self._stop()
        answer = self.quick(self.url, self.headers, body, self.client[0] if self.client else "") if self.quick else None
        if answer is None:
            self._ordinary(body)
            return
        self.transport.write(answer)
        if not self.parser.should_keep_alive() or answer.startswith(b"HTTP/1.1 429"):
            self.transport.close()
        elif self._idle is None:
            self._idle = self.loop.call_later(KEPT_SECONDS, self._look)
        self._seen = self.loop.time()

    def _is_small(self) -> bool:
        """Whether it is whole within SMALL bytes and nothing is under way before it on this connection."""
        if self.parser.get_method() != b"POST" or self._busy():
            return False
        size = b"0"
        for name, value in self.headers:
            if name == b"content-length":
                size = value
            elif name in (b"transfer-encoding", b"expect", b"content-encoding"):
                return False
        return size.isdigit() and len(size) <= 4 and int(size) <= SMALL

    def _busy(self) -> bool:
        """Whether an ordinary request is being answered; uvicorn's `cycle` is None before the first."""
        cycle: Any = self.cycle
        return cycle is not None and not cycle.response_complete

    def _ordinary(self, body: bytes) -> None:
        super().on_headers_complete()
        if body:
            super().on_body(body)
        super().on_message_complete()

    def _look(self) -> None:
        """One timer for many heartbeats: it ends a connection on which nothing has come for a while."""
        left = self._seen + KEPT_SECONDS - self.loop.time()
        if left > 0 or self._busy():
            self._idle = self.loop.call_later(max(left, 1.0), self._look)
        else:
            self.transport.close()

    def _refuse(self) -> None:
        if not self.transport.is_closing():
            self.transport.write(_TOO_LARGE)
            self.transport.close()

    def _stop(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
