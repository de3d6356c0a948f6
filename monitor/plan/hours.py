"""Builds the calendar: periods of the day, public holidays, closings.

Every instant lies in exactly one period: one period is `otherwise`, and the windows of the others never overlap.
"""

import re
from collections.abc import Iterator
from datetime import date, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

from monitor.core.calendar import Calendar, Closing, PeriodName, Window
from monitor.plan.faults import meant, parted
from monitor.plan.holidays import COUNTRIES, public_holidays
from monitor.plan.parse import parse
from monitor.plan.part import Part
from monitor.plan.shapes import ClosingShape, clock

ALWAYS = "altid"
"""The plan's word for a chain that stands beside every period's own."""

_KEYS = ("zone", "holidays", "closed", "periods")
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_YEARS_BACK, _YEARS_AHEAD = 1, 3
_LONGEST = 62
_WEEK = 7 * 24 * 60
_NAME = re.compile(r"[a-z][a-z0-9_]{0,47}")

Windows = dict[PeriodName, dict[int, tuple[Window, ...]]]


def calendar(part: Part, today: date) -> Calendar | None:
    """The calendar with the public holidays of the years around `today`; None when it cannot be built."""
    part.known(*_KEYS)
    zone = _zone(part)
    country = _country(part)
    dated, yearly = _closings(part)
    found = _periods(part)
    if zone is None or country is None or found is None:
        return None
    windows, otherwise = found
    if not (country or dated or yearly) and _covered(windows) == _WEEK:
        wrong = "the period covers no hour: the others take the whole week"
        part.at("periods", otherwise).wrong(wrong, "Give the others fewer hours", key=True)
    years = range(today.year - _YEARS_BACK, today.year + _YEARS_AHEAD + 1)
    holidays = public_holidays(country, years) if country else {}
    return Calendar(zone, windows, otherwise, holidays, dated, yearly)


def _zone(part: Part) -> ZoneInfo | None:
    below = part.get("zone")
    if below is None:
        return ZoneInfo("Europe/Copenhagen")
    try:
        return ZoneInfo(below.text)
    except (KeyError, ValueError, OSError):
        below.wrong(f"there is no time zone '{below.text[:40]}'", meant(below.text, available_timezones()))
        return None


def _country(part: Part) -> str | None:
    """The code, empty for none, None for a wrong one."""
    below = part.get("holidays")
    if below is None:
        part.wrong("the key 'holidays' is missing", "Write holidays: DK, or none", key=True)
        return None
    if below.text == "none":
        return ""
    if below.text in COUNTRIES:
        return below.text
    below.wrong(f"there are no public holidays for '{below.text[:40]}'", meant(below.text, (*COUNTRIES, "none")))
    return None


def _periods(part: Part) -> tuple[Windows, PeriodName] | None:
    below = part.get("periods")
    if below is None:
        part.wrong("the key 'periods' is missing", "Write for instance arbejdstid: {mon-thu: '08:00-15:00'}", key=True)
        return None
    windows: Windows = {}
    otherwise: list[tuple[str, Part]] = []
    for name, period in below.entries():
        if name == ALWAYS:
            period.wrong(f"'{ALWAYS}' means every hour", "Choose another name for this period", key=True)
        elif not _NAME.fullmatch(name):
            period.wrong(f"a period cannot be called '{name[:40]}'", "Use small letters a-z, digits and _", key=True)
        elif period.text == "otherwise":
            otherwise.append((name, period))
        else:
            windows[PeriodName(name)] = _week(period)
    _overlaps(windows, below)
    for name, period in otherwise[1:]:
        wrong = f"two periods are 'otherwise': '{otherwise[0][0]}' and '{name}'"
        period.wrong(wrong, "Give one of them its hours")
    if not otherwise:
        below.wrong("no period is 'otherwise'", "Add one for the hours left: uden_for_arbejdstid: otherwise")
        return None
    return windows, PeriodName(otherwise[0][0])


def _week(period: Part) -> dict[int, tuple[Window, ...]]:
    week: dict[int, tuple[Window, ...]] = {}
    for key, hours in period.entries():
        windows = tuple(_windows(hours))
        for weekday in weekdays(key, hours):
            week[weekday] = (*week.get(weekday, ()), *windows)
    if isinstance(period.node.value, dict | str) and not period.node.value:
        period.wrong("the period covers no hour", "Give its hours, for instance mon-thu: '08:00-15:00'", key=True)
    return week


def weekdays(key: str, part: Part) -> tuple[int, ...]:
    """0 Monday … from `mon`, `mon-thu` or `mon,wed`; what is wrong is told at the key."""
    found: list[int] = []
    for piece in key.split(","):
        first, _, last = (word.strip() for word in piece.partition("-"))
        if first not in _DAYS or (last and last not in _DAYS) or piece.strip().endswith("-"):
            part.wrong(f"'{key[:40]}' is not a day of the week", f"Write {', '.join(_DAYS)} or mon-thu", key=True)
            return ()
        begin, end = _DAYS.index(first), _DAYS.index(last or first)
        if end < begin:
            part.wrong(f"'{key[:40]}' goes backwards", "Write the earlier day first", key=True)
            return ()
        found += range(begin, end + 1)
    return tuple(dict.fromkeys(found))


def _windows(part: Part) -> Iterator[Window]:
    spots = list(part.items()) if isinstance(part.node.value, list) else [part]
    for spot in spots:
        begin, dash, end = (piece.strip() for piece in spot.text.partition("-"))
        if not dash:
            spot.wrong(f"'{spot.text[:40]}' is not a stretch of time", "Write for instance 08:00-15:00")
            continue
        try:
            yield Window(clock(begin), time(0) if end == "24:00" else clock(end))
        except ValueError as exc:
            spot.wrong(*parted(exc))


def _overlaps(windows: Windows, part: Part) -> None:
    told: set[tuple[str, str]] = set()
    for (_, end, one), (start, _, other) in pairwise(_spans(windows)):
        if start < end and (one, other) not in told:
            told.add((one, other))
            whose = f"the hours of '{one}' and '{other}' overlap" if one != other else "the hours overlap"
            wrong = f"{whose} on {_DAYS[start // (24 * 60)]} from {start // 60 % 24:02}:{start % 60:02}"
            spot = part.at(other)
            spot.wrong(wrong, "Every hour belongs to one period; correct one of them", key=True)


def _covered(windows: Windows) -> int:
    """Minutes of the week that lie in windows; those overlapping are told elsewhere."""
    return sum(end - start for start, end, _ in _spans(windows))


def _spans(windows: Windows) -> list[tuple[int, int, PeriodName]]:
    return sorted(
        (start, end, name)
        for name, week in windows.items()
        for weekday, found in week.items()
        for window in found
        for start, end in _minutes(weekday, window)
    )


def _minutes(weekday: int, window: Window) -> Iterator[tuple[int, int]]:
    """The window in minutes of the week, cut where the week ends."""
    start = weekday * 1440 + window.start.hour * 60 + window.start.minute
    end = weekday * 1440 + window.end.hour * 60 + window.end.minute
    end += 1440 if window.end <= window.start else 0
    yield start, min(end, _WEEK)
    if end > _WEEK:
        yield 0, end - _WEEK


def _closings(part: Part) -> tuple[dict[date, Closing], dict[tuple[int, int], Closing]]:
    dated: dict[date, Closing] = {}
    yearly: dict[tuple[int, int], Closing] = {}
    below = part.get("closed")
    for item in below.items() if below else ():
        shape = parse(ClosingShape, item)
        if shape is None:
            continue
        try:
            once = len(shape.date) > len("12-24")
            days = list(_span(_one(shape.date), _one(shape.to) if shape.to else None, once))
        except ValueError as exc:
            item.at("date").wrong(*parted(exc))
            continue
        closing = Closing(shape.name or "lukkedag", shape.from_)
        for each in days:
            taken = each in dated if once else (each.month, each.day) in yearly
            if taken:
                item.at("date").wrong(f"'{shape.date}' closes a day that is closed already", "Keep one of the two")
                break
            if once:
                dated[each] = closing
            else:
                yearly[each.month, each.day] = closing
    return dated, yearly


def _one(text: str) -> date:
    """A date; a yearly one (`12-24`) in the leap year 2000. Raises ValueError with a mend."""
    if not re.fullmatch(r"(\d{4}-)?\d{2}-\d{2}", text):
        raise ValueError(f"'{text[:40]}' is not a date; write 12-24 for every year, 2026-12-24 for once")
    try:
        return date.fromisoformat(text if len(text) > len("12-24") else f"2000-{text}")
    except ValueError as exc:
        raise ValueError(f"'{text}' is no day of the calendar; correct the month or the day") from exc


def _span(first: date, last: date | None, once: bool) -> Iterator[date]:
    last = last or first
    if last < first and not once:
        last = last.replace(year=2001)
    count = (last - first).days
    if not 0 <= count < _LONGEST:
        raise ValueError(f"the closing does not end within {_LONGEST} days; write the later day in 'to'")
    for offset in range(count + 1):
        yield first + timedelta(days=offset)
