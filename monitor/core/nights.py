"""The two nights of the year when local time jumps.

A device that keeps local time comes an hour later after the autumn night and an hour earlier after the spring one.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

HOUR: Final = 3600
_DAY: Final = 86_400
_AROUND: Final = 8


@dataclass(frozen=True, slots=True)
class Nights:
    """The jumps near a day, as unix seconds; 0 where there is none within eight days. Good until `until`."""

    autumn: int = 0
    spring: int = 0
    until: int = 0

    def between(self, after: int, to: int) -> bool:
        """Whether local time jumped in (after, to]."""
        return after < self.autumn <= to or after < self.spring <= to


def nights(zone: ZoneInfo | None, now: int) -> Nights:
    """The jumps within eight days of `now`, looked up anew each day."""
    if zone is None:
        return Nights(until=now + 400 * _DAY)
    start = now - now % _DAY
    autumn = spring = 0
    for day in range(start - _AROUND * _DAY, start + _AROUND * _DAY, _DAY):
        before, after = _offset(zone, day), _offset(zone, day + _DAY)
        if after < before:
            autumn = _jump(zone, day)
        elif after > before:
            spring = _jump(zone, day)
    return Nights(autumn, spring, start + _DAY)


def _jump(zone: ZoneInfo, day: int) -> int:
    low, high, first = day, day + _DAY, _offset(zone, day)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _offset(zone, middle) == first else (low, middle)
    return high


def _offset(zone: ZoneInfo, at: int) -> float:
    offset = datetime.fromtimestamp(at, UTC).astimezone(zone).utcoffset()
    return offset.total_seconds() if offset else 0.0
