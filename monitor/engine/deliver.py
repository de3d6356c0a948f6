"""The outbox is emptied: due notices → a route's `send` → `core.delivery` → settled.

One loop a channel, so slow mail never delays an SMS. A try is written before it is made: killed in the middle, it is
found again as unknown and repeated, marked so that the receiver can tell.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial

from monitor.core import words
from monitor.core.delivery import Ended, GiveUp, Try, Wait, must_wait_for, next_move, overtaken, rank
from monitor.core.finding import CheckName, Finding, Miss, Outcome, Reason
from monitor.core.plan import ChannelName, RouteName
from monitor.core.records import Attempt, AttemptId, Batch, Entry, Kind, Notice, NoticeId, NoticeState
from monitor.engine.compose import line
from monitor.engine.desk import Desk
from monitor.plan.texts import REPEATED
from monitor.ports import Channel, Message, SendOutcome, Sent

_TURN = 1.0
_AT_ONCE = 8
_GRACE = 0.5


class Deliver:
    """One channel's loop.

    `routes` are its ways out by name; `report` takes findings on their health; `spawn` starts a supervised task.
    """

    def __init__(
        self,
        desk: Desk,
        channel: ChannelName,
        routes: Mapping[RouteName, Channel],
        report: Callable[[Finding], object],
        spawn: Callable[[Coroutine[None, None, None], str], asyncio.Task[None]],
    ) -> None:
        self.desk = desk
        self.spawn = spawn
        self.stopping = False
        self.channel = channel
        self.routes = dict(routes)
        self.report = report
        self._wake = asyncio.Event()
        self._under_way: dict[NoticeId, asyncio.Task[None]] = {}

    def poke(self) -> None:
        """Something was committed: look at once."""
        self._wake.set()

    async def cycle(self) -> None:
        """Wait a turn, then start sending what is due, the first alarms first; a slow try holds nobody else up."""
        try:
            async with asyncio.timeout(_TURN):
                await self._wake.wait()
        except TimeoutError:
            pass
        self._wake.clear()
        self.start_due()

    def start_due(self) -> None:
        """Start a try for each due notice there is room for."""
        for notice in self.due(self.desk.clock.now()):
            if len(self._under_way) >= _AT_ONCE:
                return
            if notice.id not in self._under_way:
                task = self.spawn(self._one(notice.id), f"send-{self.channel}")
                self._under_way[notice.id] = task
                task.add_done_callback(partial(self._ended, notice.id))

    def _ended(self, ident: NoticeId, _task: asyncio.Task[None]) -> None:
        self._under_way.pop(ident, None)
        self.poke()

    @property
    def busy(self) -> bool:
        """True while something is being sent."""
        return bool(self._under_way)

    async def drain(self) -> None:
        """Wait until what is being sent has been settled; nothing new is started."""
        while self._under_way:
            await asyncio.gather(*self._under_way.values(), return_exceptions=True)

    def due(self, now: datetime) -> list[Notice]:
        """The channel's queued notices that may be tried now, in the order to try them."""
        queued = list(self.desk.ledger.queue.values())
        mine = [n for n in queued if n.channel is self.channel and not must_wait_for(n, queued)]
        return sorted((n for n in mine if self._ready(n, now)), key=rank)

    def _ready(self, notice: Notice, now: datetime) -> bool:
        move = next_move(notice, self._attempts(notice), self.desk.plan.routes, now)
        return not isinstance(move, Wait) or self._over(notice)

    def _over(self, notice: Notice) -> bool:
        incident = self.desk.ledger.incidents.get(notice.incident) if notice.incident else None
        gone = incident is None and notice.incident is not None and notice.kind is Kind.REMINDER
        return gone or overtaken(notice, incident)

    def _attempts(self, notice: Notice) -> list[Attempt]:
        return self.desk.ledger.attempts.get(notice.id, [])

    async def _one(self, ident: NoticeId) -> None:
        """Try one notice until it is settled or must wait."""
        while (notice := self.desk.ledger.queue.get(ident)) is not None and not self.stopping:
            if self._over(notice):
                await self._give_up(notice, Ended.OVERTAKEN)
                return
            move = next_move(notice, self._attempts(notice), self.desk.plan.routes, self.desk.clock.now())
            if isinstance(move, Wait):
                return
            if isinstance(move, GiveUp):
                await self._give_up(notice, move.reason)
                return
            await self._try(notice, move)

    async def _try(self, notice: Notice, move: Try) -> None:
        clock = self.desk.clock
        attempt = Attempt(AttemptId(clock.new_id()), notice.id, move.route, clock.now(), move.repeat)
        await self._commit(Batch([attempt]))
        sent = await self._send(notice, move)
        await self._settle(notice, replace(attempt, ended=clock.now(), outcome=sent.outcome.value), sent)

    async def _send(self, notice: Notice, move: Try) -> Sent:
        route = self.routes.get(move.route)
        if route is None:
            return Sent(SendOutcome.BROKEN, "the route could not be built")
        text = notice.text + REPEATED if move.repeat and self.channel is ChannelName.SMS else notice.text
        subject = notice.subject + REPEATED if move.repeat and notice.subject else notice.subject
        message = Message(
            key=notice.id, to=notice.to, text=text, subject=subject, html=notice.html, thread=notice.thread
        )
        limit = next(r.timeout for r in self.desk.plan.routes if r.name == move.route)
        try:
            async with asyncio.timeout(limit + _GRACE):
                return await route.send(message)
        except TimeoutError:
            return Sent(SendOutcome.UNKNOWN, f"no answer within {limit:g} s")
        except Exception as error:
            return Sent(SendOutcome.UNKNOWN, f"internal fault: {type(error).__name__}")

    async def _settle(self, notice: Notice, attempt: Attempt, sent: Sent) -> None:
        """The outcome is kept, counted, put on the timeline and told to the alarm path's own watch."""
        attempt = replace(attempt, said=sent.said[:200], provider_id=sent.provider_id[:100])
        ended = attempt.ended or attempt.started
        self.desk.metrics.notices.labels(self.channel, attempt.route, attempt.outcome, notice.kind).inc()
        accepted = sent.outcome is SendOutcome.ACCEPTED
        batch = Batch([attempt])
        name = self._person(notice)
        if accepted:
            batch.add(replace(notice, state=NoticeState.ACCEPTED, settled=ended, route=attempt.route))
            self._measure(notice, ended)
        self._say(
            batch,
            notice,
            Entry.ACCEPTED if accepted else Entry.NOT_ACCEPTED,
            f"{self.channel.upper()} til {name} ad {attempt.route}" + ("" if accepted else f": {sent.outcome}"),
            attempt.id,
        )
        await self._commit(batch)
        self.report(route_finding(attempt.route, sent, attempt.started))

    async def _give_up(self, notice: Notice, reason: Ended) -> None:
        now = self.desk.clock.now()
        batch = Batch([replace(notice, state=NoticeState.FAILED, settled=now, reason=f"{notice.reason}/{reason}")])
        text = f"{self.channel.upper()} til {self._person(notice)}: {words.ENDED[reason]}"
        self._say(batch, notice, Entry.GAVE_UP, text, f"gave_up/{notice.id}", reason.value)
        if reason is not Ended.OVERTAKEN:
            batch.add(*self._other_channel(notice, now))
        self.desk.metrics.notices.labels(self.channel, "", "gave_up", notice.kind).inc()
        await self._commit(batch)
        self.desk.wake_deliver()

    def _other_channel(self, notice: Notice, now: datetime) -> list[Notice]:
        """A person one channel cannot reach is told by the other, unless that is under way already."""
        person = self.desk.plan.people.get(notice.person)
        if person is None:
            return []
        siblings = {n.channel for n in self.desk.ledger.notices.values() if _twins(n, notice)}
        for channel in ChannelName:
            if channel is self.channel or channel in siblings or not person.address(channel):
                continue
            again = replace(
                notice,
                id=NoticeId(self.desk.clock.new_id()),
                key=f"{notice.key}/in_place/{channel}",
                channel=channel,
                to=person.address(channel),
                subject=notice.subject or notice.text[:60],
                created=now,
                reason="other_channel",
            )
            return [again]
        return []

    def _person(self, notice: Notice) -> str:
        person = self.desk.plan.people.get(notice.person)
        return person.name if person else notice.person

    def _say(self, batch: Batch, notice: Notice, entry: Entry, text: str, key: str, reason: str = "") -> None:
        incident = self.desk.ledger.incidents.get(notice.incident) if notice.incident else None
        if incident is not None:
            now, who = self.desk.clock.now(), self._person(notice)
            full = f"{incident.id}/{entry}/{key}"
            batch.add(line(incident, entry, now, text, full, who=who, reason=reason or notice.kind.value))

    def _measure(self, notice: Notice, accepted: datetime) -> None:
        took = (accepted - notice.created).total_seconds()
        self.desk.metrics.delivery.labels(self.channel, "accepted").observe(max(0.0, took))
        if notice.fault_at is not None and self.channel is ChannelName.SMS and not self._was_told(notice):
            self.desk.metrics.fault_to_accepted.observe(max(0.0, (accepted - notice.fault_at).total_seconds()))

    def _was_told(self, notice: Notice) -> bool:
        """True when another first alarm of the incident has already been taken by a carrier."""
        others = self.desk.ledger.notices_of(notice.incident) if notice.incident else ()
        return any(n.fault_at and n.state is NoticeState.ACCEPTED and n.channel is self.channel for n in others)

    async def _commit(self, batch: Batch) -> None:
        async with self.desk.journal.turn:
            await self.desk.journal.commit(batch)


def _twins(one: Notice, other: Notice) -> bool:
    """Two notices that say the same to the same person."""
    return (one.incident, one.person, one.kind, one.task, one.generation) == (
        other.incident,
        other.person,
        other.kind,
        other.task,
        other.generation,
    )


def route_finding(route: RouteName, sent: Sent, at: datetime) -> Finding:
    """What a try says of the route itself: a refused recipient says nothing against it."""
    name = CheckName(f"alarmvej-{route}")
    if sent.outcome in (SendOutcome.ACCEPTED, SendOutcome.REJECTED):
        return Finding(name, Outcome.OK, at)
    return Finding(name, Outcome.FAIL, at, misses=(Miss(Reason.ROUTE, seen=f"{route}: {sent.outcome}"),))
