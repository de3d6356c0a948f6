"""Works out a roster kept in a calendar (RFC 5545): each event is a shift of the people it names.

The expansion itself is the libraries'; what they could not bear has been refused before by `ics_rules`.
An event names people by their id in the title, or by their id or mail address among the attendees.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import recurring_ical_events
from icalendar import Calendar as Ical

from monitor.core.calendar import Calendar
from monitor.core.plan import Person, PersonId, Shift
from monitor.plan.faults import meant
from monitor.plan.ics_rules import CalendarFaults, Told, looked_through

SHIFTS = 20_000
TITLE = 120
_WORDS = re.compile(r"[a-z][a-z0-9_]*")
_DAY = timedelta(days=1)
"""The library takes whole days as days of UTC: asked for a day more at either end, it leaves none of ours out."""


def shifts_of(
    text: str, people: Mapping[PersonId, Person], calendar: Calendar, span: tuple[datetime, datetime]
) -> list[Shift]:
    """The shifts that touch `span`; times without a zone and whole days are in the plan's. Raises CalendarFaults."""
    lines = looked_through(text, span[0].year)
    faults: dict[str, Told] = {}
    found: list[Shift] = []
    for component in _expanded(text, span, lines):
        if str(component.get("STATUS", "")).upper() == "CANCELLED":
            continue
        begins, ends = _instant(component["DTSTART"].dt, calendar), _instant(component["DTEND"].dt, calendar)
        named = _named(component, people)
        if not named:
            uid = str(component.get("UID", ""))
            faults.setdefault(uid, _nobody(component, people, lines.get(uid, 0)))
        elif begins < ends and begins < span[1] and ends > span[0]:
            found += [Shift(begins, ends, person) for person in named]
        if len(found) > SHIFTS:
            raise CalendarFaults([(0, f"the roster holds more than {SHIFTS} shifts", "Divide it between roles")])
    if faults:
        raise CalendarFaults(sorted(faults.values()))
    return list(dict.fromkeys(found))


def spans_of(text: str, calendar: Calendar, span: tuple[datetime, datetime]) -> list[tuple[datetime, datetime, str]]:
    """Start, end and title of every event that touches `span`, in order, but for cancelled ones. Raises CalendarFaults.

    An event without a title, or without a length, is a fault: nobody could say why or how long.
    """
    lines = looked_through(text, span[0].year)
    found: list[tuple[datetime, datetime, str]] = []
    faults: list[Told] = []
    for component in _expanded(text, span, lines):
        if str(component.get("STATUS", "")).upper() == "CANCELLED":
            continue
        begins, ends = _instant(component["DTSTART"].dt, calendar), _instant(component["DTEND"].dt, calendar)
        title = " ".join(str(component.get("SUMMARY", "")).split())[:TITLE]
        line = lines.get(str(component.get("UID", "")), 0)
        if not title:
            faults.append((line, "this event has no title", "Write in its title what is done"))
        elif begins >= ends:
            faults.append((line, "this event has no length", "Give it an end"))
        elif begins < span[1] and ends > span[0]:
            found.append((begins, ends, title))
        if len(found) > SHIFTS:
            raise CalendarFaults([(0, f"the calendar holds more than {SHIFTS} events", "Export a shorter stretch")])
    if faults:
        raise CalendarFaults(sorted(set(faults)))
    return sorted(set(found))


def _expanded(text: str, span: tuple[datetime, datetime], lines: Mapping[str, int]) -> list[Any]:
    try:
        parsed = Ical.from_ical(text)
        broken = [
            (lines.get(str(event.get("UID", "")), 0), f"this event's {name} cannot be read", "Correct it there")
            for event in parsed.walk("VEVENT")
            for name in _broken(event)
        ]
        found = [] if broken else list(recurring_ical_events.of(parsed).between(span[0] - _DAY, span[1] + _DAY))
    except Exception as exc:
        # The libraries raise whatever their parts raise on a broken file: KeyError, TypeError, OverflowError, …
        wrong = f"the calendar cannot be read: {type(exc).__name__}"
        raise CalendarFaults([(0, wrong, "Export it afresh from the calendar it comes from")]) from exc
    if broken:
        raise CalendarFaults(broken)
    return found


def _broken(event: Any) -> Iterator[str]:
    """The properties the library could not read, and times in a zone nobody knows, which it would take as ours."""
    yield from (name or "line" for name, _ in event.errors)
    for name in ("DTSTART", "DTEND"):
        value = event.get(name)
        if value is not None and "TZID" in value.params and getattr(value.dt, "tzinfo", None) is None:
            yield f"{name} (its time zone {value.params['TZID'][:40]} is not known)"


def _instant(value: date, calendar: Calendar) -> datetime:
    if not isinstance(value, datetime):
        return calendar.instant(value, time(0))
    return (value if value.tzinfo else value.replace(tzinfo=calendar.zone)).astimezone(UTC)


def _named(component: Any, people: Mapping[PersonId, Person]) -> list[PersonId]:
    attendees = component.get("ATTENDEE", [])
    attendees = attendees if isinstance(attendees, list) else [attendees]
    addresses = {str(each).lower().removeprefix("mailto:") for each in attendees}
    words = [str(component.get("SUMMARY", "")), *(str(each.params.get("CN", "")) for each in attendees)]
    ids = set(_WORDS.findall(" ".join(words).lower())) | {address.partition("@")[0] for address in addresses}
    return [p for p, person in people.items() if p in ids or (person.mail and person.mail.lower() in addresses)]


def _nobody(component: Any, people: Mapping[PersonId, Person], line: int) -> Told:
    summary = str(component.get("SUMMARY", "")).strip()
    near = meant(summary.lower(), people)
    mend = near if near.startswith("Did") else "Write the person's id from plan.yaml in the event's title"
    return line, f"the event on {component['DTSTART'].dt:%Y-%m-%d} names nobody in plan.yaml", mend
