"""Starts every probe when it is due, and hands what it found to ingest.

A heap of due times and one task a probe: a late or hanging probe delays no other, and a check's turns stay on its own
grid, so the schedule does not drift. (APScheduler keeps the calendar; what it would cost here stands beside this in
`tests/bench/cadence.py`.)
"""

import asyncio
import heapq
import zlib
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass

from monitor.core.finding import CheckName, Finding

_IDLE = 1.0
_LATE = 0.1
_TOGETHER = 0.01
_FRESH = 1.0


@dataclass(slots=True)
class Watched:
    """One check on the schedule. Durations in seconds; `urgent` ones start first. `run` never raises."""

    name: CheckName
    every: float
    retry_every: float
    run: Callable[[], Awaitable[Finding]]
    urgent: bool = False
    grid: float = 0.0
    due: float = 0.0
    began: float = -1e9
    served: float = -1e9
    """The turn now being taken: when it was due, or began if later."""
    running: bool = False
    again: bool = False
    gone: bool = False


class Watch:
    """The schedule. `heard(finding)` returns True when the check may rest for its whole interval."""

    def __init__(
        self,
        heard: Callable[[Finding], bool],
        spawn: Callable[[Coroutine[None, None, None], str], object],
        monotonic: Callable[[], float],
        late: Callable[[], None] = lambda: None,
    ) -> None:
        self.heard = heard
        self.spawn = spawn
        self.monotonic = monotonic
        self.late = late
        self.checks: dict[CheckName, Watched] = {}
        self.ended = float("-inf")
        """When a probe last ended (monotonic)."""
        self._heap: list[tuple[float, int, Watched]] = []
        self._turn = 0
        self._sleeper: asyncio.Future[None] | None = None

    def plan(self, checks: Iterable[Watched]) -> None:
        """Take this set of checks as the whole schedule; those already there keep their place on the grid."""
        now = self.monotonic()
        wanted = {check.name: check for check in checks}
        for name, old in self.checks.items():
            old.gone = True
            if name in wanted and wanted[name].every == old.every:
                wanted[name].grid, wanted[name].due = old.grid, old.due
        self.checks = wanted
        for index, check in enumerate(sorted(wanted.values(), key=lambda c: not c.urgent)):
            if not check.grid:
                check.grid = check.due = now + _offset(check, index)
            self._push(check, check.due)

    def urge(self, names: Iterable[CheckName]) -> None:
        """Look at these at once, unless they are being looked at or have just been."""
        now = self.monotonic()
        for name in names:
            check = self.checks.get(name)
            if check is None or (not check.running and now - check.began < _FRESH):
                continue
            if check.running:
                check.again = True
            else:
                self._push(check, now)

    async def cycle(self) -> None:
        """Start what is due, then sleep until the next is; at most a second, so that each turn is seen."""
        now = self.monotonic()
        # What is due within a few milliseconds starts in the same turn: waking costs more than starting.
        while self._heap and self._heap[0][0] <= now + _TOGETHER:
            due, _, check = heapq.heappop(self._heap)
            if check.gone or check.running or due != check.due:
                continue
            if now - due > _LATE:
                self.late()
            check.running, check.began, check.served = True, now, max(now, due)
            self.spawn(self._probe(check), check.name)
        await self._sleep(min(_IDLE, self._heap[0][0] - now) if self._heap else _IDLE)

    async def _sleep(self, seconds: float) -> None:
        """Until then, or until something is due sooner."""
        loop = asyncio.get_running_loop()
        self._sleeper = loop.create_future()
        alarm = loop.call_later(max(0.0, seconds), self._rouse)
        try:
            await self._sleeper
        finally:
            alarm.cancel()

    def _rouse(self) -> None:
        if self._sleeper is not None and not self._sleeper.done():
            self._sleeper.set_result(None)

    async def _probe(self, check: Watched) -> None:
        try:
            finding = await check.run()
            self.ended = self.monotonic()
        finally:
            check.running = False
            now = max(self.monotonic(), check.served)
            # On its grid, past the turns it slept through; set before the finding is told, which may urge it.
            check.grid += check.every * max(0, (now - check.grid) // check.every + 1)
            self._push(check, check.grid)
        settled = self.heard(finding)
        if check.again:
            check.again = False
            self._push(check, self.monotonic())
        elif not settled:
            self._push(check, min(check.grid, max(self.monotonic(), check.began + check.retry_every)))

    def _push(self, check: Watched, due: float) -> None:
        if check.gone:
            return
        check.due = due
        self._turn += 1
        heapq.heappush(self._heap, (due, self._turn, check))
        if self._heap[0][2] is check:
            self._rouse()


def _offset(check: Watched, index: int) -> float:
    """Where in its interval a check starts: a critical one at once, the rest spread by a stable hash of the name."""
    if check.urgent:
        return min(index * 0.01, check.every)
    return check.every * zlib.crc32(check.name.encode()) / 2**32
