"""What a check's cadence costs by itself: our heap beside APScheduler's interval jobs, both starting an empty probe."""

import asyncio
import resource
import sys
import time
from datetime import UTC, datetime, timedelta

import uvloop
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from monitor.clock import Clock
from monitor.core.finding import CheckName, Finding, Outcome
from monitor.engine.watch import Watch, Watched
from monitor.supervisor import Supervisor
from tests.bench.table import Row

_CHECKS = 500
_SECONDS = 8.0
_FINDING = Finding(CheckName("empty"), Outcome.OK, datetime(2026, 1, 1, tzinfo=UTC))


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def _ours() -> float:
    keep = Supervisor(time.monotonic)
    seen = 0

    def heard(_finding: Finding) -> bool:
        nonlocal seen
        seen += 1
        return True

    async def probe() -> Finding:
        return _FINDING

    watch = Watch(heard, keep.spawn, Clock().monotonic)
    watch.plan([Watched(CheckName(f"c{i}"), 1.0, 1.0, probe) for i in range(_CHECKS)])
    keep.start("probe", watch.cycle, 30)
    began = _cpu()
    await asyncio.sleep(_SECONDS)
    spent = _cpu() - began
    await keep.stop()
    return 1000 * spent / seen


async def _theirs() -> float:
    seen = 0

    async def probe() -> None:
        nonlocal seen
        seen += 1

    scheduler = AsyncIOScheduler(timezone=UTC)
    now = datetime.now(UTC)
    for i in range(_CHECKS):
        first = now + timedelta(seconds=1 + i / _CHECKS)
        scheduler.add_job(probe, "interval", seconds=1, id=f"c{i}", next_run_time=first, misfire_grace_time=5)
    scheduler.start()
    began = _cpu()
    await asyncio.sleep(_SECONDS)
    spent = _cpu() - began
    scheduler.shutdown(wait=False)
    return 1000 * spent / seen


def measure() -> list[Row]:
    """CPU seconds per 1,000 starts."""
    ours, theirs = uvloop.run(_ours()), uvloop.run(_theirs())
    return [
        Row(
            f"{_CHECKS} checks each second: CPU-s per 1,000 starts, the schedule alone",
            ours,
            "s",
            theirs,
            "APScheduler",
        )
    ]


if __name__ == "__main__":
    from tests.bench.table import show

    sys.stdout.write(show(measure()) + "\n")
