"""SCAIP from devices: a SIP request in, its answer out; no sockets.

What is acknowledged is what somebody acts on: heartbeats and supervision of devices we know. This service is no alarm
centre: a person's call is never acknowledged (`snu` 5, so that the unit goes on to its next receiver), and people are
told at once that it came here.

The request is read liberally and whatever is personal in it is not even collected (`monitor.core.scaip`); a repetition
gets the bytes of its first answer again (RFC 3261 §17.2.2). What is held of strangers is bounded.
"""

import re
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from monitor.core import scaip, sip
from monitor.core.devices import Devices
from monitor.core.fleet import NOTHING, Flag, Said, status_of
from monitor.core.scaip import MessageType, Mrq, Snu
from monitor.intake.refusals import Refusals

REMEMBERED = 32.0
"""Timer J: for so many seconds a repetition may come (RFC 3261 §17.2.2)."""
MOST_REMEMBERED = 20_000
"""A million units that report hourly send 9,000 in that time."""
_REFUSALS = 600
"""Refusals of one source in a minute before its datagrams are dropped unread; a relay speaks for many devices."""
_TAGGED = re.compile(r";\s*tag\s*=", re.IGNORECASE)
_RPORT = re.compile(r";\s*rport\s*=?\s*(?=;|$)", re.IGNORECASE)
_COPIED = frozenset({"From", "Call-ID", "CSeq"})
_OPTIONS = ("MESSAGE", "OPTIONS")


class Came(StrEnum):
    """What became of a message: the metric's word."""

    OK = "ok"
    UNKNOWN = "unknown"
    MALFORMED = "malformed"
    STRAY_ALARM = "stray_alarm"
    REPEATED = "repeated"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Source:
    """Where a request came from, and by what (`UDP`, `TCP`, `TLS`)."""

    host: str
    port: int
    transport: str = "UDP"


class Book(Protocol):
    """What this intake needs of the fleets (`monitor.engine.fleets.Fleets`)."""

    def by_cid(self, cid: str) -> tuple[str, int] | None:
        """The fleet that takes SCAIP and the place in it of the device with this identity; None when there is none."""

    def find(self, fleet: str) -> Devices | None:
        """A fleet's devices; None when there is no such fleet."""

    def stray_alarm(self, fleet: str, index: int, at: int) -> None:
        """A person's call came here, where nobody answers calls."""

    def count(self, fleet: str, outcome: str, more: int = 1) -> None:
        """So many more heartbeats came to this."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back: the bytes, and for UDP to where (RFC 3261 §18.2.2, RFC 3581)."""

    data: bytes
    host: str
    port: int


class Receiver:
    """Answers requests. `now` are unix seconds, `monotonic` seconds that never jump."""

    def __init__(self, book: Book, now: Callable[[], float], monotonic: Callable[[], float]) -> None:
        self._book = book
        self._now = now
        self._monotonic = monotonic
        self._refusals = Refusals(_REFUSALS)
        self._answers: OrderedDict[int, tuple[float, Reply]] = OrderedDict()

    def answer(self, data: bytes, source: Source) -> Reply | None:
        """The answer to one whole request; None for what is none, for ACK, and for a source that floods."""
        if self._refusals and self._refusals.exhausted(source.host, self._monotonic()):
            return None
        try:
            request = sip.parse(data)
            if not isinstance(request, sip.Request) or request.method == "ACK":
                return None
            first, *others = sip.values(request, "Via")
            via = sip.via(request)
        except (ValueError, RecursionError):
            self._refuse(source, "", Came.MALFORMED)
            return None
        # Call-ID and CSeq tell requests apart where the branch does not (§17.2.3, RFC 2543).
        told = (via.param("branch"), request.first("Call-ID"), request.first("CSeq"))
        # The hash alone, of 64 bits and keyed by chance at each start: the texts would take more than the answers.
        key = hash((source.host, via.host, via.port, told))
        known = self._answers.get(key)
        if known is not None:
            self._book.count("", Came.REPEATED)
            return known[1]
        status, body = self._take(request, source)
        head = _head(request, status, [_way(first, source), *others])
        back = (source.host, source.port if via.param("rport") is not None else via.port or 5060)
        reply = Reply(head + _tail(body), *back)
        self._remember(key, reply)
        return reply

    def _take(self, request: sip.Request, source: Source) -> tuple[str, bytes]:
        """The status line's end, and the body: an `mrs` for what was read of a MESSAGE."""
        if request.method == "OPTIONS":
            return "200 OK", b""
        if request.method != "MESSAGE":
            self._refuse(source, "", Came.OTHER)
            return "405 Method Not Allowed", b""
        try:
            found = scaip.parse(request.body)
        except scaip.Malformed:
            self._refuse(source, "", Came.MALFORMED)
            return "400 Bad Request", b""
        if not isinstance(found, Mrq):
            # An answer to nothing of ours.
            self._book.count("", Came.OTHER)
            return "200 OK", b""
        place = self._book.by_cid(found.cid)
        if place is None:
            self._refuse(source, "", Came.UNKNOWN)
            return "404 Not Found", b""
        return "200 OK", scaip.response(ref=found.ref, snu=self._known(*place, found))

    def _known(self, fleet: str, index: int, message: Mrq) -> Snu:
        at, calls = int(self._now()), calls_for_help(message)
        devices = self._book.find(fleet)
        if devices is not None:
            self._hear(devices, index, at, message)
        self._book.count(fleet, Came.STRAY_ALARM if calls else Came.OK)
        if calls:
            self._book.stray_alarm(fleet, index, at)
        return Snu.NOT_TREATED if calls else Snu.OK

    def _hear(self, devices: Devices, index: int, at: int, message: Mrq) -> None:
        """Any valid message proves that the unit lives, and a heartbeat that it is well again."""
        status = status_of(message.stc)
        if status is NOTHING and not devices.flagged[Flag.FAILING]:
            devices.heard(index, at)
        else:
            beats = message.mty is MessageType.HEARTBEAT and status.said is None
            devices.report(index, at, Said.OK if beats else None, None, status)

    def _remember(self, key: int, reply: Reply) -> None:
        now = self._monotonic()
        self._answers[key] = (now, reply)
        while len(self._answers) > MOST_REMEMBERED or next(iter(self._answers.values()))[0] < now - REMEMBERED:
            self._answers.popitem(last=False)

    def _refuse(self, source: Source, fleet: str, outcome: Came) -> None:
        self._refusals.add(source.host, self._monotonic())
        self._book.count(fleet, outcome)


def calls_for_help(message: Mrq) -> bool:
    """Whether a person may have called: an alarm that is not one of the codes that speak of the equipment.

    An omitted code is a manual alarm (SS 91100:2014), and an omitted type an alarm.
    """
    return message.mty is MessageType.ALARM and message.stc not in _SUPERVISION


_SUPERVISION = frozenset(
    "0014 0015 0016 0023 0024 0025 0026 0027 0042 0067 0073 0075 0078 0085 0086 0102 0103 0112 0113 0114 0115 0116 0123"
    " 0124 0125".split()
)
"""The status codes for supervision (DOMAIN: SS 91100:2014): they speak of the unit, not of its owner."""


def _way(first: str, source: Source) -> str:
    """The topmost Via with the way back in it (RFC 3261 §18.2.1, RFC 3581 §4)."""
    return f"{_RPORT.sub(f';rport={source.port}', first, count=1)};received={source.host}"


def _head(request: sip.Request, status: str, vias: list[str]) -> bytes:
    """The answer's head but for its body's headers (§8.2.6.2).

    Written here and not by `sip.serialise`, which proves again what `sip.parse` has proved of the very same values:
    a third of the time for each of some ten thousand a second.
    """
    to = request.first("To") or ""
    lines = [f"SIP/2.0 {status}", *(f"Via: {via}" for via in vias)]
    lines.append(f"To: {to}" if _TAGGED.search(to) else f"To: {to};tag={secrets.token_hex(8)}")
    lines += [f"{name}: {value}" for name, value in request.headers if name in _COPIED]
    lines.append(f"Allow: {', '.join(_OPTIONS)}")
    return "\r\n".join(lines).encode()


def _tail(body: bytes) -> bytes:
    kind = b"\r\nContent-Type: " + scaip.MEDIA_TYPE.encode() if body else b""
    return kind + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body
