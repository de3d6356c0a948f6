"""Scenario 19 in one process: killed before or after any write, before or after any handing over, as often as you like.

No alarm is lost, nobody is told twice unless the process was killed in between, and what is repeated says so.
"""

import asyncio
from collections import Counter, defaultdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.finding import Outcome
from monitor.core.plan import Plan
from monitor.core.reasons import Kind
from monitor.core.records import Incident, Notice
from monitor.ports import Message, Sent
from tests.support.memory_store import Fate, MemoryStore
from tests.support.plans import MAIL, SMS, small_plan, step, with_steps
from tests.support.story import Phone, Story

THURSDAY_AT_TEN = datetime(2026, 3, 5, 10, 0)
TICK = 5
PLAN = with_steps(
    small_plan(), "nedbrud_dag", step(0, "nexus_support", by=(SMS, MAIL)), step(60, "afdelingsledelse", "sektionsleder")
)


class Mortal(Phone):
    """A carrier that outlives us: what it has taken, it has taken, whether or not we heard so."""

    fate: Fate

    async def send(self, message: Message) -> Sent:
        await self.fate.step()
        sent = await super().send(message)
        await self.fate.step()
        return sent


class MortalStory(Story):
    """A story whose process is killed at chosen counts of what it does."""

    def __init__(self, plan: Plan, kill_at: frozenset[int]) -> None:
        self.fate = Fate(kill_at)
        self.rows: dict[type, dict[str, Any]] = {}
        super().__init__(Path("unused"), THURSDAY_AT_TEN, plan)
        self.phones = {route.name: Mortal(route.name) for route in plan.routes}
        for phone in self.phones.values():
            phone.fate = self.fate  # type: ignore[attr-defined]
        self.engine = self._engine()

    def _store(self) -> Any:
        return MemoryStore(self.rows, self.fate)

    async def alive(self, *works: Any) -> None:
        """Do these as far as the process lives; a killed one is followed by another."""
        for work in works:
            task = asyncio.get_running_loop().create_task(work())
            killed = asyncio.get_running_loop().create_task(self.fate.killed.wait())
            await asyncio.wait({task, killed}, return_when=asyncio.FIRST_COMPLETED)
            killed.cancel()
            if not self.fate.killed.is_set():
                task.result()
                continue
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await self.kill()
            self.fate.killed.clear()
            self.engine = self._engine()
            await self.alive(self.engine.open)
            return

    async def world(self, down: dict[str, tuple[int, int]], seconds: int) -> None:
        """Every check is probed every few seconds; a system is down from so many seconds to so many."""
        await self.alive(self.engine.open)
        for now in range(0, seconds, TICK):
            for check in (*down, "c1", "c2"):
                begins, ends = down.get(check, (0, 0))
                self.hear(check, Outcome.FAIL if begins <= now < ends else Outcome.OK)
            await self.alive(*((self.engine.turn, self.engine.mind) if now % 30 == 0 else (self.engine.turn,)))
            self.clock.at += timedelta(seconds=TICK)

    def taken(self) -> list[tuple[Notice, Message]]:
        """What the carriers have taken, with the notice behind it, in the order it was taken."""
        notices = {n.id: n for n in self.rows[Notice].values()}
        return [(notices[m.key], m) for phone in self.phones.values() for m in phone.got]


def held(told: MortalStory, down: dict[str, tuple[int, int]]) -> None:
    taken = told.taken()
    incidents = {i.id: i for i in told.rows[Incident].values()}
    alarms = {
        (incidents[n.incident].system, n.person, n.channel) for n, _ in taken if n.kind is Kind.ALARM and n.incident
    }
    for check in down:
        for who, channel in (("nexus", SMS), ("nexus", MAIL), ("leder", SMS), ("sektion", SMS)):
            assert (check.removesuffix("-1"), who, channel) in alarms, f"{who} never heard of {check} by {channel}"
    assert Counter(i.system for i in incidents.values() if "-1" in f"{i.system}-1") == Counter(
        {check.removesuffix("-1"): 1 for check in down}
    )
    copies: dict[str, list[str]] = defaultdict(list)
    for notice, message in taken:
        copies[notice.key].append(f"{message.subject} {message.text}")
    repeats = sum(len(each) - 1 for each in copies.values())
    assert repeats <= 8 * len(told.fate.kill_at), "only what was under way when we were killed comes again"
    for each in copies.values():
        assert sum("(gentaget)" not in text for text in each) <= 1
    heard = {(n.incident, n.person, n.channel) for n, _ in taken if n.kind is not Kind.ALL_CLEAR}
    cleared = {(n.incident, n.person, n.channel) for n, _ in taken if n.kind is Kind.ALL_CLEAR}
    assert cleared == heard
    keys = [n.key for n in told.rows[Notice].values()]
    assert len(keys) == len(set(keys))
    assert not told.engine.desk.ledger.queue


@settings(max_examples=60, deadline=None)
@given(st.frozensets(st.integers(1, 200), max_size=8))
def test_killed_anywhere_no_alarm_is_lost_and_no_all_clear_goes_astray(kill_at: frozenset[int]) -> None:
    down = {"noedkald-1": (20, 260), "phoniro-1": (40, 300)}

    async def run() -> MortalStory:
        told = MortalStory(PLAN, kill_at)
        await told.world(down, 900)
        await told.kill()
        return told

    held(asyncio.run(run()), down)
