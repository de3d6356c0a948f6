"""The schedule: on its grid, spread, the critical first, quick again while in doubt, and nobody delayed by another."""

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime
from itertools import pairwise

import pytest

from monitor.core.finding import CheckName, Finding, Outcome
from monitor.engine.watch import Watch, Watched

START = datetime(2026, 3, 5, 9, 0, tzinfo=UTC)


class Bench:
    """A watch whose clock is turned by hand; probes take as long as they are told, and are kept by when they began."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.began: list[tuple[float, str]] = []
        self.late = 0
        self.settled: dict[str, bool] = {}
        self.gates: dict[str, asyncio.Event] = {}
        self.tasks: set[asyncio.Task[None]] = set()
        self.watch = Watch(self.heard, self.spawn, lambda: self.now, self.count_late)

    def heard(self, finding: Finding) -> bool:
        return self.settled.get(finding.check, True)

    def spawn(self, work: Coroutine[None, None, None], name: str) -> object:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    def count_late(self) -> None:
        self.late += 1

    def check(self, name: str, every: float = 30.0, retry: float = 5.0, urgent: bool = False) -> Watched:
        async def run() -> Finding:
            self.began.append((self.now, name))
            if name in self.gates:
                await self.gates[name].wait()
            return Finding(CheckName(name), Outcome.OK, START)

        return Watched(CheckName(name), every, retry, run, urgent)

    async def turn(self, seconds: float, step: float = 0.5) -> None:
        """Turn the clock."""
        end = self.now + seconds
        while self.now < end:
            self.now = min(end, self.now + step)
            cycle = asyncio.get_running_loop().create_task(self.watch.cycle())
            for _ in range(4):
                await asyncio.sleep(0)
            cycle.cancel()
            await asyncio.gather(cycle, return_exceptions=True)
            for _ in range(4):
                await asyncio.sleep(0)

    def times(self, name: str) -> list[float]:
        return [at for at, who in self.began if who == name]


async def test_a_check_keeps_its_grid_and_does_not_drift() -> None:
    bench = Bench()
    bench.watch.plan([bench.check("a", every=30)])
    await bench.turn(300)
    times = bench.times("a")
    gaps = {round(b - a, 6) for a, b in pairwise(times)}
    assert len(times) == 10 and gaps == {30.0}


async def test_starts_are_spread_and_the_critical_come_first() -> None:
    bench = Bench()
    bench.watch.plan(
        [*(bench.check(f"c{i}", every=60) for i in range(200)), bench.check("urgent", every=60, urgent=True)]
    )
    await bench.turn(60, step=1)
    assert bench.began[0] == (1001.0, "urgent")
    busiest = max(sum(1 for at, _ in bench.began if at == second) for second in {at for at, _ in bench.began})
    assert len({name for _, name in bench.began}) == 201 and busiest < 15


async def test_a_hanging_probe_delays_nobody_and_is_not_started_twice() -> None:
    bench = Bench()
    bench.gates["slow"] = asyncio.Event()
    bench.watch.plan([bench.check("slow", every=10), bench.check("quick", every=10)])
    await bench.turn(100)
    assert len(bench.times("slow")) == 1
    assert len(bench.times("quick")) == 10
    bench.gates["slow"].set()
    await bench.turn(20)
    assert len(bench.times("slow")) in (2, 3), "it goes on, on its own grid, without making up for what it missed"


async def test_what_is_in_doubt_is_looked_at_again_soon_and_then_as_before() -> None:
    bench = Bench()
    bench.settled["a"] = False
    bench.watch.plan([bench.check("a", every=30, retry=5, urgent=True)])
    await bench.turn(11)
    assert bench.times("a") == [1000.5, 1005.5, 1010.5]
    bench.settled["a"] = True
    await bench.turn(60)
    assert bench.times("a")[3:] == [1015.5, 1030.0, 1060.0]


async def test_who_is_urged_is_looked_at_at_once_and_once() -> None:
    bench = Bench()
    bench.watch.plan([bench.check("a", every=300, urgent=True)])
    await bench.turn(2)
    before = len(bench.times("a"))
    bench.watch.urge([CheckName("a")] * 5 + [CheckName("nobody")])
    await bench.turn(5)
    assert len(bench.times("a")) == before + 1


async def test_who_is_urged_while_being_looked_at_is_looked_at_once_more() -> None:
    bench = Bench()
    bench.gates["a"] = asyncio.Event()
    bench.watch.plan([bench.check("a", every=300, urgent=True)])
    await bench.turn(2)
    bench.watch.urge([CheckName("a")])
    bench.watch.urge([CheckName("a")])
    bench.gates["a"].set()
    await bench.turn(5)
    assert len(bench.times("a")) == 2


async def test_a_new_plan_keeps_those_that_stay_in_their_places() -> None:
    bench = Bench()
    bench.watch.plan([bench.check("a", every=30), bench.check("b", every=30)])
    await bench.turn(45)
    first = bench.times("a")[0]
    bench.watch.plan([bench.check("a", every=30), bench.check("c", every=30)])
    await bench.turn(90)
    assert {round((at - first) % 30, 6) for at in bench.times("a")} == {0.0}
    assert not [at for at in bench.times("b") if at > 1045]
    assert bench.times("c")


async def test_a_probe_that_falls_over_is_on_the_schedule_all_the_same() -> None:
    bench = Bench()

    async def falls() -> Finding:
        bench.began.append((bench.now, "a"))
        raise ZeroDivisionError

    bench.watch.plan([Watched(CheckName("a"), 10.0, 5.0, falls, urgent=True)])
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda *_: None)
    await bench.turn(35)
    assert len(bench.times("a")) == 4
    for task in list(bench.tasks):
        with pytest.raises(ZeroDivisionError):
            await task


async def test_what_starts_late_is_counted() -> None:
    bench = Bench()
    bench.watch.plan([bench.check("a", every=10, urgent=True)])
    await bench.turn(1)
    assert bench.late == 1, "half a second after its time"
    await bench.turn(30)
    assert bench.late == 1


async def test_a_long_nap_ends_when_somebody_is_urged() -> None:
    bench = Bench()
    bench.watch.plan([bench.check("a", every=300, urgent=True)])
    await bench.turn(2)
    nap = asyncio.get_running_loop().create_task(bench.watch.cycle())
    await asyncio.sleep(0)
    bench.watch.urge([CheckName("a")])
    async with asyncio.timeout(0.5):
        await nap
