"""Works out who has a duty when, from a rotation (`.yaml`) or a calendar (`.ics`).

A roster is worked out whole while loading, over a bounded stretch of days; wall-clock times become instants one by
one, so a hand-over at 14:00 is at 14:00 on both sides of a change to summer time.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from monitor.core.calendar import Calendar
from monitor.core.plan import Person, PersonId, Shift
from monitor.plan.faults import Fault, meant, parted
from monitor.plan.files import Files, Unreadable
from monitor.plan.ics_rules import CalendarFaults
from monitor.plan.parse import parse
from monitor.plan.part import Part
from monitor.plan.shapes import OverrideShape, RotationShape, clock, day

DAYS_BACK = 8
DAYS_AHEAD = 400
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_HANDOVER = re.compile(r"([a-z]{3}) +(\S+)")


@dataclass(slots=True)
class Rosters:
    """Reads rosters, each file once. `people` are those a roster may name."""

    files: Files
    people: Mapping[PersonId, Person]
    calendar: Calendar
    today: date
    _read: dict[str, tuple[Shift, ...] | None] = field(default_factory=dict)

    @property
    def start(self) -> datetime:
        """The first instant worked out."""
        return self.calendar.instant(self.today - timedelta(days=DAYS_BACK), time(0))

    @property
    def end(self) -> datetime:
        """The instant before which all is worked out."""
        return self.calendar.instant(self.today + timedelta(days=DAYS_AHEAD), time(0))

    def shifts(self, part: Part) -> tuple[Shift, ...] | None:
        """The shifts of the file named at `part`, sorted; None when it cannot be used, with every fault told."""
        name = part.text
        if name not in self._read:
            found = self._shifts(part, name)
            self._read[name] = None if found is None else tuple(sorted(found, key=lambda s: (s.start, s.person)))
        return self._read[name]

    def _shifts(self, part: Part, name: str) -> list[Shift] | None:
        if name.endswith(".ics"):
            return self._calendar_file(part, name)
        if not name.endswith((".yaml", ".yml")):
            part.wrong(f"'{name}' is neither a calendar nor a rotation", "Name a file that ends in .ics or .yaml")
            return None
        try:
            self.files.data(name)
        except Unreadable as exc:
            part.wrong(f"the roster {self.files.shown(name)} {exc.wrong}", exc.mend)
            return None
        below = self.files.yaml(name, part.faults)
        return self._rotation(below) if below else None

    def _calendar_file(self, part: Part, name: str) -> list[Shift] | None:
        # The two calendar libraries cost 40 ms and 6 MB: only those pay who keep a roster in a calendar.
        from monitor.plan.ics import shifts_of

        try:
            text = self.files.text(name)
            return shifts_of(text, self.people, self.calendar, (self.start, self.end))
        except Unreadable as exc:
            part.wrong(f"the roster {self.files.shown(name)} {exc.wrong}", exc.mend)
        except CalendarFaults as exc:
            for line, wrong, mend in exc.faults:
                part.faults.add(Fault(self.files.shown(name), line, 1 if line else 0, "", wrong, mend))
        return None

    def _rotation(self, part: Part) -> list[Shift] | None:
        shape = parse(RotationShape, part)
        if shape is None:
            return None
        overrides = list(_overrides(part, self.calendar))
        good = self._known(part.at("people"), shape.people) & all(
            self._known(spot.at("person"), (shift.person,)) for spot, shift in overrides
        )
        handover = _handover(part.at("handover"), shape)
        if handover is None or not good:
            return None
        turns = self._turns(shape, handover)
        return _replaced(turns, [shift for _, shift in overrides if shift.end > self.start and shift.start < self.end])

    def _known(self, part: Part, names: tuple[str, ...]) -> bool:
        good = True
        for index, name in enumerate(names):
            if name not in self.people:
                part.at(index).wrong(f"there is no person '{name[:60]}' in plan.yaml", meant(name, self.people))
                good = False
        return good

    def _turns(self, shape: RotationShape, handover: time) -> list[Shift]:
        length = timedelta(weeks=shape.weeks)
        behind = self.today - timedelta(days=DAYS_BACK) - shape.since
        turn = max(0, behind // length - 1)
        found: list[Shift] = []
        while True:
            first = shape.since + turn * length
            start, end = self.calendar.instant(first, handover), self.calendar.instant(first + length, handover)
            if start >= self.end:
                return found
            if end > self.start:
                found.append(Shift(start, end, PersonId(shape.people[turn % len(shape.people)])))
            turn += 1


def _handover(part: Part, shape: RotationShape) -> time | None:
    """The hand-over's time of day; `since` must be a day of that name."""
    match = _HANDOVER.fullmatch(shape.handover)
    if match is None or match[1] not in _DAYS:
        part.wrong(f"'{shape.handover[:40]}' is no weekday and time", "Write for instance fri 14:00")
        return None
    try:
        at = clock(match[2])
    except ValueError as exc:
        part.wrong(*parted(exc))
        return None
    if shape.since.weekday() != _DAYS.index(match[1]):
        wrong = f"'since' {shape.since} is a {_DAYS[shape.since.weekday()]}, the hand-over is on {match[1]}"
        part.wrong(wrong, "Give the day the first person takes over")
        return None
    return at


def _overrides(part: Part, calendar: Calendar) -> Iterator[tuple[Part, Shift]]:
    last: Shift | None = None
    below = part.get("overrides")
    for item in below.items() if below else ():
        shape = parse(OverrideShape, item)
        start = _instant(item.at("from"), shape.from_, calendar) if shape else None
        end = _instant(item.at("to"), shape.to, calendar) if shape else None
        if shape is None or start is None or end is None:
            continue
        if end <= start:
            item.at("to").wrong("the end is not after the beginning", "Give a later day or time")
            continue
        if last is not None and start < last.end:
            item.at("from").wrong("begins before the override above has ended", "Write them in order, without overlap")
            continue
        last = Shift(start, end, PersonId(shape.person))
        yield item, last


def _instant(part: Part, text: str, calendar: Calendar) -> datetime | None:
    date_text, _, clock_text = text.partition(" ")
    try:
        return calendar.instant(day(date_text), clock(clock_text.strip()) if clock_text else time(0))
    except (ValueError, OverflowError) as exc:
        part.wrong(*parted(exc))
        return None


def _replaced(turns: list[Shift], overrides: list[Shift]) -> list[Shift]:
    """The turns with the overridden stretches cut out, and the overrides put in."""
    for override in overrides:
        kept = []
        for shift in turns:
            if shift.end <= override.start or shift.start >= override.end:
                kept.append(shift)
                continue
            if shift.start < override.start:
                kept.append(Shift(shift.start, override.start, shift.person))
            if override.end < shift.end:
                kept.append(Shift(override.end, shift.end, shift.person))
        turns = kept
    return turns + overrides


def gaps(shifts: tuple[Shift, ...], start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The stretches between `start` and `end` in which nobody has the duty; `shifts` are sorted by start."""
    covered = start
    for shift in shifts:
        if shift.start >= end:
            break
        if shift.start > covered:
            yield covered.astimezone(UTC), shift.start
        covered = max(covered, shift.end)
    if covered < end:
        yield covered.astimezone(UTC), end
