"""Time goes on for what carriers have taken: no receipt in time → other ways, and the next person.

What is overdue is worked out from rows at each turn and decided in one transaction with what follows from it, so that
a crash leaves a notice either waiting or marked with its other ways on the way.
"""

import asyncio
from datetime import datetime, timedelta

from monitor.core.ladder import matters, overdue_at
from monitor.core.reasons import Entry
from monitor.core.records import Batch, Notice, Row
from monitor.engine.desk import Desk
from monitor.engine.instead import Lost, lost_rows, spoken, way_of
from monitor.engine.silence import finding

_TURN = 1.0
_SOONEST = 0.01


class Ladder:
    """The loop over notices without a receipt. `next_at` is when the first of them is overdue, as far as is known."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.next_at: datetime | None = None

    def resume(self) -> None:
        """After a start: the carriers that had fallen silent are remembered, and said to have."""
        now = self.desk.clock.now()
        for route in self.desk.silence.resume(self.desk.ledger.notices.values()):
            self.desk.report_route(finding(route, now, silent=True))

    async def cycle(self) -> None:
        """Wait until something may be overdue, at most a turn, then look."""
        wait = _TURN
        if self.next_at is not None:
            left = (self.next_at - self.desk.clock.now()) / timedelta(seconds=1)
            wait = min(_TURN, max(_SOONEST, left))
        await asyncio.sleep(wait)
        await self.turn()

    async def turn(self) -> None:
        """Everything overdue now, in one transaction."""
        if not self._look(self.desk.clock.now()):
            return
        desk, batch, lost = self.desk, Batch(), list[Notice]()
        async with desk.journal.turn:
            now = desk.clock.now()
            for notice in self._look(now):
                with desk.isolated(f"ladder/{notice.id}"):
                    batch.add(*self._rows(notice, now))
                    lost.append(notice)
            await desk.journal.commit(batch)
        for notice in lost:
            if desk.silence.missed(notice) and notice.route is not None:
                desk.report_route(finding(notice.route, now, silent=True))
        if batch:
            desk.wake_escalate()
            desk.wake_deliver()

    def _look(self, now: datetime) -> list[Notice]:
        """Those whose time is up and that still matter; when the next one's will be is noted."""
        found: list[Notice] = []
        self.next_at = None
        for ident in tuple(self.desk.ledger.underway.waiting):
            notice = self.desk.ledger.newest(ident)
            at = overdue_at(notice, self.desk.plan) if notice is not None else None
            if notice is None or at is None or not self._matters(notice):
                continue
            if at <= now:
                found.append(notice)
            elif self.next_at is None or at < self.next_at:
                self.next_at = at
        return found

    def _matters(self, notice: Notice) -> bool:
        incidents = self.desk.ledger.incidents
        parts = self.desk.ledger.parts(notice)
        return any(matters(part, incidents.get(part.incident) if part.incident else None) for part in parts)

    def _rows(self, notice: Notice, now: datetime) -> list[Row]:
        desk = self.desk
        text = f"{way_of(desk, notice)}: ingen kvittering efter {desk.plan.rules.receipt_within:g} sek"
        lines = spoken(desk, notice, Entry.OVERDUE, text, notice.id)
        return [*lost_rows(desk, notice, now, Lost.SILENT), *lines]
