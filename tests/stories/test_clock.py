"""The clock is set, or the machine sleeps, while people are being told: nobody is told twice, nothing comes late."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from monitor.core.finding import CheckName, Outcome
from monitor.core.records import Incident
from monitor.core.state import Level, State
from monitor.ports import SendOutcome
from tests.support.plans import MAIL, small_plan, step, with_steps
from tests.support.story import Story, story

THURSDAY_AT_TEN = datetime(2026, 3, 5, 10, 0)
CHECK = CheckName("noedkald-1")


async def opened(s: Story) -> None:
    await s.down("noedkald-1", every=0)
    s.expect("nexus", "Noedkald NEDE")


def outage(s: Story) -> Incident:
    found = s.incident_of("noedkald")
    assert found is not None
    return found


async def stepped(s: Story, seconds: float) -> None:
    """The clock is set; that this is told too is not what the story is about."""
    await s.set_clock(seconds)
    own = [m for m in s.route("relay").got if "Omsorgsvagt" in m.subject]
    for message in own:
        s.route("relay").got.remove(message)


def lines(s: Story, entry: str) -> list[str]:
    return [ln.text for ln in s.engine.desk.ledger.lines_of(outage(s).id) if ln.entry.value == entry]


@pytest.mark.parametrize("hour", [3600, -3600, 90, -90])
async def test_a_step_within_the_period_tells_nobody_twice_and_delays_nothing(tmp_path: Path, hour: int) -> None:
    plan = with_steps(small_plan(), "nedbrud_dag", step(0, "nexus_support"), step(600, "afdelingsledelse"))
    async with story(tmp_path, THURSDAY_AT_TEN, plan) as s:
        await opened(s)
        await s.later(300)
        before = outage(s)
        await stepped(s, hour)
        by = timedelta(seconds=hour)
        assert (outage(s).began, outage(s).chain_from) == (before.began + by, before.chain_from + by)
        s.done()
        await s.later(290)
        s.done()
        await s.later(20)
        s.expect("leder", "Noedkald NEDE")
        kept, _, notices = await s.kept("26-0001")
        assert kept.began == before.began + by
        assert all(n.created >= kept.began for n in notices)
        assert lines(s, "clock") == [
            {3600: "1 t frem", -3600: "1 t tilbage", 90: "1 min frem", -90: "1 min tilbage"}[hour]
        ]
        await s.up("noedkald-1", every=0)
        s.expect("nexus", "Noedkald OPPE IGEN")
        s.expect("leder", "Noedkald OPPE IGEN")
        s.forget()


async def test_reminders_keep_their_pace_over_a_step(tmp_path: Path) -> None:
    plan = with_steps(small_plan(), "nedbrud_dag", step(0, "nexus_support", repeat=300.0))
    async with story(tmp_path, THURSDAY_AT_TEN, plan) as s:
        await opened(s)
        await s.later(310)
        s.expect("nexus", "Noedkald")
        await stepped(s, -3600)
        await s.later(280)
        s.done()
        await s.later(20)
        s.expect("nexus", "Noedkald")


async def test_over_a_boundary_the_new_period_is_told(tmp_path: Path) -> None:
    plan = with_steps(small_plan(), "nedbrud_dag", step(0, "nexus_support"))
    async with story(tmp_path, datetime(2026, 3, 5, 14, 30), plan) as s:
        await opened(s)
        await stepped(s, 3600)
        for person in ("chef", "brand"):
            s.expect(person, "Noedkald NEDE siden 15:30")
        s.forget()
        await s.acknowledge("Brand", "26-0001")
        s.forget()
        await stepped(s, -3600)
        await s.later(60)
        s.done()


async def test_a_boundary_passed_twice_is_told_once(tmp_path: Path) -> None:
    plan = with_steps(small_plan(), "nedbrud_dag", step(0, "nexus_support"))
    plan = with_steps(plan, "nedbrud_nat", step(0, "afdelingschef"))
    async with story(tmp_path, datetime(2026, 3, 5, 14, 50), plan) as s:
        await opened(s)
        await s.until(datetime(2026, 3, 5, 15, 5))
        s.expect("chef", "Noedkald NEDE")
        await stepped(s, -1800)
        await s.later(3600)
        s.done()


async def test_what_waits_to_be_sent_is_not_held_back_by_the_step(tmp_path: Path) -> None:
    plan = with_steps(small_plan(), "nedbrud_dag", step(0, "nexus_support"))
    async with story(tmp_path, THURSDAY_AT_TEN, plan) as s:
        for name in ("primary", "modem"):
            s.route(name).outcome = SendOutcome.TEMPORARY
        await s.down("noedkald-1", every=0)
        await stepped(s, -7200)
        for name in ("primary", "modem"):
            s.route(name).outcome = SendOutcome.ACCEPTED
        await s.later(12, step=1)
        s.expect("nexus", "Noedkald NEDE")
        s.forget()


async def test_a_step_is_said_by_our_own_watch_for_an_hour(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        await s.mind()
        await s.set_clock(3600)
        s.expect("nexus", "Omsorgsvagt", channel=MAIL)
        incident = s.incident_of("vagten")
        assert incident is not None and "1 t frem" in incident.cause
        await s.later(3700)
        await s.keeper.look()
        await s.engine.turn()
        s.expect("nexus", "Omsorgsvagt", "OPPE IGEN", channel=MAIL)


async def test_a_clock_that_slides_is_said_and_a_sound_one_is_not(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        for _ in range(50):
            s.clock.at += timedelta(seconds=1)
            s.clock.set_by(0.09)
            await s.keeper.look()
        await s.engine.turn()
        assert s.incident_of("vagten") is None
        for _ in range(10):
            s.clock.at += timedelta(seconds=1)
            s.clock.set_by(0.09)
            await s.keeper.look()
        await s.engine.turn()
        incident = s.incident_of("vagten")
        assert incident is not None and "skrider +5" in incident.cause
        s.forget()


async def test_what_failed_before_the_sleep_and_after_it_is_no_outage(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        await s.find("noedkald-1", Outcome.OK)
        await s.find("noedkald-1", Outcome.FAIL)
        await s.find("noedkald-1", Outcome.FAIL)
        assert s.engine.desk.ledger.beliefs[CHECK].state is State.SUSPECT
        await s.sleep(8 * 3600)
        assert s.engine.desk.ledger.beliefs[CHECK].state is State.UP
        await s.canaries(Outcome.OK)
        await s.find("noedkald-1", Outcome.FAIL)
        await s.later(5)
        assert not s.engine.desk.ledger.incidents


async def test_an_outage_goes_on_over_the_sleep_and_says_that_nobody_watched(tmp_path: Path) -> None:
    async with story(tmp_path, datetime(2026, 3, 5, 14, 0)) as s:
        await opened(s)
        await s.sleep(2 * 3600)
        assert s.engine.desk.ledger.beliefs[CHECK].level is Level.DOWN
        assert lines(s, "not_watched") == ["serveren sov i 2 t"]
        for person in ("chef", "brand"):
            s.expect(person, "Noedkald NEDE siden 14:00")
        s.forget()
        await s.up("noedkald-1")
        s.expect("chef", "OPPE IGEN")
        s.forget()


async def test_a_process_that_was_stopped_says_so(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        await opened(s)
        await s.keeper.look()
        s.clock.at += timedelta(seconds=45)
        await s.keeper.look()
        assert lines(s, "not_watched") == ["tjenesten stod stille i 45 sek"]
        s.forget()
