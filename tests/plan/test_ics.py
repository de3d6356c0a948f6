"""Rosters kept in a calendar (SCENARIOS 15): zones, whole days, cancelled, moved, doubled and repeating events."""

from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from monitor.core.calendar import Calendar, PeriodName
from monitor.core.plan import Person, PersonId
from monitor.plan.ics import shifts_of
from monitor.plan.ics_rules import COMPONENTS, EVENTS, RULES, CalendarFaults

ZONE = ZoneInfo("Europe/Copenhagen")
CALENDAR = Calendar(ZONE, {}, PeriodName("ellers"))
PEOPLE = {
    PersonId(name): Person(PersonId(name), name, "", f"{name}@eksempel.example") for name in ("anna", "bo", "it_vagt_1")
}
SPAN = (datetime(2026, 2, 21, tzinfo=UTC), datetime(2027, 4, 5, tzinfo=UTC))
OWN_ZONE = """BEGIN:VTIMEZONE
TZID:Kommunens tid
BEGIN:STANDARD
DTSTART:16010101T030000
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:16010101T020000
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
END:DAYLIGHT
END:VTIMEZONE"""


def ics(*events: str, head: str = "") -> str:
    """A calendar; each event is its properties, one for each blank-separated word."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//x//y", *head.splitlines()]
    for event in events:
        lines += ["BEGIN:VEVENT", *event.split(), "END:VEVENT"]
    return "\r\n".join([*lines, "END:VCALENDAR", ""])


def shown(text: str) -> list[str]:
    """Each shift in Danish wall-clock time, in order."""
    found = sorted(shifts_of(text, PEOPLE, CALENDAR, SPAN), key=lambda s: (s.start, s.person))
    form = "%d/%m %H:%M"
    return [f"{s.person} {s.start.astimezone(ZONE):{form}}-{s.end.astimezone(ZONE):{form}}" for s in found]


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ("DTSTART:20260701T080000Z DTEND:20260701T160000Z", "anna 01/07 10:00-01/07 18:00"),
        ("DTSTART:20260701T080000Z DURATION:PT8H", "anna 01/07 10:00-01/07 18:00"),
        ("DTSTART:20260701T080000 DURATION:PT8H", "anna 01/07 08:00-01/07 16:00"),
        ("DTSTART;TZID=America/New_York:20260701T080000 DURATION:PT8H", "anna 01/07 14:00-01/07 22:00"),
        ("DTSTART;VALUE=DATE:20260329 DTEND;VALUE=DATE:20260330", "anna 29/03 00:00-30/03 00:00"),
        ("DTSTART;VALUE=DATE:20260329", "anna 29/03 00:00-30/03 00:00"),
    ],
    ids=["utc", "duration", "floating", "another zone", "whole day of 23 hours", "whole day without end"],
)
def test_when_an_event_is(event: str, expected: str) -> None:
    assert shown(ics(f"UID:1 SUMMARY:anna {event}")) == [expected]


def test_a_zone_by_its_windows_name_and_one_the_file_defines_itself() -> None:
    windows = ics("UID:1 SUMMARY:anna DURATION:PT1H").replace(
        "DURATION", "DTSTART;TZID=Romance Standard Time:20260701T080000\r\nDURATION"
    )
    own = ics("UID:1 SUMMARY:anna DURATION:PT1H", head=OWN_ZONE).replace(
        "DURATION", "DTSTART;TZID=Kommunens tid:20260701T080000\r\nDURATION"
    )

    assert shown(windows) == shown(own) == ["anna 01/07 08:00-01/07 09:00"]


def test_a_series_keeps_its_wall_clock_time_over_summer_time() -> None:
    zone = ";TZID=Europe/Copenhagen:"
    series = f"UID:1 SUMMARY:anna DTSTART{zone}20260320T140000 DTEND{zone}20260327T140000 RRULE:FREQ=WEEKLY;COUNT=3"

    assert shown(ics(series)) == [
        "anna 20/03 14:00-27/03 14:00",
        "anna 27/03 14:00-03/04 14:00",
        "anna 03/04 14:00-10/04 14:00",
    ]


def test_a_series_exported_in_utc_with_the_calendars_zone_beside_it() -> None:
    series = "UID:1 SUMMARY:anna DTSTART:20260320T130000Z DTEND:20260327T130000Z RRULE:FREQ=WEEKLY;COUNT=3"

    assert shown(ics(series, head="X-WR-TIMEZONE:Europe/Copenhagen"))[2] == "anna 03/04 14:00-10/04 14:00"


DAILY = "UID:1 SUMMARY:anna DTSTART:20260701T060000Z DURATION:PT8H RRULE:FREQ=DAILY;COUNT=3"


def test_one_of_a_series_is_cancelled_moved_or_taken_out() -> None:
    one = "UID:1 RECURRENCE-ID:20260702T060000Z DURATION:PT8H"
    cancelled = ics(DAILY, f"{one} SUMMARY:anna DTSTART:20260702T060000Z STATUS:CANCELLED")
    moved = ics(DAILY, f"{one} SUMMARY:bo DTSTART:20260702T100000Z")
    out = ics(f"{DAILY} EXDATE:20260702T060000Z")

    others = ["anna 01/07 08:00-01/07 16:00", "anna 03/07 08:00-03/07 16:00"]
    assert shown(cancelled) == shown(out) == others
    assert shown(moved) == [others[0], "bo 02/07 12:00-02/07 20:00", others[1]]


def test_a_cancelled_event_is_no_shift() -> None:
    assert shown(ics("UID:1 SUMMARY:anna DTSTART:20260701T060000Z DURATION:PT8H STATUS:CANCELLED")) == []


def test_of_the_same_event_several_times_the_highest_sequence_counts() -> None:
    def version(number: int, who: str, status: str = "CONFIRMED") -> str:
        day = 20260700 + number
        return f"UID:1 SEQUENCE:{number} SUMMARY:{who} STATUS:{status} DTSTART:{day}T060000Z DURATION:PT8H"

    assert shown(ics(version(1, "bo"), version(3, "anna"), version(2, "bo"))) == ["anna 03/07 08:00-03/07 16:00"]
    assert shown(ics(version(1, "bo"), version(4, "anna", "CANCELLED"))) == []


@pytest.mark.parametrize(
    ("who", "people"),
    [
        ("SUMMARY:anna", ["anna"]),
        ("SUMMARY:Vagt:\\,Anna", ["anna"]),
        ("SUMMARY:anna/bo", ["anna", "bo"]),
        ("SUMMARY:IT_VAGT_1", ["it_vagt_1"]),
        ("SUMMARY:Vagt ATTENDEE;CN=Bo:mailto:x@y.example", ["bo"]),
        ("SUMMARY:Vagt ATTENDEE:MAILTO:BO@eksempel.example", ["bo"]),
        ("ATTENDEE:mailto:anna@eksempel.example ATTENDEE:mailto:bo@eksempel.example", ["anna", "bo"]),
    ],
)
def test_whom_an_event_names(who: str, people: Sequence[str]) -> None:
    found = shifts_of(ics(f"UID:1 {who} DTSTART:20260701T060000Z DURATION:PT8H"), PEOPLE, CALENDAR, SPAN)

    assert sorted(shift.person for shift in found) == people


def test_only_shifts_that_touch_the_stretch_are_worked_out() -> None:
    endless = "UID:1 SUMMARY:anna DTSTART;VALUE=DATE:20200101 RRULE:FREQ=DAILY"
    found = shifts_of(ics(endless), PEOPLE, CALENDAR, SPAN)

    assert min(shift.end for shift in found) > SPAN[0]
    assert max(shift.start for shift in found) < SPAN[1]
    assert len(found) == 409


EVENT = "UID:{} SUMMARY:anna DTSTART:20260701T060000Z DURATION:PT1H"


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (ics(EVENT.format(1) + " RRULE:FREQ=SECONDLY"), "repeats more often than daily"),
        (ics(EVENT.format(1) + " RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"), "a rule not used here"),
        (ics(EVENT.format(1) + " RRULE:FREQ=DAILY;INTERVAL=7;BYDAY=MO"), "a rule not used here"),
        (ics(EVENT.format(1) + " RRULE:FREQ=DAILY;FREQ=SECONDLY"), "more often than daily"),
        (ics(EVENT.format(1) + " rrule:freq=daily;byhour=1,2,3"), "a rule not used here"),
        (ics(EVENT.format(1) + " RRULE:FREQ=SEC").replace("FREQ=SEC", "FREQ=SEC\r\n\tONDLY"), "more often"),
        (ics(EVENT.format(1) + " RRULE:FREQ=DAILY;").replace("DAILY;", "DAILY;\r\n\r\n BYSECOND=1"), "a rule not used"),
        (ics(EVENT.format(1).replace("2026", "1926") + " RRULE:FREQ=DAILY"), "repeats since 1926"),
        (ics(EVENT.format(1), head=OWN_ZONE.replace("FREQ=YEARLY", "FREQ=SECONDLY")), "none a time zone has"),
        (ics(*[EVENT.format(n) + " RRULE:FREQ=DAILY" for n in range(RULES + 1)]), "repeating events"),
        (ics(*[EVENT.format(n) for n in range(EVENTS + 1)]), "events or dates"),
        (ics(EVENT.format(1) + " RDATE:" + ",".join(["20260701T060000Z"] * 4000)), "events or dates"),
        ("BEGIN:X\n" * (COMPONENTS + 1), "parts"),
        ("BEGIN:VCALENDAR\n" + "BEGIN:VEVENT\nDTSTART:2026\n" * 2900, "cannot be read"),
        (ics("UID:1 SUMMARY:anna"), "has no beginning"),
        (ics("UID:1 SUMMARY:anna DTSTART;TZID=Mars/Base:20260701T080000"), "time zone Mars/Base is not known"),
        (ics("UID:1 SUMMARY:anna DTSTART:20260701T060000Z DURATION:P99999999W"), "cannot be read"),
        (ics(EVENT.format(1) + " ATTENDEE;" + "CN=a;" * 50_000 + ":x"), "cannot be read"),
    ],
    ids=lambda value: "" if "BEGIN" in value else value.replace(" ", "_"),
)  # fmt: skip
def test_what_would_cost_more_than_a_moment_or_cannot_be_read_is_refused(text: str, wrong: str) -> None:
    with pytest.raises(CalendarFaults) as caught:
        shifts_of(text, PEOPLE, CALENDAR, SPAN)

    assert any(wrong in told for _, told, _ in caught.value.faults)


@pytest.mark.timeout(30)
def test_the_most_that_is_let_by_ends() -> None:
    rules = [EVENT.format(n).replace("2026", "2012") + " RRULE:FREQ=DAILY" for n in range(RULES // 6)]
    few = "RRULE:FREQ=YEARLY;BYMONTH=2;BYDAY=MO;BYSETPOS=4;INTERVAL=999"

    assert len(shifts_of(ics(*rules), PEOPLE, CALENDAR, SPAN)) > 0
    assert shifts_of(ics(EVENT.format(1).replace("2026", "2012") + f" {few}"), PEOPLE, CALENDAR, SPAN) == []
