"""Ports that can be shut and opened again: TCP listeners and UDP sockets on the loopback.

A shut port refuses connections and stays ours: a second socket holds its number, so nobody else can take it meanwhile.
"""

import asyncio
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from typing import Protocol

HOST = "127.0.0.1"
_NOWHERE = (HOST, 1)


class Closable(Protocol):
    """What a door must be able to cut off when it shuts."""

    def abort(self) -> None:
        """Cut at once."""


Opener = Callable[[socket.socket], Awaitable[asyncio.Server]]
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def _bound(kind: socket.SocketKind, port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET, kind)
    bound.setblocking(False)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    if kind is socket.SOCK_STREAM:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((HOST, port))
    except OSError:
        bound.close()
        raise
    return bound


def free_for_both() -> int:
    """A port number free for TCP and UDP at once."""
    while True:
        with _bound(socket.SOCK_STREAM, 0) as stream:
            port: int = stream.getsockname()[1]
            try:
                _bound(socket.SOCK_DGRAM, port).close()
            except OSError:
                continue
            return port


def reset(writer: asyncio.StreamWriter) -> None:
    """End a connection so that the other side sees a reset, not an orderly end."""
    peer = writer.get_extra_info("socket")
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


class Door:
    """One TCP port. `opener` starts the server on a listening socket; `open` and `close` may be called in any order."""

    def __init__(self, opener: Opener, port: int = 0) -> None:
        self._opener = opener
        self._holder = _bound(socket.SOCK_STREAM, port)
        self._server: asyncio.Server | None = None
        self._inside: set[Closable] = set()
        self.port: int = self._holder.getsockname()[1]

    @property
    def address(self) -> str:
        """`127.0.0.1:port`."""
        return f"{HOST}:{self.port}"

    def enter(self, connection: Closable) -> None:
        """Count a connection in, so that shutting the door cuts it."""
        self._inside.add(connection)

    def leave(self, connection: Closable) -> None:
        """Count it out; harmless when it is not in."""
        self._inside.discard(connection)

    async def open(self) -> None:
        """Listen; nothing when the door is open already."""
        if self._server is not None:
            return
        listener = _bound(socket.SOCK_STREAM, self.port)
        listener.listen(1024)
        self._server = await self._opener(listener)

    async def close(self) -> None:
        """Refuse new connections and cut those inside."""
        if self._server is None:
            return
        self._server.close()
        self._server = None
        for connection in list(self._inside):
            connection.abort()
        self._inside.clear()

    async def release(self) -> None:
        """Close for good and give the port back."""
        await self.close()
        self._holder.close()


def stream_door(handler: Handler, port: int = 0, tls: Callable[[], ssl.SSLContext] | None = None) -> Door:
    """A door whose connections are handled by `handler`; each is closed when the handler returns or fails.

    `tls` is asked for a context each time the door opens.
    """
    door: Door

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        door.enter(writer.transport)
        try:
            await handler(reader, writer)
        except (ConnectionError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            writer.transport.abort()
        except asyncio.CancelledError:
            # The lab is ending. This is the connection's own task; asyncio 3.11 would log its cancellation as a fault.
            writer.transport.abort()
        finally:
            door.leave(writer.transport)
            writer.close()

    async def opener(listener: socket.socket) -> asyncio.Server:
        return await asyncio.start_server(connected, sock=listener, ssl=tls() if tls else None)

    door = Door(opener, port)
    return door


Datagram = Callable[[bytes, tuple[str, int]], bytes | None]


class UdpDoor(asyncio.DatagramProtocol):
    """One UDP port; `answer` gives the datagram to send back, or None for silence."""

    def __init__(self, answer: Datagram, port: int = 0) -> None:
        self._answer = answer
        self._first: socket.socket | None = _bound(socket.SOCK_DGRAM, port)
        self._holder: socket.socket | None = None
        self._transport: asyncio.DatagramTransport | None = None
        self._gone = asyncio.Event()
        self.port: int = self._first.getsockname()[1]

    @property
    def address(self) -> str:
        """`127.0.0.1:port`."""
        return f"{HOST}:{self.port}"

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer one datagram."""
        reply = self._answer(data, addr)
        if reply is not None:
            self.send(reply, addr)

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is closed now, not only about to be."""
        self._gone.set()

    def send(self, data: bytes, to: tuple[str, int]) -> None:
        """Send from this port; nothing when it is shut."""
        if self._transport is not None:
            self._transport.sendto(data, to)

    async def open(self) -> None:
        """Receive; nothing when the door is open already."""
        if self._transport is not None:
            return
        bound = self._first or _bound(socket.SOCK_DGRAM, self.port)
        self._first = None
        self._gone.clear()
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, sock=bound)
        self._let_go()

    async def close(self) -> None:
        """Refuse datagrams (ICMP port unreachable)."""
        if self._transport is None:
            return
        # A socket connected elsewhere keeps the number without taking anybody's datagrams.
        self._holder = _bound(socket.SOCK_DGRAM, self.port)
        self._holder.connect(_NOWHERE)
        self._transport.abort()
        self._transport = None
        await self._gone.wait()

    async def release(self) -> None:
        """Close for good and give the port back."""
        await self.close()
        self._let_go()
        if self._first is not None:
            self._first.close()

    def _let_go(self) -> None:
        if self._holder is not None:
            self._holder.close()
            self._holder = None
