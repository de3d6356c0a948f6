"""Scenario 38: a new plan under an open incident, and one that could not be loaded."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path

from monitor.core.finding import Outcome, SystemName
from monitor.core.plan import PersonId, Severity
from monitor.engine.engine import Material
from tests.support.plans import MAIL, SMS, small_plan, step, with_check, with_roles, with_steps
from tests.support.story import story, texts, until

THURSDAY_AT_TEN = datetime(2026, 3, 5, 10, 0)


async def test_a_plan_with_faults_leaves_the_old_one_and_is_an_alarm(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        digest = s.engine.desk.plan.digest
        s.engine.own.plan("plan.yaml:12: chains.nedbrud.steps[0].tell: no role 'nexus'")
        await s.engine.turn()
        text = s.expect("nexus", "Omsorgsvagt selv", "FORRINGET", channel=MAIL)
        assert "plan.yaml:12: chains.nedbrud.steps[0].tell: no role 'nexus'" in text
        assert s.engine.desk.plan.digest == digest
        await s.down("noedkald-1")
        s.expect("nexus", "Noedkald NEDE")
        s.engine.own.plan("")
        await s.mind()
        s.expect("nexus", "Omsorgsvagt selv", "OPPE IGEN", channel=MAIL)


async def test_the_same_plan_again_under_an_open_incident_tells_nobody_twice(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        await s.down("noedkald-1")
        await s.later(660)
        s.forget()
        before = s.entries()
        await s.replan(small_plan())
        s.done()
        assert s.entries() == before
        await s.later(245)
        s.expect("nexus", "STADIG")
        s.expect("sektion", "OPGAVE")


async def test_steps_that_are_no_more_are_dropped_with_the_reason_and_new_ones_run(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        await s.down("noedkald-1")
        await s.later(60)
        s.expect("nexus", "NEDE")
        await s.replan(
            with_steps(
                small_plan(),
                "nedbrud_dag",
                step(0, "nexus_support"),
                step(30, "it_drift"),
                step(600, "afdelingschef", unacknowledged_only=True),
            )
        )
        s.expect("it", "NEDE siden 10:00")
        dropped = s.timeline("step_dropped")
        assert [(ln.text.split(":")[0], ln.reason) for ln in dropped] == [
            ("Afdelingsledelse", "plan_changed"),
            ("Sektionsleder", "plan_changed"),
        ]
        await s.later(3600)
        s.expect("chef", "NEDE")


async def test_who_has_taken_the_duty_over_is_told_and_who_had_it_is_not_told_again(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        await s.down("noedkald-1")
        s.expect("nexus", "NEDE")
        await s.later(60)
        await s.replan(with_roles(small_plan(), nexus_support=("nexus", "it")))
        s.expect("it", "NEDE")
        await s.replan(small_plan())
        await s.later(60)
        s.done()
        await s.acknowledge()
        s.expect("it", "NEXUS support har den nu")
        await s.up("noedkald-1")
        for person in ("nexus", "it"):
            s.expect(person, "OPPE IGEN")


async def test_a_person_who_is_gone_from_the_plan_still_gets_the_all_clear(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        await s.down("noedkald-1")
        s.expect("nexus", "NEDE")
        plan = with_roles(small_plan(), nexus_support=("it",))
        people = {name: person for name, person in plan.people.items() if name != "nexus"}
        known = s.plan.people[PersonId("nexus")]
        await s.replan(replace(plan, people=people))
        s.expect("it", "NEDE")
        await s.up("noedkald-1")
        s.plan = small_plan()
        assert known.sms == "+4500000001"
        s.expect("nexus", "OPPE IGEN")
        s.expect("it", "OPPE IGEN")


async def test_an_incident_of_a_system_that_is_no_more_is_ended_and_not_cleared(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        await s.down("noedkald-1")
        s.expect("nexus", "NEDE")
        plan = small_plan()
        systems = {name: system for name, system in plan.systems.items() if name != "noedkald"}
        checks = {name: rule for name, rule in plan.checks.items() if rule.system != "noedkald"}
        await s.replan(replace(plan, systems=systems, checks=checks))
        assert not s.engine.desk.ledger.incidents
        await s.find("noedkald-1", Outcome.FAIL)
        await s.later(3600)
        s.done()
        ended, lines, _ = await s.kept("26-0001")
        assert ended.closed is not None
        assert (lines[-1].entry.value, lines[-1].reason) == ("closed", "plan_changed")


async def test_a_check_that_now_means_more_upgrades_the_incident(tmp_path: Path) -> None:
    plan = with_check(small_plan(), "noedkald", "noedkald-1", fail_means=Severity.DEGRADED)
    async with story(tmp_path, THURSDAY_AT_TEN, plan) as s:
        await s.down("noedkald-1")
        s.expect("nexus", "FORRINGET", channel=MAIL)
        await s.replan(small_plan())
        s.expect("nexus", "NEDE", "FORVÆRRET")


async def test_a_new_check_that_fails_does_not_clear_the_incident_when_the_old_one_leaves(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        await s.down("noedkald-1")
        s.expect("nexus", "NEDE")
        plan = with_check(small_plan(), "noedkald", "noedkald-2")
        noedkald = replace(plan.systems[SystemName("noedkald")], checks=plan.systems[SystemName("noedkald")].checks[1:])
        checks = {name: rule for name, rule in plan.checks.items() if name != "noedkald-1"}
        await s.replan(replace(plan, systems={**plan.systems, noedkald.id: noedkald}, checks=checks))
        await s.down("noedkald-2")
        await s.later(30)
        s.done()
        await s.up("noedkald-2")
        s.expect("nexus", "OPPE IGEN")


async def test_what_the_canaries_have_seen_is_kept(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        await s.find("noedkald-1", Outcome.FAIL)
        await s.canaries(Outcome.OK)
        await s.replan(small_plan())
        for _ in range(2):
            await s.find("noedkald-1", Outcome.FAIL)
        s.expect("nexus", "Noedkald NEDE")


async def test_what_is_being_sent_is_finished_before_the_old_routes_are_given_up(tmp_path: Path) -> None:
    plan = small_plan()
    plan = replace(plan, routes=tuple(replace(route, timeout=0.05) for route in plan.routes))
    async with story(tmp_path, THURSDAY_AT_TEN, plan) as s:
        s.route("primary").hangs = True
        for _ in range(3):
            s.hear("noedkald-1", Outcome.FAIL)
        s.hear("c1", Outcome.OK)
        await s.engine.ingest.turn()
        s.engine.senders[SMS].start_due()
        await until(lambda: bool(s.route("primary").tried))
        await s.engine.replan(Material(plan, texts(), {}, dict(s.phones)))
        assert not s.engine.senders[SMS].busy
        s.expect("nexus", "Noedkald NEDE", by="modem")
        await s.engine.turn()
        s.forget()
