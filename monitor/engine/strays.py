"""A person's call that came here: no outage of ours, and more urgent than any.

This service is no alarm centre; the unit has been told so (`snu` 5) and may have nobody else to call. Somebody is told
at once, by every way there is, and again while it goes on calling.
"""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import structlog

from monitor.core import words
from monitor.core.plan import ChannelName, FleetName, Person
from monitor.core.reasons import Kind
from monitor.core.records import Batch, Notice
from monitor.engine.desk import Desk
from monitor.engine.loose import loose

if TYPE_CHECKING:
    from monitor.engine.fleets import Fleets

log = structlog.get_logger(__name__)

AGAIN = 300
"""Seconds after which a unit that goes on calling is told of again."""
_MOST = 50
"""Units told of one by one in AGAIN seconds; a whole fleet set up wrong is told of, and not in a thousand texts."""


class Strays:
    """`came` takes a call in, `turn` tells of those nobody has been told of."""

    def __init__(self, desk: Desk, fleets: "Fleets") -> None:
        self.desk = desk
        self.fleets = fleets
        self._new: list[tuple[FleetName, int, int]] = []
        self._told: dict[tuple[str, int], int] = {}

    def came(self, fleet: str, place: int, at: int) -> None:
        """A call came at `at` (unix seconds)."""
        self._told = {unit: told for unit, told in self._told.items() if at - told < AGAIN}
        if (fleet, place) in self._told or len(self._told) >= _MOST:
            return
        self._told[fleet, place] = at
        self._new.append((FleetName(fleet), place, at))

    async def turn(self) -> None:
        """Tell of what has come."""
        came, self._new = self._new, []
        batch = Batch()
        for fleet, place, at in came:
            with self.desk.isolated(f"stray/{fleet}/{place}"):
                batch.add(*self._notices(fleet, place, at))
        if batch:
            async with self.desk.journal.turn:
                await self.desk.journal.commit(batch)
            self.desk.wake_deliver()

    def _notices(self, name: FleetName, place: int, at: int) -> list[Notice]:
        book = self.fleets.books[name]
        unit, now = book.devices.ids[place] or "?", self.desk.clock.now()
        log.error("stray_alarm", fleet=name, device=unit)
        when = words.clock(datetime.fromtimestamp(at, UTC), now, self.desk.plan.calendar.zone)
        facts = {"fleet": book.fleet.title, "device": unit, "at": when}
        plain = f"NØDKALD fra enhed {unit} kom hertil {when}. Se til borgeren NU."
        stem = f"stray/{name}/{unit}/{at}"
        return [
            loose(self.desk, Kind.STRAY_ALARM, (person, channel), stem, facts, plain)
            for person in self._people(name)
            for channel in ChannelName
            if person.address(channel)
        ]

    def _people(self, name: FleetName) -> list[Person]:
        """Who is told at once of a critical device, or the plan's owner."""
        plan, now = self.desk.plan, self.desk.clock.now()
        critical = self.fleets.books[name].fleet.critical
        found = plan.roles[critical.tell].on_duty(now) if critical else ()
        return [plan.people[person] for person in found or plan.roles[plan.owner].on_duty(now)]
