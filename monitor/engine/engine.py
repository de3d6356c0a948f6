"""The engine put together: probe → ingest → escalate → deliver over one desk.

`turn` does everything that is due now and nothing more; the loops call its parts in their own time, a story calls it
after turning the clock.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from monitor.core import words
from monitor.core.finding import CheckName, Finding
from monitor.core.plan import OWN_LINE, ChannelName, Plan, RouteName
from monitor.core.reasons import Entry
from monitor.core.records import Batch, Incident, Kept, Row, WatchRow
from monitor.core.replan import removed_steps
from monitor.core.sight import Sight
from monitor.engine.addresses import outdated_rows
from monitor.engine.compose import line
from monitor.engine.deliver import Deliver
from monitor.engine.desk import Clockwork, Desk
from monitor.engine.escalate import Escalate
from monitor.engine.fleets import Fleets
from monitor.engine.health import Routes
from monitor.engine.ingest import Ingest
from monitor.engine.journal import Journal
from monitor.engine.ladder import Ladder
from monitor.engine.ledger import Ledger
from monitor.engine.own import Own, with_own_checks
from monitor.engine.resume import adopt, distrust
from monitor.metrics import Metrics
from monitor.plan.texts import Texts
from monitor.ports import Channel, RowStore, StoreFault

_FINISH = 10.0
Spawn = Callable[[Coroutine[None, None, None], str], "asyncio.Task[None]"]


@dataclass(frozen=True, slots=True)
class Material:
    """What a plan in force consists of: the plan, its texts and cards, and the built ways out by name."""

    plan: Plan
    texts: Texts
    cards: Mapping[str, str]
    channels: Mapping[RouteName, Channel]


class Engine:
    """Everything between a finding and a phone."""

    def __init__(self, material: Material, clock: Clockwork, store: RowStore, metrics: Metrics, spawn: Spawn) -> None:
        ledger = Ledger()
        plan = with_own_checks(material.plan)
        self.desk = Desk(
            plan,
            material.texts,
            material.cards,
            clock,
            ledger,
            Journal(store, ledger, clock.monotonic, clock.now),
            metrics,
        )
        self.desk.sight = Sight(_canaries(plan))
        self.ingest = Ingest(self.desk)
        self.ladder = Ladder(self.desk)
        self.escalate = Escalate(self.desk)
        self.own = Own(self.desk, self.ingest)
        self.health = Routes(self.desk, self._ways, self.own.route, self.ingest.heard, spawn)
        self.senders = {
            channel: Deliver(self.desk, channel, _of(plan, material, channel), self.health.sent, spawn)
            for channel in ChannelName
        }
        self.desk.report_route = self.own.route
        self.desk.wake_escalate = self.escalate.poke
        self.desk.wake_deliver = self._wake_senders
        self.fleets = Fleets(self.desk)
        self._spawn = spawn
        self.watching: WatchRow | None = None

    def _ways(self) -> dict[RouteName, Channel]:
        return {name: way for sender in self.senders.values() for name, way in sender.routes.items()}

    def _wake_senders(self) -> None:
        for sender in self.senders.values():
            sender.poke()

    async def open(self) -> Kept:
        """Take up what a former run left open; says on each open incident how long nobody watched."""
        kept = await self.desk.journal.open()
        now = self.desk.clock.now()
        await self._commit(adopt(self.desk, kept, now))
        distrust(self.desk)
        self.watching = WatchRow(self.desk.clock.new_id(), now, now)
        batch = Batch([self.watching])
        if kept.last_watch is not None:
            text = f"tjenesten var væk i {words.duration(now - kept.last_watch.last)}"
            batch.add(*(line(i, Entry.NOT_WATCHED, now, text) for i in self.desk.ledger.incidents.values()))
        await self._commit(batch)
        self.ladder.resume()
        return kept

    async def turn(self) -> None:
        """Everything due now, until nothing more is: for stories and for one-shot commands."""
        await self.fleets.turn()
        while True:
            await self.ingest.turn()
            await self.ladder.turn()
            await self.escalate.turn()
            for sender in self.senders.values():
                await sender.look()
            busy = [sender for sender in self.senders.values() if sender.busy]
            if not busy and not self.ingest.waiting:
                return
            for sender in busy:
                await sender.drain()

    async def mind(self) -> None:
        """The slow things: say that we watch, write what could not be written, take up what could not be read."""
        now = self.desk.clock.now()
        if self.watching is not None:
            self.watching = WatchRow(self.watching.id, self.watching.started, now)
            self.desk.journal.later(self.watching)
        kept = await self.desk.journal.mend()
        if self.desk.journal.renewed and not self.desk.journal.degraded:
            self.desk.journal.renewed = False
            self._spawn(self._register_again(), "fleets_anew")
        if kept is None:
            return
        # What a former run believed is old by now: this one has looked for itself.
        async with self.desk.journal.turn:
            await self.desk.journal.commit(adopt(self.desk, replace(kept, beliefs=()), now))
        for incident in kept.incidents:
            self.ingest.touch(incident.system)
        self._wake_senders()

    async def _register_again(self) -> None:
        """The fleets to a store that was begun anew. A million devices take a while: nothing else waits for them."""
        try:
            await self.fleets.registry.write_all()
        except StoreFault:
            self.desk.journal.renewed = True

    async def replan(self, material: Material) -> None:
        """Swap the plan as a whole; open incidents go on under it, and steps that are no more are said."""
        desk = self.desk
        new = with_own_checks(material.plan)
        async with desk.journal.turn:
            now, batch = desk.clock.now(), Batch()
            for incident in tuple(desk.ledger.incidents.values()):
                batch.add(*_replanned(desk, incident, new, now))
            batch.add(*outdated_rows(desk, new, now))
            desk.plan, desk.texts, desk.cards = new, material.texts, material.cards
            desk.sight = desk.sight.over(_canaries(new))
            for gone in [name for name in desk.ledger.beliefs if name not in new.checks]:
                del desk.ledger.beliefs[gone]
                desk.findings.pop(gone, None)
            for channel, sender in self.senders.items():
                sender.routes = dict(_of(new, material, channel))
                sender.outbox.anew()
            await desk.journal.commit(batch)
        await self.fleets.replan(new)
        for system in new.systems:
            self.ingest.touch(system)
        self._wake_senders()
        # The old routes may be closed once this returns.
        await asyncio.gather(*(sender.finish(_FINISH) for sender in self.senders.values()))

    async def stop(self) -> None:
        """Finish what is being sent and write what is queued; nothing new is started."""
        for sender in self.senders.values():
            sender.stopping = True
        for sender in self.senders.values():
            await sender.drain()
        await self.fleets.stop()
        await self.mind()

    async def _commit(self, batch: Batch) -> None:
        async with self.desk.journal.turn:
            await self.desk.journal.commit(batch)

    def heard(self, finding: Finding) -> bool:
        """A probe has ended; True when its check may rest. A fault of ours in taking it in is said by `vagten`."""
        settled = False
        with self.desk.isolated(f"heard/{finding.check}"):
            settled = self.ingest.heard(finding)
        return settled  # noqa: RET504 what falls in there is swallowed, and then it stays False


def _canaries(plan: Plan) -> frozenset[CheckName]:
    names = plan.systems[OWN_LINE].checks if OWN_LINE in plan.systems else ()
    return frozenset(CheckName(n) for n in names if plan.checks[n].canary)


def _of(plan: Plan, material: Material, channel: ChannelName) -> dict[RouteName, Channel]:
    mine = [route.name for route in plan.routes if route.channel is channel]
    return {name: material.channels[name] for name in mine if name in material.channels}


def _replanned(desk: Desk, incident: Incident, new: Plan, now: datetime) -> list[Row]:
    """What a new plan does to an open incident: steps that are no more are said, and so is its system's end."""
    if incident.system not in new.systems:
        text = "systemet findes ikke i den nye plan"
        end = line(incident, Entry.CLOSED, now, text, reason="plan_changed")
        return [end, replace(incident, closed=now)]
    rows: list[Row] = []
    for role, step in removed_steps(incident, desk.plan, new, now, desk.ledger.unreached(incident.id)):
        title = desk.plan.roles[role].title
        key = f"{incident.id}/{incident.generation}/replan/{new.digest}/{role}/{step.after:g}"
        text = f"{title}: trinnet findes ikke i den nye plan"
        rows.append(line(incident, Entry.STEP_DROPPED, now, text, key, reason="plan_changed"))
    return rows
