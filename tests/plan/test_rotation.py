"""Rosters in turns (SCENARIOS 15): hand-over at the same wall-clock time over DST, overrides, a bounded stretch."""

from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.calendar import Calendar, PeriodName
from monitor.core.plan import Person, PersonId, Shift
from monitor.plan.faults import Faults
from monitor.plan.files import Files
from monitor.plan.part import Part
from monitor.plan.rosters import DAYS_AHEAD, DAYS_BACK, Rosters, gaps
from monitor.plan.source import Node

ZONE = ZoneInfo("Europe/Copenhagen")
CALENDAR = Calendar(ZONE, {}, PeriodName("ellers"))
PEOPLE = {PersonId(name): Person(PersonId(name), name) for name in ("anna", "bo", "carl")}
TODAY = date(2026, 3, 20)


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE)


def rota(folder: Path, text: str, today: date = TODAY) -> tuple[Shift, ...]:
    (folder / "r.yaml").write_text(text, encoding="utf-8")
    faults = Faults()
    part = Part("plan.yaml", Node("r.yaml", 1, 1), "roles.vagt.roster", faults)
    found = Rosters(Files(folder), PEOPLE, CALENDAR, today).shifts(part)
    assert faults.found == []
    assert found is not None
    return found


def on_duty(shifts: tuple[Shift, ...], at: str) -> list[str]:
    return [shift.person for shift in shifts if shift.start <= local(at) < shift.end]


WEEKLY = "handover: fri 14:00\nsince: 2026-03-20\npeople: [anna, bo, carl]\n"


def test_the_hand_over_is_at_the_same_wall_clock_time_on_both_sides_of_summer_time(tmp_path: Path) -> None:
    shifts = rota(tmp_path, WEEKLY)

    assert [shift.start.astimezone(ZONE).strftime("%d/%m %H:%M %z") for shift in shifts[:3]] == [
        "20/03 14:00 +0100",
        "27/03 14:00 +0100",
        "03/04 14:00 +0200",
    ]
    assert shifts[1].end - shifts[1].start == timedelta(days=7, hours=-1)
    assert on_duty(shifts, "2026-03-27T13:59:59") == ["anna"]
    assert on_duty(shifts, "2026-03-27T14:00:00") == ["bo"]
    assert on_duty(shifts, "2026-04-10T14:00:00") == ["anna"]


def test_turns_of_several_weeks(tmp_path: Path) -> None:
    shifts = rota(tmp_path, WEEKLY + "weeks: 2\n")

    assert on_duty(shifts, "2026-04-03T13:00") == ["anna"]
    assert on_duty(shifts, "2026-04-03T15:00") == ["bo"]


def test_an_override_takes_over_for_its_days_and_gives_back(tmp_path: Path) -> None:
    shifts = rota(tmp_path, WEEKLY + 'overrides: [{from: "2026-03-28 08:00", to: "2026-03-30", person: carl}]\n')

    said = [on_duty(shifts, f"2026-03-{at}") for at in ("28T07:59", "28T08:00", "29T02:30", "29T23:59", "30T00:00")]
    assert said == [["bo"], ["carl"], ["carl"], ["carl"], ["bo"]]


def test_an_override_over_a_hand_over_cuts_both_turns(tmp_path: Path) -> None:
    shifts = rota(tmp_path, WEEKLY + 'overrides: [{from: "2026-03-27 12:00", to: "2026-03-27 16:00", person: carl}]\n')

    assert [on_duty(shifts, f"2026-03-27T{at}") for at in ("11:59", "13:00", "15:00", "16:00")] == [
        ["anna"], ["carl"], ["carl"], ["bo"],
    ]  # fmt: skip


def test_nobody_before_the_rotation_begins_and_no_end_without_bound(tmp_path: Path) -> None:
    shifts = rota(tmp_path, WEEKLY)

    assert on_duty(shifts, "2026-03-20T13:59") == []
    assert shifts[-1].start < local("2026-03-20T00:00") + timedelta(days=DAYS_AHEAD)
    assert len(shifts) <= DAYS_AHEAD / 7 + 2


def test_a_rotation_begun_long_ago_is_worked_out_around_today_alone(tmp_path: Path) -> None:
    shifts = rota(tmp_path, "handover: mon 08:00\nsince: 1990-01-01\npeople: [anna, bo]\n")

    assert shifts[0].start <= local("2026-03-20T00:00") - timedelta(days=DAYS_BACK) < shifts[0].end
    assert len(shifts) <= (DAYS_AHEAD + DAYS_BACK) / 7 + 2


@given(start=st.integers(0, 200), length=st.integers(1, 40), at=st.integers(0, 300))
def test_whatever_the_override_exactly_one_has_the_duty(
    start: int, length: int, at: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.getbasetemp()
    begins = local("2026-03-20T14:00") + timedelta(hours=start)
    ends = begins + timedelta(hours=length)
    form = "%Y-%m-%d %H:%M"
    override = f'overrides: [{{from: "{begins:{form}}", to: "{ends:{form}}", person: carl}}]\n'
    shifts = rota(folder, WEEKLY.replace("carl", "bo") + override)
    instant = local("2026-03-20T14:00") + timedelta(hours=at)

    held = [shift.person for shift in shifts if shift.start <= instant < shift.end]

    assert len(held) == 1
    assert (held == ["carl"]) == (begins <= instant < ends)


def test_gaps_are_the_stretches_nobody_has() -> None:
    first, last = local("2026-03-20T00:00"), local("2026-03-27T00:00")
    hours = [(0, 10), (8, 20), (30, 40)]
    shifts = tuple(Shift(first + timedelta(hours=a), first + timedelta(hours=b), PersonId("anna")) for a, b in hours)

    assert [(a.astimezone(ZONE), b.astimezone(ZONE)) for a, b in gaps(shifts, first, last)] == [
        (first + timedelta(hours=20), first + timedelta(hours=30)),
        (first + timedelta(hours=40), last),
    ]
