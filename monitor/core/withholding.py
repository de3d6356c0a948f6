"""A stretch of time in which systems' notices are withheld: announced work, or a mute somebody has asked for.

Each has an owner, an end and a reason; nothing is ever withheld without all three.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from monitor.core.finding import SystemName

LONGEST_MUTE = timedelta(days=7)
LONGEST_WORK = timedelta(days=31)
MOST = 200
"""Announced by the service's users and not yet over, at a time."""


class Sort(StrEnum):
    """What it is: work that was announced, or silence that was asked for."""

    MAINTENANCE = "maintenance"
    MUTE = "mute"


class Source(StrEnum):
    """Where it was announced."""

    PLAN = "plan"
    ICS = "ics"
    CLI = "cli"
    API = "api"


@dataclass(frozen=True, slots=True)
class Withholding:
    """From `start` until just before `end` (aware, UTC). `owner` and `reason` as people read them.

    `tell` is the role that hears of an outage of a critical system meanwhile, empty for the plan's owner. One that was
    announced by the service's users is a row; the plan's own become rows when somebody ends or moves one of them.
    """

    id: str
    kind: Sort
    systems: str
    """Their names with a blank between them."""
    start: datetime
    end: datetime
    owner: str
    reason: str
    tell: str = ""
    source: Source = Source.API
    created: datetime | None = None
    cancelled: datetime | None = None
    cancelled_by: str = ""

    @property
    def names(self) -> tuple[SystemName, ...]:
        """The systems."""
        return tuple(SystemName(name) for name in self.systems.split())

    @property
    def over(self) -> datetime:
        """When it ends, or ended because somebody said so."""
        return self.end if self.cancelled is None else min(self.end, max(self.cancelled, self.start))

    def holds(self, at: datetime) -> bool:
        """True while it withholds."""
        return self.start <= at < self.over
