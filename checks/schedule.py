"""Working-day deadlines: until when something must be ready, from when it counts as fresh, and how far it reaches.

Pure, in the zone's wall-clock time. A day closed all day has no deadline; one that closes early has it by then.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, field_validator, model_validator

from monitor.plan.holidays import public_holidays
from monitor.plan.settings import Seconds, Strict

_WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
_DATE = r"^(\d{4}-)?\d{2}-\d{2}$"
_YEARLY = len("12-24")
_DAY = timedelta(days=1)
_HORIZON = 60
_FRESH = 8 * 3600.0


def _clock(value: Any) -> time:
    found = _CLOCK.fullmatch(str(value))
    if not found:
        raise ValueError(f"{str(value)[:40]!r} is not a time of day; write hours and minutes, for instance 15:00")
    return time(int(found[1]), int(found[2]))


Clock = Annotated[time, BeforeValidator(lambda value: value if isinstance(value, time) else _clock(value))]


def weekdays(text: str) -> range:
    """Weekday numbers (0 Monday) of `fri` or `mon-thu`. Raises ValueError naming a right example."""
    first, dash, last = text.strip().lower().partition("-")
    if first not in _WEEK or (dash and last not in _WEEK) or (dash and _WEEK.index(last) < _WEEK.index(first)):
        raise ValueError(f"{text[:40]!r} is not a weekday or a range of them; write for instance mon-thu or fri")
    return range(_WEEK.index(first), _WEEK.index(last if dash else first) + 1)


class Closed(Strict):
    """Days, each year (`12-24`) or once (`2026-05-15`), through `to`, closed from an hour on; 00:00 is all day."""

    first: Annotated[str, Field(alias="date", pattern=_DATE)]
    to: Annotated[str, Field(pattern=_DATE)] | None = None
    start: Annotated[Clock, Field(alias="from")] = time(0)
    name: Annotated[str, Field(max_length=60)] = ""

    @model_validator(mode="after")
    def _exist(self) -> "Closed":
        for text in filter(None, (self.first, self.to)):
            if len(text) != len(self.first):
                raise ValueError("date and to are written differently; write both with the year or both without")
            try:
                date.fromisoformat(f"2024-{text}" if len(text) == _YEARLY else text)
            except ValueError as exc:
                raise ValueError(f"'{text}' is no day of the calendar; correct the month or the day") from exc
        return self

    def closes(self, day: date) -> bool:
        """Whether this closing touches a day. A yearly one may run over New Year."""
        first, last, key = self.first, self.to or self.first, day.isoformat()[-len(self.first) :]
        return first <= key <= last if first <= last else key >= first or key <= last


class WorkingDays(Strict):
    """`saved_by` a time for each weekday; what counts as fresh was made from `since` that day on, or `fresh` before.

    With neither, eight hours before.
    """

    saved_by: Annotated[dict[str, Clock], Field(default_factory=dict)]
    since: Clock | None = None
    fresh: Annotated[Seconds, Field(ge=60, le=12 * 3600)] | None = None
    holidays: Literal["DK", "none"] = "DK"
    closed: Annotated[tuple[Closed, ...], Field(max_length=100)] = ()
    zone: ZoneInfo = ZoneInfo("Europe/Copenhagen")

    @field_validator("saved_by")
    @classmethod
    def _each_once(cls, saved_by: dict[str, time]) -> dict[str, time]:
        days = [day for text in saved_by for day in weekdays(text)]
        if len(days) != len(set(days)):
            raise ValueError("a weekday has two deadlines; name each once, for instance mon-thu and fri")
        return saved_by

    @model_validator(mode="after")
    def _opens_before_it_ends(self) -> "WorkingDays":
        if self.since and any(self.since >= at for at in self.saved_by.values()):
            raise ValueError("since is not before saved_by; write for instance since: '12:00'")
        if self.since and self.fresh:
            raise ValueError("both since and fresh say when the time begins; keep one of them")
        return self


@dataclass(frozen=True, slots=True)
class Deadline:
    """Made from `since` on and by `due` (UTC); it must reach through the day `through`."""

    since: datetime
    due: datetime
    through: date


class Schedule:
    """The deadlines a rule makes."""

    def __init__(self, rule: WorkingDays) -> None:
        self._rule = rule
        self._by = {day: at for text, at in rule.saved_by.items() for day in weekdays(text)}

    def last(self, now: datetime) -> Deadline | None:
        """The latest deadline that has passed; None when none has within 60 days."""
        return next((found for found in self._from(now, -_DAY) if found.due <= now), None)

    def coming(self, now: datetime) -> Deadline | None:
        """The first deadline that has not passed; None when none comes within 60 days."""
        return next((found for found in self._from(now, _DAY) if found.due > now), None)

    def _from(self, now: datetime, step: timedelta) -> Iterator[Deadline]:
        today = now.astimezone(self._rule.zone).date()
        days = (today + step * count for count in range(_HORIZON))
        return (found for day in days if (found := self._on(day)) is not None)

    def _on(self, day: date) -> Deadline | None:
        wall = self._due(day)
        if wall is None:
            return None
        due = self._instant(day, wall)
        since = due - timedelta(seconds=self._rule.fresh or _FRESH)
        if self._rule.since is not None:
            # A day that closes early moves the whole window.
            earlier = self._instant(day, self._by[day.weekday()]) - due
            since = self._instant(day, self._rule.since) - earlier
        after = (day + _DAY * ahead for ahead in range(1, _HORIZON))
        return Deadline(since, due, next((later for later in after if self._due(later)), day))

    def _due(self, day: date) -> time | None:
        """The wall-clock time of the day's deadline; None on a day without."""
        at = self._by.get(day.weekday())
        if at is None or (self._rule.holidays != "none" and day in _holidays(self._rule.holidays, day.year)):
            return None
        due = min((at, *(closed.start for closed in self._rule.closed if closed.closes(day))))
        return due if due > time(0) else None

    def _instant(self, day: date, wall: time) -> datetime:
        return datetime.combine(day, wall, self._rule.zone).astimezone(UTC)


@lru_cache(maxsize=16)
def _holidays(country: str, year: int) -> frozenset[date]:
    return frozenset(public_holidays(country, (year,)))
