"""Time goes on: open incidents meet the plan again and again.

Worked out from rows at each turn; a turn that is missed is made up for by the next.
"""

import asyncio
from datetime import datetime

from monitor.core.escalation import due
from monitor.core.records import Batch
from monitor.engine.desk import Desk
from monitor.engine.ingest import tick_incident

_TURN = 1.0


class Escalate:
    """The loop over open incidents. `poke` makes it look at once."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.next_at: datetime | None = None
        self._wake = asyncio.Event()

    def poke(self) -> None:
        """Something was committed: look at once."""
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
        desk = self.desk
        if not desk.ledger.incidents:
            return
        async with desk.journal.turn:
            now, batch = desk.clock.now(), Batch()
            for incident in tuple(desk.ledger.incidents.values()):
                batch.add(*tick_incident(desk, incident, now).rows)
            await desk.journal.commit(batch)
            self.next_at = self._next(now)
        if batch:
            desk.wake_deliver()

    def _next(self, now: datetime) -> datetime | None:
        """The earliest instant at which a chain asks for more; for pages and the auditor, not for timing."""
        plan, told = self.desk.plan, self.desk.ledger.told
        times = [due(i, plan, now, told.get(i.id, set())).next_at for i in self.desk.ledger.active()]
        return min((t for t in times if t is not None), default=None)
