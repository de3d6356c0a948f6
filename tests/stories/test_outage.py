"""Scenarios 4, 5, 22, 25, 28: an outage from its first failing probe to its all-clear, and one that comes and goes."""

from datetime import datetime
from pathlib import Path

import pytest

from monitor.core.finding import Outcome, Reason
from monitor.core.gsm import is_gsm, parts
from monitor.core.plan import Severity
from tests.support.plans import MAIL, small_plan, step, with_steps
from tests.support.story import Story, story

THURSDAY_AT_TEN = datetime(2026, 3, 5, 10, 0)


async def test_an_outage_in_working_hours_reaches_nexus_support_and_its_end_too(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        await s.down("omsorgssystem-1")
        s.expect("nexus", "Omsorgssystem NEDE siden 10:00", "26-0001")
        s.done()
        await s.later(60)
        await s.up("omsorgssystem-1")
        s.expect("nexus", "OPPE IGEN 10:01", "26-0001", "Nede fra 10:00, i alt 1 min")
        assert s.incident.downs and not s.incident.active


async def test_two_failures_and_a_good_probe_are_nobody_s_business(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        for outcome in (Outcome.FAIL, Outcome.FAIL, Outcome.OK, Outcome.FAIL, Outcome.FAIL, Outcome.OK):
            await s.find("omsorgssystem-1", outcome)
            await s.canaries(Outcome.OK)
            await s.later(5)
        assert not s.engine.desk.ledger.incidents


async def test_what_and_where_stand_in_the_first_forty_characters(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        await s.down("noedkald-1")
        text = s.expect("nexus")
        assert "Noedkald NEDE siden 10:00" in text[:40]
        assert "26-0001" in text
        assert is_gsm(text) and parts(text) == 1
        await s.up("noedkald-1")
        assert "Noedkald OPPE IGEN 10:00" in s.expect("nexus")[:40]


async def test_getting_slower_for_hours_and_then_gone_is_one_incident_with_one_upgrade(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        await s.find("omsorgssystem-1", Outcome.OK)
        for _ in range(20):
            await s.find("omsorgssystem-1", Outcome.WARN, Reason.SLOW)
            await s.later(30)
        s.expect("nexus", "FORRINGET", channel=MAIL)
        for turn in range(40):
            await s.find("omsorgssystem-1", Outcome.FAIL if turn % 3 else Outcome.WARN, Reason.TIMEOUT)
            await s.canaries(Outcome.OK)
            await s.later(30)
        s.done()
        await s.down("omsorgssystem-1")
        s.expect("nexus", "NEDE", "FORVÆRRET")
        assert s.entries().count("worsened") == 1
        assert s.incident.severity is Severity.DOWN
        await s.up("omsorgssystem-1")
        s.expect("nexus", "OPPE IGEN")
        s.expect("nexus", "OPPE IGEN", channel=MAIL)


async def twenty_seconds_down(s: Story) -> None:
    await s.down("omsorgssystem-1")
    await s.later(10)
    await s.up("omsorgssystem-1")


async def test_twenty_seconds_down_every_three_minutes_for_two_hours_is_no_storm(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        await twenty_seconds_down(s)
        s.expect("nexus", "NEDE siden 10:00")
        s.expect("nexus", "OPPE IGEN")
        await s.later(155)
        await twenty_seconds_down(s)
        s.expect("nexus", "NEDE IGEN siden 10:03")
        s.expect("nexus", "OPPE IGEN")
        await s.later(155)
        await twenty_seconds_down(s)
        s.expect("nexus", "USTABIL siden 10:00", "Nede 3 gange")
        for _ in range(38):
            await s.later(155)
            await twenty_seconds_down(s)
        await s.later(120)
        s.expect("leder", "USTABIL")
        s.expect("sektion", "OPGAVE")
        s.done()
        assert s.incident.unstable and s.incident.number == "26-0001"
        await s.later(900)
        s.expect("nexus", "OPPE IGEN")
        s.expect("leder", "OPPE IGEN")
        s.expect("sektion", "OPPE IGEN")


async def test_unstable_and_then_down_for_good_is_told_again(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        for _ in range(3):
            await twenty_seconds_down(s)
            await s.later(120)
        s.forget()
        await s.down("omsorgssystem-1")
        await s.later(14 * 60)
        s.expect("leder", "USTABIL")
        s.expect("sektion", "OPGAVE")
        s.done()
        await s.later(2 * 60)
        s.expect("nexus", "NEDE IGEN siden 10:07")
        assert not s.incident.unstable
        await s.later(5 * 60)
        s.expect("nexus", "STADIG NEDE")
        s.forget()


async def test_who_was_told_that_all_is_well_hears_that_it_is_not(tmp_path: Path) -> None:
    """An unstable incident that has been told to be over comes back before it is closed."""
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        for _ in range(3):
            await twenty_seconds_down(s)
            await s.later(120)
        await s.later(900)
        s.forget()
        assert s.incident.recovered is not None
        await s.down("omsorgssystem-1")
        s.expect("nexus", "USTABIL", "Nede 4 gange")
        s.expect("leder", "USTABIL", "Nede 4 gange")
        s.done()


async def test_who_only_had_a_task_hears_that_it_is_back(tmp_path: Path) -> None:
    """The sektionsleder has told the region that all is well: that it is not must reach her too, and once."""
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        await s.down("omsorgssystem-1")
        await s.acknowledge()
        await s.later(16 * 60)
        s.expect("sektion", "OPGAVE", "regionen")
        await s.up("omsorgssystem-1")
        s.expect("sektion", "OPPE IGEN")
        s.forget()
        await s.later(300)
        await s.down("omsorgssystem-1")
        s.expect("sektion", "NEDE IGEN", "26-0001")
        s.expect("nexus", "NEDE IGEN", "26-0001")
        await s.later(120)
        s.done()


async def test_back_within_fifteen_minutes_is_the_same_incident_and_later_another(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        await twenty_seconds_down(s)
        s.forget()
        await s.later(14 * 60)
        await s.down("omsorgssystem-1")
        s.expect("nexus", "NEDE IGEN siden 10:14", "26-0001")
        await s.up("omsorgssystem-1")
        s.expect("nexus", "OPPE IGEN", "26-0001", "Nede fra 10:14")
        await s.later(16 * 60)
        assert not s.engine.desk.ledger.incidents
        await s.down("omsorgssystem-1")
        s.expect("nexus", "NEDE siden 10:30", "26-0002")


async def test_it_is_a_new_incident_also_when_nobody_looked_meanwhile(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        await twenty_seconds_down(s)
        s.forget()
        s.clock.at = s.clock.at.replace(hour=s.clock.at.hour + 3)
        await s.down("omsorgssystem-1", every=0)
        s.expect("nexus", "NEDE siden 13:00", "26-0002")
        incident, lines, _ = await s.kept("26-0001")
        assert incident.closed is not None
        assert [ln.entry.value for ln in lines][-1] == "closed"


async def test_the_all_clear_goes_to_those_told_and_nobody_else(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        await s.down("phoniro-1")
        await s.later(11 * 60)
        s.forget()
        await s.up("phoniro-1")
        s.expect("nexus", "OPPE IGEN")
        s.expect("leder", "OPPE IGEN")
        s.done()


async def test_acknowledged_stops_reminders_and_the_unacknowledged_steps_and_hides_no_worsening(tmp_path: Path) -> None:
    plan = with_steps(small_plan(), "mindre_dag", step(0, "nexus_support", repeat=300.0))
    async with story(tmp_path, THURSDAY_AT_TEN, plan) as s:
        await s.down("omsorgssystem-1", outcome=Outcome.WARN)
        s.expect("nexus", "FORRINGET")
        await s.acknowledge()
        await s.later(20 * 60)
        s.done()
        await s.down("omsorgssystem-1")
        s.expect("nexus", "NEDE", "FORVÆRRET")
        await s.later(5 * 60)
        s.expect("nexus", "STADIG NEDE")
        await s.acknowledge()
        await s.later(9 * 60)
        s.done()
        await s.later(60)
        s.expect("sektion", "OPGAVE")


@pytest.mark.parametrize("acknowledged", [True, False])
async def test_eased_and_then_as_bad_as_before(tmp_path: Path, acknowledged: bool) -> None:
    """Whoever has acknowledged hears that it is as bad as before; whoever has not is being reminded anyway."""
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        await s.down("omsorgssystem-1")
        s.expect("nexus", "NEDE")
        for _ in range(2):
            await s.find("omsorgssystem-1", Outcome.WARN, Reason.SLOW)
        assert s.entries()[-1] == "eased"
        if acknowledged:
            await s.acknowledge()
        await s.down("omsorgssystem-1")
        if acknowledged:
            s.expect("nexus", "NEDE", "FORVÆRRET")
        assert s.incident.current == Severity.DOWN
