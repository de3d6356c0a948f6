"""Keeps the loops turning: a loop that falls is logged once, rests and returns.

The only place that starts tasks. A loop stamps each whole cycle; the watchdog and `/healthz` read the stamps, so a
loop that hangs without falling is seen too.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field

import structlog

log = structlog.get_logger(__name__)

_REST = 1.0
_LONGEST_REST = 30.0

Cycle = Callable[[], Awaitable[None]]


@dataclass(slots=True)
class Loop:
    """One supervised loop: `patience` is how many seconds may pass between whole cycles before it counts as stuck."""

    name: str
    patience: float
    last: float = 0.0
    falls: int = 0
    resting: bool = False


@dataclass(slots=True)
class Supervisor:
    """Runs named loops until stopped. `monotonic` gives seconds; `on_fall(name)` hears of each cycle that fell."""

    monotonic: Callable[[], float]
    on_fall: Callable[[str], None] = lambda name: None
    loops: dict[str, Loop] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def start(self, name: str, cycle: Cycle, patience: float) -> None:
        """Run `cycle` again and again; each return is a whole cycle."""
        self.loops[name] = Loop(name, patience, self.monotonic())
        self.spawn(self._keep(self.loops[name], cycle), name)

    def spawn(self, work: Coroutine[None, None, None], name: str) -> asyncio.Task[None]:
        """Start a piece of work that is cancelled with the rest; an exception that ends it is logged."""
        task = asyncio.get_running_loop().create_task(_logged(work, name), name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def stuck(self) -> list[Loop]:
        """The loops whose last whole cycle is older than their patience."""
        now = self.monotonic()
        return [loop for loop in self.loops.values() if now - loop.last > loop.patience]

    def stamps(self) -> Mapping[str, float]:
        """Seconds since each loop's last whole cycle."""
        now = self.monotonic()
        return {loop.name: now - loop.last for loop in self.loops.values()}

    def stamp(self, name: str) -> None:
        """A whole cycle has just ended."""
        self.loops[name].last = self.monotonic()

    async def stop(self) -> None:
        """Cancel everything and wait until it has ended."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep(self, loop: Loop, cycle: Cycle) -> None:
        rest = _REST
        while True:
            try:
                await cycle()
            except Exception:
                loop.falls += 1
                self.on_fall(loop.name)
                if not loop.resting:
                    log.exception("loop_fell", loop=loop.name, rest_seconds=rest)
                loop.resting = True
                await asyncio.sleep(rest)
                rest = min(rest * 2, _LONGEST_REST)
                continue
            if loop.resting:
                log.info("loop_returned", loop=loop.name, falls=loop.falls)
            loop.resting, rest = False, _REST
            self.stamp(loop.name)


async def _logged(work: Awaitable[None], name: str) -> None:
    try:
        await work
    except Exception:
        log.exception("work_fell", work=name)
