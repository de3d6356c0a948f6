"""Scenarios 13, 14, 16: nobody answers, nobody is on duty, and the service restarts in the middle of a chain."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitor.core.plan import Chain, ChainId, PersonId, Plan, Severity, Shift, TaskId
from tests.support.plans import CARE, MAIL, ZONE, small_plan, step, with_roles, with_steps
from tests.support.story import story

CHRISTMAS_AT_THREE = datetime(2026, 12, 24, 3, 0)
THURSDAY_AT_TEN = datetime(2026, 3, 5, 10, 0)


def long_night() -> Plan:
    return with_steps(
        small_plan(),
        "nedbrud_nat",
        step(0, "afdelingschef", repeat=300.0),
        step(600, "brand_og_redning", unacknowledged_only=True),
        step(1200, "it_drift", unacknowledged_only=True),
    )


async def test_nobody_answers_so_the_next_role_is_told_and_then_the_next(tmp_path: Path) -> None:
    async with story(tmp_path, CHRISTMAS_AT_THREE, long_night()) as s:
        await s.down("noedkald-1", every=0)
        s.expect("chef", "NEDE siden 03:00")
        await s.later(300)
        s.expect("chef", "STADIG NEDE")
        await s.later(300)
        s.expect("chef", "STADIG NEDE")
        s.expect("brand", "NEDE")
        await s.later(600)
        s.expect("chef", "STADIG NEDE")
        s.expect("chef", "STADIG NEDE")
        s.expect("it", "NEDE")
        accepted = [ln.text for ln in s.timeline("accepted")]
        assert len(accepted) == 7
        assert accepted[0] == "SMS til Chef ad primary"
        assert "SMS til It ad primary" in accepted[-2:]


async def test_an_answer_ends_it(tmp_path: Path) -> None:
    async with story(tmp_path, CHRISTMAS_AT_THREE, long_night()) as s:
        await s.down("noedkald-1", every=0)
        s.expect("chef", "NEDE")
        await s.later(599)
        s.forget()
        await s.acknowledge("Chef")
        for _ in range(4):
            await s.later(1795)
            s.done()
            await s.later(5)
            s.expect("chef", "er der nyt?")
            await s.acknowledge("Chef")


def at_night(hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 12, 24, hour, minute, tzinfo=ZONE).astimezone(UTC)


async def test_nobody_on_duty_so_the_next_step_comes_at_once_and_the_gap_is_told(tmp_path: Path) -> None:
    plan = with_roles(long_night(), afdelingschef=(Shift(at_night(7), at_night(15), PersonId("chef")),))
    async with story(tmp_path, CHRISTMAS_AT_THREE, plan) as s:
        await s.down("noedkald-1", every=0)
        s.expect("brand", "NEDE siden 03:00")
        s.expect("it", "INGEN PÅ VAGT som Afdelingschef")
        s.expect("it", "INGEN PÅ VAGT som Afdelingschef", channel=MAIL)
        assert "næste trin går i gang nu" in s.timeline("nobody_on_duty")[0].text
        await s.later(600)
        s.expect("it", "NEDE")
        s.done()
        await s.up("noedkald-1")
        s.expect("brand", "OPPE IGEN")
        s.expect("it", "OPPE IGEN")


async def test_a_step_of_two_roles_goes_to_the_one_that_is_there(tmp_path: Path) -> None:
    plan = with_roles(small_plan(), brand_og_redning=())
    async with story(tmp_path, CHRISTMAS_AT_THREE, plan) as s:
        await s.down("noedkald-1", every=0)
        s.expect("chef", "NEDE")
        s.expect("it", "INGEN PÅ VAGT")
        s.expect("it", "INGEN PÅ VAGT", channel=MAIL)
        assert "trinnet kalder de øvrige" in s.timeline("nobody_on_duty")[0].text


async def test_nobody_anywhere_is_told_to_the_plan_s_owner(tmp_path: Path) -> None:
    plan = with_roles(small_plan(), afdelingschef=(), brand_og_redning=())
    async with story(tmp_path, CHRISTMAS_AT_THREE, plan) as s:
        await s.down("noedkald-1", every=0)
        for role in ("Afdelingschef", "Brand og redning"):
            s.expect("it", f"INGEN PÅ VAGT som {role}")
            s.expect("it", f"INGEN PÅ VAGT som {role}", channel=MAIL)


async def test_the_reminder_goes_to_who_has_the_duty_by_then(tmp_path: Path) -> None:
    shifts = (
        Shift(at_night(0), at_night(3, 4), PersonId("chef")),
        Shift(at_night(3, 4), at_night(9), PersonId("leder")),
    )
    async with story(tmp_path, CHRISTMAS_AT_THREE, with_roles(long_night(), afdelingschef=shifts)) as s:
        await s.down("noedkald-1", every=0)
        s.expect("chef", "NEDE")
        await s.later(300)
        s.expect("leder", "STADIG NEDE")


@pytest.mark.parametrize("away", [0.0, 45.0])
async def test_a_step_ten_minutes_in_fires_once_though_the_service_restarts_at_minute_six(
    tmp_path: Path, away: float
) -> None:
    async with story(tmp_path, CHRISTMAS_AT_THREE, long_night()) as s:
        await s.down("noedkald-1", every=0)
        await s.later(360)
        s.forget()
        await s.restart(away=away)
        await s.until(datetime(2026, 12, 24, 3, 9, 59))
        s.done()
        await s.later(120)
        s.expect("brand", "NEDE siden 03:00")
        s.expect("chef", "STADIG NEDE")
        assert [ln.text for ln in s.timeline("accepted")].count("SMS til Brand ad primary") == 1
        assert s.timeline("not_watched")


async def test_what_fell_due_while_the_service_was_away_is_made_up_for_without_a_heap_of_reminders(
    tmp_path: Path,
) -> None:
    async with story(tmp_path, CHRISTMAS_AT_THREE, long_night()) as s:
        await s.down("noedkald-1", every=0)
        s.expect("chef", "NEDE")
        await s.restart(away=900)
        await s.engine.turn()
        s.expect("brand", "NEDE siden 03:00")
        s.expect("chef", "STADIG NEDE")
        s.done()
        assert "15 min" in s.timeline("not_watched")[0].text


async def test_who_stands_in_two_standing_chains_is_told_by_both(tmp_path: Path) -> None:
    """After an hour and after eight: a person's first word from one chain is not taken for the other's."""
    bad = frozenset({Severity.DOWN})
    one = Chain(ChainId("en"), None, CARE, bad, (step(3600, "it_drift"),))
    two = Chain(
        ChainId("to"), None, CARE, bad, (step(1800, "it_drift"), step(28800, "it_drift", task=TaskId("region")))
    )
    base = with_steps(small_plan(), "nedbrud_dag", step(0, "nexus_support"))
    plan = replace(base, chains=(*base.chains, one, two))
    async with story(tmp_path, datetime(2026, 3, 5, 8, 0), plan) as s:
        await s.down("noedkald-1", every=0)
        s.expect("nexus", "NEDE")
        await s.later(1800)
        s.expect("it", "NEDE")
        await s.later(1800)
        s.expect("it", "NEDE")
        s.done()
        await s.later(7 * 3600 + 60)
        s.expect("it", "OPGAVE")
        s.forget()


async def test_who_has_two_roles_is_not_told_the_same_twice_at_once(tmp_path: Path) -> None:
    """At ten minutes the chef's reminder and the leadership's alarm fall together: one text, not two."""
    plan = with_roles(long_night(), brand_og_redning=("chef", "brand"))
    async with story(tmp_path, CHRISTMAS_AT_THREE, plan) as s:
        await s.down("noedkald-1", every=0)
        s.expect("chef", "NEDE siden 03:00")
        await s.later(300)
        s.expect("chef", "STADIG NEDE")
        await s.later(300)
        s.expect("chef", "NEDE siden 03:00")
        s.expect("brand", "NEDE siden 03:00")
        await s.later(120)
        s.done()
        await s.later(180)
        s.expect("chef", "STADIG NEDE")
