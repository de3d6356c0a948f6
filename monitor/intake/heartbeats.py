"""`POST /api/v1/heartbeats/{fleet}/{device}`: a device says that it lives.

Context: a vendor's units send tens of thousands of these a second. Choice: the everyday one (a token that opens the
fleet, a device we know, nothing more said) costs a digest and two lookups, and its answers are made beforehand. Price:
two ways through the same door, `quick` and the ASGI app; both go through `_judge`, so they refuse alike.

What is answered 204 is in memory and on disk within some seconds (`monitor.engine.fleets`); when it came is what
counts, never a time that the device tells. A token is known by its digest alone.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Protocol

from monitor.core.devices import Devices
from monitor.core.fleet import Flag, Said
from monitor.intake.beat import PLAIN, Beat, Wrong, of_query, read
from monitor.intake.refusals import Refusals, source_of

PATH = b"/api/v1/heartbeats/"
Headers = Sequence[tuple[bytes, bytes]]


class Book(Protocol):
    """What an intake needs of the fleets (`monitor.engine.fleets.Fleets`)."""

    @property
    def tokens(self) -> Mapping[bytes, tuple[str, str]]:
        """SHA-256 of a token → the fleet it opens, and the device it is for (empty: all of them)."""

    @property
    def ready(self) -> bool:
        """False while the registry is being read."""

    def find(self, fleet: str) -> Devices | None:
        """A fleet's devices; None when there is no such fleet."""

    def count(self, fleet: str, outcome: str, more: int = 1) -> None:
        """So many more heartbeats came to this."""


class Refused(Exception):
    """A heartbeat that is not taken: the status it is answered with, why, and the metric's word."""

    def __init__(self, status: int, said: str, outcome: str) -> None:
        super().__init__(said)
        self.status = status
        self.said = said
        self.outcome = outcome


_PHRASES = {400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 429: "Too Many Requests"} | {
    503: "Service Unavailable"
}
TAKEN = b"HTTP/1.1 204 No Content\r\n\r\n"
_UNOPENED = "send Authorization: Bearer and a token made by omsorgsvagt devices enrol"
_STARTING = Refused(503, "the list of devices is being read: try again in some seconds", "starting")
_FLOOD = Refused(429, "too many refused calls from this source: mend them, and try again in a minute", "flood")


class Heartbeats:
    """The way in for single heartbeats. `now` are unix seconds, `monotonic` seconds that never jump."""

    def __init__(self, book: Book, now: Callable[[], float], monotonic: Callable[[], float]) -> None:
        self._book = book
        self._now = now
        self._monotonic = monotonic
        self._refusals = Refusals()

    def quick(self, url: bytes, headers: Headers, body: bytes, peer: str) -> bytes | None:
        """The whole HTTP answer to one heartbeat; None when it must take the ordinary way."""
        path, _, query = url[len(PATH) :].partition(b"?")
        fleet, _, device = path.partition(b"/")
        if not device or b"/" in device or b"%" in path:
            return None
        try:
            self.one(fleet.decode("ascii"), device.decode("ascii"), headers, query, body, peer)
        except Refused as refused:
            return _whole(refused)
        except UnicodeDecodeError:
            return None
        return TAKEN

    def one(self, fleet: str, device: str, headers: Headers, query: bytes, body: bytes, peer: str) -> None:
        """Take one heartbeat. Raises Refused."""
        try:
            self._judge(fleet, device, headers, query, body, peer)
        except Refused as refused:
            self._refuse(refused, fleet, headers, peer)
            raise

    def _opened(self, headers: Headers, peer: str) -> tuple[str, str]:
        """The fleet and device (empty: all) that the call's token opens. Raises Refused."""
        if self._refusals and self._refusals.exhausted(source_of(peer, headers), self._monotonic()):
            raise _FLOOD
        given = b""
        for name, value in headers:
            if name == b"authorization":
                given = value
        opens = self._book.tokens.get(sha256(given[7:]).digest()) if given[:7].lower() == b"bearer " else None
        if opens is None:
            raise _STARTING if not self._book.ready else Refused(401, _UNOPENED, "forged")
        return opens

    def open_batch(self, fleet: str, headers: Headers, peer: str) -> tuple[str, str]:
        """The fleet and device (empty: all) a call may speak for; `fleet` is the one it names. Raises Refused."""
        try:
            return self._open_batch(fleet, headers, peer)
        except Refused as refused:
            self._refuse(refused, fleet, headers, peer)
            raise

    def _open_batch(self, fleet: str, headers: Headers, peer: str) -> tuple[str, str]:
        opens, only = self._opened(headers, peer)
        if fleet not in ("", opens):
            raise Refused(403, "this token is for another fleet", "foreign")
        self.devices(opens)
        return opens, only

    def devices(self, fleet: str) -> tuple[Devices, int]:
        """A fleet that has been opened, and now. Raises Refused: a new plan may have taken it away meanwhile."""
        devices = self._book.find(fleet)
        if devices is None and not self._book.ready:
            raise _STARTING
        if devices is None:
            raise Refused(404, "this fleet is no longer in the plan", "unknown")
        return devices, int(self._now())

    def count(self, fleet: str, outcome: str, more: int) -> None:
        """So many more heartbeats came to this."""
        self._book.count(fleet, outcome, more)

    def _refuse(self, refused: Refused, fleet: str, headers: Headers, peer: str) -> None:
        if refused not in (_FLOOD, _STARTING):
            self._refusals.add(source_of(peer, headers), self._monotonic())
        # What a stranger writes must not become a label.
        self._book.count(fleet if self._book.find(fleet) else "", refused.outcome)

    def _judge(self, fleet: str, device: str, headers: Headers, query: bytes, body: bytes, peer: str) -> None:
        opens, only = self._opened(headers, peer)
        if opens != fleet or (only and only != device):
            raise Refused(403, "this token is for another fleet or device", "foreign")
        devices = self._book.find(fleet)
        index = devices.index.get(device) if devices is not None else None
        if devices is None and not self._book.ready:
            raise _STARTING
        if devices is None or index is None:
            raise Refused(404, "this device is not known: omsorgsvagt devices import", "unknown")
        self.take(fleet, devices, index, _written(query, body) if body or query else PLAIN, int(self._now()))

    def take(self, fleet: str, devices: Devices, index: int, beat: Beat, at: int) -> None:
        """One heartbeat of a known device."""
        if beat is PLAIN and not devices.flagged[Flag.FAILING]:
            devices.heard(index, at)
        else:
            devices.report(index, at, beat.said, beat.battery, beat.status)
        self._book.count(fleet, "fail" if beat.said is Said.FAIL else "ok")


def _written(query: bytes, body: bytes) -> Beat:
    """What query and body say together, the body's word before the query's. Raises Refused."""
    try:
        fields: dict[str, object] = dict(of_query(query)) if query else {}
        return read(fields | _document(body))
    except Wrong as wrong:
        raise Refused(400, str(wrong), "malformed") from wrong
    except (ValueError, RecursionError) as error:
        raise Refused(400, "the body is not JSON", "malformed") from error


def _document(body: bytes) -> dict[str, object]:
    """The body's fields; none where there is no body. Raises Wrong, ValueError or RecursionError."""
    found = json.loads(body) if body else {}
    if not isinstance(found, dict):
        raise Wrong("the body is a JSON object")
    return found


def _whole(refused: Refused) -> bytes:
    """A refusal as an HTTP response."""
    body = json.dumps({"detail": refused.said}).encode()
    more = b"WWW-Authenticate: Bearer\r\n" if refused.status == 401 else b""
    more += b"Retry-After: 60\r\nConnection: close\r\n" if refused.status == 429 else b""
    head = f"HTTP/1.1 {refused.status} {_PHRASES[refused.status]}\r\nContent-Type: application/json\r\n"
    return head.encode() + more + b"Content-Length: %d\r\n\r\n" % len(body) + body
