"""Scenarios 10, 11, 12: the right chain at every hour, what a change of period does, nights of 23 and 25 hours."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitor.core.finding import Outcome
from monitor.core.plan import Rules
from tests.support.plans import MAIL, small_plan, step, with_roles, with_steps
from tests.support.story import story

DAY, NIGHT = ("nexus",), ("chef", "brand")

INSTANTS = [
    ("Thursday half a minute before three", datetime(2026, 3, 5, 14, 59, 30), DAY),
    ("Thursday half a minute past three", datetime(2026, 3, 5, 15, 0, 30), NIGHT),
    ("Thursday on the stroke of three", datetime(2026, 3, 5, 15, 0), NIGHT),
    ("Thursday on the stroke of eight", datetime(2026, 3, 5, 8, 0), DAY),
    ("Thursday a second before eight", datetime(2026, 3, 5, 7, 59, 59), NIGHT),
    ("Friday a minute before two", datetime(2026, 3, 6, 13, 59), DAY),
    ("Friday at two", datetime(2026, 3, 6, 14, 0), NIGHT),
    ("Saturday at noon", datetime(2026, 3, 7, 12, 0), NIGHT),
    ("24 December, a Thursday, at ten", datetime(2026, 12, 24, 10, 0), NIGHT),
    ("31 December a minute before noon", datetime(2026, 12, 31, 11, 59), DAY),
    ("31 December at noon", datetime(2026, 12, 31, 12, 0), NIGHT),
    ("5 June a minute before noon", datetime(2026, 6, 5, 11, 59), DAY),
    ("5 June at noon", datetime(2026, 6, 5, 12, 0), NIGHT),
    ("Maundy Thursday", datetime(2026, 4, 2, 10, 0), NIGHT),
    ("Good Friday", datetime(2026, 4, 3, 10, 0), NIGHT),
    ("Easter Monday", datetime(2026, 4, 6, 10, 0), NIGHT),
    ("the Tuesday after Easter", datetime(2026, 4, 7, 10, 0), DAY),
    ("Store Bededag while it was one", datetime(2023, 5, 5, 10, 0), NIGHT),
    ("former Store Bededag, a workday", datetime(2026, 5, 1, 10, 0), DAY),
    ("the day summer time begins, a Sunday", datetime(2026, 3, 29, 10, 0), NIGHT),
    ("the Monday after, at eight", datetime(2026, 3, 30, 8, 0), DAY),
    ("the Monday after winter time began, at eight", datetime(2026, 10, 26, 8, 0), DAY),
]


@pytest.mark.parametrize(("who", "at"), [pytest.param(w, at, id=name) for name, at, w in INSTANTS])
async def test_the_right_people_are_told(tmp_path: Path, who: tuple[str, ...], at: datetime) -> None:
    """The outage is confirmed at the instant; nobody else hears of it."""
    async with story(tmp_path, at) as s:
        await s.down("noedkald-1", every=0)
        for person in who:
            s.expect(person, "NEDE")


async def test_unanswered_at_three_the_evening_s_people_take_over(tmp_path: Path) -> None:
    async with story(tmp_path, datetime(2026, 3, 5, 14, 55)) as s:
        await s.down("omsorgssystem-1", every=0)
        s.expect("nexus", "NEDE")
        await s.until(datetime(2026, 3, 5, 14, 59, 59))
        s.done()
        await s.until(datetime(2026, 3, 5, 15, 0))
        s.expect("chef", "NEDE siden 14:55")
        s.expect("brand", "NEDE siden 14:55")
        dropped = [(ln.text, ln.reason) for ln in s.timeline("step_dropped")]
        assert [text.split(":")[0] for text, _ in dropped] == ["Afdelingsledelse", "Sektionsleder"]
        assert {reason for _, reason in dropped} == {"period_ended"}
        await s.until(datetime(2026, 3, 5, 15, 5))
        s.expect("chef", "STADIG NEDE")
        s.expect("brand", "STADIG NEDE")
        await s.acknowledge()
        s.expect("chef", "NEXUS support har den nu")
        s.expect("brand", "NEXUS support har den nu")
        await s.until(datetime(2026, 3, 5, 15, 34))
        s.done()


async def test_answered_before_three_one_hand_over_and_no_more(tmp_path: Path) -> None:
    unasked = replace(small_plan(), rules=Rules(progress_every=0.0))
    async with story(tmp_path, datetime(2026, 3, 5, 14, 55), unasked) as s:
        await s.down("omsorgssystem-1", every=0)
        s.expect("nexus", "NEDE")
        await s.until(datetime(2026, 3, 5, 14, 57))
        await s.acknowledge()
        await s.until(datetime(2026, 3, 5, 16, 0))
        s.expect("chef", "OVERTAGES af Afdelingschef", "NEXUS support har den nu")
        s.done()
        await s.until(datetime(2026, 3, 6, 9, 0))
        s.expect("nexus", "OVERTAGES")
        s.expect("sektion", "OPGAVE")
        await s.up("omsorgssystem-1")
        for person in ("nexus", "chef", "sektion"):
            s.expect(person, "OPPE IGEN")


async def test_a_hand_over_goes_to_the_first_who_is_there(tmp_path: Path) -> None:
    plan = with_steps(
        small_plan(), "nedbrud_nat", step(0, "ingen"), step(600, "brand_og_redning", unacknowledged_only=True)
    )
    plan = with_roles(plan, ingen=())
    async with story(tmp_path, datetime(2026, 3, 5, 14, 55), plan) as s:
        await s.down("omsorgssystem-1", every=0)
        s.expect("nexus", "NEDE")
        await s.acknowledge()
        await s.until(datetime(2026, 3, 5, 15, 24))
        s.expect("brand", "OVERTAGES")
        s.expect("it", "INGEN PÅ VAGT")
        s.expect("it", "INGEN PÅ VAGT", channel=MAIL)


async def test_the_next_morning_the_day_begins_anew_while_nobody_has_answered(tmp_path: Path) -> None:
    plan = with_steps(small_plan(), "nedbrud_nat", step(0, "afdelingschef", "brand_og_redning"))
    async with story(tmp_path, datetime(2026, 3, 5, 14, 58), plan) as s:
        await s.down("omsorgssystem-1", every=0)
        await s.until(datetime(2026, 3, 6, 7, 59))
        s.forget()
        await s.until(datetime(2026, 3, 6, 8, 0))
        s.expect("nexus", "NEDE siden tor 14:58")
        s.done()
        await s.until(datetime(2026, 3, 6, 8, 10))
        s.expect("leder", "NEDE siden tor 14:58")
        s.forget()


async def test_what_is_only_degraded_at_night_waits_for_the_morning(tmp_path: Path) -> None:
    async with story(tmp_path, datetime(2026, 3, 5, 22, 0)) as s:
        await s.down("phoniro-1", outcome=Outcome.WARN)
        await s.until(datetime(2026, 3, 6, 7, 59))
        assert s.engine.desk.ledger.withheld() == {"outside_period": 1}
        s.done()
        await s.until(datetime(2026, 3, 6, 8, 0))
        s.expect("nexus", "FORRINGET siden tor 22:00", channel=MAIL)
        assert s.engine.desk.ledger.withheld() == {}


@pytest.mark.parametrize(
    "start",
    [
        pytest.param(datetime(2026, 3, 29, 0, 50, tzinfo=UTC), id="02:30 does not exist"),
        pytest.param(datetime(2026, 10, 25, 0, 20, tzinfo=UTC), id="02:30 comes twice, first"),
        pytest.param(datetime(2026, 10, 25, 1, 20, tzinfo=UTC), id="02:30 comes twice, second"),
    ],
)
async def test_each_step_comes_once_when_the_clocks_are_changed(tmp_path: Path, start: datetime) -> None:
    plan = with_steps(
        small_plan(), "nedbrud_nat", step(0, "afdelingschef"), step(600, "brand_og_redning"), step(1200, "it_drift")
    )
    async with story(tmp_path, start, plan) as s:
        await s.down("noedkald-1", every=0)
        s.expect("chef", "NEDE")
        for person in ("brand", "it"):
            await s.later(599)
            s.done()
            await s.later(1)
            s.expect(person, "NEDE")
        await s.later(3 * 3600)
        s.done()
        assert s.incident.detected == start
