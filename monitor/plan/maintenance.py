"""Announced work in the plan: once, every so many days, or from a supplier's calendar, worked out as instants.

Wall-clock times become instants one by one: what no clock shows on a night of change is told, never guessed at in
silence.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from hashlib import sha256
from typing import Annotated

from pydantic import Field, model_validator

from monitor.core.announcing import MOST_SYSTEMS, has_phone
from monitor.core.calendar import Calendar
from monitor.core.finding import SystemName
from monitor.core.plan import OWN_SYSTEMS, PersonId, Plan, RoleId
from monitor.core.withholding import Sort, Source, Withholding
from monitor.plan.faults import Fault, meant, parted
from monitor.plan.files import Unreadable
from monitor.plan.hours import weekdays
from monitor.plan.ics_rules import CalendarFaults
from monitor.plan.parse import parse
from monitor.plan.part import Part
from monitor.plan.people import referenced
from monitor.plan.rosters import Rosters
from monitor.plan.settings import Strict
from monitor.plan.shapes import Inside, Names, clock, day

MOST = 5_000
LONG = timedelta(hours=12)
_DAY = timedelta(days=1)
_EVERY_DAY = "day"

Span = tuple[datetime, datetime, str]
"""Start, end, and why (empty: as the entry says)."""


class WindowShape(Strict):
    """One entry: `from` and `to`, or `every` and `at`, or `ics`."""

    systems: Annotated[Names, Field(max_length=MOST_SYSTEMS)]
    owner: Annotated[str, Field(min_length=1, max_length=80)]
    reason: Annotated[str, Field(max_length=120)] = ""
    tell: str = ""
    from_: Annotated[str, Field(alias="from")] = ""
    to: str = ""
    every: str = ""
    at: str = ""
    ics: Inside = ""

    @model_validator(mode="after")
    def _one(self) -> "WindowShape":
        forms = (self.from_ or self.to, self.every or self.at, self.ics)
        whole = (self.from_ and self.to) or (self.every and self.at) or self.ics
        if sum(map(bool, forms)) != 1 or not whole:
            raise ValueError(
                "a window is either from and to, or every and at, or ics; write every: sun, at: 03:00-05:00"
            )
        if not self.reason and not self.ics:
            raise ValueError("a window needs a reason; write for instance reason: Leverandørens servicevindue")
        return self


@dataclass(frozen=True, slots=True)
class Announcing:
    """What working the windows out needs: the plan as far as it is right, its files and stretch of days, and the names
    that may be named although their own entry is wrong."""

    plan: Plan
    rosters: Rosters
    systems: frozenset[str]
    roles: frozenset[str]

    @property
    def calendar(self) -> Calendar:
        """The plan's."""
        return self.plan.calendar


def maintenance(part: Part | None, known: Announcing) -> Mapping[SystemName, tuple[Withholding, ...]]:
    """The windows by system, each system's by start; every fault and warning told where it stands."""
    found: dict[str, Withholding] = {}
    for item in part.items() if part else ():
        shape = parse(WindowShape, item)
        if shape is None or not _right(item, shape, known):
            continue
        for window in _windows(item, shape, known):
            found[window.id] = window
            if len(found) > MOST:
                item.wrong(f"there are more than {MOST} windows in a year", "Let them come less often")
                return {}
    by_system: dict[SystemName, list[Withholding]] = {}
    for window in sorted(found.values(), key=lambda window: (window.start, window.id)):
        for name in window.names:
            by_system.setdefault(name, []).append(window)
    return {name: tuple(windows) for name, windows in by_system.items()}


def _right(item: Part, shape: WindowShape, known: Announcing) -> bool:
    """Whether the entry names only what there is; what is declared and itself wrong has been told there."""
    plan, spot = known.plan, item.at("systems")
    good = referenced(spot, shape.systems, known.systems, "system")
    for index, name in enumerate(shape.systems):
        if name in OWN_SYSTEMS:
            wrong = f"'{name}' cannot be withheld: what it says is how we know that alarms go out"
            spot.at(index).wrong(wrong, "Name a care system")
            good = False
    if shape.owner not in known.roles and shape.owner not in plan.people:
        near = meant(shape.owner, (*known.roles, *plan.people))
        item.at("owner").wrong(f"there is no role and no person '{shape.owner[:60]}'", near)
        good = False
    if shape.tell and shape.tell not in known.roles:
        item.at("tell").wrong(f"there is no role '{shape.tell[:60]}'", meant(shape.tell, known.roles))
        good = False
    named = {shape.owner, shape.tell} - {""} <= {*plan.roles, *plan.people}
    there = named and all(SystemName(name) in plan.systems for name in shape.systems)
    return good and there and _heard(item, shape, plan)


def _heard(item: Part, shape: WindowShape, plan: Plan) -> bool:
    """A window over a critical system names who is told instead, and that somebody has a phone."""
    critical = [name for name in shape.systems if plan.systems[SystemName(name)].critical]
    if not critical or plan.owner not in plan.roles:
        return True
    if not shape.tell:
        wrong = f"'{critical[0]}' is critical and nobody is named to be told instead: '{plan.owner}' will be"
        item.at("systems").warn(wrong, "Write tell: and the role that answers for the work")
    if not has_phone(plan, shape.tell):
        told = shape.tell or plan.owner
        wrong = f"nobody with the role '{told}' can be told by SMS, and '{critical[0]}' is critical"
        item.at("tell" if shape.tell else "systems").wrong(wrong, "Name a role with a phone")
        return False
    return True


def _windows(item: Part, shape: WindowShape, known: Announcing) -> Iterator[Withholding]:
    spans = _once(item, shape, known) if shape.from_ else _often(item, shape, known) if shape.every else None
    source = Source.PLAN if spans is not None else Source.ICS
    systems = " ".join(dict.fromkeys(shape.systems))
    longest = timedelta()
    for start, end, why in spans if spans is not None else _calendar(item, shape, known):
        longest = max(longest, end - start)
        reason = shape.reason or why
        named = sha256(f"{systems}|{end.isoformat()}|{shape.owner}|{reason}".encode()).hexdigest()[:8]
        ident = f"{source}-{start:%Y%m%dT%H%M}-{named}"
        owner = _shown(shape.owner, known.plan)
        yield Withholding(ident, Sort.MAINTENANCE, systems, start, end, owner, reason, shape.tell, source)
    if longest > LONG:
        hours = longest.total_seconds() / 3600
        item.warn(f"notices are withheld for {hours:g} hours at a time", "Announce only the time the work takes")


def _shown(owner: str, plan: Plan) -> str:
    """The owner as people know them."""
    return plan.roles[RoleId(owner)].title if owner in plan.roles else plan.people[PersonId(owner)].name


def _once(item: Part, shape: WindowShape, known: Announcing) -> list[Span]:
    start, end = _wall(item.at("from"), shape.from_, known), _wall(item.at("to"), shape.to, known)
    if start is None or end is None:
        return []
    if end <= start:
        item.at("to").wrong("the end is not after the beginning", "Give a later day or time")
        return []
    if end <= known.calendar.instant(known.rosters.today, time(0)):
        item.warn(f"this window was over on {known.calendar.local(end):%Y-%m-%d}", "Remove it")
    return [(start, end, "")] if end > known.rosters.start else []


def _wall(part: Part, text: str, known: Announcing) -> datetime | None:
    date_text, _, clock_text = text.partition(" ")
    try:
        on, at = day(date_text), clock(clock_text.strip())
        found = known.calendar.instant(on, at)
    except (ValueError, OverflowError) as exc:
        wrong, mend = parted(exc)
        part.wrong(wrong, mend if clock_text else "Write day and time, for instance 2026-12-01 22:00")
        return None
    if not _exists(known.calendar, on, at):
        later = known.calendar.local(found)
        part.wrong(
            f"there is no {at:%H:%M} on {on}: the clocks go forward then", f"Write {later:%H:%M}, or another time"
        )
        return None
    return found


def _exists(calendar: Calendar, on: date, at: time) -> bool:
    return calendar.local(calendar.instant(on, at)).time() == at


def _often(item: Part, shape: WindowShape, known: Announcing) -> list[Span]:
    spot = item.at("every")
    days = tuple(range(7)) if shape.every == _EVERY_DAY else weekdays(shape.every, spot)
    hours = _hours(item.at("at"), shape.at)
    if not days or hours is None:
        return []
    start, end = hours
    calendar, missing = known.calendar, ""
    spans: list[Span] = []
    first, last = calendar.local(known.rosters.start).date() - _DAY, calendar.local(known.rosters.end).date()
    for on in (first + n * _DAY for n in range((last - first).days)):
        if on.weekday() not in days:
            continue
        ends_on = on + _DAY if end <= start else on
        if not missing and not (_exists(calendar, on, start) and _exists(calendar, ends_on, end)):
            missing = f"{on}"
        span = (calendar.instant(on, start), calendar.instant(ends_on, end), "")
        if span[0] < span[1]:
            spans.append(span)
    if missing:
        wrong = f"on {missing} the clocks go forward over one of these times: that window is shorter, or not there"
        item.at("at").warn(wrong, "Choose times before 02:00 or from 03:00 on")
    return spans


def _hours(part: Part, text: str) -> tuple[time, time] | None:
    begin, dash, end = (piece.strip() for piece in text.partition("-"))
    try:
        if dash:
            return clock(begin), time(0) if end == "24:00" else clock(end)
        part.wrong(f"'{text[:40]}' is not a stretch of time", "Write for instance 03:00-05:00")
    except ValueError as exc:
        part.wrong(*parted(exc))
    return None


def _calendar(item: Part, shape: WindowShape, known: Announcing) -> list[Span]:
    """The events of a supplier's calendar; each title is the reason, unless the entry gives one."""
    spot, files = item.at("ics"), known.rosters.files
    if not shape.ics.endswith(".ics"):
        spot.wrong(f"'{shape.ics}' is not a calendar", "Name a file that ends in .ics")
        return []
    # The calendar libraries are loaded only where a plan has a calendar.
    from monitor.plan.ics import spans_of

    try:
        found = spans_of(files.text(shape.ics), known.calendar, (known.rosters.start, known.rosters.end))
    except Unreadable as exc:
        spot.wrong(f"the calendar {files.shown(shape.ics)} {exc.wrong}", exc.mend)
    except CalendarFaults as exc:
        for line, wrong, mend in exc.faults:
            spot.faults.add(Fault(files.shown(shape.ics), line, 1 if line else 0, "", wrong, mend))
    else:
        if not found:
            spot.warn(f"{shape.ics} holds no window from {known.rosters.today} on", "Export it afresh")
        return [(start, end, why) for start, end, why in found]
    return []
