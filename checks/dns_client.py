"""One question to one name server (RFC 1035, RFC 7766) by way of dnspython's messages over a probe's own sockets.

What does not answer this very question, garbage or another id, is counted and passed over.

Kept apart from `checks.dns` because importing dnspython takes some 60 ms; it is loaded when a first question is asked.
dnspython's own asynchronous queries are not used: their sockets are not connected, so a closed port would show as
silence and not as refused, and they do not count what they passed over.
"""

import asyncio
import socket
from dataclasses import dataclass
from typing import Literal

import dns.exception
import dns.message
import dns.rcode

from checks.wire import Wire, connected, datagrams, heard, resolve
from monitor.core.fault import ProbeFault
from monitor.core.finding import Phase, Reason
from monitor.ports import ProbeContext

_PAYLOAD = 1_232
"""EDNS buffer that passes unfragmented (DNS flag day 2020)."""
_DATAGRAM = 4_096
_PREFIX = 2


@dataclass(frozen=True, slots=True)
class Answer:
    """`rcode` as its mnemonic; `records` of the asked type at the end of any CNAMEs, in presentation form."""

    rcode: str
    records: tuple[str, ...] = ()
    ttl: int = 0
    truncated: bool = False


class Question:
    """One question with its random id. Raises ValueError for a name that is none."""

    def __init__(self, name: str, type_: str) -> None:
        try:
            self._query = dns.message.make_query(name, type_, use_edns=0, payload=_PAYLOAD)
            self.wire = self._query.to_wire()
        except dns.exception.DNSException as exc:
            raise ValueError(f"{name!r} is not a name in DNS") from exc

    def answer(self, wire: bytes) -> Answer | None:
        """The answer in these bytes; None for what does not answer this question: another id or name, or garbage."""
        try:
            response = dns.message.from_wire(wire, ignore_trailing=True, raise_on_truncation=True)
            return self._read(response) if self._query.is_response(response) else None
        except dns.message.Truncated as exc:
            cut: dns.message.Message = exc.message()  # type: ignore[no-untyped-call]
            return Answer("NOERROR", truncated=True) if self._query.is_response(cut) else None
        except (dns.exception.DNSException, ValueError):
            return None

    def _read(self, response: dns.message.Message) -> Answer:
        rcode = dns.rcode.to_text(response.rcode())
        if rcode != "NOERROR" or not isinstance(response, dns.message.QueryMessage):
            return Answer(rcode)
        chain = response.resolve_chaining()
        return Answer(rcode, tuple(item.to_text() for item in chain.answer or ()), chain.minimum_ttl)


async def ask(
    place: tuple[str, int], question: Question, transport: Literal["udp", "tcp"], context: ProbeContext, again: float
) -> Answer:
    """The server's answer; over UDP asked anew after `again` seconds, and over TCP where it does not fit.

    Waits for ever: the caller bounds it. Raises OSError, ProbeFault.
    """
    if transport == "udp":
        with context.phase(Phase.PROCESSING):
            answer = await _over_udp(place, question, context, again)
        if not answer.truncated:
            return answer
    async with connected(*place, context) as wire:
        with context.phase(Phase.PROCESSING):
            return await _over_tcp(wire, question)


async def _over_udp(place: tuple[str, int], question: Question, context: ProbeContext, again: float) -> Answer:
    """Asks a second time after `again` seconds: one datagram lost is no outage."""
    [address] = await resolve(*place, context)
    with datagrams(address) as sock:
        sock.send(question.wire)
        try:
            async with asyncio.timeout(again):
                return await _matching(sock, question, context)
        except TimeoutError:
            sock.send(question.wire)
            return await _matching(sock, question, context)


async def _matching(sock: socket.socket, question: Question, context: ProbeContext) -> Answer:
    ignored = 0
    while (answer := question.answer(await heard(sock, _DATAGRAM))) is None:
        ignored += 1
        context.facts["ignored"] = ignored
    return answer


async def _over_tcp(wire: Wire, question: Question) -> Answer:
    """RFC 7766 §8: two bytes of length before each message."""
    await wire.send(len(question.wire).to_bytes(_PREFIX) + question.wire)
    while len(wire.buffer) < _PREFIX or len(wire.buffer) < _PREFIX + int.from_bytes(wire.buffer[:_PREFIX]):
        if not await wire.fill():
            raise ProbeFault(Reason.RESET, "et helt svar", "forbindelsen lukket")
    end = _PREFIX + int.from_bytes(wire.buffer[:_PREFIX])
    answer = question.answer(bytes(wire.buffer[_PREFIX:end]))
    if answer is None or answer.truncated:
        raise ProbeFault(Reason.PROTOCOL, "svar på spørgsmålet", "noget andet")
    return answer
