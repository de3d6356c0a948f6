"""Loops that fall, hang and end."""

import asyncio

from monitor.supervisor import Supervisor


class Turns:
    """A loop's body that falls on some turns; monotonic time is counted in its turns."""

    def __init__(self, falls: int = 0) -> None:
        self.count = 0
        self.falls = falls
        self.whole = asyncio.Event()

    async def cycle(self) -> None:
        self.count += 1
        if self.count <= self.falls:
            raise RuntimeError("fell")
        self.whole.set()
        await asyncio.sleep(0)


async def test_a_loop_that_falls_rests_and_returns() -> None:
    body = Turns(falls=1)
    keep = Supervisor(asyncio.get_running_loop().time)
    keep.start("x", body.cycle, 60)
    await asyncio.wait_for(body.whole.wait(), 10)
    assert keep.loops["x"].falls == 1
    await keep.stop()


async def test_one_sick_loop_does_not_stop_another() -> None:
    sick, well = Turns(falls=10**9), Turns()
    keep = Supervisor(asyncio.get_running_loop().time)
    keep.start("sick", sick.cycle, 60)
    keep.start("well", well.cycle, 60)
    await asyncio.wait_for(well.whole.wait(), 10)
    await keep.stop()
    assert well.count > 0


async def test_a_loop_that_hangs_is_seen_though_it_does_not_fall() -> None:
    at = [0.0]
    keep = Supervisor(lambda: at[0])
    never = asyncio.Event()

    async def hang() -> None:
        await never.wait()

    keep.start("hangs", hang, 15)
    await asyncio.sleep(0)
    at[0] = 15.0
    assert keep.stuck() == []
    at[0] = 15.1
    assert [loop.name for loop in keep.stuck()] == ["hangs"]
    await keep.stop()


async def test_stopping_ends_every_task() -> None:
    keep = Supervisor(asyncio.get_running_loop().time)
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    task = keep.spawn(work(), "work")
    await asyncio.sleep(0)
    await keep.stop()
    assert ended.is_set() and task.done()


async def test_work_that_falls_does_not_take_others_along() -> None:
    keep = Supervisor(asyncio.get_running_loop().time)

    async def fall() -> None:
        raise ValueError("fell")

    await keep.spawn(fall(), "falls")
    assert keep.stuck() == []
