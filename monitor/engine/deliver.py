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

from monitor.core.bundles import kind_of
from monitor.core.delivery import Ended, GiveUp, Try, Wait, by_other_route, perhaps_sent
from monitor.core.finding import Finding
from monitor.core.plan import ChannelName, RouteName
from monitor.core.reasons import Kind
from monitor.core.records import Attempt, AttemptId, Batch, Notice, NoticeId, NoticeState
from monitor.engine.addresses import passed_over
from monitor.engine.bundles import Bundles
from monitor.engine.desk import Desk
from monitor.engine.outbox import Outbox
from monitor.engine.outcome import given_up, tried
from monitor.engine.pulse import through
from monitor.engine.receipts import Receipts
from monitor.engine.ways import move, route_finding
from monitor.plan.texts import REPEATED
from monitor.ports import Channel, Message, SendOutcome, Sent

log = structlog.get_logger(__name__)

_TURN = 1.0
_AT_ONCE = 8
_GRACE = 0.5
_LIMIT = 5.0
_REST = timedelta(seconds=5)


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
        self.bundles = Bundles(desk, channel, self._untried)
        self._receipts = Receipts(desk)
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
        await self.look()

    async def look(self) -> None:
        """Put together what goes as one message, and start what is due."""
        if not self.stopping:
            # Whatever falls there, each goes by itself.
            with self.desk.isolated(f"bundles/{self.channel}"):
                await self.bundles.gather()
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
        if self._over(notice):
            return now
        found = move(self.desk, notice, now)
        return found.until if isinstance(found, Wait) else self.bundles.company_until(notice, now)

    def _untried(self, notice: Notice, now: datetime) -> bool:
        """Whether it may go now, and cannot have gone before: what is repeated is repeated as it was."""
        gone = notice.id in self._under_way or any(map(perhaps_sent, self._attempts(notice)))
        alone = gone or by_other_route(notice) or passed_over(self.desk, notice)
        return not alone and isinstance(move(self.desk, notice, now), Try)

    def _over(self, notice: Notice) -> bool:
        return not any(map(self.bundles.holds, self.desk.ledger.parts(notice)))

    def _not_to_go(self, notice: Notice) -> Ended | None:
        """Why a notice is not sent although a route would take it."""
        if self._over(notice):
            return Ended.OVERTAKEN
        if passed_over(self.desk, notice):
            return Ended.DEAD_ADDRESS
        again = kind_of(notice) is Kind.REMINDER and not self._attempts(notice)
        return Ended.TOO_MANY if again and self.bundles.reminded_enough(notice) else None

    def _attempts(self, notice: Notice) -> list[Attempt]:
        return self.desk.ledger.attempts.get(notice.id, [])

    async def _one(self, ident: NoticeId) -> None:
        with self.desk.isolated(_about(ident)):
            await self._try_until_settled(ident)

    async def _try_until_settled(self, ident: NoticeId) -> None:
        """Try one notice on route after route, until it is settled or must wait; also while we are stopping."""
        while (notice := self.desk.ledger.queue.get(ident)) is not None:
            if (self.desk.ledger.newest(ident) or notice).state is not NoticeState.QUEUED:
                # A receipt has settled it, and is being written.
                return
            if notice.kind is Kind.PULSE:
                await through(self.desk, notice)
                return
            if (ended := self._not_to_go(notice)) is not None:
                await self._give_up(notice, ended)
                return
            if self.bundles.outdated(notice, self._attempts(notice)):
                await self._commit(self.bundles.taken_apart(notice, self.desk.clock.now()))
                return
            found = move(self.desk, notice, self.desk.clock.now())
            if isinstance(found, Wait):
                return
            if isinstance(found, GiveUp):
                await self._give_up(notice, found.reason)
                return
            await self._try(notice, found)

    async def _try(self, notice: Notice, move: Try) -> None:
        clock = self.desk.clock
        attempt = Attempt(AttemptId(clock.new_id()), notice.id, move.route, clock.now(), move.repeat)
        await self._commit(Batch([attempt]))
        sent = await self._send(notice, move)
        attempt, batch = tried(self.desk, notice, replace(attempt, ended=clock.now()), sent)
        await self._commit(batch)
        self.report(route_finding(attempt.route, sent, attempt.started))
        await self._receipts.held(attempt)

    async def _give_up(self, notice: Notice, reason: Ended) -> None:
        await self._commit(given_up(self.desk, notice, reason))
        self.desk.wake_deliver()
        self.desk.wake_escalate()

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

    async def _commit(self, batch: Batch) -> None:
        # Not within a turn: nothing decided here reads what another decision may be changing, and many sendings
        # are to share a transaction.
        await self.desk.journal.commit(batch)


def _about(ident: NoticeId) -> str:
    return f"send/{ident}"
