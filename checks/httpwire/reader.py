"""Reads one HTTP/1.x answer from a connection (RFC 9112) and notes when its first and last byte came.

Nothing is taken in beyond the limits, and what comes after the answer's end, a second answer too, is dropped.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from checks.httpwire.limits import Limits, garbled, too_large
from monitor.core.finding import Phase

_OK: Final = 200
_SWITCHING: Final = 101
_VERSIONS: Final = ("1.0", "1.1")


def add(phases: dict[str, float], phase: Phase, seconds: float) -> None:
    """Add to a phase's time and make it the last one reached."""
    phases[phase] = phases.pop(phase, 0.0) + seconds


class Reader(asyncio.Protocol):
    """One answer. `done` is set when it is whole, or holds the exception that ended it.

    `sent`, `first` and `ended` are clock readings in seconds; each stays 0 until it happened.
    """

    def __init__(self, request: bytes, head_only: bool, limits: Limits, clock: Callable[[], float]) -> None:
        self.request, self.head_only, self.limits, self.clock = request, head_only, limits, clock
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.sent = self.first = self.ended = 0.0
        self.status = 0
        self.version = ""
        self.headers: list[tuple[bytes, bytes]] = []
        self.chunks: list[bytes] = []
        self._taken = self._head = self._size = self._interim = 0
        self._in_body = self._framed = self._whole = False
        self._parser = HttpResponseParser(self)
        # RFC 9112 section 2.2 lets a recipient take a bare LF for a line's end; old appliances send it.
        self._parser.set_dangerous_leniencies(lenient_optional_cr_before_lf=True)

    def send(self, transport: asyncio.WriteTransport) -> None:
        """Write the request; the answer's time counts from here."""
        self.sent = self.clock()
        transport.write(self.request)

    def close(self, phases: dict[str, float]) -> None:
        """Add the time waited for the first byte and for the rest to `phases`, and let go of the parser.

        The parser and this reader hold each other: left so, each probe would be the garbage collector's work.
        """
        if self.sent:
            ended = self.ended or self.clock()
            first = self.first or ended
            add(phases, Phase.PROCESSING, first - self.sent)
            if self.first:
                add(phases, Phase.TRANSFER, ended - first)
        if not self.done.cancel():
            self.done.exception()
        del self._parser

    def data_received(self, data: bytes) -> None:
        """Feed the parser; a fault on the way ends the exchange."""
        if self.done.done():
            return
        if not self.first:
            self.first = self.clock()
        self._taken += len(data)
        try:
            self._parser.feed_data(data)
            self._bound()
        except HttpParserUpgrade:
            self._finish()
        except HttpParserError as exc:
            if not self._whole:
                self._fail(exc.__context__ or garbled(str(exc)))
        except Exception as exc:
            self._fail(exc)

    def connection_lost(self, exc: Exception | None) -> None:
        """The end of a body without a length is the connection's end (RFC 9112 section 6.3); else it is cut short."""
        if self._in_body and not self._framed and exc is None:
            self._finish()
        elif not self.first:
            self._fail(exc or EOFError())
        else:
            self._fail(exc or garbled("afkortet svar"))

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header line, or a trailer's, which is counted and dropped."""
        if self._whole:
            return
        self._head += len(name) + len(value)
        if self._in_body:
            return
        name = name.lower()
        if name in (b"content-length", b"transfer-encoding"):
            self._framed = name == b"content-length" or value.lower().endswith(b"chunked")
        self.headers.append((name, value))
        if len(self.headers) > self.limits.headers:
            raise too_large("headerlinjer", self.limits.headers)

    def on_headers_complete(self) -> None:
        """The status is known; an interim answer is forgotten again."""
        if self._whole:
            return
        self.status, self.version = self._parser.get_status_code(), self._parser.get_http_version()
        if self.version not in _VERSIONS:
            raise garbled(f"HTTP/{self.version}")
        if self._head > self.limits.head:
            raise too_large("header", self.limits.head)
        if self.status < _OK and self.status != _SWITCHING:
            return
        self._in_body = True
        if self.head_only:
            self._finish()

    def on_body(self, body: bytes) -> None:
        """A piece of the body, still encoded."""
        if self._whole:
            return
        self._size += len(body)
        if self._size > self.limits.body:
            raise too_large("bytes", self.limits.body)
        self.chunks.append(body)

    def on_message_complete(self) -> None:
        """The answer's own framing says it is whole; an interim one makes room for the next."""
        if self._whole or self._in_body:
            self._finish()
            return
        self._interim += 1
        self.headers.clear()
        self._framed = False
        if self._interim > self.limits.interim:
            raise garbled("svar 1xx uden ende")

    def _bound(self) -> None:
        """What the callbacks do not see: a header line or a chunk extension without an end."""
        if not self._in_body and self._taken > 2 * self.limits.head:
            raise too_large("header", self.limits.head)
        if self._taken > self.limits.wire:
            raise too_large("bytes", self.limits.wire)

    def _finish(self) -> None:
        self._whole = True
        self._end(None)

    def _fail(self, exc: BaseException) -> None:
        self._end(exc)

    def _end(self, exc: BaseException | None) -> None:
        if self.done.done():
            return
        self.ended = self.clock()
        if exc is None:
            self.done.set_result(None)
        else:
            self.done.set_exception(exc)
