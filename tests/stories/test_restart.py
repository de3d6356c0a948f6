"""Scenario 19, as far as one process can be stopped by hand: killed between any two writes, nothing is lost."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from monitor.core.finding import CheckName, Outcome, SystemName
from monitor.core.plan import Plan
from monitor.core.records import Batch, IncidentId
from monitor.core.state import Level
from monitor.ports import SendOutcome
from tests.support.plans import small_plan, step, with_check, with_steps
from tests.support.story import Story, story, until

THURSDAY_AT_TEN = datetime(2026, 3, 5, 10, 0)
CHECK = CheckName("noedkald-1")


def one_step() -> Plan:
    return with_steps(small_plan(), "nedbrud_dag", step(0, "nexus_support"))


async def until_tried(s: Story, route: str, times: int = 1) -> None:
    """The engine at work, as far as to this many tries on a route that never answers."""
    work = asyncio.get_running_loop().create_task(s.engine.turn())
    await until(lambda: len(s.route(route).tried) >= times)
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)


async def test_a_queued_notice_is_sent_once_after_a_restart(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN, one_step()) as s:
        for name in ("primary", "modem"):
            s.route(name).outcome = SendOutcome.TEMPORARY
        await s.down("noedkald-1")
        for name in ("primary", "modem"):
            s.route(name).outcome = SendOutcome.ACCEPTED
        await s.restart(away=60)
        await s.engine.turn()
        assert "gentaget" not in s.expect("nexus", "Noedkald NEDE siden 10:00")
        s.forget()
        await s.later(600)
        await s.restart(away=60)
        await s.later(600)
        assert not [text for _, text in s.texts() if "Noedkald" in text]
        s.forget()


async def test_a_try_without_an_outcome_is_repeated_by_the_other_route_and_marked(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN, one_step()) as s:
        s.route("primary").hangs = True
        for _ in range(3):
            s.hear("noedkald-1", Outcome.FAIL)
        s.hear("c1", Outcome.OK)
        await until_tried(s, "primary")
        await s.restart(away=2)
        await s.engine.turn()
        s.expect("nexus", "Noedkald NEDE", "(gentaget)", by="modem")
        await s.later(600)


async def test_a_try_without_an_outcome_on_the_only_route_is_repeated_on_it_after_a_minute(tmp_path: Path) -> None:
    plan = one_step()
    plan = replace(plan, routes=plan.routes[:1])
    async with story(tmp_path, THURSDAY_AT_TEN, plan) as s:
        s.route("primary").hangs = True
        for _ in range(3):
            s.hear("noedkald-1", Outcome.FAIL)
        s.hear("c1", Outcome.OK)
        await until_tried(s, "primary")
        s.route("primary").hangs = False
        await s.restart(away=2)
        await s.later(50, step=5)
        s.done()
        await s.later(20, step=5)
        s.expect("nexus", "Noedkald NEDE", "(gentaget)")


async def test_an_accepted_notice_whose_outcome_was_not_written_comes_at_most_twice(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN, one_step()) as s:
        commit = s.engine.desk.journal.commit

        async def dies_before_the_outcome(batch: Batch) -> None:
            if any(getattr(row, "outcome", "") == "accepted" for row in batch.rows):
                await asyncio.Event().wait()
            await commit(batch)

        s.engine.desk.journal.commit = dies_before_the_outcome  # type: ignore[method-assign]
        for _ in range(3):
            s.hear("noedkald-1", Outcome.FAIL)
        s.hear("c1", Outcome.OK)
        await until_tried(s, "primary")
        await s.restart(away=2)
        await s.later(60)
        assert "gentaget" not in s.expect("nexus", "Noedkald NEDE", by="primary")
        s.expect("nexus", "Noedkald NEDE", "(gentaget)", by="modem")


async def test_an_outage_believed_but_not_yet_an_incident_is_found_again(tmp_path: Path) -> None:
    """Killed after the belief was written and before the incident: nothing would change any more."""
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        for _ in range(3):
            s.hear("noedkald-1", Outcome.FAIL)
        s.hear("c1", Outcome.OK)
        await s.engine.mind()
        assert s.engine.desk.ledger.beliefs[CHECK].level is Level.DOWN
        await s.restart(away=3)
        assert not s.engine.desk.ledger.incidents
        await s.down("noedkald-1")
        s.expect("nexus", "Noedkald NEDE")


async def test_an_incident_whose_belief_was_not_written_is_not_cleared_without_a_look(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN, with_check(one_step(), "noedkald", "noedkald-2")) as s:
        await s.find("noedkald-1", Outcome.OK)
        await s.find("noedkald-2", Outcome.OK)
        await s.mind()
        await s.down("noedkald-1")
        s.expect("nexus", "Noedkald NEDE")
        await s.restart(away=3)
        for _ in range(2):
            await s.find("noedkald-2", Outcome.OK)
            await s.find("noedkald-1", Outcome.FAIL)
            await s.canaries(Outcome.OK)
            await s.later(5)
        s.done()
        assert s.incident.active
        await s.up("noedkald-1")
        s.expect("nexus", "Noedkald OPPE IGEN")


async def test_what_was_believed_and_borne_out_goes_on_as_it_was(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN, one_step()) as s:
        await s.down("noedkald-1")
        s.expect("nexus", "Noedkald NEDE")
        await s.mind()
        await s.restart(away=30)
        assert s.engine.desk.ledger.beliefs[CHECK].level is Level.DOWN
        await s.find("noedkald-1", Outcome.FAIL)
        await s.later(60)
        s.done()
        await s.up("noedkald-1")
        s.expect("nexus", "Noedkald OPPE IGEN", "26-0001")


async def test_a_system_that_came_back_while_we_were_away_is_told_to_be_back(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN, one_step()) as s:
        await s.down("noedkald-1")
        s.expect("nexus", "Noedkald NEDE")
        await s.mind()
        await s.restart(away=3600)
        await s.later(10)
        s.done()
        await s.up("noedkald-1")
        s.expect("nexus", "Noedkald OPPE IGEN 11:00")
        assert "1 t" in s.timeline("not_watched")[0].text


async def test_two_days_away_and_down_again_is_another_incident(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN, one_step()) as s:
        await s.down("noedkald-1")
        await s.up("noedkald-1")
        s.forget()
        await s.restart(away=2 * 86400 - 3600)
        await s.down("noedkald-1", every=0)
        s.expect("chef", "Noedkald NEDE", "26-0002")
        s.expect("brand", "Noedkald NEDE", "26-0002")


async def test_an_alarm_that_waited_through_days_of_darkness_is_tried_before_it_is_given_up(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN, one_step()) as s:
        for name in ("primary", "modem"):
            s.route(name).outcome = SendOutcome.TEMPORARY
        await s.down("noedkald-1")
        for name in ("primary", "modem"):
            s.route(name).outcome = SendOutcome.ACCEPTED
        await s.restart(away=30 * 3600)
        await s.engine.turn()
        s.expect("nexus", "Noedkald NEDE")
        s.forget()


async def test_the_notice_of_an_incident_already_closed_is_sent_and_forgotten(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN, one_step()) as s:
        for name in ("primary", "modem"):
            s.route(name).outcome = SendOutcome.TEMPORARY
        await s.down("noedkald-1")
        await s.up("noedkald-1")
        await s.later(16 * 60)
        assert s.incident_of("noedkald") is None
        await s.restart(away=10)
        for name in ("primary", "modem"):
            s.route(name).outcome = SendOutcome.ACCEPTED
        await s.later(6 * 60, step=5)
        s.expect("nexus", "Noedkald NEDE")
        s.expect("nexus", "Noedkald OPPE IGEN")
        s.forget()
        await s.later(20 * 60)
        s.forget()
        ledger = s.engine.desk.ledger
        assert not [n for n in ledger.notices.values() if "Noedkald" in n.text]
        for book in (ledger.told, ledger.lines, ledger.tasks, ledger.begun, ledger.of_incident):
            assert set(book) <= set(ledger.incidents)
        assert set(ledger.attempts) <= set(ledger.notices)


@pytest.mark.parametrize("back", [timedelta(hours=-2), timedelta(seconds=-1)])
async def test_a_clock_set_back_neither_repeats_nor_holds_back(tmp_path: Path, back: timedelta) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN, one_step()) as s:
        s.route("primary").outcome = s.route("modem").outcome = SendOutcome.TEMPORARY
        await s.down("noedkald-1")
        s.route("primary").outcome = s.route("modem").outcome = SendOutcome.ACCEPTED
        s.clock.at += back
        await s.restart()
        await s.later(60)
        s.expect("nexus", "Noedkald NEDE")
        s.forget()


async def test_the_last_number_goes_on_after_a_restart_and_anew_with_the_year(tmp_path: Path) -> None:
    async with story(tmp_path, datetime(2026, 12, 31, 10, 0), one_step()) as s:
        for check in ("noedkald-1", "phoniro-1"):
            await s.down(check, every=0)
        s.expect("nexus", "26-0001")
        s.expect("nexus", "26-0002")
        await s.restart()
        await s.down("omsorgssystem-1", every=0)
        s.expect("nexus", "26-0003")
        await s.restart(away=14 * 3600)
        await s.down("medicoteknik-1", every=0)
        for person in ("chef", "brand"):
            s.expect(person, "Medicoteknik NEDE", "27-0001")
        s.forget()


async def test_a_memory_number_does_not_upset_the_count(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN, one_step()) as s:
        await s.down("noedkald-1", every=0)
        s.expect("nexus", "26-0001")
        odd = replace(s.incident, number="26-MFFF", id=IncidentId("ffff"), system=SystemName("phoniro"))
        await s.store.save([odd])
        await s.restart()
        await s.down("omsorgssystem-1", every=0)
        s.expect("nexus", "26-0002")
        s.forget()


async def test_two_open_incidents_of_one_system_become_one(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN, one_step()) as s:
        await s.down("noedkald-1", every=0)
        s.expect("nexus", "26-0001")
        await s.mind()
        second = replace(s.incident, number="26-MFFF", id=IncidentId("ffff"))
        await s.store.save([second])
        await s.restart()
        assert s.incident.number == "26-MFFF"
        ended, lines, _ = await s.kept("26-0001")
        assert ended.closed is not None
        assert lines[-1].text == "fortsætter som 26-MFFF"
        s.forget()


async def test_killed_before_what_was_believed_of_ourselves_was_written_its_end_is_told_all_the_same(
    tmp_path: Path,
) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        s.engine.own.standstill("26-0001: står stille", 1)
        await s.engine.turn()
        s.expect("it", "Omsorgsvagt selv NEDE")
        await s.restart(away=5)
        s.engine.own.standstill("", 0)
        await s.mind()
        s.expect("it", "Omsorgsvagt selv OPPE IGEN")
