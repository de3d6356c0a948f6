"""Scenario 9: systems with a parent. The parent's fresh look comes first; notices wait for it, checks do not."""

from datetime import datetime
from pathlib import Path

from monitor.core.finding import Outcome
from monitor.core.plan import Plan
from monitor.core.reasons import Kind
from tests.support.plans import MAIL, small_plan, with_parent
from tests.support.story import Story, story

THURSDAY_AT_TEN = datetime(2026, 3, 5, 10, 0)


def family() -> Plan:
    """Phoniro and nødkald depend on the omsorgssystem."""
    return with_parent(with_parent(small_plan(), "phoniro", "omsorgssystem"), "noedkald", "omsorgssystem")


async def together(s: Story, *checks: str, turns: int = 3) -> None:
    """The children's probes are a second ahead of the parent's."""
    for _ in range(turns):
        for check in checks:
            await s.find(check, Outcome.FAIL)
            await s.later(1)
        await s.canaries(Outcome.OK)
        await s.later(5)


async def test_both_down_with_their_parent_is_told_once(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN, family()) as s:
        await together(s, "phoniro-1", "noedkald-1", "omsorgssystem-1")
        s.expect("nexus", "Omsorgssystem NEDE")
        s.done()
        await s.later(120)
        s.done()
        assert "omsorgssystem-1" in s.urged
        held = {i.system: i.held_by for i in s.engine.desk.ledger.active()}
        assert held == {"omsorgssystem": None, "phoniro": "omsorgssystem", "noedkald": "omsorgssystem"}
        assert s.engine.desk.ledger.withheld() == {"parent_down": 2}


async def test_back_with_their_parent_nobody_hears_of_them(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN, family()) as s:
        await together(s, "phoniro-1", "omsorgssystem-1")
        s.expect("nexus", "Omsorgssystem NEDE")
        s.urged.clear()
        await s.up("omsorgssystem-1")
        assert "phoniro-1" in s.urged
        await s.later(5, step=1)
        await s.up("phoniro-1")
        s.expect("nexus", "Omsorgssystem OPPE IGEN")
        await s.later(120, step=5)
        s.done()


async def test_still_down_when_the_parent_is_back_is_told(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN, family()) as s:
        await together(s, "phoniro-1", "omsorgssystem-1")
        s.expect("nexus", "Omsorgssystem NEDE")
        await s.up("omsorgssystem-1")
        s.expect("nexus", "Omsorgssystem OPPE IGEN")
        s.done()
        await s.later(30, step=1)
        s.expect("nexus", "Phoniro NEDE siden 10:00")


async def test_a_parent_that_is_well_lets_the_child_go_after_a_fresh_look(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN, family()) as s:
        await s.find("omsorgssystem-1", Outcome.OK)
        await s.later(60)
        await s.down("phoniro-1")
        s.done()
        assert s.engine.desk.ledger.withheld() == {"parent_pending": 1}
        await s.find("omsorgssystem-1", Outcome.OK)
        await s.later(1)
        s.expect("nexus", "Phoniro NEDE siden 10:01")
        assert s.entries()[:3] == ["opened", "withheld", "released"]


async def test_a_parent_nobody_can_look_at_holds_for_twenty_seconds_only(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN, family()) as s:
        await s.down("phoniro-1")
        await s.later(19, step=1)
        s.done()
        await s.later(2, step=1)
        s.expect("nexus", "Phoniro NEDE")


async def test_a_parent_that_gets_worse_in_the_same_turn_speaks_for_its_child(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN, family()) as s:
        await s.down("omsorgssystem-1", outcome=Outcome.WARN)
        s.expect("nexus", "FORRINGET", channel=MAIL)
        for _ in range(3):
            await s.canaries(Outcome.OK)
            await s.later(5)
            # Heard in one turn, the child first.
            for check in ("phoniro-1", "omsorgssystem-1"):
                s.hear(check, Outcome.FAIL)
        await s.canaries(Outcome.OK)
        s.expect("nexus", "Omsorgssystem NEDE", "FORVÆRRET")


async def test_a_parent_that_only_limps_holds_nobody(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN, family()) as s:
        await s.down("omsorgssystem-1")
        s.expect("nexus", "Omsorgssystem NEDE")
        for _ in range(2):
            await s.find("omsorgssystem-1", Outcome.WARN)
        await s.down("phoniro-1")
        await s.find("omsorgssystem-1", Outcome.WARN)
        await s.later(1)
        s.expect("nexus", "Phoniro NEDE")


async def test_a_chain_that_has_begun_is_not_held_back_afterwards(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN, family()) as s:
        await s.down("phoniro-1")
        await s.find("omsorgssystem-1", Outcome.OK)
        await s.later(1)
        s.expect("nexus", "Phoniro NEDE")
        await s.down("omsorgssystem-1")
        s.expect("nexus", "Omsorgssystem NEDE")
        await s.later(300)
        s.expect("nexus", "Phoniro STADIG NEDE")
        s.expect("nexus", "Omsorgssystem STADIG NEDE")


async def test_what_was_held_back_and_returns_is_told_as_an_alarm_and_not_as_a_repeat(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN, family()) as s:
        await together(s, "phoniro-1", "omsorgssystem-1")
        s.expect("nexus", "Omsorgssystem NEDE")
        await s.up("phoniro-1")
        await s.up("omsorgssystem-1")
        s.expect("nexus", "Omsorgssystem OPPE IGEN")
        await s.later(60)
        await s.down("phoniro-1")
        await s.find("omsorgssystem-1", Outcome.OK)
        await s.later(1)
        assert "IGEN" not in s.expect("nexus", "Phoniro NEDE")
        incident = s.incident_of("phoniro")
        assert incident is not None and incident.told_as is Kind.ALARM


async def test_a_held_incident_survives_a_restart_and_is_let_go_afterwards(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN, family()) as s:
        await together(s, "phoniro-1", "omsorgssystem-1")
        s.expect("nexus", "Omsorgssystem NEDE")
        await s.mind()
        await s.restart()
        await s.later(60)
        s.done()
        await s.up("omsorgssystem-1")
        s.expect("nexus", "Omsorgssystem OPPE IGEN")
        await s.later(30, step=1)
        s.expect("nexus", "Phoniro NEDE siden 10:00")


async def test_a_child_nobody_is_to_be_told_of_yet_is_not_held_over_and_over(tmp_path: Path) -> None:
    async with story(tmp_path, datetime(2026, 3, 5, 22, 0), family()) as s:
        await s.down("phoniro-1", outcome=Outcome.WARN)
        await s.later(300, step=1)
        assert s.entries().count("released") == 1
        await s.until(datetime(2026, 3, 6, 8, 0))
        s.expect("nexus", "FORRINGET siden tor 22:00", channel=MAIL)
