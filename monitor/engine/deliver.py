"""The outbox is emptied: due notices → a route's `send` → `core.delivery` → settled.

One loop a channel, so slow mail never delays an SMS. A try is written before it is made: killed in the middle, it is
found again as unknown and repeated, marked so that the receiver can tell.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import structlog

from monitor.core import words
from monitor.core.delivery import Ended, GiveUp, Try, Wait, next_move, overtaken
from monitor.core.finding import CheckName, Finding, Miss, Outcome, Reason
from monitor.core.gsm import cut
from monitor.core.plan import ALARM_PATH, ChannelName, PersonId, RouteName
from monitor.core.reasons import Entry
from monitor.core.records import Attempt, AttemptId, Batch, Notice, NoticeId, NoticeState
from monitor.core.state import Level
from monitor.engine.compose import line
from monitor.engine.desk import Desk
from monitor.engine.outbox import Outbox
from monitor.plan.texts import REPEATED
from monitor.ports import Channel, Message, SendOutcome, Sent

log = structlog.get_logger(__name__)

_TURN = 1.0
_AT_ONCE = 8
_GRACE = 0.5
_LIMIT = 5.0
_SICK_FOR = timedelta(seconds=30)
"""How long a route that has just failed is tried after the others, before it gets another chance."""
_REST = timedelta(seconds=5)
_SUBJECT = 78


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
        self.outbox = Outbox(desk.ledger, channel, self._ready_at)
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
        """Start a try for each due notice there is room for; nothing new once we are stopping."""
        clock = self.desk.clock
        while not self.stopping and len(self._under_way) < _AT_ONCE:
            notice = self.outbox.take(clock.now(), clock.monotonic(), self._under_way.__contains__)
            if notice is None:
                return
            task = self.spawn(self._one(notice.id), f"send-{self.channel}")
            self._under_way[notice.id] = task
            task.add_done_callback(partial(self._ended, notice))

    def _ended(self, notice: Notice, _task: asyncio.Task[None]) -> None:
        self._under_way.pop(notice.id, None)
        fell = _about(notice.id) in self.desk.sick
        self.outbox.ended(notice, self.desk.clock.now() + _REST if fell else None)
        self.poke()

    @property
    def busy(self) -> bool:
        """True while something is being sent."""
        return bool(self._under_way)

    async def finish(self, within: float) -> None:
        """Wait for the tries under way now, at most so long: they hold the routes they were begun with."""
        if self._under_way:
            await asyncio.wait(tuple(self._under_way.values()), timeout=within)

    async def drain(self) -> None:
        """Wait until what is being sent has been settled; nothing new is started."""
        while self._under_way:
            await asyncio.gather(*self._under_way.values(), return_exceptions=True)

    def _ready_at(self, notice: Notice, now: datetime) -> datetime:
        move = self._move(notice, now)
        return move.until if isinstance(move, Wait) and not self._over(notice) else now

    def _move(self, notice: Notice, now: datetime) -> Try | Wait | GiveUp:
        sick, doubted = self._trouble(now)
        routes = self.desk.plan.routes
        incident = self.desk.ledger.incidents.get(notice.incident) if notice.incident else None
        if incident is not None and incident.system == ALARM_PATH:
            # What tells of a route that failed is also the way to see whether it still does.
            routes = tuple(sorted(routes, key=lambda route: route.name not in doubted))
        return next_move(notice, self._attempts(notice), routes, now, sick)

    def _trouble(self, now: datetime) -> tuple[set[RouteName], set[RouteName]]:
        """The routes whose last try failed: those just now, and those that have had their rest since."""
        sick: set[RouteName] = set()
        doubted: set[RouteName] = set()
        for route in self.desk.plan.routes:
            belief = self.desk.ledger.beliefs.get(CheckName(f"alarmvej-{route.name}"))
            if belief is not None and belief.level is Level.DOWN:
                just_now = belief.seen_at is not None and now - belief.seen_at < _SICK_FOR
                (sick if just_now else doubted).add(route.name)
        return sick, doubted

    def _over(self, notice: Notice) -> bool:
        incident = self.desk.ledger.incidents.get(notice.incident) if notice.incident else None
        return overtaken(notice, incident)

    def _attempts(self, notice: Notice) -> list[Attempt]:
        return self.desk.ledger.attempts.get(notice.id, [])

    async def _one(self, ident: NoticeId) -> None:
        with self.desk.isolated(_about(ident)):
            await self._try_until_settled(ident)

    async def _try_until_settled(self, ident: NoticeId) -> None:
        """Try one notice on route after route, until it is settled or must wait; also while we are stopping."""
        while (notice := self.desk.ledger.queue.get(ident)) is not None:
            if self._over(notice):
                await self._give_up(notice, Ended.OVERTAKEN)
                return
            move = self._move(notice, self.desk.clock.now())
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
        limit = next((r.timeout for r in self.desk.plan.routes if r.name == move.route), _LIMIT)
        try:
            async with asyncio.timeout(limit + _GRACE):
                return await route.send(message)
        except TimeoutError:
            return Sent(SendOutcome.UNKNOWN, f"no answer within {limit:g} s")
        except Exception as error:
            # A channel's own fault must not stop the others; whether the text has gone out nobody knows.
            log.exception("channel_fell", route=move.route)
            return Sent(SendOutcome.UNKNOWN, f"internal fault: {type(error).__name__}")

    async def _settle(self, notice: Notice, attempt: Attempt, sent: Sent) -> None:
        """The outcome is kept, counted, put on the timeline and told to the alarm path's own watch."""
        attempt = replace(attempt, said=sent.said[:200], provider_id=sent.provider_id[:100])
        ended = attempt.ended or attempt.started
        self.desk.metrics.notices.labels(self.channel, attempt.route, attempt.outcome, notice.kind).inc()
        log.info("notice", kind=notice.kind, channel=self.channel, route=attempt.route, outcome=attempt.outcome)
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
            f"{words.CHANNELS[self.channel]} til {name} ad {attempt.route}" + ("" if accepted else _outcome(attempt)),
            attempt.id,
        )
        await self._commit(batch)
        self.report(route_finding(attempt.route, sent, attempt.started))

    async def _give_up(self, notice: Notice, reason: Ended) -> None:
        now = self.desk.clock.now()
        batch = Batch([replace(notice, state=NoticeState.FAILED, settled=now, reason=f"{notice.reason}/{reason}")])
        text = f"{words.CHANNELS[self.channel]} til {self._person(notice)}: {words.ENDED[reason]}"
        self._say(batch, notice, Entry.GAVE_UP, text, f"gave_up/{notice.id}", reason.value)
        if reason is not Ended.OVERTAKEN:
            batch.add(*self._other_channel(notice, now))
        self.desk.metrics.notices.labels(self.channel, "", "gave_up", notice.kind).inc()
        await self._commit(batch)
        self.desk.wake_deliver()

    def _other_channel(self, notice: Notice, now: datetime) -> list[Notice]:
        """A person one channel cannot reach is told by the other, unless that is under way already.

        An incident that is closed by then is history: nobody is alarmed of it by another way.
        """
        person = self.desk.plan.people.get(notice.person)
        if person is None or notice.incident not in self.desk.ledger.incidents:
            return []
        siblings = {n.channel for n in self.desk.ledger.notices_of(notice.incident) if _root(n) == _root(notice)}
        for channel in ChannelName:
            if channel is self.channel or channel in siblings or not person.address(channel):
                continue
            again = replace(
                notice,
                id=NoticeId(self.desk.clock.new_id()),
                key=f"{notice.key}/in_place/{channel}",
                channel=channel,
                to=person.address(channel),
                text=cut(notice.subject) if channel is ChannelName.SMS else notice.text,
                subject=notice.text[:_SUBJECT] if channel is ChannelName.MAIL else "",
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
        # Not within a turn: nothing decided here reads what another decision may be changing, and many sendings
        # are to share a transaction.
        await self.desk.journal.commit(batch)


def _outcome(attempt: Attempt) -> str:
    """What became of a try that was not taken, with the provider's own word: the card tells people to look here."""
    said = f" (svar: {attempt.said[:60]})" if attempt.said else ""
    return f": {words.OUTCOMES[attempt.outcome]}{said}"


def _about(ident: NoticeId) -> str:
    return f"send/{ident}"


def _root(notice: Notice) -> tuple[str, PersonId]:
    """What two notices that say the same to the same person by different channels have in common."""
    return notice.key.split("/in_place/")[0].rpartition("/")[0], notice.person


def route_finding(route: RouteName, sent: Sent, at: datetime) -> Finding:
    """What a try says of the route itself: a refused recipient says nothing against it."""
    name = CheckName(f"alarmvej-{route}")
    if sent.outcome in (SendOutcome.ACCEPTED, SendOutcome.REJECTED):
        return Finding(name, Outcome.OK, at)
    return Finding(
        name, Outcome.FAIL, at, misses=(Miss(Reason.ROUTE, seen=f"{route}: {words.OUTCOMES[sent.outcome]}"),)
    )
