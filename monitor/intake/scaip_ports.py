"""The ports devices reach us on by SIP: UDP, TCP and TLS (RFC 3261 §18.2).

A datagram costs what it costs and no more; a stream is bounded in what it may leave unfinished and for how long, and
one that misbehaves ends alone.
"""

import asyncio
import ssl
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from monitor.core import sip
from monitor.intake.scaip import Receiver, Source

log = structlog.get_logger(__name__)

STREAMS = 20_000
"""Streams at a time: a device may keep its own open between two heartbeats."""
OF_ONE_SOURCE = 2_000
UNFINISHED = 10.0
"""Seconds in which a message that has begun must be whole."""
IDLE = 26 * 3600.0
"""Seconds a stream may say nothing: a device that reports daily may keep it open."""
_BEHIND = 64 * 1024
"""What may wait to be sent to somebody who does not read his answers."""


class Datagrams(asyncio.DatagramProtocol):
    """UDP: a request a datagram, its answer back."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._out: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        """The port is open."""
        self._out = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """One request, from anybody."""
        reply = self._receiver.answer(data, Source(addr[0], addr[1]))
        if reply is not None and self._out is not None:
            self._out.sendto(reply.data, (reply.host, reply.port))

    def error_received(self, exc: Exception) -> None:
        """Somebody could not be answered: his port is closed, which is his loss alone."""


@dataclass(slots=True)
class Guests:
    """How many streams there are, and of whom."""

    count: int = 0
    of: "Counter[str]" = field(default_factory=Counter)

    def enter(self, host: str) -> bool:
        """True when there is room for one more of this source; then it is counted."""
        if self.count >= STREAMS or self.of[host] >= OF_ONE_SOURCE:
            return False
        self.count += 1
        self.of[host] += 1
        return True

    def leave(self, host: str) -> None:
        """One is gone."""
        self.count -= 1
        self.of[host] -= 1
        if not self.of[host]:
            del self.of[host]


class Stream(asyncio.Protocol):
    """One TCP or TLS connection."""

    def __init__(self, receiver: Receiver, guests: Guests, transport_name: str) -> None:
        self._receiver = receiver
        self._guests = guests
        self._name = transport_name
        self._source: Source | None = None
        self._wire: asyncio.Transport | None = None
        self._rest = bytearray()
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Somebody has connected."""
        peer = transport.get_extra_info("peername") or ("", 0)
        if not self._guests.enter(peer[0]):
            transport.abort()
            return
        self._wire, self._source = transport, Source(peer[0], peer[1], self._name)
        self._wait(UNFINISHED)

    def connection_lost(self, exc: Exception | None) -> None:
        """Somebody has gone."""
        if self._timer is not None:
            self._timer.cancel()
        if self._source is not None:
            self._guests.leave(self._source.host)

    def data_received(self, data: bytes) -> None:
        """Some bytes: none, one or several whole messages among them."""
        if self._wire is None or self._source is None:
            return
        self._rest += data
        try:
            while (size := sip.frame(self._rest)) is not None:
                message = bytes(self._rest[:size])
                del self._rest[:size]
                self._answer(message, self._source, self._wire)
        except sip.Malformed:
            # Where this message ends nobody knows, so nothing after it can be read either.
            self._wire.close()
            return
        self._wait(UNFINISHED if self._rest.strip(b"\r\n") else IDLE)

    def _answer(self, message: bytes, source: Source, wire: asyncio.Transport) -> None:
        reply = self._receiver.answer(message, source)
        if reply is not None:
            wire.write(reply.data)
        if wire.get_write_buffer_size() > _BEHIND:
            wire.abort()

    def _wait(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._wire is not None:
            self._timer = asyncio.get_running_loop().call_later(seconds, self._wire.abort)


@dataclass(frozen=True, slots=True)
class Port:
    """Where to listen: `transport` is udp, tcp or tls (which needs `certificate`)."""

    transport: str
    host: str
    port: int


async def listen(
    ports: tuple[Port, ...], receiver: Receiver, certificate: Callable[[], ssl.SSLContext]
) -> "list[asyncio.BaseTransport | asyncio.Server]":
    """Open the ports. Raises OSError, naming the port, for one that cannot be had; then none stays open."""
    guests = Guests()
    opened: list[asyncio.BaseTransport | asyncio.Server] = []
    for each in ports:
        try:
            opened.append(await _open(each, receiver, guests, certificate))
        except OSError as error:
            close(opened)
            raise OSError(f"{each.transport} {each.host}:{each.port}: {error.strerror or error}") from error
        log.info("scaip_listens", transport=each.transport, host=each.host, port=each.port)
    return opened


async def _open(
    place: Port, receiver: Receiver, guests: Guests, certificate: Callable[[], ssl.SSLContext]
) -> "asyncio.BaseTransport | asyncio.Server":
    loop = asyncio.get_running_loop()
    if place.transport == "udp":
        transport, _ = await loop.create_datagram_endpoint(
            lambda: Datagrams(receiver), local_addr=(place.host, place.port)
        )
        return transport
    name = place.transport.upper()
    context = certificate() if name == "TLS" else None
    return await loop.create_server(
        lambda: Stream(receiver, guests, name),
        place.host,
        place.port,
        ssl=context,
        ssl_handshake_timeout=UNFINISHED if context else None,
        backlog=512,
    )


def close(opened: "list[asyncio.BaseTransport | asyncio.Server]") -> None:
    """Listen no more."""
    for one in opened:
        one.close()
