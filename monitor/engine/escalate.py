"""Time goes on: open incidents meet the plan again and again.

Worked out from rows at each turn; a turn that is missed is made up for by the next. An incident whose row and plan are
the same as at the last look is left alone until the instant at which its chain asks for more.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime

from monitor.core.incidents import tick
from monitor.core.ladder import Unreached
from monitor.core.plan import Plan
from monitor.core.records import Batch, Incident, IncidentId
from monitor.engine.announced import announced
from monitor.engine.desk import Desk
from monitor.engine.settle import tick_incident

_TURN = 1.0


@dataclass(frozen=True, slots=True)
class Looked:
    """The last look at an incident: what it was worked out from, when, and when more is asked for."""

    incident: Incident
    plan: Plan
    at: datetime
    next_at: datetime | None
    unreached: Unreached

    def holds(self, incident: Incident, plan: Plan, unreached: Unreached, now: datetime) -> bool:
        """Nothing can have come due since: row, plan and people reached the same, not yet time, no clock set back."""
        same = self.incident is incident and self.plan is plan and self.unreached is unreached and self.at <= now
        return same and (self.next_at is None or now < self.next_at)


class Escalate:
    """The loop over open incidents. `poke` makes it look at once; `next_at` is when the first chain asks for more."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.next_at: datetime | None = None
        self._looked: dict[IncidentId, Looked] = {}
        self._wake = asyncio.Event()

    def poke(self) -> None:
        """Something was committed: look at once."""
        self._wake.set()

    def anew(self) -> None:
        """Look at every open incident as if for the first time, at once."""
        self._looked = {}
        self._wake.set()

    async def cycle(self) -> None:
        """Wait a turn, then ask the plan what is due in every open incident, in one transaction."""
        try:
            async with asyncio.timeout(_TURN):
                await self._wake.wait()
        except TimeoutError:
            pass
        self._wake.clear()
        await self.turn()

    async def turn(self) -> None:
        """One look at every open incident."""
        desk, batch = self.desk, Batch()
        if not desk.ledger.incidents and not self._looked:
            return
        async with desk.journal.turn:
            now, looked = desk.clock.now(), self._looked
            self._looked = {}
            for incident in tuple(desk.ledger.incidents.values()):
                with desk.isolated(f"tick/{incident.id}"):
                    self._look(incident, looked.get(incident.id), batch, now)
            await desk.journal.commit(batch)
            times = [seen.next_at for seen in self._looked.values() if seen.next_at is not None]
            self.next_at = min(times, default=None)
        if batch:
            desk.wake_deliver()

    def _look(self, incident: Incident, before: Looked | None, batch: Batch, now: datetime) -> None:
        desk = self.desk
        waits = incident.hold is not None or bool(announced(desk, incident.system, now))
        restless = waits or tick(incident, desk.plan.rules, now).events
        unreached = desk.ledger.unreached(incident.id)
        if before is not None and not restless and before.holds(incident, desk.plan, unreached, now):
            self._looked[incident.id] = before
            return
        settled = tick_incident(desk, incident, now)
        batch.add(*settled.batch.rows)
        if settled.whole and settled.incident is not None:
            self._looked[incident.id] = Looked(settled.incident, desk.plan, now, settled.next_at, unreached)
