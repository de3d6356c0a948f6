"""Time of day in the plan's zone: which period an instant lies in, and when that changes.

Windows are wall-clock times; a window over midnight belongs to the weekday it starts on, and is not cut short by
the next day's being closed. Wall times are turned into instants one by one, so a night of 23 or 25 hours is right:
a time that does not exist (29 March 02:30) moves forward by the gap, one that comes twice counts the first time.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import NewType
from zoneinfo import ZoneInfo

PeriodName = NewType("PeriodName", str)

_DAY = timedelta(days=1)
_HORIZON = 400


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of wall-clock time; `end` at or before `start` means it runs over midnight."""

    start: time
    end: time


@dataclass(frozen=True, slots=True)
class Closing:
    """A day that is closed from `start` on (00:00: all day). `name` is shown to people."""

    name: str
    start: time = time(0)


@dataclass(frozen=True, slots=True)
class Calendar:
    """Periods of the day. `windows[weekday]` (0 Monday) gives each named period's windows; the rest is `otherwise`.

    `holidays` and `dated` name single dates, `yearly` (month, day) recurring ones. Overlaps between the windows of
    two periods are refused while loading.
    """

    zone: ZoneInfo
    windows: Mapping[PeriodName, Mapping[int, tuple[Window, ...]]]
    otherwise: PeriodName
    holidays: Mapping[date, str] = field(default_factory=dict)
    dated: Mapping[date, Closing] = field(default_factory=dict)
    yearly: Mapping[tuple[int, int], Closing] = field(default_factory=dict)
    _days: dict[date, tuple[tuple[datetime, datetime, PeriodName], ...]] = field(
        default_factory=dict, compare=False, repr=False
    )

    @property
    def periods(self) -> tuple[PeriodName, ...]:
        """Every period's name, `otherwise` last."""
        return (*self.windows, self.otherwise)

    def local(self, at: datetime) -> datetime:
        """The instant in the plan's zone."""
        return at.astimezone(self.zone)

    def instant(self, day: date, wall: time) -> datetime:
        """The UTC instant of a wall-clock time."""
        return datetime.combine(day, wall, self.zone).astimezone(UTC)

    def closing(self, day: date) -> Closing | None:
        """The day's closing, the earliest where several apply; None on an ordinary day."""
        found = [c for c in (self.dated.get(day), self.yearly.get((day.month, day.day))) if c]
        if day in self.holidays:
            found.append(Closing(self.holidays[day]))
        return min(found, key=lambda c: c.start, default=None)

    def is_working_day(self, day: date) -> bool:
        """True where any named period has hours left after closings."""
        return bool(self._spans(day))

    def period_at(self, at: datetime) -> PeriodName:
        """The period an instant lies in; exactly one."""
        window = self.window_at(at)
        return window[2] if window else self.otherwise

    def window_at(self, at: datetime) -> tuple[datetime, datetime, PeriodName] | None:
        """The window an instant lies in, as instants after closings, with its period; None in the rest of the hours."""
        day = self.local(at).date()
        for candidate in (day - _DAY, day):
            for span in self._spans(candidate):
                if span[0] <= at < span[1]:
                    return span
        return None

    def next_change(self, at: datetime) -> datetime | None:
        """The first instant after `at` at which the period differs; None when none comes within 400 days."""
        now = self.period_at(at)
        day = self.local(at).date() - _DAY
        for _ in range(_HORIZON):
            for edge in self._edges(day):
                if edge > at and self.period_at(edge) != now:
                    return edge
            day += _DAY
        return None

    def changes(self, start: datetime, end: datetime) -> list[datetime]:
        """Every change of period in (start, end], in order."""
        found: list[datetime] = []
        edge = self.next_change(start)
        while edge is not None and edge <= end:
            found.append(edge)
            edge = self.next_change(edge)
        return found

    def _edges(self, day: date) -> list[datetime]:
        edges = [edge for start, end, _ in self._spans(day) for edge in (start, end)]
        edges.sort()
        return edges

    def _spans(self, day: date) -> tuple[tuple[datetime, datetime, PeriodName], ...]:
        """The day's windows as instants after closings; kept, since every tick asks for the same few days."""
        spans = self._days.get(day)
        if spans is None:
            spans = tuple(self._cut(day))
            # The proof reads the same calendar in a thread: what is given back is never looked up a second time.
            if len(self._days) > 2 * _HORIZON:
                self._days.clear()
            self._days[day] = spans
        return spans

    def _cut(self, day: date) -> list[tuple[datetime, datetime, PeriodName]]:
        closing = self.closing(day)
        closed_from = self.instant(day, closing.start) if closing else None
        spans = []
        for name, week in self.windows.items():
            for window in week.get(day.weekday(), ()):
                last = day + _DAY if window.end <= window.start else day
                start, end = self.instant(day, window.start), self.instant(last, window.end)
                end = min(end, closed_from) if closed_from else end
                if start < end:
                    spans.append((start, end, name))
        spans.sort(key=lambda span: span[0])
        return spans
