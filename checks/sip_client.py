"""One SIP request and its final answer: a non-INVITE client transaction (RFC 3261 §17.1.2) over UDP, TCP or TLS.

Only an answer to this very request counts; all else that comes is counted and passed over.
"""

import asyncio
import secrets
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from checks.trust import StartTls, secure, trusting
from checks.wire import Wire, connected, datagrams, heard, resolve
from monitor.core import sip
from monitor.core.fault import ProbeFault
from monitor.core.finding import Phase, Reason
from monitor.ports import ProbeContext

_T1: Final = 0.5
_T2: Final = 4.0
_FINAL: Final = 200


class Transport(StrEnum):
    """How the messages travel."""

    UDP = "udp"
    TCP = "tcp"
    TLS = "tls"


@dataclass(frozen=True, slots=True)
class Peer:
    """Where a request goes."""

    host: str
    port: int
    transport: Transport
    server_name: str | None = None
    ca_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """What is asked; the transaction adds Via, From's tag, Call-ID and CSeq."""

    method: str
    uri: str
    caller: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


async def transact(peer: Peer, draft: Draft, context: ProbeContext) -> tuple[sip.Response, float]:
    """The final answer, and the seconds from the first request to it.

    Waits for ever: the caller bounds it. Raises OSError, ssl.SSLError, ProbeFault.
    """
    over = _over_udp if peer.transport is Transport.UDP else _over_stream
    return await over(peer, draft, context)


async def _over_udp(peer: Peer, draft: Draft, context: ProbeContext) -> tuple[sip.Response, float]:
    """Repeats after T1, 2 T1, … at most T2 (Timer E), every T2 once a provisional answer came."""
    [address, *_] = await resolve(peer.host, peer.port, context)
    with datagrams(address) as sock, context.phase(Phase.PROCESSING):
        asked = _Asked(draft, peer.transport, sock, context)
        interval, sent = _T1, 0
        while True:
            await asyncio.get_running_loop().sock_sendall(sock, asked.request)
            context.facts["sent"] = sent = sent + 1
            try:
                async with asyncio.timeout(interval):
                    return await asked.final(lambda: heard(sock)), asked.took()
            except TimeoutError:
                interval = _T2 if asked.proceeding else min(2 * interval, _T2)


async def _over_stream(peer: Peer, draft: Draft, context: ProbeContext) -> tuple[sip.Response, float]:
    async with connected(peer.host, peer.port, context) as wire:
        if peer.transport is Transport.TLS:
            await secure(wire, trusting(peer.ca_file), peer.server_name or peer.host, StartTls.NONE, context)
        with context.phase(Phase.PROCESSING):
            asked = _Asked(draft, peer.transport, wire.sock, context)
            await wire.send(asked.request)
            return await asked.final(lambda: _framed(wire)), asked.took()


async def _framed(wire: Wire) -> bytes:
    """The next message of a stream; one that cannot be framed ends it: nothing after it can be trusted."""
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

    def __init__(self, draft: Draft, transport: Transport, sock: socket.socket, context: ProbeContext) -> None:
        self._context, self._began = context, context.monotonic()
        self._branch = "z9hG4bK" + secrets.token_hex(12)
        self._sequence = sip.CSeq(1, draft.method)
        host, port = sock.getsockname()[:2]
        headers = (
            ("Via", f"SIP/2.0/{transport.upper()} {bracketed(host)}:{port};branch={self._branch};rport"),
            ("Max-Forwards", "70"),
            ("From", f"<{draft.caller}>;tag={secrets.token_hex(8)}"),
            ("To", f"<{draft.uri}>"),
            ("Call-ID", secrets.token_hex(16)),
            ("CSeq", f"1 {draft.method}"),
            ("User-Agent", "Omsorgsvagt"),
            *draft.headers,
        )
        self.request = sip.serialise(sip.Request(draft.method, draft.uri, headers=headers, body=draft.body))
        self.proceeding = False

    def took(self) -> float:
        """Seconds since the first request."""
        return self._context.monotonic() - self._began

    async def final(self, receive: Callable[[], Awaitable[bytes]]) -> sip.Response:
        """The final answer among whatever comes."""
        ignored = 0
        while True:
            answer = self._ours(await receive())
            if answer is None:
                ignored += 1
                self._context.facts["ignored"] = ignored
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


def bracketed(host: str) -> str:
    """A host as it stands in a URI or a Via."""
    return f"[{host}]" if ":" in host else host
