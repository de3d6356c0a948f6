"""A story: the real engine and a real SQLite store, a clock that is turned by hand, and phones that keep what they get.

A message nobody expected fails the story: `expect` takes what it names out of the phones, and `done` demands that
nothing is left.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

from monitor.core.finding import CheckName, Finding, Miss, Outcome, Reason
from monitor.core.plan import ChannelName, PersonId, Plan, RouteName
from monitor.core.reasons import HumanState
from monitor.core.records import Incident, Notice, Row, TimelineLine
from monitor.engine import people
from monitor.engine.engine import Engine, Material
from monitor.engine.timekeeper import Timekeeper
from monitor.metrics import Metrics
from monitor.plan.texts import Texts, load_texts
from monitor.ports import Health, Message, SendOutcome, Sent
from monitor.store.store import Store
from tests.support.plans import ZONE, small_plan

TEXTS = Path(__file__).parents[2] / "config" / "texts"
_HALF_A_MINUTE = 30.0


class Hands:
    """A clock turned by hand."""

    def __init__(self, start: datetime) -> None:
        self.at = start.astimezone(UTC)
        self._ids = count(1)
        self._apart = self._followed = self._slept = 0.0

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.running() - self._slept

    def running(self) -> float:
        return self.at.timestamp() - self._followed

    def apart(self) -> float:
        return self._apart

    def follow(self, apart: float) -> None:
        self.at += timedelta(seconds=apart)
        self._followed += apart
        self._apart -= apart

    def set_by(self, seconds: float) -> None:
        """Somebody sets the wall clock."""
        self._apart += seconds

    def sleep(self, seconds: float) -> None:
        """The machine sleeps."""
        self.at += timedelta(seconds=seconds)
        self._slept += seconds

    def new_id(self) -> str:
        return f"{int(self.at.timestamp() * 1000):012x}-{next(self._ids):08d}"


@dataclass
class Phone:
    """A way out that keeps what it is given; `outcome` is what it answers, `hangs` that it never does."""

    name: str
    outcome: SendOutcome = SendOutcome.ACCEPTED
    hangs: bool = False
    well: Health = field(default_factory=lambda: Health(None))
    got: list[Message] = field(default_factory=list)
    tried: list[Message] = field(default_factory=list)

    async def send(self, message: Message) -> Sent:
        self.tried.append(message)
        if self.hangs:
            await asyncio.Event().wait()
        if self.outcome is SendOutcome.ACCEPTED:
            self.got.append(message)
        return Sent(self.outcome, "said", "id")

    async def health(self) -> Health:
        return self.well

    async def close(self) -> None:
        self.got.clear()


class CountingStore(Store):
    """The real store, with how many transactions were asked of it."""

    saves = 0

    async def save(self, rows: Sequence[Row]) -> None:
        self.saves += 1
        await super().save(rows)


@cache
def texts() -> Texts:
    loaded, faults = load_texts(TEXTS)
    assert not faults
    return loaded


class Story:
    """One outage told from the outside. Times are wall-clock Danish time."""

    def __init__(self, folder: Path, start: datetime, plan: Plan | None = None, url: str = "") -> None:
        self.plan = plan or small_plan()
        self.clock = Hands(start.replace(tzinfo=ZONE) if start.tzinfo is None else start)
        self.url = url or f"sqlite+aiosqlite:///{folder / 'story.db'}"
        self.phones = {route.name: Phone(route.name) for route in self.plan.routes}
        self.urged: list[CheckName] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self.engine = self._engine()

    def _engine(self) -> Engine:
        self.store = self._store()
        material = Material(self.plan, texts(), {}, dict(self.phones))
        engine = Engine(material, self.clock, self.store, Metrics("story"), self._spawn)
        engine.desk.urge = self.urged.extend
        self.keeper = Timekeeper(engine, self.clock)
        return engine

    def _store(self) -> CountingStore:
        return CountingStore(self.url)

    def _spawn(self, work: Coroutine[None, None, None], name: str) -> "asyncio.Task[None]":
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def kill(self) -> None:
        """The process ends as by kill -9: whatever was under way ends where it stands."""
        under_way = tuple(self._tasks)
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        await self.store.close()

    async def open(self) -> None:
        """The service takes up what there is."""
        kept = await self.engine.open()
        away = self.clock.now() - kept.last_watch.last if kept.last_watch else timedelta(0)
        if isinstance(self.store, Store):
            await self.engine.fleets.open(self.store.fleets, away)

    async def restart(self, plan: Plan | None = None, *, away: float = 0.0) -> None:
        """The process is killed, and another takes up what it left, `away` seconds later."""
        await self.kill()
        self.plan = plan or self.plan
        self.clock.at += timedelta(seconds=away)
        self.engine = self._engine()
        await self.open()

    async def replan(self, plan: Plan) -> None:
        """The plan is read anew while the service runs."""
        self.plan = plan
        for route in plan.routes:
            self.phones.setdefault(route.name, Phone(route.name))
        await self.engine.replan(Material(plan, texts(), {}, dict(self.phones)))
        await self.engine.turn()

    def hear(self, check: str, outcome: Outcome, reason: Reason = Reason.STATUS, **more: Any) -> bool:
        """One finding now. True when the check may rest."""
        misses = () if outcome is Outcome.OK else (Miss(reason, "status 200", "status 503"),)
        return self.engine.heard(Finding(CheckName(check), outcome, self.clock.now(), misses=misses, **more))

    async def find(self, check: str, outcome: Outcome, reason: Reason = Reason.STATUS, **more: Any) -> bool:
        """One finding now, and everything that follows at once."""
        settled = self.hear(check, outcome, reason, **more)
        await self.engine.turn()
        return settled

    async def down(self, check: str, *, every: float = 5.0, outcome: Outcome = Outcome.FAIL, **more: Any) -> None:
        """As many failing findings as confirm an outage, with the canaries well; ends at once when it is confirmed."""
        for turn in range(self.plan.checks[CheckName(check)].confirm):
            await self.later(every if turn else 0)
            await self.find(check, outcome, **more)
            await self.canaries(Outcome.OK)

    async def up(self, check: str, *, every: float = 5.0) -> None:
        """As many good findings as end it."""
        for turn in range(self.plan.checks[CheckName(check)].recover):
            await self.later(every if turn else 0)
            await self.find(check, Outcome.OK)

    async def canaries(self, outcome: Outcome) -> None:
        for name, rule in self.plan.checks.items():
            if rule.canary:
                await self.find(name, outcome, Reason.TIMEOUT)

    async def later(self, seconds: float, *, step: float = _HALF_A_MINUTE) -> None:
        """Turn the clock, letting the engine look every `step` seconds as it would."""
        end = self.clock.at + timedelta(seconds=seconds)
        while self.clock.at < end:
            self.clock.at = min(end, self.clock.at + timedelta(seconds=step))
            await self.engine.turn()

    async def until(self, wall: datetime) -> None:
        """Turn the clock to a wall-clock time."""
        aware = wall.replace(tzinfo=ZONE) if wall.tzinfo is None else wall
        await self.later((aware.astimezone(UTC) - self.clock.at).total_seconds())

    async def mind(self) -> None:
        """The service looks at itself, writes what waits, and does what follows."""
        self.engine.own.look([])
        await self.engine.mind()
        await self.engine.turn()

    async def set_clock(self, seconds: float) -> None:
        """Somebody sets the wall clock, and the service looks at it."""
        self.keeper = Timekeeper(self.engine, self.clock)
        self.clock.set_by(seconds)
        await self.keeper.look()
        await self.engine.turn()

    async def sleep(self, seconds: float) -> None:
        """The machine sleeps, and wakes."""
        self.keeper = Timekeeper(self.engine, self.clock)
        self.clock.sleep(seconds)
        await self.keeper.look()
        await self.engine.turn()

    async def acknowledge(self, who: str = "NEXUS support", number: str = "") -> None:
        """Somebody has it."""
        await people.acknowledge(self.engine.desk, number or self.incident.number, who, HumanState.SEEN)
        await self.engine.turn()

    @property
    def incident(self) -> Incident:
        """The only open incident."""
        (only,) = self.engine.desk.ledger.incidents.values()
        return only

    def incident_of(self, system: str) -> Incident | None:
        return next((i for i in self.engine.desk.ledger.incidents.values() if i.system == system), None)

    def texts(self) -> list[tuple[str, str]]:
        """(to, text) of everything waiting to be read, by route order; reading does not take it."""
        return [(m.to, m.text) for phone in self.phones.values() for m in phone.got]

    def expect(self, who: str, *words: str, channel: ChannelName = ChannelName.SMS, by: str = "") -> str:
        """The oldest unread message to this person that holds these words; it is taken. Gives its text."""
        address = self.plan.people[PersonId(who)].address(channel)
        for phone in self.phones.values():
            for message in phone.got if by in ("", phone.name) else ():
                if message.to == address and all(w in f"{message.subject} {message.text}" for w in words):
                    phone.got.remove(message)
                    return message.text
        raise AssertionError(f"nobody sent {who} {words}; there is: {self.texts()}")

    def done(self) -> None:
        """Nobody got anything that was not expected."""
        assert self.texts() == [], self.texts()

    def forget(self) -> None:
        """What has come so far is not what this story is about."""
        for phone in self.phones.values():
            phone.got.clear()

    def entries(self) -> list[str]:
        """The words of the only open incident's timeline."""
        return [ln.entry.value for ln in self.engine.desk.ledger.lines_of(self.incident.id)]

    def timeline(self, entry: str) -> list[TimelineLine]:
        """The only open incident's lines of one sort."""
        return [ln for ln in self.engine.desk.ledger.lines_of(self.incident.id) if ln.entry.value == entry]

    async def kept(self, number: str) -> tuple[Incident, tuple[TimelineLine, ...], tuple[Notice, ...]]:
        """An incident as the store has it."""
        incident = await self.store.incident(number)
        assert incident is not None
        lines, notices, _ = await self.store.story(incident.id)
        return incident, lines, notices

    def route(self, name: str) -> Phone:
        return self.phones[RouteName(name)]


async def until(holds: Callable[[], bool], within: float = 10.0) -> None:
    """Wait, on the real clock, for what real sockets or real locks decide."""
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline, "it never came to hold"
        await asyncio.sleep(0.005)


@asynccontextmanager
async def story(folder: Path, start: datetime, plan: Plan | None = None, url: str = "") -> AsyncIterator[Story]:
    """Begin a story at a wall-clock time; at its end nothing unexpected may be left on a phone."""
    told = Story(folder, start, plan, url)
    await told.open()
    try:
        yield told
        told.done()
    finally:
        await told.kill()
