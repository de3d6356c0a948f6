"""The calendar's own work: what happens at a time of day rather than because something failed.

APScheduler lives here and nowhere else; it reads the real clock, so stories call the work itself.
"""

from collections.abc import Awaitable, Callable
from datetime import tzinfo

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.cron import CronTrigger

Work = Callable[[], Awaitable[None]]


class Ticker:
    """Runs work at wall-clock times of the plan's zone."""

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone
        self._scheduler = AsyncIOScheduler(timezone=zone)

    def daily(self, name: str, hour: int, minute: int, work: Work) -> None:
        """Every day at this time; a turn missed while the machine slept is made up for within the hour."""
        trigger = CronTrigger(hour=hour, minute=minute, timezone=self._zone)
        self._scheduler.add_job(work, trigger, id=name, misfire_grace_time=3600, coalesce=True, replace_existing=True)

    def look(self) -> None:
        """The wall clock has been set: work out anew how long to wait."""
        self._scheduler.wakeup()

    def start(self) -> None:
        """Begin."""
        self._scheduler.start()

    def stop(self) -> None:
        """Start nothing more."""
        self._scheduler.shutdown(wait=False)
