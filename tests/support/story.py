"""A story: the real engine and a real SQLite store, a clock that is turned by hand, and phones that keep what they get.

A message nobody expected fails the story: `expect_*` takes what it names out of the phones, and `done` demands that
nothing is left.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

from monitor.core.finding import CheckName, Finding, Miss, Outcome, Reason
from monitor.core.incidents import acknowledge
from monitor.core.plan import ChannelName, Plan, RouteName
from monitor.core.records import Batch, Entry, HumanState, Incident
from monitor.engine.compose import line
from monitor.engine.engine import Engine, Material
from monitor.metrics import Metrics
from monitor.plan.texts import load_texts
from monitor.ports import Message, SendOutcome, Sent
from monitor.store.store import Store
from tests.support.plans import ZONE, small_plan

TEXTS = Path(__file__).parents[2] / "config" / "texts"


class Hands:
    """A clock turned by hand."""

    def __init__(self, start: datetime) -> None:
        self.at = start.astimezone(UTC)
        self._ids = count(1)

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()

    def new_id(self) -> str:
        return f"{int(self.at.timestamp() * 1000):012x}-{next(self._ids):08d}"


@dataclass
class Phone:
    """A way out that keeps what it is given; `outcome` is what it answers."""

    name: str
    outcome: SendOutcome = SendOutcome.ACCEPTED
    got: list[Message] = field(default_factory=list)
    tried: int = 0

    async def send(self, message: Message) -> Sent:
        self.tried += 1
        if self.outcome is SendOutcome.ACCEPTED:
            self.got.append(message)
        return Sent(self.outcome, "said", "id")

    async def close(self) -> None:
        self.got.clear()


def _spawn(work: Coroutine[None, None, None], name: str) -> "asyncio.Task[None]":
    return asyncio.get_running_loop().create_task(work, name=name)


class Story:
    """One outage told from the outside. Times are wall-clock Danish time."""

    def __init__(self, folder: Path, start: datetime, plan: Plan | None = None) -> None:
        self.plan = plan or small_plan()
        self.clock = Hands(start.replace(tzinfo=ZONE) if start.tzinfo is None else start)
        self.url = f"sqlite+aiosqlite:///{folder / 'story.db'}"
        self.phones = {route.name: Phone(route.name) for route in self.plan.routes}
        self.engine = self._engine()

    def _engine(self) -> Engine:
        texts, faults = load_texts(TEXTS)
        assert not faults
        self.store = Store(self.url)
        material = Material(self.plan, texts, {}, dict(self.phones))
        return Engine(material, self.clock, self.store, Metrics("story"), _spawn)

    async def restart(self) -> None:
        """The process ends as by a crash, and another takes up what it left."""
        await self.store.close()
        self.engine = self._engine()
        await self.engine.open()

    async def find(self, check: str, outcome: Outcome, reason: Reason = Reason.STATUS, **more: object) -> None:
        """One finding now, and everything that follows at once."""
        misses = () if outcome is Outcome.OK else (Miss(reason, "status 200", "status 503"),)
        self.engine.heard(Finding(CheckName(check), outcome, self.clock.now(), misses=misses, **more))  # type: ignore[arg-type]
        await self.engine.turn()

    async def down(self, check: str, *, every: float = 5.0) -> None:
        """As many failing findings as confirm an outage, with the canaries well."""
        for _ in range(self.plan.checks[CheckName(check)].confirm):
            await self.find(check, Outcome.FAIL)
            await self.canaries(Outcome.OK)
            await self.later(every)

    async def up(self, check: str, *, every: float = 5.0) -> None:
        """As many good findings as end it."""
        for _ in range(self.plan.checks[CheckName(check)].recover):
            await self.find(check, Outcome.OK)
            await self.later(every)

    async def canaries(self, outcome: Outcome) -> None:
        for name, rule in self.plan.checks.items():
            if rule.canary:
                await self.find(name, outcome, Reason.TIMEOUT)

    async def later(self, seconds: float, *, step: float = 30.0) -> None:
        """Turn the clock, letting the engine look every `step` seconds as it would."""
        end = self.clock.at + timedelta(seconds=seconds)
        while self.clock.at < end:
            self.clock.at = min(end, self.clock.at + timedelta(seconds=step))
            await self.engine.turn()

    async def until(self, wall: datetime) -> None:
        """Turn the clock to a wall-clock time."""
        await self.later((wall.replace(tzinfo=ZONE) - self.clock.at).total_seconds())

    async def acknowledge(self, who: str = "NEXUS support") -> None:
        """Somebody has it."""
        now = self.clock.now()
        mine = acknowledge(self.incident, who, HumanState.SEEN, now)
        async with self.engine.desk.journal.turn:
            await self.engine.desk.journal.commit(Batch([mine, line(mine, Entry.ACKNOWLEDGED, now, who)]))
        await self.engine.turn()

    @property
    def incident(self) -> Incident:
        """The only open incident."""
        (only,) = self.engine.desk.ledger.incidents.values()
        return only

    def texts(self) -> list[tuple[str, str]]:
        """(to, text) of everything waiting to be read, by route order; reading does not take it."""
        return [(m.to, m.text) for phone in self.phones.values() for m in phone.got]

    def expect(self, who: str, *words: str, channel: ChannelName = ChannelName.SMS) -> str:
        """Exactly one unread message to this person holds these words; it is taken. Gives its text."""
        person = next(p for p in self.plan.people.values() if p.id == who)
        address = person.address(channel)
        for phone in self.phones.values():
            for message in phone.got:
                if message.to == address and all(w in f"{message.subject} {message.text}" for w in words):
                    phone.got.remove(message)
                    return message.text
        raise AssertionError(f"nobody sent {who} {words}; there is: {self.texts()}")

    def done(self) -> None:
        """Nobody got anything that was not expected."""
        assert self.texts() == [], self.texts()

    def entries(self) -> list[str]:
        """The words of the only open incident's timeline."""
        return [ln.entry.value for ln in self.engine.desk.ledger.lines_of(self.incident.id)]

    def route(self, name: str) -> Phone:
        return self.phones[RouteName(name)]


@asynccontextmanager
async def story(folder: Path, start: datetime, plan: Plan | None = None) -> AsyncIterator[Story]:
    """Begin a story at a wall-clock time; at its end nothing unexpected may be left on a phone."""
    told = Story(folder, start, plan)
    await told.engine.open()
    yield told
    told.done()
    await told.store.close()
