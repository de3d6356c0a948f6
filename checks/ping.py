"""Check kind `ping`: ICMP echo (RFC 792, RFC 4443) without privileges, over the kernel's ping sockets.

Where the kernel does not let our group open one, nothing is known of the target: the finding is UNKNOWN.
"""

import asyncio
import secrets
import socket
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

import structlog
from pydantic import Field

from checks.trust import Host
from checks.wire import Address, budget, datagrams, heard, resolve
from monitor.core.fault import ProbeFault
from monitor.core.finding import Held, Miss, Outcome, Phase, Reason, Verdict
from monitor.plan.settings import CheckSettings, Seconds
from monitor.ports import ProbeContext

_LOG = structlog.get_logger(__name__)
_SYSCTL = "net.ipv4.ping_group_range"
"""It governs IPv6 as well."""
_HEADER = 8
_PACKET = 256
_ECHO = {socket.AF_INET: (8, 0, socket.IPPROTO_ICMP), socket.AF_INET6: (128, 129, socket.IPPROTO_ICMPV6)}
"""By family: the type of a request, the type of a reply, the protocol."""


class Settings(CheckSettings):
    """`count` requests, `interval` seconds apart; `loss` is the share of them, in per cent, that may go unanswered."""

    kind: Literal["ping"]
    host: Host
    count: Annotated[int, Field(ge=1, le=20)] = 3
    interval: Annotated[Seconds, Field(ge=0.01, le=5)] = 0.2
    loss: Annotated[float, Field(ge=0, lt=100)] = 0.0
    degraded_over: Seconds | None = None


@dataclass(frozen=True, slots=True)
class Echoes:
    """How many were sent, and the round trips (seconds) of those that came back."""

    sent: int
    trips: tuple[float, ...] = ()

    @property
    def lost(self) -> float:
        """Per cent without an answer."""
        return 100.0 * (self.sent - len(self.trips)) / self.sent


async def probe(settings: Settings, context: ProbeContext) -> Echoes:
    """Send and listen until all are back or the time is up. Raises OSError, ProbeFault INTERNAL when not allowed."""
    [address, *_] = await resolve(settings.host, 0, context)
    began = context.monotonic()
    flight = _Flight(context, address.family)
    _must_be_allowed(address, context)
    with datagrams(address, _ECHO[address.family][2]) as sock, context.phase(Phase.PROCESSING):
        try:
            async with asyncio.timeout(budget(settings.timeout)), asyncio.TaskGroup() as both:
                both.create_task(flight.send(sock, settings))
                both.create_task(flight.listen(sock, settings.count))
        except TimeoutError:
            context.facts["waited"] = context.monotonic() - began
    echoes = Echoes(settings.count, tuple(flight.trips.values()))
    context.facts.update(address=address.host, sent=echoes.sent, received=len(echoes.trips))
    if echoes.trips:
        context.facts.update(trip_seconds=sum(echoes.trips) / len(echoes.trips), trip_max_seconds=max(echoes.trips))
    return echoes


def _must_be_allowed(address: Address, context: ProbeContext) -> None:
    """Raises ProbeFault INTERNAL where the kernel refuses us ping sockets; logs when that begins and when it ends."""
    try:
        socket.socket(address.family, socket.SOCK_DGRAM, _ECHO[address.family][2]).close()
    except PermissionError as exc:
        if not context.memory.get("forbidden"):
            context.memory["forbidden"] = True
            _LOG.warning("ping not allowed", mend=f'sysctl -w {_SYSCTL}="0 2147483647" (or our group alone)')
        raise ProbeFault(Reason.INTERNAL, f"lov til ICMP ({_SYSCTL})", "kernen siger nej") from exc
    if context.memory.pop("forbidden", False):
        _LOG.info("ping allowed again")


class _Flight:
    """The requests under way. Ours are known by a random token: another's echo to the same socket is not counted."""

    def __init__(self, context: ProbeContext, family: socket.AddressFamily) -> None:
        self._request, self._reply, _ = _ECHO[family]
        self._context, self._token = context, secrets.token_bytes(16)
        self._left: dict[int, float] = {}
        self.trips: dict[int, float] = {}

    async def send(self, sock: socket.socket, settings: Settings) -> None:
        for number in range(settings.count):
            if number:
                await asyncio.sleep(settings.interval)
            self._left[number] = self._context.monotonic()
            # The kernel fills in the identifier and the checksum.
            sock.send(bytes((self._request, 0, 0, 0, 0, 0)) + number.to_bytes(2) + self._token)

    async def listen(self, sock: socket.socket, count: int) -> None:
        while len(self.trips) < count:
            packet = await heard(sock, _PACKET)
            number = int.from_bytes(packet[6:_HEADER])
            ours = packet[:1] == bytes((self._reply,)) and packet[_HEADER:] == self._token
            if ours and number in self._left and number not in self.trips:
                self.trips[number] = self._context.monotonic() - self._left[number]


def judge(settings: Settings, echoes: Echoes, now: datetime) -> Verdict:
    """FAIL when nothing came back, WARN for more loss than tolerated or slow trips on average. Pure."""
    del now
    came = f"{len(echoes.trips)} af {echoes.sent} svar"
    if not echoes.trips:
        return Verdict(Outcome.FAIL, (Miss(Reason.LOSS, "svar på ping", came),))
    misses, mean, limit = [], sum(echoes.trips) / len(echoes.trips), settings.degraded_over
    if echoes.lost > settings.loss:
        misses.append(Miss(Reason.LOSS, f"højst {settings.loss:g} % tabt", came))
    if limit is not None and mean > limit:
        misses.append(Miss(Reason.SLOW, f"under {limit:g} s", f"{mean:.3f} s"))
    held = (Held("svar på ping", came), Held("svartid", f"{1000 * mean:.1f} ms"))
    return Verdict(Outcome.WARN if misses else Outcome.OK, tuple(misses), held)
