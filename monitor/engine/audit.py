"""The auditor: looks at every open incident as the rows have it, and says where nothing goes on.

A loop of its own, that shares nothing with the loops it looks after but the ledger: what it finds twice in a row is a
failing check of our own, and it wakes whoever should have done it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

import structlog

from monitor.core.audit import (
    Complaint,
    NextStep,
    Standing,
    Wrong,
    complaints,
    held_for_nothing,
    held_too_long,
    is_pulse,
    next_step,
    stuck,
)
from monitor.core.audit_words import WRONG
from monitor.core.delivery import Wait, next_move
from monitor.core.dependencies import hold_for
from monitor.core.escalation import due
from monitor.core.plan import ChannelName, RouteInfo
from monitor.core.progress import progress_at
from monitor.core.records import Incident, IncidentId, Notice, NoticeId, NoticeState
from monitor.core.withhold import WITHHELD
from monitor.engine.announced import notices_from
from monitor.engine.desk import Desk
from monitor.engine.engine import Engine
from monitor.engine.questions import question_calls
from monitor.engine.ways import open_to
from monitor.ports import StoreFault

log = structlog.get_logger(__name__)

EVERY = 12.0
_ROWS_A_LOOK = 20
Read = Callable[[str], Awaitable[Incident | None]]


class Auditor:
    """`read` gives an incident as the database has it, and may raise StoreFault; None: nothing is compared."""

    def __init__(self, engine: Engine, read: Read | None = None) -> None:
        self.engine = engine
        self.desk = engine.desk
        self.read = read
        self.found: frozenset[Complaint] = frozenset()
        """What stood at the last look."""
        self.standing: frozenset[Complaint] = frozenset()
        """What stood at the last two."""
        self._rows: dict[IncidentId, Incident] = {}

    async def cycle(self) -> None:
        """Wait a turn, then look."""
        await asyncio.sleep(EVERY)
        await self.look()

    async def look(self) -> None:
        """Everything that is open; what is found twice in a row is said, and whoever should have done it is woken."""
        before, found = self.found, frozenset(await self.findings())
        self.found, self.standing = found, found & before
        for complaint in self.standing:
            log.error("audit", wrong=complaint.wrong.value, about=complaint.about, notice=complaint.notice)
            self._wake(complaint)
        worst = sorted(self.standing, key=lambda one: (list(Wrong).index(one.wrong), one.about))
        said = f"{worst[0].about}: {WRONG[worst[0].wrong]}" if worst else ""
        self.engine.own.standstill(said, len(worst))

    async def findings(self) -> list[Complaint]:
        """Everything that is wrong now, be it for a moment only."""
        found: list[Complaint] = []
        for incident in tuple(self.desk.ledger.incidents.values()):
            found += self._of(incident)
            # Three hundred at once must not hold up a probe.
            await asyncio.sleep(0)
        found += self._unsent()
        found += self._without_incident()
        found += await self._not_kept()
        return found

    @property
    def without_next_step(self) -> int:
        """How many open incidents stood still at the last look."""
        return len({one.about for one in self.found if one.wrong in (Wrong.NO_NEXT_STEP, Wrong.MISSED)})

    def _of(self, incident: Incident) -> Iterator[Complaint]:
        if self.desk.ledger.incidents.get(incident.id) is not incident:
            return
        now = self.desk.clock.now()
        yield from complaints(standing_of(self.desk, incident, now), self.desk.plan, now)
        ledger = self.desk.ledger
        if ledger.by_system.get(incident.system) != incident:
            yield Complaint(Wrong.NOT_KEPT, incident.number)
        why, _ = hold_for(incident, self.desk.plan, ledger.by_system, ledger.beliefs, now)
        over = held_too_long(incident, notices_from(self.desk, incident.system, now), self.desk.plan.rules, now)
        if held_for_nothing(incident, why) or (over and self.desk.view(incident.system).known):
            yield Complaint(Wrong.MISSED, incident.number)

    def _unsent(self) -> Iterator[Complaint]:
        ledger, now = self.desk.ledger, self.desk.clock.now()
        for channel in ChannelName:
            queued = [n for n in ledger.queue.values() if n.channel is channel and not is_pulse(n)]
            tries = {
                ident: tries for ident, tries in ledger.attempts.items() if _goes_by(ledger.notices, ident, channel)
            }
            for notice in stuck(queued, tries, self._open_to, now) if queued else ():
                incident = ledger.incidents.get(notice.incident) if notice.incident else None
                yield Complaint(Wrong.UNSENT, incident.number if incident else notice.kind.value, notice.id)

    def _open_to(self, notice: Notice) -> Sequence[RouteInfo]:
        return open_to(self.desk, notice, self.desk.plan.routes)

    def _without_incident(self) -> Iterator[Complaint]:
        for system in tuple(self.desk.plan.systems):
            if self.desk.view(system).severity is not None and system not in self.desk.ledger.by_system:
                yield Complaint(Wrong.NO_INCIDENT, system)

    async def _not_kept(self) -> list[Complaint]:
        """A few incidents at each look, those that have not changed since the last one: is that what is kept?"""
        journal, incidents = self.desk.journal, self.desk.ledger.incidents
        calm = [one for one in incidents.values() if self._rows.get(one.id) is one]
        self._rows = dict(incidents)
        found: list[Complaint] = []
        if self.read is None or journal.degraded:
            return found
        try:
            async with asyncio.timeout(EVERY / 4):
                for incident in calm[-_ROWS_A_LOOK:]:
                    kept = await self.read(incident.id)
                    if kept != incident and incidents.get(incident.id) is incident:
                        found.append(Complaint(Wrong.NOT_KEPT, incident.number))
        except (StoreFault, TimeoutError):
            # A database that cannot be read is the journal's to say.
            return found
        return found

    def _wake(self, complaint: Complaint) -> None:
        """Whoever should have done it looks anew, trusting nothing it remembers."""
        if complaint.wrong is Wrong.UNSENT:
            for sender in self.engine.senders.values():
                sender.outbox.anew()
                sender.poke()
        elif complaint.wrong is Wrong.NO_INCIDENT:
            self.engine.ingest.touch(next(name for name in self.desk.plan.systems if name == complaint.about))
        elif complaint.wrong is Wrong.NOT_KEPT:
            self.desk.journal.later(*(i for i in self.desk.ledger.incidents.values() if i.number == complaint.about))
        else:
            self.engine.escalate.anew()


def _goes_by(notices: dict[NoticeId, Notice], ident: NoticeId, channel: ChannelName) -> bool:
    return ident in notices and notices[ident].channel is channel


def standing_of(desk: Desk, incident: Incident, now: datetime) -> Standing:
    """An open incident with what belongs to it, and what deciding asks for it now."""
    ledger = desk.ledger
    told = ledger.told.get(incident.id, set())
    asked = due(incident, desk.plan, now, told, ledger.unreached(incident.id))
    asked = replace(asked, calls=(*asked.calls, *question_calls(desk, incident, told)))
    notices = tuple(ledger.notices_of(incident.id))
    return Standing(
        incident,
        notices,
        ledger.lines.get(incident.id, ()),
        asked,
        progress_at(incident, desk.plan, now),
        min((_ready_at(desk, notice, now) for notice in notices if notice.state is NoticeState.QUEUED), default=None),
        notices_from(desk, incident.system, now) if incident.hold in WITHHELD else None,
    )


def _ready_at(desk: Desk, notice: Notice, now: datetime) -> datetime:
    routes = open_to(desk, notice, desk.plan.routes)
    move = next_move(notice, desk.ledger.attempts.get(notice.id, ()), routes, now)
    return move.until if isinstance(move, Wait) else now


def step_of(desk: Desk, incident: IncidentId, now: datetime) -> NextStep | None:
    """What an incident waits for next; None when it is over, or waits for nothing."""
    known = desk.ledger.incidents.get(incident)
    return next_step(standing_of(desk, known, now), desk.plan, now) if known is not None else None
