"""The registry of devices: read at the start, changed by people, in the store first and then in memory.

A device keeps its place for good, so what was heard of it is found again; a place that falls empty is not given away.
"""

import asyncio
import hashlib
import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from monitor.core.devices import BadBlock
from monitor.core.fleet import Device
from monitor.core.plan import Fleet, FleetName, Plan
from monitor.engine.book import EARLY, TOLD, Book, kept, rule_of
from monitor.ports import FleetRows, StoreFault

if TYPE_CHECKING:
    from monitor.engine.fleets import Fleets

log = structlog.get_logger(__name__)

_TOGETHER = 2_000


class NotKnown(LookupError):
    """There is no such fleet or device."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A device as a list describes it. `interval` in seconds, 0: the fleet's own."""

    id: str
    cid: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    critical: bool = False
    interval: float = 0.0


@dataclass(frozen=True, slots=True)
class Came:
    """What came of a part of a list."""

    new: int
    changed: int
    same: int


class Registry:
    """`read` is True once everything kept has been read; `degraded` while reports cannot be written."""

    def __init__(self, fleets: "Fleets") -> None:
        self.fleets = fleets
        self.read = False
        self.degraded = False
        self._turn = asyncio.Lock()

    @property
    def names(self) -> Collection[FleetName]:
        """The plan's fleets."""
        return self.fleets.desk.plan.fleets

    async def load(self, plan: Plan, away: float) -> None:
        """Read every fleet of the plan. A store that cannot be read leaves `read` False, and is asked again."""
        async with self._turn:
            try:
                for fleet in plan.fleets.values():
                    if fleet.id not in self.fleets.books:
                        self.fleets.books[fleet.id] = await self._book(fleet, plan, away)
                await self._tokens()
            except StoreFault as error:
                if not self.degraded:
                    log.error("fleets_not_read", error=str(error))
                self.degraded = True
                return
            self.read, self.degraded = True, False

    async def _book(self, fleet: Fleet, plan: Plan, away: float) -> Book:
        """A fleet as it was kept, ready to be looked at. The heavy work is done aside: probes go on meanwhile."""
        book = Book.of(fleet, plan)
        async for rows in self._rows().devices(fleet.id):
            await asyncio.to_thread(book.take, rows)
        bad = 0
        async for blocks in self._rows().blocks(fleet.id):
            bad += await asyncio.to_thread(_restored, book, [(number, data) for _, number, data in blocks])
        if bad:
            log.error("fleet_blocks_not_whole", fleet=fleet.id, blocks=bad)
        clock = self.fleets.desk.clock
        await asyncio.to_thread(book.devices.resume, int(clock.now().timestamp()), int(away))
        book.clean = clock.monotonic()
        return book

    async def _tokens(self) -> None:
        found: dict[bytes, tuple[str, str]] = {}
        async for part in self._rows().tokens():
            found.update((bytes.fromhex(digest), (fleet, device)) for digest, fleet, device in part)
        # The same mapping for good: intakes hold it.
        self.fleets.tokens.clear()
        self.fleets.tokens.update(found)

    async def replan(self, plan: Plan) -> None:
        """Fleets come and go, and a rule that is another is taken up with everything heard."""
        books = self.fleets.books
        for gone in [name for name in books if name not in plan.fleets]:
            await self.fleets.write()
            del books[gone]
        for fleet in plan.fleets.values():
            book = books.get(fleet.id)
            if book is None:
                self.read = False
            elif rule_of(fleet, plan) == book.devices.rule:
                book.fleet = fleet
            else:
                await self._again(book, fleet, plan)
        if not self.read:
            await self.load(plan, 0.0)

    async def _again(self, old: Book, fleet: Fleet, plan: Plan) -> None:
        """The same devices under another rule. What is heard while the registry is read is copied at the end."""
        async with self._turn:
            try:
                book = await self._book(fleet, plan, 0.0)
            except StoreFault as error:
                log.error("fleet_rule_not_changed", fleet=fleet.id, error=str(error))
                return
            _restored(book, [(number, old.devices.block(number)) for number in range(old.devices.blocks)])
            book.devices.resume(int(self.fleets.desk.clock.now().timestamp()), 0)
            book.beats = old.beats
            self.fleets.books[fleet.id] = book

    async def put(self, fleet: FleetName, entries: Sequence[Entry], *, dry_run: bool = False) -> Came:
        """Take devices in; those not named stay. Raises ValueError naming what two devices would share."""
        async with self._turn:
            book = self._book_of(fleet)
            rows, new = _changes(book, entries)
            came = Came(new, len(rows) - new, len(entries) - len(rows))
            if rows and not dry_run:
                await self._rows().put(fleet, [kept(device, place, book.whys.get(place, "")) for place, device in rows])
                for place, device in rows:
                    book.put(device, place)
            return came

    async def remove(self, fleet: FleetName, ids: Iterable[str]) -> int:
        """Take devices out; gives how many there were."""
        async with self._turn:
            book = self._book_of(fleet)
            places = [place for name in dict.fromkeys(ids) if (place := _place(book, name)) is not None]
            if places:
                await self._rows().remove(fleet, places)
            for place in places:
                book.remove(place)
            return len(places)

    async def mute(self, fleet: FleetName, name: str, seconds: float, why: str) -> datetime | None:
        """Leave a device out for so long (0: no longer). Gives until when. Raises NotKnown."""
        async with self._turn:
            book = self._book_of(fleet)
            place = _place(book, name)
            if place is None:
                raise NotKnown(f"Der er ingen enhed {name} i {fleet}")
            now = self.fleets.desk.clock.now()
            until = now + timedelta(seconds=seconds) if seconds else None
            device = replace(_device(book, place), muted_until=int(until.timestamp()) if until else 0)
            await self._rows().put(fleet, [kept(device, place, why if until else "")])
            book.devices.mute(place, device.muted_until)
            book.whys.pop(place, None)
            if until:
                book.whys[place] = why
            return until

    async def enrol(self, fleet: FleetName, device: str, note: str) -> str:
        """A new token for a device, or with no device for the whole fleet. Raises NotKnown."""
        if device and _place(self._book_of(fleet), device) is None:
            raise NotKnown(f"Der er ingen enhed {device} i {fleet}")
        token = secrets.token_urlsafe(32)
        digest = hashlib.sha256(token.encode("ascii"))
        now = self.fleets.desk.clock.now()
        await self._rows().enrol((digest.hexdigest(), fleet, device, now, None, note))
        self.fleets.tokens[digest.digest()] = (fleet, device)
        return token

    async def revoke(self, fleet: FleetName, device: str) -> int:
        """Shut the tokens of a device, or with no device those of the whole fleet; gives how many there were."""
        tokens = self.fleets.tokens
        mine = [digest for digest, whose in tokens.items() if whose == (fleet, device)]
        # Shut first: whatever becomes of the store, it opens nothing while we run.
        for digest in mine:
            del tokens[digest]
        if mine:
            await self._rows().revoke([digest.hex() for digest in mine], self.fleets.desk.clock.now())
        return len(mine)

    async def write_all(self) -> None:
        """Write what is in memory to a store that was begun anew; what was heard goes with the next blocks.

        Raises StoreFault; it may be repeated.
        """
        if self.fleets.rows is None:
            return
        async with self._turn:
            for fleet, book in self.fleets.books.items():
                places = [place for place, name in enumerate(book.devices.ids) if name is not None]
                for first in range(0, len(places), _TOGETHER):
                    some = places[first : first + _TOGETHER]
                    rows = [kept(_device(book, place), place, book.whys.get(place, "")) for place in some]
                    await self._rows().put(fleet, rows)
                book.not_written((EARLY, TOLD, *range(book.devices.blocks)))
            now = self.fleets.desk.clock.now()
            await self._rows().enrol_all(
                [(digest.hex(), *whose, now, None, "") for digest, whose in self.fleets.tokens.items()]
            )

    def _rows(self) -> FleetRows:
        if self.fleets.rows is None:
            raise StoreFault("the store is not open")
        return self.fleets.rows

    def _book_of(self, fleet: FleetName) -> Book:
        """Raises StoreFault while it has not been read, NotKnown for none of the plan's."""
        if fleet not in self.names:
            raise NotKnown(f"Der er ingen enhedsgruppe {fleet}")
        if not self.read or fleet not in self.fleets.books:
            raise StoreFault("the registry has not been read yet")
        return self.fleets.books[fleet]


def _restored(book: Book, blocks: Iterable[tuple[int, bytes]]) -> int:
    """Take the blocks in; gives how many were not whole."""
    bad = 0
    for number, data in blocks:
        try:
            book.restore(number, data)
        except BadBlock:
            bad += 1
    return bad


def _changes(book: Book, entries: Iterable[Entry]) -> tuple[list[tuple[int, Device]], int]:
    """What the entries change, by place, and how many are new. Raises ValueError naming what two would share."""
    changed: list[tuple[int, Device]] = []
    names: dict[str, int] = {}
    free = first = book.devices.top
    for entry in entries:
        known = _place(book, entry.id)
        place = free if known is None else known
        for name in filter(None, (entry.id, entry.cid)):
            found = book.devices.place(name)
            if names.setdefault(name, place if found is None else found) != place:
                raise ValueError(f"{name} hører til en anden enhed")
            names[name] = place
        wanted = _wanted(book, entry, place if known is not None else None)
        if known is None:
            free += 1
            changed.append((place, wanted))
        elif wanted != _device(book, place):
            changed.append((place, wanted))
    return changed, free - first


def _wanted(book: Book, entry: Entry, place: int | None) -> Device:
    named = {name: entry.attributes[name] for name in book.fleet.attributes if entry.attributes.get(name)}
    muted = book.devices.muted_until(place) if place is not None else 0
    return Device(entry.id, entry.cid, named, entry.critical, int(entry.interval), muted)


def _device(book: Book, place: int) -> Device:
    """A device as the registry has it."""
    devices = book.devices
    return Device(
        devices.ids[place] or "",
        devices.cid(place),
        book.described(place),
        devices.critical(place),
        book.intervals[place],
        devices.muted_until(place),
    )


def _place(book: Book, name: str) -> int | None:
    """A device's place by its id alone: a cid is another's way in."""
    return book.devices.index.get(name)
