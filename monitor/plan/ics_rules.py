"""Looks a calendar file (RFC 5545) through before it is expanded, and refuses what could cost more than a moment.

Context: the libraries follow a rule that never matches to the year 9999, and one that matches every second for ever.
Choice: only rules a duty roster has are let by: daily to yearly, with parts that are sure to match again and again.
Price: a rule such as the 366th day of the year, or the 31st of every month, is refused with its line.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

EVENTS = 3_000
RULES = 60
ZONE_RULES = 12
EXTRA_DATES = 3_000
COMPONENTS = 10_000
_OLDEST_YEARS = 15

_DAY = "(?:MO|TU|WE|TH|FR|SA|SU)"
_DATE = "-?(?:[1-9]|1[0-9]|2[0-8])"
_PLAIN_DAYS = f"{_DAY}(?:,{_DAY})*"
_BY = {
    "DAILY": {"BYDAY": _PLAIN_DAYS},
    "WEEKLY": {"BYDAY": _PLAIN_DAYS},
    "MONTHLY": {
        "BYDAY": f"[+-]?[1-4]?{_DAY}(?:,[+-]?[1-4]?{_DAY})*",
        "BYMONTHDAY": f"{_DATE}(?:,{_DATE})*",
        "BYSETPOS": "-?[1-4]",
    },
}
_BY["YEARLY"] = {**_BY["MONTHLY"], "BYMONTH": "(?:[1-9]|1[0-2])(?:,(?:[1-9]|1[0-2]))*"}
_ANY = {
    "FREQ": "[A-Z]+",
    "INTERVAL": "[1-9][0-9]{0,2}",
    "COUNT": "[1-9][0-9]{0,4}",
    "UNTIL": "[0-9]{8}(?:T[0-9]{6}Z?)?",
    "WKST": _DAY,
}

Told = tuple[int, str, str]
"""Line, what is wrong, how to mend it."""


class CalendarFaults(Exception):
    """A calendar that cannot be used, with every fault found in it."""

    def __init__(self, faults: list[Told]) -> None:
        super().__init__(faults[0][1] if faults else "")
        self.faults = faults


@dataclass(slots=True)
class _Event:
    """An event, or one of a time zone's two halves: where it begins and how it repeats."""

    line: int
    kind: str
    uid: str = ""
    rules: list[tuple[int, str]] = field(default_factory=list)
    year: int = 0


def looked_through(text: str, year: int) -> dict[str, int]:
    """The line each UID's first event begins on. Raises CalendarFaults for what would cost too much to expand."""
    events, extra = _events(text, year)
    faults = [told for event in events for told in _event_faults(event, year)]
    repeating = [event.kind for event in events for _ in event.rules]
    if len(events) > EVENTS or extra > EXTRA_DATES:
        faults.append((0, f"the calendar holds more than {EVENTS} events or dates", "Export a shorter stretch of time"))
    if repeating.count("VEVENT") > RULES:
        faults.append((0, f"the calendar holds more than {RULES} repeating events", "Divide it between roles"))
    if len(repeating) - repeating.count("VEVENT") > ZONE_RULES:
        faults.append((0, "the calendar's time zones change more often than any does", "Export it in Danish time"))
    if faults:
        raise CalendarFaults(faults[:RULES])
    return {event.uid: event.line for event in reversed(events) if event.kind == "VEVENT"}


def _events(text: str, year: int) -> tuple[list[_Event], int]:
    """Every event and half zone, and how many single dates are added or taken out in all."""
    events = [_Event(1, "VEVENT", year=year)]
    extra = begun = 0
    for number, name, value in _properties(text):
        begun += name == "BEGIN"
        if begun > COMPONENTS:
            raise CalendarFaults([(number, f"the calendar holds more than {COMPONENTS} parts", "Export it afresh")])
        if name == "BEGIN" and value in ("VEVENT", "STANDARD", "DAYLIGHT"):
            events.append(_Event(number, value))
        elif name == "UID":
            events[-1].uid = value
        elif name == "DTSTART":
            events[-1].year = int(value[:4]) if re.match("[0-9]{4}", value) else 0
        elif name in ("RRULE", "EXRULE"):
            events[-1].rules.append((number, value))
        elif name in ("RDATE", "EXDATE"):
            extra += value.count(",") + 1
    return events, extra


def _properties(text: str) -> Iterator[tuple[int, str, str]]:
    """Line number, name and value of each content line; folded lines are joined as the library joins them."""
    number, held = 0, ""
    for index, line in enumerate((*re.split(r"\r?\n", text), "END:"), start=1):
        if line[:1] in (" ", "\t"):
            held += line[1:]
        elif line:
            name, value = (*re.split(r"[;:]", held, maxsplit=1), "")[:2]
            if held:
                name = name.upper()
                yield number, name, value.strip() if name == "UID" else value.rpartition(":")[2].strip().upper()
            number, held = index, line


def _event_faults(event: _Event, year: int) -> Iterator[Told]:
    if not event.year:
        yield event.line, "this event has no beginning", "Give it DTSTART, year first"
        return
    for line, rule in event.rules:
        parts = dict(part.partition("=")[::2] for part in rule.split(";"))
        frequency = parts.get("FREQ", "")
        sure = len(parts) == rule.count("=") == rule.count(";") + 1 and _sure(parts)
        if event.kind != "VEVENT":
            if not sure or frequency != "YEARLY":
                yield line, "this time zone's rule is none a time zone has", "Export the calendar afresh"
        elif frequency not in _BY:
            yield line, "this event repeats more often than daily", "Let a shift repeat daily or less often"
        elif not sure:
            yield line, "this event repeats by a rule not used here", "Let it repeat daily, or on given weekdays"
        elif event.year < year - _OLDEST_YEARS:
            yield line, f"this event repeats since {event.year:04}", f"Let the series begin in {year - 1} or later"


def _sure(rule: Mapping[str, str]) -> bool:
    """Whether a rule is sure to match a day again and again, so that following it ends."""
    allowed = {**_ANY, **_BY.get(rule.get("FREQ", ""), {})}
    if any(part not in allowed or not re.fullmatch(allowed[part], value) for part, value in rule.items()):
        return False
    if "BYDAY" in rule and "BYMONTHDAY" in rule:
        return False
    if "BYSETPOS" in rule and not re.fullmatch(_PLAIN_DAYS, rule.get("BYDAY", "")):
        return False
    return not (rule["FREQ"] == "DAILY" and "BYDAY" in rule and rule.get("INTERVAL", "1") != "1")
