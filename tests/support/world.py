"""A world for the engine to live in: checks with a truth of their own, carriers with moods, a store that may fail.

Time is turned as the service would see it: each check is probed, the engine looks, the service looks at itself. What
the carriers have taken is kept with the notice behind it, for `tests.support.promises` to judge.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from monitor.core.finding import CheckName, Outcome, Reason
from monitor.core.plan import OWN_SYSTEMS, Plan, RouteName
from monitor.core.receipts import Delivery, Receipt
from monitor.core.records import Incident, IncidentId, Kept, Notice, Row
from monitor.core.withholding import Withholding
from monitor.engine.audit import Auditor
from monitor.engine.links import Asking
from monitor.engine.receipts import Receipts
from monitor.ports import Health, Message, SendOutcome, Sent, StoreFault
from tests.support.memory_store import Fate, MemoryStore
from tests.support.story import Phone, Story

URL = "https://vagt.eksempel.example"
_PROBED = 5.0
_STEPS = ((60.0, 5.0), (900.0, 30.0), (1e9, 150.0))
"""Until so many seconds after something happened the engine looks every so many."""
SLACK = 150.0


@dataclass(frozen=True, slots=True)
class Landed:
    """One text a carrier has taken, with what we knew of it then. `heard` is what the carrier answered, if it did."""

    at: datetime
    route: RouteName
    notice: Notice
    parts: tuple[Notice, ...]
    message: Message
    ident: str
    heard: SendOutcome | None
    kills: int

    @property
    def repeated(self) -> bool:
        """Whether the text says that it may have come before."""
        return "(gentaget)" in f"{self.message.subject} {self.message.text}"


@dataclass
class Way(Phone):
    """A carrier with a mood. `goes`: what it is unsure of, or hangs on, has gone out all the same. `tells`: it gives a
    receipt for each text, some seconds after it."""

    goes: bool = False
    tells: bool = True
    count: int = 0
    well_since: datetime | None = None
    world: "World" = field(init=False, repr=False)

    @property
    def takes(self) -> bool:
        """Whether it takes texts now, and says so."""
        return self.outcome is SendOutcome.ACCEPTED and not self.hangs

    async def send(self, message: Message) -> Sent:
        await self.world.fate.step()
        self.count += 1
        ident = f"{self.name}-{self.count}"
        unsure = self.hangs or self.outcome is SendOutcome.UNKNOWN
        if self.takes or (unsure and self.goes):
            self.world.land(self, message, ident, None if self.hangs else self.outcome)
        if self.hangs:
            await asyncio.Event().wait()
        await self.world.fate.step()
        return Sent(self.outcome, "said", ident)

    async def health(self) -> Health:
        if self.hangs or self.outcome is SendOutcome.UNKNOWN:
            return Health(None)
        return Health(self.outcome in (SendOutcome.ACCEPTED, SendOutcome.REJECTED), "said")

    async def close(self) -> None:
        """Carriers outlive us."""


class ShakyStore(MemoryStore):
    """A store in memory that fails, or is slow, when it is told to."""

    mood = "well"

    async def _mood(self) -> None:
        if self.mood == "broken":
            raise StoreFault("the disk is full")
        if self.mood != "well":
            await asyncio.sleep(1.5 if self.mood == "slow" else 3600)

    async def open(self) -> None:
        await self._mood()

    async def look(self) -> None:
        await self._mood()

    async def save(self, rows: Sequence[Row]) -> None:
        await self._mood()
        await super().save(rows)

    async def load(self) -> Kept:
        await self._mood()
        return await super().load()

    async def incident(self, wanted: str) -> Incident | None:
        """One incident as it is kept."""
        await self._mood()
        found: Incident | None = self.rows.get(Incident, {}).get(wanted)
        return found


@dataclass(frozen=True, slots=True)
class Turn:
    """One run of an incident's chain, since it was first seen to run; `held` when its notices were, then."""

    incident: Incident
    since: datetime


class World(Story):
    """The service in its world. `away` is the longest stretch nobody looked in, of late."""

    def __init__(self, start: datetime, plan: Plan, fate: Fate | None = None) -> None:
        self.fate = fate or Fate()
        self.rows: dict[type, dict[str, Any]] = {}
        self.mood = "well"
        self.landed: list[Landed] = []
        self.unconfirmed: list[Landed] = []
        self.kills = 0
        self.forgot = False
        """Whether we were killed with something decided and not yet written."""
        self.truth: dict[str, Outcome] = {}
        self.blind = False
        self.probed: dict[str, datetime] = {}
        self.quiet_for = 0.0
        self.looked: list[datetime] = []
        self.plans: list[tuple[datetime, Plan]] = []
        self.turns: dict[tuple[IncidentId, int, int], Turn] = {}
        self.windows: list[Withholding] = []
        self.ways = {RouteName(name): Way(name) for name in ("primary", "modem", "relay")}
        super().__init__(Path("unused"), start, plan)
        self.phones = dict(self.ways.items())
        for way in self.ways.values():
            way.world, way.well_since = self, self.clock.at
        self.plans.append((self.clock.at, plan))
        self.up_since = self.judged_to = self.ways_looked_at = self.clock.at
        self.engine = self._engine()

    def _store(self) -> Any:
        store = ShakyStore(self.rows, self.fate)
        store.mood = self.mood
        return store

    def _engine(self) -> Any:
        engine = super()._engine()
        engine.desk.asking = Asking(b"en noegle", URL)
        engine.desk.urge = self._urge
        return engine

    def _urge(self, names: Sequence[CheckName]) -> None:
        for name in names:
            self.probed.pop(name, None)

    def land(self, way: Way, message: Message, ident: str, heard: SendOutcome | None) -> None:
        """A carrier has taken a text."""
        ledger = self.engine.desk.ledger
        notice = ledger.notices[message.key]  # type: ignore[index]
        parts = tuple(ledger.parts(notice))
        name = RouteName(way.name)
        self.landed.append(Landed(self.clock.at, name, notice, parts, message, ident, heard, self.kills))
        self.unconfirmed.append(self.landed[-1])

    async def alive(self, *works: Callable[[], Awaitable[object]]) -> None:
        """Do these as far as the process lives; a killed one is followed by another, which does none of them again."""
        for work in works:
            task = asyncio.get_running_loop().create_task(_as_task(work))
            killed = asyncio.get_running_loop().create_task(self.fate.killed.wait())
            await asyncio.wait({task, killed}, return_when=asyncio.FIRST_COMPLETED)
            killed.cancel()
            if not self.fate.killed.is_set():
                task.result()
                continue
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await self.die(0)
            return

    async def die(self, away: float) -> None:
        """Killed, and started again so many seconds later."""
        journal = self.engine.desk.journal
        self.forgot = self.forgot or journal.degraded or bool(journal.waiting) or self.mood != "well"
        self.kills += 1
        await self.kill()
        self.fate.killed.clear()
        self.clock.at += timedelta(seconds=away)
        self.engine = self._engine()
        self.up_since = self.clock.at
        self.probed.clear()
        await self.alive(self.open)

    async def settle(self) -> None:
        """The engine does what is due, until doing it neither takes time nor is cut short."""
        before = None
        while before != (self.clock.at, self.kills):
            before = self.clock.at, self.kills
            await self.alive(self.engine.turn)
        self._note()

    async def passes(self, seconds: float) -> None:
        """So much time goes by."""
        end = self.clock.at + timedelta(seconds=seconds)
        while self.clock.at < end:
            step = self._step()
            before = self.clock.at
            self.clock.at = min(end, self.clock.at + timedelta(seconds=step))
            await self.look()
            self.quiet_for += (self.clock.at - before).total_seconds()

    def _step(self) -> float:
        """How long until the engine looks next: never so long that a receipt or a rest would be late for it."""
        step = next(every for until, every in _STEPS if self.quiet_for < until)
        if any(self.ways[one.route].tells for one in self.unconfirmed):
            return 5.0
        ledger = self.engine.desk.ledger
        return min(step, 20.0 if self.quiet_for < 900 else 60.0) if ledger.queue or ledger.underway.waiting else step

    async def look(self) -> None:
        """Every check that is due is probed, the engine looks, and so does the service at itself."""
        for _ in range(3):
            # What was urged meanwhile is looked at at once.
            due = [check for check in self.plan.checks if self._due(check)]
            for check in due:
                self.probed[check] = self.clock.at
                self._probe(check)
            await self.settle()
            if not due:
                break
        await self._confirm()
        if self.clock.at - self.ways_looked_at >= timedelta(seconds=60):
            self.ways_looked_at = self.clock.at
            await self.alive(self.engine.health.turn)
        self.engine.own.look([])
        await self.alive(self.engine.mind)
        await self.settle()
        self.looked.append(self.clock.at)

    async def _confirm(self) -> None:
        """The receipts of what was taken a while ago, by carriers that give any."""
        since = self.clock.at - timedelta(seconds=3)
        ripe = [one for one in self.unconfirmed if one.at <= since and self.ways[one.route].tells]
        self.unconfirmed = [one for one in self.unconfirmed if one not in ripe]
        for one in ripe:
            receipt = Receipt(one.route, one.ident, Delivery.DELIVERED, self.clock.at, "delivered")
            await self.alive(partial(Receipts(self.engine.desk).take, receipt))

    def _due(self, check: CheckName) -> bool:
        last = self.probed.get(check)
        return last is None or self.clock.at - last >= timedelta(seconds=_PROBED)

    def _probe(self, check: CheckName) -> None:
        rule = self.plan.checks[check]
        truth = self.truth.get(check, Outcome.OK)
        if self.blind and (rule.canary or self.plan.systems[rule.system].over_own_line):
            self.hear(check, Outcome.FAIL, Reason.TIMEOUT)
        else:
            self.hear(check, truth, Reason.INTERNAL if truth is Outcome.UNKNOWN else Reason.STATUS)

    def _note(self) -> None:
        now = self.clock.at
        for incident in self.engine.desk.ledger.incidents.values():
            if incident.active and incident.hold is None:
                key = (incident.id, incident.generation, incident.releases)
                self.turns.setdefault(key, Turn(incident, now))

    async def findings(self) -> list[str]:
        """What the auditor would complain of now."""
        read = None if self.engine.desk.journal.degraded or self.mood != "well" else self.store.incident
        auditor = Auditor(self.engine, read)
        return [f"{one.wrong} {one.about}" for one in await auditor.findings()]

    def feels(self, route: str, outcome: SendOutcome, *, hangs: bool = False, goes: bool = False) -> None:
        """A carrier's mood from now on."""
        way = self.ways[RouteName(route)]
        way.outcome, way.hangs, way.goes = outcome, hangs, goes
        way.well_since = (way.well_since or self.clock.at) if way.takes else None

    def stored(self, mood: str) -> None:
        """The store's mood from now on: well, slow, hanging or broken."""
        self.mood = self.store.mood = mood  # type: ignore[attr-defined]

    async def replanned(self, plan: Plan) -> None:
        """Another plan, while it runs."""
        self.plans.append((self.clock.at, plan))
        await self.alive(lambda: self.replan(plan))
        self.plan = plan

    def mended(self) -> None:
        """Everything outside is well again."""
        self.truth.clear()
        self.blind = False
        self.stored("well")
        for name, way in self.ways.items():
            self.feels(name, SendOutcome.ACCEPTED)
            way.tells = True

    def known(self) -> list[Notice]:
        """Every notice there ever was, oldest first: those kept, and those in memory."""
        kept = {notice.id: notice for notice in self.rows.get(Notice, {}).values()}
        return sorted((kept | self.engine.desk.ledger.notices).values(), key=lambda n: (n.created, n.id))

    def incidents(self) -> list[Incident]:
        """Every incident there ever was, as it is now."""
        kept = {one.id: one for one in self.rows.get(Incident, {}).values()}
        return list((kept | self.engine.desk.ledger.incidents).values())


async def _as_task(work: Callable[[], Awaitable[object]]) -> object:
    return await work()


def care(plan: Plan) -> list[str]:
    """The checks of systems that are not our own."""
    return [name for name, rule in plan.checks.items() if rule.system not in OWN_SYSTEMS]
