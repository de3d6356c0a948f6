"""Single devices: one marked critical is told of at once, the others are on the working day's list.

Each silence is told once. While an outage of the many explains it nobody is told of it by itself; when that is over and
the device is still silent, somebody is. No text says more of anybody than the device's id and what its fleet shares.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import structlog

from monitor.core import words
from monitor.core.finding import Reason
from monitor.core.fleet import WORK, DeviceState, Ticked
from monitor.core.fleet_words import FLAGS
from monitor.core.plan import ChannelName, Fleet, Person, RoleId, Severity, SingleCall
from monitor.core.reasons import Entry, Kind
from monitor.core.records import Batch, Incident, Notice
from monitor.engine.book import TOLD, Book
from monitor.engine.compose import line
from monitor.engine.desk import Desk
from monitor.engine.loose import loose
from monitor.ports import StoreFault

if TYPE_CHECKING:
    from monitor.engine.fleets import Fleets

log = structlog.get_logger(__name__)

GATHER = 60.0
"""Seconds in which further silent devices wait for those that come after them: one message tells of them together."""
LOOK_FIRST = 20.0
_LISTED = 200
_LARGEST = 32
_LIST_LATE = timedelta(hours=4)
_BY_ITSELF = frozenset({Reason.SILENT, Reason.EARLY})


@dataclass(slots=True)
class Waiting:
    """Critical devices of a fleet that are silent and that nobody has been told of, by place: since when (unix)."""

    silent: dict[int, int] = field(default_factory=dict)
    not_before: float = float("-inf")
    """When (monotonic) the next message may go."""


class Singles:
    """`note` takes what a look has brought; `turn` tells what is due."""

    def __init__(self, desk: Desk, fleets: "Fleets") -> None:
        self.desk = desk
        self.fleets = fleets
        self._waiting: dict[str, Waiting] = {}
        self._listed: set[str] = set()

    async def remember(self) -> None:
        """After a start: whom a former run has told of which silence, and which lists it has sent."""
        rows, now = self.fleets.rows, self.desk.clock.now()
        if rows is not None:
            try:
                self._listed |= {_stem(key) for key in await rows.told("list/", now - timedelta(days=2))}
            except StoreFault as error:
                # Better told twice than never.
                log.error("told_not_known", error=str(error))
        for book in self.fleets.books.values():
            if book.fleet.critical is None:
                continue
            waiting = self._of(book)
            for place in book.devices.silent(book.devices.top):
                if book.devices.critical(place) and book.told.get(place) != book.devices.last(place):
                    waiting.silent[place] = book.devices.deadline(place)

    def note(self, book: Book, ticked: Ticked) -> None:
        """Critical devices have fallen silent, or are back."""
        if book.fleet.critical is None:
            return
        waiting = self._of(book)
        fallen = [place for place in ticked.silent if book.devices.critical(place)]
        if fallen and not waiting.silent:
            # The many are looked at first: they may be the reason.
            waiting.not_before = max(waiting.not_before, self.desk.clock.monotonic() + LOOK_FIRST)
        waiting.silent.update((place, book.devices.deadline(place)) for place in fallen)
        for place in ticked.back:
            waiting.silent.pop(place, None)

    async def turn(self) -> None:
        """Tell of the silent critical devices nothing else explains, and send the lists that are due."""
        batch = Batch()
        for book in tuple(self.fleets.books.values()):
            with self.desk.isolated(f"singles/{book.fleet.id}"):
                batch.add(*self._homes(book))
                batch.add(*self._calls(book))
                batch.add(*self._list(book))
        if batch:
            async with self.desk.journal.turn:
                await self.desk.journal.commit(batch)
            self.desk.wake_deliver()

    def _of(self, book: Book) -> Waiting:
        return self._waiting.setdefault(book.fleet.id, Waiting())

    def _calls(self, book: Book) -> list[Any]:
        waiting = self._of(book)
        for place in [p for p in waiting.silent if book.devices.state(p) is not DeviceState.SILENT]:
            del waiting.silent[place]
        if not waiting.silent or book.fleet.critical is None:
            return []
        incident = self.explaining(book.fleet)
        if incident is not None:
            return self._withheld(book.fleet, incident, len(waiting.silent))
        now = self.desk.clock.monotonic()
        if book.signs or self._asked(book.fleet) or now < waiting.not_before:
            return []
        waiting.not_before = now + GATHER
        rows = self._call(book, book.fleet.critical, waiting.silent)
        book.told = {p: at for p, at in book.told.items() if book.devices.state(p) is DeviceState.SILENT}
        book.told.update((place, book.devices.last(place)) for place in waiting.silent)
        book.beside.add(TOLD)
        waiting.silent.clear()
        return rows

    def _call(self, book: Book, call: SingleCall, silent: dict[int, int]) -> list[Notice]:
        places = sorted(silent, key=lambda place: (silent[place], place))
        now, first = self.desk.clock.now(), places[0]
        more = f" og {len(places) - 1} andre" if len(places) > 1 else ""
        since = datetime.fromtimestamp(silent[first], UTC)
        facts = {
            "fleet": book.fleet.title,
            "device": f"{book.devices.ids[first]}{more}",
            "since": words.clock(since, now, self.desk.plan.calendar.zone),
            "count": len(places),
            "list": "\n".join(self._line(book, place) for place in places[:_LISTED]),
        }
        log.info("devices_silent", fleet=book.fleet.id, devices=len(places))
        return [
            self._notice(Kind.SILENT_DEVICE, person, channel, _single(book, first), facts)
            for person in self._people(call.tell)
            for channel in call.by
            if person.address(channel)
        ]

    def _asked(self, fleet: Fleet) -> bool:
        """Whether it is still being found out if it is the many, or we who cannot see."""
        beliefs = [self.desk.ledger.beliefs.get(rule.name) for rule in self.fleets.rules(fleet.id)]
        return self.desk.sight.blind or any(belief and belief.bads.count and not belief.level for belief in beliefs)

    def explaining(self, fleet: Fleet) -> Incident | None:
        """The open incident that speaks for this fleet's silent devices: its own, or its system's outage."""
        for rule in self.fleets.rules(fleet.id):
            incident = self.desk.ledger.by_system.get(rule.system)
            if incident is None or not incident.active or incident.good_since is not None:
                continue
            belief = self.desk.ledger.beliefs.get(rule.name)
            own = belief is not None and bool(belief.level) and any(m.reason in _BY_ITSELF for m in belief.evidence)
            if own or incident.current is Severity.DOWN:
                return incident
        return None

    def _withheld(self, fleet: Fleet, incident: Incident, count: int) -> list[Any]:
        """Said when it has begun, and each time it has doubled."""
        text = f"{fleet.title}: {count} kritiske enheder er tavse af samme grund, ingen kaldes for dem enkeltvis"
        return self._noted(incident, f"withheld/{fleet.id}", count, text, "fleet_incident")

    def _homes(self, book: Book) -> list[Any]:
        """How many homes are hit and what they share, on the timeline: when it has begun, and when it has doubled."""
        incident = self.explaining(book.fleet)
        if incident is None:
            return []
        sight = book.sight(book.ticked)
        if not sight.homes.all:
            return []
        shared = sight.trait
        text = f"{book.fleet.title}: {sight.homes.all} hjem uden livstegn, heraf {sight.homes.critical} kritiske"
        if shared is not None:
            text += f". {shared.text}: {sight.reach.all} hjem, heraf {sight.reach.critical} kritiske"
        named = f"{shared.attribute}={shared.value}" if shared else ""
        return self._noted(incident, f"homes/{book.fleet.id}/{named}", sight.homes.all, text, "fleet")

    def _noted(self, incident: Incident, stem: str, count: int, text: str, reason: str) -> list[Any]:
        told = self.desk.ledger.told.get(incident.id, set())
        stem, size = f"{incident.id}/{stem}", count.bit_length()
        if any(f"{stem}/{larger}" in told for larger in range(size, _LARGEST)):
            return []
        key = f"{stem}/{size}"
        log.info("devices_noted", number=incident.number, said=text, reason=reason)
        return [line(incident, Entry.NOTE, self.desk.clock.now(), text, key, reason=reason)]

    def _list(self, book: Book) -> list[Notice]:
        """The working day's list, once a day, at its hour or as soon after it as we are there."""
        plan, worklist = self.desk.plan, book.fleet.worklist
        if worklist is None:
            return []
        now = self.desk.clock.now()
        day = plan.calendar.local(now).date()
        due = plan.calendar.instant(day, worklist.at)
        stem = f"list/{book.fleet.id}/{day}"
        if not due <= now < due + _LIST_LATE or stem in self._listed:
            return []
        self._listed = {stem for stem in self._listed if stem.endswith(str(day))} | {stem}
        if not plan.calendar.is_working_day(day):
            return []
        count, lines = self._lines(book)
        if not lines:
            return []
        facts = {"fleet": book.fleet.title, "count": count, "list": "\n".join(lines), "device": "", "since": ""}
        return [
            self._notice(Kind.WORKLIST, person, ChannelName.MAIL, stem, facts)
            for person in self._people(worklist.tell)
            if person.mail
        ]

    def _lines(self, book: Book) -> tuple[int, list[str]]:
        """How many devices are on the list, and its lines; what an incident explains is one line."""
        devices, lines = book.devices, []
        silent = devices.silent(devices.top)
        incident = self.explaining(book.fleet)
        if incident is not None and silent:
            lines.append(f"{len(silent)} tavse enheder hører til hændelse {incident.number}")
            silent = []
        places = dict.fromkeys(silent)
        for flag in WORK:
            places |= dict.fromkeys(devices.flagged_with(flag, devices.top))
        shown = [self._line(book, place) for place in sorted(places)[:_LISTED]]
        if len(places) > _LISTED:
            shown.append(f"… og {len(places) - _LISTED} flere: omsorgsvagt devices list --fleet {book.fleet.id}")
        return len(places), lines + shown

    def _line(self, book: Book, place: int) -> str:
        """One device: its id, where it is and what it is, what is wrong, since when."""
        devices, now = book.devices, self.desk.clock.now()
        about = book.described(place)
        parts = [devices.ids[place] or "", *(about[name] for name in ("area", "model") if name in about)]
        wrong = [FLAGS[flag] for flag in WORK if devices.flags(place) & flag]
        if devices.state(place) is DeviceState.SILENT:
            since = datetime.fromtimestamp(devices.last(place), UTC)
            wrong.insert(0, f"tavs, sidst hørt {words.clock(since, now, self.desk.plan.calendar.zone)}")
        return "  ".join([*parts, ", ".join(wrong)])

    def _people(self, role: RoleId) -> Iterator[Person]:
        """Who has the role now; nobody has: the plan's owner."""
        plan, now = self.desk.plan, self.desk.clock.now()
        found = plan.roles[role].on_duty(now) or plan.roles[plan.owner].on_duty(now)
        return (plan.people[person] for person in found)

    def _notice(self, kind: Kind, person: Person, channel: ChannelName, stem: str, facts: dict[str, Any]) -> Notice:
        plain = f"{facts['fleet']}: {words.KINDS[kind]} {facts['device']}".strip()
        if channel is ChannelName.MAIL:
            plain += f"\n\n{facts['list']}"
        return loose(self.desk, kind, (person, channel), stem, facts, plain)


def _single(book: Book, place: int) -> str:
    """What names one silence: the device, and when it was last heard."""
    return f"single/{book.fleet.id}/{book.devices.ids[place]}/{book.devices.last(place)}"


def _stem(key: str) -> str:
    """A notice's key without whom it is for."""
    return key.rsplit("/", 2)[0]
