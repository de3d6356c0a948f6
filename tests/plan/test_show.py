"""What the plan would do, shown: who, when, how and why; and what a closer look warns of."""

import json
import shutil
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from monitor.core.plan import Severity
from monitor.plan.faults import Fault
from monitor.plan.lint import lint
from monitor.plan.show import check_text, describe, mask, show_text, span, why
from tests.plan.kinds import GOOD, loaded

ZONE = ZoneInfo("Europe/Copenhagen")
LOADED = loaded(GOOD)
PLAN = LOADED.plan


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE)


@pytest.mark.parametrize(
    ("at", "reason"),
    [
        ("2026-03-05T14:55", "in its hours, Thu 08:00 to 15:00"),
        ("2026-06-05T11:59", "in its hours, Fri 08:00 to 12:00"),
        ("2026-06-05T12:00", "closed from 12:00: Grundlovsdag"),
        ("2026-12-24T22:00", "closed all day: Juleaften"),
        ("2026-04-03T10:00", "closed all day: Langfredag"),
        ("2026-03-05T20:00", "outside all hours of Thu"),
        ("2026-03-07T10:00", "outside all hours of Sat"),
    ],
)
def test_why_a_period_holds(at: str, reason: str) -> None:
    assert why(PLAN.calendar, local(at)) == reason


def test_an_outage_in_working_hours() -> None:
    assert show_text(describe(PLAN, local("2026-03-05T10:00"), "kald", Severity.DOWN)).splitlines() == [
        "Thu 2026-03-05 10:00: dag (in its hours, Thu 08:00 to 15:00)",
        "until Thu 2026-03-05 15:00, then ellers: nedbrud_ellers",
        "Nødkald, down:",
        "  chain nedbrud_dag",
        "    10:00  again every 5m until acknowledged",
        "            Support: Anna (sms +45*****001, mail a***@eksempel.example)",
        "            Support: Bo (sms +45*****002, mail b***@eksempel.example)",
        "    10:10  unless acknowledged",
        "            Vagt: Carl (sms +45*****003)",
        "    10:15  task: Ring til regionen",
        "            Support: Anna (mail a***@eksempel.example)",
        "            Support: Bo (mail b***@eksempel.example)",
    ]


def test_steps_after_the_end_of_the_period_are_shown_as_dropped() -> None:
    shown = describe(PLAN, local("2026-03-05T14:50"), "kald", Severity.DOWN)

    assert [step.dropped for step in shown.chains[0].steps] == [False, True, True]
    assert "    15:00  (dropped: the period ends before)" in show_text(shown)


def test_a_chain_beside_the_periods_is_shown_as_such() -> None:
    shown = describe(PLAN, local("2026-03-05T14:50"), "alarmvej", Severity.DEGRADED)

    assert [chain.period for chain in shown.chains] == [""]
    assert "  chain egne, beside the periods, from the outage's beginning" in show_text(shown)
    assert shown.notes == ()


def test_an_advisory_out_of_hours_waits() -> None:
    shown = describe(PLAN, local("2026-03-05T20:00"), "kald", Severity.ADVISORY)

    assert shown.chains == ()
    assert shown.then == "dag: advarsel"
    assert "note: no chain covers this: nobody is told until the next period" in show_text(shown)


def test_nobody_on_duty_is_said() -> None:
    early = loaded(GOOD, date(2026, 1, 5)).plan
    shown = describe(early, local("2026-01-01T20:00"), "kald", Severity.DOWN)

    assert shown.chains[0].steps[0].gaps == ("Vagt",)
    assert "            Vagt: NOBODY ON DUTY" in show_text(shown)


def test_a_year_whose_holidays_are_not_worked_out_is_said() -> None:
    shown = describe(PLAN, local("2031-03-05T10:00"), "kald", Severity.DOWN)

    assert shown.notes == (
        "the roster of Vagt is worked out to 2027-04-09 only",
        "public holidays are worked out for 2025 to 2029 only",
    )


def test_as_json_with_whole_addresses_when_asked() -> None:
    shown = describe(PLAN, local("2026-03-05T10:00"), "kald", Severity.DOWN, masked=False)
    data = json.loads(json.dumps(shown.as_dict()))

    assert data["at"] == "2026-03-05T10:00:00+01:00"
    assert data["chains"][0]["steps"][0]["called"][0] == {
        "person": "anna",
        "name": "Anna",
        "role": "Support",
        "addresses": {"sms": "+4500000001", "mail": "anna@eksempel.example"},
    }


def test_an_unknown_system_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        describe(PLAN, local("2026-03-05T10:00"), "findes_ikke", Severity.DOWN)


def test_addresses_are_masked_and_spans_written_short() -> None:
    assert [mask(address) for address in ("+4500000001", "anna@eksempel.example", "")] == [
        "+45*****001",
        "a***@eksempel.example",
        "",
    ]
    assert [span(seconds) for seconds in (0, 45, 90, 300, 5400)] == ["0s", "45s", "1m30s", "5m", "1h30m"]


def test_what_check_says() -> None:
    assert check_text(LOADED).splitlines() == [
        "Eksempel Kommune: 5 systems, 4 checks, 3 people, 3 roles, 5 chains, 4 routes; no warnings",
        f"digest {LOADED.digest[:12]}",
    ]
    unused = Fault("plan.yaml", 0, 0, "tasks.vent", "no step hands this task to anybody")
    assert check_text(LOADED, [unused]).startswith("plan.yaml: tasks.vent: no step hands this task to anybody\n")
    assert "1 warning" in check_text(LOADED, [unused])


def test_a_closer_look_at_a_good_plan_finds_nothing() -> None:
    assert lint(LOADED) == []


def test_gaps_things_unused_checks_in_haste_and_cards_too_long(tmp_path: Path) -> None:
    shutil.copytree(GOOD, tmp_path, dirs_exist_ok=True)
    plan = tmp_path / "plan.yaml"
    text = plan.read_text(encoding="utf-8")
    text = text.replace(
        "roles:\n", '  dorte: {name: Dorte, sms: "+4500000004"}\nroles:\n  tom: {title: Tom, duty: bo}\n'
    )
    text = text.replace("tasks:\n", "tasks:\n  vent: {title: Vent, text: Vent.}\n")
    plan.write_text(text, encoding="utf-8")
    (tmp_path / "rosters" / "vagt.yaml").write_text("handover: fri 14:00\nsince: 2026-03-06\npeople: [carl]\n")
    (tmp_path / "cards" / "kald.md").write_text("# Nødkald\n" + "1. Ring.\n" * 60, encoding="utf-8")
    systems = tmp_path / "systems.yaml"
    systems.write_text(systems.read_text(encoding="utf-8").replace("every: 10s, token", "every: 5ms, token"))

    said = [str(warning).removeprefix(f"{tmp_path}/") for warning in lint(loaded(tmp_path))]

    gap = "plan.yaml: roles.vagt.roster: nobody has this duty from 2026-03-01 00:00 to 2026-03-06 14:00"
    assert said == [
        f"{gap}. Fill the roster, or alarms of these hours skip the step",
        "plan.yaml: roles.tom: no step tells this role. Put it into a chain, or remove it",
        "plan.yaml: tasks.vent: no step hands this task to anybody. Put it into a chain, or remove it",
        "plan.yaml: people.dorte: has no role and is never told. Give a role, or remove the entry",
        "systems.yaml: checks.kald-side: asks again after 5 ms. Give every and retry_every at least 1s",
        "cards/kald.md: takes 61 lines of 95 signs, an A4 page holds 58. Shorten it: a card is read standing up",
    ]
