"""SIP requests and their final answers: non-INVITE client transactions (RFC 3261 §17.1.2) over UDP, TCP or TLS.

Only an answer to this very request counts; all else that comes is handed to whoever asked, or counted and passed over.
"""

import asyncio
import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from checks.sip_peer import Peer, Transport, bracketed
from checks.trust import StartTls, secure, trusting
from checks.wire import Wire, connected, datagrams, heard, resolve
from monitor.core import sip
from monitor.core.fault import ProbeFault
from monitor.core.finding import Phase, Reason
from monitor.ports import ProbeContext

_T1: Final = 0.5
_T2: Final = 4.0
_TIMER_F: Final = 64 * _T1
_FINAL: Final = 200
_MOST_BY_UDP: Final = 1_300
"""Bytes beyond which a request must go by a stream (§18.1.1)."""

Aside = Callable[[bytes], Awaitable[None]]
"""Told of each message that is no answer to the request; what it raises ends the asking."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What is asked; the transaction adds Via and its branch. `number`, `call` and `tag` stay ours over a retry."""

    method: str
    uri: str
    caller: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    number: int = 1
    call: str = field(default_factory=lambda: secrets.token_hex(16))
    tag: str = field(default_factory=lambda: secrets.token_hex(8))


@dataclass(frozen=True, slots=True)
class Line:
    """Where one peer's messages come from and go to: a connected datagram socket, or a stream (`wire`)."""

    transport: Transport
    sock: socket.socket
    wire: Wire | None = None

    @property
    def ours(self) -> tuple[str, int]:
        """Our own address and port."""
        host, port = self.sock.getsockname()[:2]
        return str(host), int(port)

    @property
    def theirs(self) -> tuple[str, int]:
        """The peer's address and port."""
        host, port = self.sock.getpeername()[:2]
        return str(host), int(port)

    async def send(self, message: bytes) -> None:
        """Hand over one whole message. Raises OSError, ssl.SSLError."""
        if self.wire is None:
            await asyncio.get_running_loop().sock_sendall(self.sock, message)
        else:
            await self.wire.send(message)

    async def hear(self) -> bytes:
        """The next message, whole but not yet read. Raises OSError, ssl.SSLError, ProbeFault."""
        return await heard(self.sock) if self.wire is None else await framed(self.wire)


@asynccontextmanager
async def opened(peer: Peer, context: ProbeContext) -> AsyncIterator[Line]:
    """A line to the peer, closed however it ends. Raises OSError, ssl.SSLError, ProbeFault."""
    if peer.transport is Transport.UDP:
        [address, *_] = await resolve(peer.host, peer.port, context)
        with datagrams(address) as sock:
            yield Line(peer.transport, sock)
        return
    async with connected(peer.host, peer.port, context) as wire:
        if peer.transport is Transport.TLS:
            await secure(wire, trusting(peer.ca_file), peer.server_name or peer.host, StartTls.NONE, context)
        yield Line(peer.transport, wire.sock, wire)


async def transact(peer: Peer, draft: Draft, context: ProbeContext) -> tuple[sip.Response, float]:
    """The final answer, and the seconds from the first request to it. Raises what `opened` and `ask` raise."""
    ignored = 0

    async def passed_over(_message: bytes) -> None:
        nonlocal ignored
        context.facts["ignored"] = ignored = ignored + 1

    async with opened(peer, context) as line:
        with context.phase(Phase.PROCESSING):
            began = context.monotonic()
            return await ask(line, draft, context, passed_over), context.monotonic() - began


async def ask(line: Line, draft: Draft, context: ProbeContext, aside: Aside) -> sip.Response:
    """The final answer. Raises TimeoutError after 32 s (Timer F), OSError, ssl.SSLError, ProbeFault.

    Over UDP repeats after T1, 2 T1, … at most T2 (Timer E), every T2 once a provisional answer came.
    """
    asked = _Asked(draft, line)
    by_udp, left = line.transport is Transport.UDP, _TIMER_F
    if by_udp and len(asked.request) > _MOST_BY_UDP:
        raise ProbeFault(Reason.INTERNAL, f"under {_MOST_BY_UDP} byte over UDP", f"{len(asked.request)} byte")
    interval, sent = _T1 if by_udp else _TIMER_F, 0
    while left > 0:
        await line.send(asked.request)
        if by_udp:
            context.facts["sent"] = sent = sent + 1
        limit = asyncio.timeout(interval)
        try:
            async with limit:
                return await asked.final(line.hear, aside)
        except TimeoutError:
            if not limit.expired():
                raise
        left -= interval
        interval = min(left, _T2 if asked.proceeding else min(2 * interval, _T2))
    raise TimeoutError("Timer F")


async def framed(wire: Wire) -> bytes:
    """The next message of a stream; one that cannot be framed ends it: nothing after it can be trusted.

    Hands the loop back each time: many small messages come in one piece, and must not outrun the probe's timeout.
    """
    await asyncio.sleep(0)
    try:
        while (end := sip.frame(wire.buffer)) is None:
            if not await wire.fill():
                raise ProbeFault(Reason.RESET, "SIP-svar", "forbindelsen lukket")
    except sip.Malformed as exc:
        raise ProbeFault(Reason.PROTOCOL, "SIP-svar", "noget andet end SIP") from exc
    message = bytes(wire.buffer[:end])
    del wire.buffer[:end]
    return message


class _Asked:
    """One request as sent, and what belongs to it: an answer must carry its branch and its CSeq (§17.1.3)."""

    def __init__(self, draft: Draft, line: Line) -> None:
        self._branch = "z9hG4bK" + secrets.token_hex(12)
        self._sequence = sip.CSeq(draft.number, draft.method)
        host, port = line.ours
        headers = (
            ("Via", f"SIP/2.0/{line.transport.upper()} {bracketed(host)}:{port};branch={self._branch};rport"),
            ("Max-Forwards", "70"),
            ("From", f"<{draft.caller}>;tag={draft.tag}"),
            ("To", f"<{draft.uri}>"),
            ("Call-ID", draft.call),
            ("CSeq", f"{draft.number} {draft.method}"),
            ("User-Agent", "Omsorgsvagt"),
            *draft.headers,
        )
        self.request = sip.serialise(sip.Request(draft.method, draft.uri, headers=headers, body=draft.body))
        self.proceeding = False

    async def final(self, hear: Callable[[], Awaitable[bytes]], aside: Aside) -> sip.Response:
        """The final answer among whatever comes."""
        while True:
            message = await hear()
            answer = self._ours(message)
            if answer is None:
                await aside(message)
            elif answer.status >= _FINAL:
                return answer
            else:
                self.proceeding = True

    def _ours(self, data: bytes) -> sip.Response | None:
        try:
            message = sip.parse(data)
        except sip.Malformed:
            return None
        if not isinstance(message, sip.Response) or sip.cseq(message) != self._sequence:
            return None
        # More than one Via: misrouted or corrupt (§8.1.3.3).
        alone = len(sip.values(message, "Via")) == 1
        return message if alone and sip.via(message).param("branch") == self._branch else None
