"""Announced work in the plan: once, every week, from a calendar; right on the nights the clocks change."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from monitor.core.finding import SystemName
from monitor.core.plan import Severity
from monitor.core.withholding import Source, Withholding
from monitor.plan.faults import PlanFaults
from monitor.plan.lint import lint
from monitor.plan.show import describe
from tests.plan.cases import Case, build
from tests.plan.kinds import TODAY, loaded

ZONE = ZoneInfo("Europe/Copenhagen")
ICS = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//leverandoer//x
BEGIN:VEVENT
UID:1
DTSTART;TZID=Europe/Copenhagen:20260322T013000
DTEND;TZID=Europe/Copenhagen:20260322T040000
RRULE:FREQ=WEEKLY;COUNT=3
SUMMARY:Opdatering af
  låsene
END:VEVENT
BEGIN:VEVENT
UID:2
DTSTART:20260401T200000Z
DTEND:20260401T210000Z
STATUS:CANCELLED
SUMMARY:Aflyst
END:VEVENT
END:VCALENDAR
"""


def windows(folder: Path, *entries: str, ics: str = "", today: date = TODAY) -> tuple[Withholding, ...]:
    lines = ["maintenance:", *(f"  - {{systems: [omsorg], owner: support, {entry}}}" for entry in entries)]
    edits = [("plan.yaml", "+", lines)]
    if ics:
        edits.append(("maintenance/leverandoer.ics", "=", ics.splitlines()))
    build(Case(folder, edits=edits), folder)
    return loaded(folder, today).plan.windows.get(SystemName("omsorg"), ())


def wall(window: Withholding) -> tuple[str, str]:
    return (f"{window.start.astimezone(ZONE):%m-%d %H:%M}", f"{window.end.astimezone(ZONE):%m-%d %H:%M}")


def test_every_week_for_a_year_at_the_same_wall_clock_time(tmp_path: Path) -> None:
    found = windows(tmp_path, "reason: Servicevindue, every: sun, at: '03:00-05:00'")

    assert len(found) in (58, 59)
    assert {wall(one)[0][-5:] for one in found} == {"03:00"}
    assert {(one.end - one.start) for one in found} == {timedelta(hours=2)}
    assert len({one.id for one in found}) == len(found)
    assert {(one.owner, one.reason, one.source) for one in found} == {("Support", "Servicevindue", Source.PLAN)}


def test_on_the_nights_of_change_it_is_as_long_as_the_clocks_say(tmp_path: Path) -> None:
    found = windows(tmp_path, "reason: Servicevindue, every: sun, at: '01:00-05:00'")
    lengths = {wall(one)[0][:5]: one.end - one.start for one in found}

    assert lengths["03-29"] == timedelta(hours=3)
    assert lengths["10-25"] == timedelta(hours=5)
    assert lengths["10-18"] == timedelta(hours=4)


def test_over_midnight_belongs_to_the_day_it_begins(tmp_path: Path) -> None:
    found = windows(tmp_path, "reason: Servicevindue, every: fri, at: '22:00-02:00'")

    assert ("03-06 22:00", "03-07 02:00") in [wall(one) for one in found]


def test_once(tmp_path: Path) -> None:
    (one,) = windows(tmp_path, "reason: Flytning, from: '2026-12-01 22:00', to: '2026-12-02 02:00', tell: vagt")

    assert (one.start, one.end) == (datetime(2026, 12, 1, 21, tzinfo=UTC), datetime(2026, 12, 2, 1, tzinfo=UTC))
    assert one.tell == "vagt"


def test_the_same_window_has_the_same_id_tomorrow(tmp_path: Path) -> None:
    entry = "reason: Servicevindue, every: sun, at: '03:00-05:00'"
    today = {one.id for one in windows(tmp_path / "a", entry)}
    tomorrow = {one.id for one in windows(tmp_path / "b", entry, today=TODAY + timedelta(days=7))}

    assert len(today & tomorrow) >= 56


def test_a_suppliers_calendar(tmp_path: Path) -> None:
    found = windows(tmp_path, "ics: maintenance/leverandoer.ics", ics=ICS)

    assert [wall(one) for one in found] == [
        ("03-22 01:30", "03-22 04:00"),
        ("03-29 01:30", "03-29 04:00"),
        ("04-05 01:30", "04-05 04:00"),
    ]
    assert found[1].end - found[1].start == timedelta(hours=1, minutes=30)
    assert {(one.reason, one.source) for one in found} == {("Opdatering af låsene", Source.ICS)}


def test_a_calendar_with_nothing_ahead_is_warned_of(tmp_path: Path) -> None:
    old = ICS.replace("20260322", "20250322").replace(";COUNT=3", ";COUNT=2")
    windows(tmp_path, "ics: maintenance/leverandoer.ics", ics=old)

    assert any("holds no window" in str(one) for one in loaded(tmp_path).warnings)


@pytest.mark.parametrize(
    "rule", ["FREQ=MINUTELY", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "FREQ=DAILY;COUNT=99999999999"]
)
def test_a_hostile_calendar_costs_a_moment_and_names_its_line(tmp_path: Path, rule: str) -> None:
    with pytest.raises(PlanFaults) as refused:
        windows(tmp_path, "ics: maintenance/leverandoer.ics", ics=ICS.replace("FREQ=WEEKLY;COUNT=3", rule))

    assert "leverandoer.ics:8:1" in str(refused.value)


def test_the_plan_shown_at_an_instant_says_that_it_waits_and_who_is_told_instead(tmp_path: Path) -> None:
    build(
        Case(
            tmp_path,
            edits=[
                ("systems.yaml", "<", ["card: cards/omsorg.md"]),
                ("systems.yaml", ">", ["card: cards/omsorg.md\n    critical: yes"]),
            ],
        ),
        tmp_path,
    )
    entry = "systems: [omsorg], owner: support, reason: Flytning, tell: vagt, every: sun, at: '03:00-05:00'"
    with (tmp_path / "plan.yaml").open("a", encoding="utf-8") as file:
        file.write(f"maintenance:\n  - {{{entry}}}\n")
    plan = loaded(tmp_path).plan

    held = describe(plan, datetime(2026, 3, 8, 4, tzinfo=ZONE), "omsorg", Severity.DOWN).notes
    free = describe(plan, datetime(2026, 3, 8, 5, tzinfo=ZONE), "omsorg", Severity.DOWN).notes

    assert "announced work until 2026-03-08 05:00: Flytning (Support)" in held
    assert "the chain waits until 2026-03-08 05:00; then people hear once what has changed" in held
    assert any(note.startswith("told at once instead: Vagt: ") for note in held)
    assert not any("announced" in note for note in free)


def test_a_role_that_only_hears_of_outages_under_work_is_in_use(tmp_path: Path) -> None:
    edits = [
        ("plan.yaml", "<", ["ejer: {title: Planens ejer, duty: anna}"]),
        ("plan.yaml", ">", ["ejer: {title: Planens ejer, duty: anna}\n  drift: {title: Drift, duty: bo}"]),
        (
            "plan.yaml",
            "+",
            [
                "maintenance:",
                "  - {systems: [omsorg], owner: support, reason: X, tell: drift, every: sun, at: '03:00-05:00'}",
            ],
        ),
    ]
    build(Case(tmp_path, edits=edits), tmp_path)

    assert not [one for one in lint(loaded(tmp_path)) if "drift" in one.where]
