"""Receipts: the carrier's word on a text → what becomes of its notice.

The first final word counts; a delivery is believed whenever it comes, and undoes nothing that was decided without it.
Whatever else comes (twice, too late, for texts nobody knows) is counted and changes nothing. A carrier's stamp is not
trusted: an instant here is when the receipt arrived.
"""

import re
from dataclasses import replace
from datetime import datetime
from enum import StrEnum

from monitor.core import words
from monitor.core.plan import RouteName
from monitor.core.reasons import Entry
from monitor.core.receipts import Delivery, Receipt
from monitor.core.records import Attempt, Batch, NoticeId, NoticeState
from monitor.engine.addresses import clear_rows, flag_rows
from monitor.engine.desk import Desk
from monitor.engine.instead import Lost, lost_rows, spoken, way_of
from monitor.engine.silence import finding

_NUMBERS = re.compile(r"\d{5,}")
_SAID = 60


class Verdict(StrEnum):
    """What came of a receipt: the metric's label."""

    TAKEN = "taken"
    UNDERWAY = "underway"
    """Still on its way: nothing new."""
    ALREADY = "already"
    LATE = "late"
    """After a final word, or for what is over."""
    EARLY = "early"
    """Before its own try has ended: held until then."""
    UNKNOWN = "unknown"


class Receipts:
    """Takes receipts in; keeps nothing of its own."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    async def take(self, receipt: Receipt) -> Verdict:
        """Do what the receipt says. Counts it by what came of it."""
        route = next((r.name for r in self.desk.plan.routes if r.name == receipt.route), None)
        verdict = Verdict.UNKNOWN if route is None or not receipt.provider_id else await self._take(receipt, route)
        self.desk.metrics.receipts.labels(route or "", verdict).inc()
        return verdict

    async def held(self, attempt: Attempt) -> None:
        """A try has ended: the receipts that were faster than its own answer are taken now."""
        for receipt in self.desk.early.of(attempt):
            await self.take(receipt)

    async def _take(self, receipt: Receipt, route: RouteName) -> Verdict:
        desk, now = self.desk, self.desk.clock.now()
        ident = self._notice(receipt, route)
        if ident is None:
            if desk.ledger.underway.past(route, receipt.provider_id):
                self._heard(route, now)
                return Verdict.LATE
            if route not in desk.ledger.underway.trying.values():
                return Verdict.UNKNOWN
            desk.early.keep(receipt, now)
            return Verdict.EARLY
        self._heard(route, now)
        if receipt.delivery is Delivery.DELIVERED:
            return await self._delivered(ident, receipt, route)
        # Who counts as not reached moves a chain's times: decided while no other decision reads them.
        async with desk.journal.turn:
            return await self._lost(ident, receipt)

    def _notice(self, receipt: Receipt, route: RouteName) -> NoticeId | None:
        """By what the carrier calls it, or by our own reference, which is the notice's id. None while it is tried."""
        ledger = self.desk.ledger
        ident = NoticeId(receipt.provider_id)
        tries = [attempt for attempt in ledger.attempts.get(ident, ()) if attempt.route == route]
        if tries and ident in ledger.notices:
            return ident if tries[-1].outcome else None
        return ledger.underway.find(route, receipt.provider_id)

    async def _delivered(self, ident: NoticeId, receipt: Receipt, route: RouteName) -> Verdict:
        desk, now = self.desk, self.desk.clock.now()
        notice = desk.ledger.newest(ident)
        if notice is None or notice.delivered is not None:
            return Verdict.ALREADY
        after = replace(notice, delivered=now)
        if notice.state is not NoticeState.ACCEPTED:
            # A try whose outcome was unknown had gone through after all: it is not repeated any more.
            after = replace(after, state=NoticeState.ACCEPTED, settled=now, route=route)
        took = max(0.0, (now - notice.created).total_seconds())
        desk.metrics.delivery.labels(notice.channel, "delivered").observe(took)
        lines = spoken(desk, after, Entry.DELIVERED, way_of(desk, after), notice.id)
        await desk.journal.commit(Batch([after, *lines, *clear_rows(desk, notice.to, notice.channel, now)]))
        return Verdict.LATE if notice.undelivered else Verdict.TAKEN

    async def _lost(self, ident: NoticeId, receipt: Receipt) -> Verdict:
        desk, now = self.desk, self.desk.clock.now()
        notice = desk.ledger.newest(ident)
        if notice is None or notice.delivered is not None:
            return Verdict.LATE
        word = _word(receipt)
        if notice.undelivered:
            return Verdict.ALREADY if notice.undelivered == word else Verdict.LATE
        if not receipt.delivery.final:
            return Verdict.UNDERWAY
        refused = receipt.delivery is Delivery.REFUSED
        batch = Batch()
        if notice.state is NoticeState.ACCEPTED:
            why = Lost.REFUSED if refused else Lost.SILENT
            batch.add(*lost_rows(desk, replace(notice, undelivered=word), now, why))
            text = f"{way_of(desk, notice)}: {words.UNDELIVERED[receipt.delivery]} (svar: {word})"
            batch.add(*spoken(desk, notice, Entry.NOT_DELIVERED, text, notice.id))
        if refused:
            batch.add(*flag_rows(desk, notice, now, word, receipt.route))
        await desk.journal.commit(batch)
        desk.wake_deliver()
        desk.wake_escalate()
        return Verdict.TAKEN

    def _heard(self, route: RouteName, now: datetime) -> None:
        if self.desk.silence.heard(route):
            self.desk.report_route(finding(route, now, silent=False))


def _word(receipt: Receipt) -> str:
    """The carrier's own word, short, without what may be a number of somebody's; never empty."""
    plain = "".join(sign for sign in receipt.said[:_SAID] if sign.isprintable())
    return _NUMBERS.sub("…", plain).strip() or receipt.delivery.value
