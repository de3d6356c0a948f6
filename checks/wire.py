"""One connection as a probe sees it: name, address, TLS, bytes; for `tls`, `tcp`, `dns`, `sip` and `ping`.

Nothing is buffered beyond the wire's limit, every wait hands the loop back, and the socket is closed however it ends.

TLS runs over memory buffers and not in asyncio's own transport. Context: the probe must speak plainly first and
TLS later (STARTTLS), must look at the server's whole chain, and must let go of the socket at once when its time is
up; asyncio's transport waits up to 30 s for the other side's goodbye. Price: these lines.
"""

import asyncio
import errno
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

from monitor.core.fault import ProbeFault
from monitor.core.finding import Phase, Reason
from monitor.ports import ProbeContext

LIMIT = 16_384
"""Bytes a peer may have us hold unread."""
_CHUNK = 4_096
_ADDRESSES = 4
_NOT_HERE = frozenset({errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})


@dataclass(frozen=True, slots=True)
class Address:
    """One place to connect to: `place` is what the socket takes (host, port, and flow and scope for IPv6)."""

    family: socket.AddressFamily
    place: tuple[str | int, ...]

    @property
    def host(self) -> str:
        """The numeric address."""
        return str(self.place[0])


def budget(timeout: float) -> float:
    """Seconds a probe allows itself of its timeout, so that it ends first and can tell what it saw."""
    return timeout - min(0.25, timeout * 0.1)


async def resolve(host: str, port: int, context: ProbeContext) -> list[Address]:
    """At most four addresses of a host, in the system's order of preference.

    Raises socket.gaierror, and ProbeFault RESOLVER when no answer comes: that is our own side's silence.
    """
    try:
        numeric = ipaddress.ip_address(host)
    except ValueError:
        return await _look_up(host, port, context)
    family = socket.AF_INET if isinstance(numeric, ipaddress.IPv4Address) else socket.AF_INET6
    return [Address(family, (host, port))]


async def _look_up(host: str, port: int, context: ProbeContext) -> list[Address]:
    with context.phase(Phase.RESOLVE):
        try:
            async with asyncio.timeout(budget(context.timeout)):
                loop = asyncio.get_running_loop()
                found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except TimeoutError as exc:
            raise ProbeFault(Reason.RESOLVER, "navneopslag", "navneserveren svarer ikke") from exc
        except UnicodeError as exc:
            raise socket.gaierror(socket.EAI_NONAME, "not a host name") from exc
    return [Address(family, (str(place[0]), *place[1:])) for family, *_, place in found[:_ADDRESSES]]


@contextmanager
def datagrams(address: Address, protocol: int = 0) -> Iterator[socket.socket]:
    """A non-blocking datagram socket that the kernel lets hear this address only. Raises OSError."""
    with socket.socket(address.family, socket.SOCK_DGRAM, protocol) as sock:
        sock.setblocking(False)
        sock.connect(address.place)
        yield sock


async def heard(sock: socket.socket, limit: int = 65_535) -> bytes:
    """The next datagram, cut at `limit`. Hands the loop back each time: a flood must not outrun the probe's timeout."""
    await asyncio.sleep(0)
    return await asyncio.get_running_loop().sock_recv(sock, limit)


@dataclass(slots=True)
class Wire:
    """A connected stream, plain until `start_tls`. `buffer` holds what has come and is not yet taken."""

    sock: socket.socket
    peer: Address
    limit: int = LIMIT
    buffer: bytearray = field(default_factory=bytearray)
    tls: ssl.SSLObject | None = None
    _incoming: ssl.MemoryBIO = field(default_factory=ssl.MemoryBIO)
    _outgoing: ssl.MemoryBIO = field(default_factory=ssl.MemoryBIO)

    async def send(self, data: bytes) -> None:
        """Hand over all of `data`. Raises OSError, ssl.SSLError."""
        if self.tls is None:
            await asyncio.get_running_loop().sock_sendall(self.sock, data)
            return
        self.tls.write(data)
        await self._flush()

    async def fill(self) -> bool:
        """Wait for more in `buffer`; False when the peer has ended. Raises ProbeFault TOO_LARGE beyond the limit."""
        if len(self.buffer) >= self.limit:
            raise ProbeFault(Reason.TOO_LARGE, f"svar under {self.limit} byte", f"over {self.limit} byte")
        chunk = await self._pull() if self.tls is None else await self._decrypt(self.tls)
        self.buffer += chunk
        return bool(chunk)

    async def line(self) -> bytes:
        """The next line without its end. Raises ProbeFault TOO_LARGE, and RESET when the peer ends before it."""
        while (end := self.buffer.find(b"\n")) < 0:
            if not await self.fill():
                raise ProbeFault(Reason.RESET, "en hel linje", "forbindelsen lukket")
        taken = bytes(self.buffer[:end]).rstrip(b"\r")
        del self.buffer[: end + 1]
        return taken

    async def start_tls(self, trust: ssl.SSLContext, server_name: str) -> ssl.SSLObject:
        """Shake hands. Raises ssl.SSLError; ProbeFault when the peer spoke before TLS began (CVE-2011-0411)."""
        if self.buffer:
            raise ProbeFault(Reason.PROTOCOL, "intet før TLS", "ukrypteret tekst før TLS")
        tls = trust.wrap_bio(self._incoming, self._outgoing, server_hostname=server_name)
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                await self._more()
            except ssl.SSLError:
                await self._flush()
                raise
        await self._flush()
        self.tls = tls
        return tls

    async def _decrypt(self, tls: ssl.SSLObject) -> bytes:
        while True:
            try:
                return tls.read(_CHUNK)
            except ssl.SSLWantReadError:
                await self._more()
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return b""

    async def _more(self) -> None:
        await self._flush()
        if chunk := await self._pull():
            self._incoming.write(chunk)
        else:
            self._incoming.write_eof()

    async def _flush(self) -> None:
        if waiting := self._outgoing.read():
            await asyncio.get_running_loop().sock_sendall(self.sock, waiting)

    async def _pull(self) -> bytes:
        # The loop's own sock_recv does not yield when bytes are there: an endless sender would starve all others.
        await asyncio.sleep(0)
        return await asyncio.get_running_loop().sock_recv(self.sock, _CHUNK)


@asynccontextmanager
async def connected(host: str, port: int, context: ProbeContext) -> AsyncIterator[Wire]:
    """A stream to the first of the host's addresses that takes one; the time is shared among them. Raises OSError."""
    addresses = await resolve(host, port, context)
    with context.phase(Phase.CONNECT):
        sock, address = await _first(addresses, budget(context.timeout) / len(addresses))
    with sock:
        context.facts["address"] = address.host
        yield Wire(sock, address)


async def _first(addresses: list[Address], share: float) -> tuple[socket.socket, Address]:
    failures: list[OSError] = []
    for address in addresses:
        try:
            async with asyncio.timeout(share):
                return await _connect(address), address
        except OSError as exc:
            failures.append(exc)
    # A host with IPv6 beside IPv4 gives "no route" where we have no IPv6: what the other address said counts.
    raise next((exc for exc in failures if exc.errno not in _NOT_HERE), failures[0])


async def _connect(address: Address) -> socket.socket:
    sock = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, address.place)
    except BaseException:
        sock.close()
        raise
    return sock
