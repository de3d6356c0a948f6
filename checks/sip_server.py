"""SIP requests to us while a probe lasts: non-INVITE server transactions (RFC 3261 §17.2.2), and a port for them.

Each request is taken once; a repetition gets the bytes of its first answer again. What is held of strangers is bounded.
"""

import asyncio
import contextlib
import errno
import re
import secrets
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from checks.sip_client import framed
from checks.wire import Address, Wire
from monitor.core import sip
from monitor.core.fault import ProbeFault
from monitor.core.finding import Reason

Source = tuple[str, int]
_REMEMBERED: Final = 32
_GUESTS: Final = 8
"""Streams at a time to the port; more are turned away."""
_COPIED: Final = frozenset({"From", "Call-ID", "CSeq"})
_TAGGED: Final = re.compile(r";\s*tag\s*=", re.IGNORECASE)
_RPORT: Final = re.compile(r";\s*rport\s*=?\s*(?=;|$)", re.IGNORECASE)


@dataclass(slots=True)
class Server:
    """Answers MESSAGE: 200 where `take` makes something of its body, else 400; any other method 405."""

    take: Callable[[bytes], bool]
    _answers: dict[tuple[str, ...], bytes] = field(default_factory=dict)

    def answer(self, data: bytes, source: Source) -> tuple[bytes, Source] | None:
        """The answer and where it goes (§18.2.2); None for what is no request, and for ACK, which has no answer."""
        try:
            request = sip.parse(data)
            if not isinstance(request, sip.Request) or request.method == "ACK":
                return None
            via = sip.via(request)
            # Call-ID and CSeq tell requests apart where the branch does not (§17.2.3, RFC 2543).
            told = (via.param("branch"), request.first("Call-ID"), request.first("CSeq"))
            key = (via.host, str(via.port), *(one or "" for one in told))
            if key not in self._answers:
                self._remember(key, sip.serialise(self._first(request, source)))
        except ValueError:
            # Malformed, or so large that no answer within the bounds can copy what it must.
            return None
        return self._answers[key], source if via.param("rport") is not None else (source[0], via.port or 5060)

    def _remember(self, key: tuple[str, ...], answer: bytes) -> None:
        while len(self._answers) >= _REMEMBERED:
            del self._answers[next(iter(self._answers))]
        self._answers[key] = answer

    def _first(self, request: sip.Request, source: Source) -> sip.Response:
        if request.method != "MESSAGE":
            return _response(request, source, 405, "Method Not Allowed")
        if self.take(request.body):
            return _response(request, source, 200, "OK")
        return _response(request, source, 400, "Bad Request")


def _response(request: sip.Request, source: Source, status: int, phrase: str) -> sip.Response:
    """What a response copies of its request (§8.2.6.2), with the way back in its Via (§18.2.1, RFC 3581)."""
    first, *others = sip.values(request, "Via")
    way = f";received={source[0]}"
    first = _RPORT.sub(f";rport={source[1]}", first, count=1) + way
    to = request.first("To") or ""
    headers = [("Via", one) for one in (first, *others)]
    headers.append(("To", to if _TAGGED.search(to) else f"{to};tag={secrets.token_hex(8)}"))
    headers += [(name, value) for name, value in request.headers if name in _COPIED]
    headers.append(("Allow", "MESSAGE"))
    return sip.Response(status, phrase, headers=tuple(headers))


@dataclass(frozen=True, slots=True)
class Ears:
    """One port of ours over UDP and TCP, taken but not yet served."""

    udp: socket.socket
    tcp: socket.socket


@contextlib.contextmanager
def ears(host: str, port: int) -> Iterator[Ears]:
    """Take the port; nothing that comes from now on is lost. Raises ProbeFault INTERNAL when somebody has it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as udp, socket.socket(family, socket.SOCK_STREAM) as tcp:
        for sock in (udp, tcp):
            sock.setblocking(False)
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            udp.bind((host, port))
            tcp.bind((host, port))
        except OSError as exc:
            if exc.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
            raise ProbeFault(Reason.INTERNAL, f"port {port} til kvitteringer", "optaget på vores maskine") from exc
        tcp.listen(_GUESTS)
        yield Ears(udp, tcp)


async def serve(heard: Ears, server: Server) -> None:
    """Answer what comes to the port, until cancelled."""
    loop = asyncio.get_running_loop()
    guests: set[socket.socket] = set()
    try:
        async with asyncio.TaskGroup() as group:

            def arrive() -> None:
                wire = _accepted(heard.tcp, guests)
                if wire:
                    group.create_task(_guest(wire, server, guests))

            loop.add_reader(heard.udp, _datagram, heard.udp, server)
            loop.add_reader(heard.tcp, arrive)
            try:
                await loop.create_future()
            finally:
                loop.remove_reader(heard.udp)
                loop.remove_reader(heard.tcp)
    finally:
        # A task cancelled before its first step closes nothing.
        for sock in guests:
            sock.close()


def _datagram(udp: socket.socket, server: Server) -> None:
    # One at a time, then the loop turns: a flood must not outrun the probe's timeout.
    with contextlib.suppress(OSError):
        data, place = udp.recvfrom(65_535)
        found = server.answer(data, (place[0], place[1]))
        if found:
            udp.sendto(*found)


def _accepted(tcp: socket.socket, guests: set[socket.socket]) -> Wire | None:
    with contextlib.suppress(OSError):
        sock, place = tcp.accept()
        if len(guests) < _GUESTS:
            sock.setblocking(False)
            guests.add(sock)
            return Wire(sock, Address(sock.family, place))
        sock.close()
    return None


async def _guest(wire: Wire, server: Server, guests: set[socket.socket]) -> None:
    """One stream until its end. What it does wrong ends it alone."""
    source = (wire.peer.host, int(wire.peer.place[1]))
    with contextlib.closing(wire.sock), contextlib.suppress(OSError, ProbeFault):
        while True:
            found = server.answer(await framed(wire), source)
            if found:
                await wire.send(found[0])
    guests.discard(wire.sock)
