"""`POST /api/v1/heartbeats` and `…/{fleet}`: many heartbeats in one call, as a JSON array or a line each (NDJSON).

Read in slices, and between two of them everybody else has a turn; a bad line is told by its number and holds up no
other. The ordinary way for single heartbeats, too.

Context: `json` reads an array in one go, during which nothing else runs. Choice: an array is bounded to a megabyte
(some ms); who has more sends lines, which are read slice by slice as they come. Price: two bounds.
"""

import asyncio
import json
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from monitor.core.devices import Devices
from monitor.core.fleet import Flag
from monitor.intake.beat import PLAIN, Wrong, read
from monitor.intake.heartbeats import Heartbeats, Refused

PREFIX = "/api/v1/heartbeats"
ARRAY = 1024 * 1024
LINES = 64 * 1024 * 1024
LINE = 4096
SHOWN = 20
_SLICE = 1000
_CHUNK = 64 * 1024
_PATIENCE = 30.0
_EMPTY, _UNREADABLE = object(), object()

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


@dataclass(slots=True)
class Told:
    """What came of a batch: how many were taken, and the first bad entries by number (from 1) with what is wrong."""

    taken: int = 0
    refused: int = 0
    wrong: list[dict[str, object]] = field(default_factory=list)

    def no(self, entry: int, why: str) -> None:
        """An entry was not taken."""
        self.refused += 1
        if len(self.wrong) < SHOWN:
            self.wrong.append({"entry": entry, "wrong": why})


class Batches:
    """The ASGI app over `Heartbeats`."""

    def __init__(self, beats: Heartbeats) -> None:
        self._beats = beats

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One call (ASGI 3, HTTP)."""
        try:
            status, said = await self._answer(scope, receive)
        except Refused as refused:
            status, said = refused.status, {"detail": refused.said}
        body = json.dumps(said).encode() if said else b""
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        if status in (408, 413, 429):
            headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Scope, receive: Receive) -> tuple[int, dict[str, object] | None]:
        if scope["method"] != "POST":
            raise Refused(405, "heartbeats are posted", "malformed")
        headers, peer = scope["headers"], (scope.get("client") or ("", 0))[0]
        fleet, _, device = scope["path"].removeprefix(PREFIX).strip("/").partition("/")
        if device:
            body = await _whole(receive, headers)
            self._beats.one(fleet, device, headers, scope["query_string"], body, peer)
            return 204, None
        opens, only = self._beats.open_batch(fleet, headers, peer)
        told = Told()
        async for first, entries in _entries(receive, headers):
            self._take(opens, only, first, entries, told)
            # Everybody else's turn: a batch is no reason to be late with an alarm.
            await asyncio.sleep(0)
        said: dict[str, object] = {"taken": told.taken, "refused": told.refused, "wrong": told.wrong}
        return (200 if told.taken or not told.refused else 400), said

    def _take(self, fleet: str, only: str, first: int, entries: Sequence[Any], told: Told) -> None:
        devices, at = self._beats.devices(fleet)
        before, plain = told.refused, list[int]()
        known = devices.index.get
        # After a failure a plain beat says something, too: that it is well again.
        wordy = devices.flagged[Flag.FAILING] > 0
        for number, entry in enumerate(entries, first):
            if type(entry) is dict:
                name, said = entry.get("device"), wordy or _says_more(entry)
            else:
                name, said = entry, wordy
            index = known(name) if type(name) is str else None
            if index is None or (only and name != only):
                self._unknown(entry, number, told)
            elif said:
                self._say(fleet, devices, index, entry, (number, at, told))
            else:
                plain.append(index)
        devices.heard_all(plain, at)
        told.taken += len(plain)
        self._beats.count(fleet, "ok", len(plain))
        self._beats.count(fleet, "unknown", told.refused - before)

    def _unknown(self, entry: Any, number: int, told: Told) -> None:
        if entry is _UNREADABLE:
            told.no(number, "this line is not JSON")
        elif entry is not _EMPTY:
            told.no(number, "this device is not known: omsorgsvagt devices import")

    def _say(self, fleet: str, devices: Devices, index: int, entry: Any, about: tuple[int, int, Told]) -> None:
        """An entry that says more than that its device lives."""
        number, at, told = about
        try:
            beat = read(_of(entry, fleet))
        except Wrong as wrong:
            told.no(number, str(wrong))
            return
        self._beats.take(fleet, devices, index, PLAIN if beat == PLAIN else beat, at)
        told.taken += 1


def _of(entry: Any, fleet: str) -> dict[str, Any]:
    """An entry's fields. Raises Wrong for one of another fleet."""
    fields: dict[str, Any] = entry if type(entry) is dict else {}
    if fields.get("fleet", fleet) != fleet:
        raise Wrong("this token is for another fleet")
    return fields


def _says_more(entry: dict[str, Any]) -> bool:
    """Whether an entry says more than that its device lives."""
    return len(entry) > 1 and (len(entry) > 2 or entry.get("status") != "ok")


async def _entries(receive: Receive, headers: Any) -> AsyncIterator[tuple[int, Sequence[Any]]]:
    """The entries in slices, each with the number of its first."""
    kind = _header(headers, b"content-type").partition(b";")[0].strip().lower()
    if kind not in (b"application/x-ndjson", b"application/jsonl", b"application/ndjson"):
        found = _array(b"".join([part async for part in _plain(receive, headers, ARRAY)]))
        for start in range(0, len(found), _SLICE):
            yield start + 1, found[start : start + _SLICE]
        return
    number, rest = 1, b""
    async for part in _plain(receive, headers, LINES):
        *lines, rest = (rest + part).split(b"\n")
        if len(rest) > LINE:
            raise Refused(413, f"line {number + len(lines)} is longer than {LINE} bytes", "too_large")
        for start in range(0, len(lines), _SLICE):
            yield number + start, _parsed(lines[start : start + _SLICE])
        number += len(lines)
    if rest.strip():
        yield number, _parsed([rest])


def _array(body: bytes) -> list[Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refused(
            400, "the body is neither a JSON array nor, by its type, application/x-ndjson", "malformed"
        ) from error
    if not isinstance(found, list):
        raise Refused(400, "the body is a JSON array of devices", "malformed")
    return found


def _parsed(lines: list[bytes]) -> list[Any]:
    """The lines' values: all at once where each is one, else one by one. What is no value becomes `_UNREADABLE`."""
    try:
        found = json.loads(b"[" + b",".join(lines) + b"]")
    except (ValueError, RecursionError):
        found = []
    return found if len(found) == len(lines) else [_one(line) for line in lines]


def _one(line: bytes) -> Any:
    try:
        return json.loads(line) if line.strip() else _EMPTY
    except (ValueError, RecursionError):
        return _UNREADABLE


async def _plain(receive: Receive, headers: Any, most: int) -> AsyncIterator[bytes]:
    """The body in parts of bounded size, unpacked where it is gzip (RFC 9110 §8.4.1.3). Raises Refused."""
    packed = _header(headers, b"content-encoding").strip().lower()
    if packed not in (b"", b"identity", b"gzip"):
        raise Refused(415, "content-encoding is gzip or nothing", "malformed")
    unpack = zlib.decompressobj(wbits=31) if packed == b"gzip" else None
    size = 0
    async for part in _body(receive):
        for out in (part,) if unpack is None else _unpacked(unpack, part):
            size += len(out)
            if size > most:
                raise Refused(413, f"at most {most} bytes in one call; send lines, or several calls", "too_large")
            yield out
    if unpack is not None and not unpack.eof:
        raise Refused(400, "the gzip body is cut short", "malformed")


def _unpacked(unpack: Any, part: bytes) -> Iterator[bytes]:
    """What a part comes to, in pieces of bounded size: a few bytes may unpack to gigabytes. Raises Refused."""
    try:
        while part:
            yield unpack.decompress(part, _CHUNK)
            part = unpack.unconsumed_tail
    except zlib.error as error:
        raise Refused(400, "the body is not gzip", "malformed") from error
    if unpack.unused_data:
        raise Refused(400, "something follows the gzip body", "malformed")


async def _body(receive: Receive) -> AsyncIterator[bytes]:
    """What comes, for as long as it keeps coming. Raises Refused."""
    more = True
    while more:
        try:
            async with asyncio.timeout(_PATIENCE):
                event = await receive()
        except TimeoutError as error:
            raise Refused(408, "the body did not come in time", "malformed") from error
        if event["type"] == "http.disconnect":
            raise Refused(400, "cut off", "malformed")
        more = event.get("more_body", False)
        yield event.get("body", b"")


async def _whole(receive: Receive, headers: Any) -> bytes:
    return b"".join([part async for part in _plain(receive, headers, LINE)])


def _header(headers: Any, name: bytes) -> bytes:
    found = [value for key, value in headers if key == name]
    return found[-1] if found else b""
