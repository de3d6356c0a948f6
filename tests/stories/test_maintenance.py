"""Scenarios 35 and 36: announced work and mutes. Told once if the state after differs from the one before, else not."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from monitor.core.announcing import Refused
from monitor.core.finding import Outcome, SystemName
from monitor.core.plan import Plan
from monitor.core.reasons import Kind
from monitor.core.withholding import Sort, Source, Withholding
from monitor.engine import announce
from tests.support.plans import MAIL, ZONE, small_plan, with_parent, with_roles
from tests.support.story import Story, story

THURSDAY_AT_TEN = datetime(2026, 3, 5, 10, 0)
HOUR = 3600.0


def asked(s: Story, *systems: str, lasts: float = HOUR, after: float = 0.0, **more: object) -> Withholding:
    start = s.clock.at + timedelta(seconds=after)
    names = " ".join(systems or ("phoniro",))
    told = Withholding(
        "", Sort.MAINTENANCE, names, start, start + timedelta(seconds=lasts), "Leverandøren", "Servicevindue"
    )
    return replace(told, **more)  # type: ignore[arg-type]


async def work(s: Story, *systems: str, **more: object) -> Withholding:
    """Work is announced; it begins at once unless `after` says otherwise."""
    granted = await announce.announce(s.engine.desk, asked(s, *systems, **more))  # type: ignore[arg-type]
    assert granted.window is not None, granted
    await s.engine.turn()
    return granted.window


async def over(s: Story, check: str = "phoniro-1", outcome: Outcome = Outcome.OK) -> None:
    """The window ends, and the system is looked at afresh."""
    await s.find(check, outcome)
    await s.later(1, step=1)


def critical(plan: Plan | None = None, *systems: str) -> Plan:
    """The plan with critical systems; its owner is the IT department."""
    plan = plan or small_plan()
    names = systems or ("phoniro",)
    marked = {SystemName(n): replace(plan.systems[SystemName(n)], critical=True) for n in names}
    return replace(plan, systems={**plan.systems, **marked})


async def test_down_and_up_within_the_work_is_told_to_nobody(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        await work(s)
        await s.down("phoniro-1")
        await s.later(1200)
        assert s.engine.desk.ledger.withheld() == {"maintenance": 1}
        assert s.timeline("withheld")[0].text == "varslet arbejde til 11:00 (Servicevindue, Leverandøren)"
        await s.up("phoniro-1")
        await s.later(HOUR)
        s.done()
        assert s.engine.desk.ledger.withheld() == {}


async def test_what_is_still_out_when_the_work_ends_is_an_alarm(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        await work(s, lasts=600)
        await s.later(60)
        await s.down("phoniro-1")
        await s.later(530)
        s.done()
        await over(s, outcome=Outcome.FAIL)
        assert "Varslet arbejde skulle være slut 10:10" in s.expect("nexus", "Phoniro NEDE siden 10:01")
        assert s.incident.chain_from > s.clock.at - timedelta(seconds=5)
        assert "varslet arbejde til 10:10" in s.timeline("released")[0].text
        await s.later(298)
        s.done()
        await s.later(2)
        s.expect("nexus", "STADIG NEDE")
        await s.later(300)
        s.expect("nexus", "STADIG NEDE")
        s.expect("leder", "Phoniro NEDE")


async def test_nothing_is_said_before_the_system_has_been_looked_at_after_the_end(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        await s.down("phoniro-1")
        s.expect("nexus", "Phoniro NEDE")
        await work(s, lasts=600)
        await s.later(300)
        await s.up("phoniro-1")
        await s.later(295 + 10, step=1)
        s.done()
        assert s.urged[-1] == "phoniro-1"
        await s.find("phoniro-1", Outcome.FAIL)
        await s.later(30, step=1)
        s.done()
        await s.find("phoniro-1", Outcome.OK)
        await s.later(1, step=1)
        s.expect("nexus", "OPPE IGEN 10:05")


async def test_the_same_before_and_after_is_no_news_and_reminders_go_on(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        await s.down("phoniro-1")
        s.expect("nexus", "Phoniro NEDE")
        await work(s, lasts=1700)
        await s.up("phoniro-1")
        await s.later(300)
        await s.down("phoniro-1")
        await s.later(1400)
        await over(s, outcome=Outcome.FAIL)
        s.done()
        said = {line.text for line in s.timeline("step_dropped")}
        assert "SMS til Afdelingsledelse: alarm faldt i tiden" in said
        assert {line.reason for line in s.timeline("step_dropped")} == {"maintenance"}
        await s.later(300)
        s.expect("nexus", "STADIG NEDE")


async def test_back_during_the_work_and_well_after_is_one_all_clear(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        await s.down("phoniro-1")
        s.expect("nexus", "Phoniro NEDE")
        await work(s, lasts=2 * HOUR)
        for _ in range(4):
            await s.up("phoniro-1")
            await s.later(120)
            await s.down("phoniro-1")
        await s.up("phoniro-1")
        await s.later(2 * HOUR - 700)
        s.done()
        await s.later(300)
        s.expect("nexus", "OPPE IGEN")
        await s.later(HOUR)


async def test_worse_after_than_before_is_told_as_worse(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        await s.down("phoniro-1", outcome=Outcome.WARN)
        s.expect("nexus", "FORRINGET", channel=MAIL)
        await s.acknowledge("Nexus")
        await work(s, lasts=600)
        await s.down("phoniro-1")
        await s.later(595)
        s.done()
        await over(s, outcome=Outcome.FAIL)
        s.expect("nexus", "Phoniro NEDE", "FORVÆRRET")
        assert s.incident.acknowledged is None


async def test_better_but_not_well_is_said_once_and_a_relapse_begins_the_chain(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        await s.down("phoniro-1")
        s.expect("nexus", "Phoniro NEDE")
        await s.acknowledge("Nexus")
        await work(s, lasts=600)
        for _ in range(2):
            await s.find("phoniro-1", Outcome.WARN)
        await s.later(600)
        await over(s, outcome=Outcome.WARN)
        s.expect("nexus", "Phoniro BEDRE: FORRINGET")
        await s.later(60)
        s.done()
        assert s.incident.acknowledged_by == "Nexus"
        await s.down("phoniro-1")
        s.expect("nexus", "Phoniro NEDE", "FORVÆRRET")


async def test_work_that_begins_while_an_outage_goes_on_and_outlives_a_restart(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        await s.down("phoniro-1")
        s.expect("nexus", "Phoniro NEDE")
        await work(s, lasts=HOUR, after=100)
        await s.later(200)
        await s.restart()
        await s.later(200)
        await s.up("phoniro-1")
        await s.restart(away=HOUR)
        await s.later(5, step=1)
        s.done()
        await s.up("phoniro-1")
        await s.later(2, step=1)
        s.expect("nexus", "OPPE IGEN")


async def test_told_that_it_was_well_they_hear_that_the_work_has_broken_it_again(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        await s.down("phoniro-1")
        s.expect("nexus", "Phoniro NEDE")
        await s.up("phoniro-1")
        s.expect("nexus", "OPPE IGEN")
        await work(s, lasts=600)
        await s.later(60)
        await s.down("phoniro-1")
        await s.later(540)
        s.done()
        await over(s, outcome=Outcome.FAIL)
        s.expect("nexus", "Phoniro NEDE IGEN siden 10:01")


async def test_windows_that_abut_or_overlap_are_one(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        await work(s, lasts=600)
        await work(s, lasts=600, after=600, owner="Netfolkene")
        await work(s, lasts=300, after=1000, kind=Sort.MUTE)
        await s.down("phoniro-1")
        await s.later(1250)
        s.done()
        assert len(s.timeline("withheld")) == 3
        assert s.engine.desk.ledger.withheld() == {"muted": 1}
        await s.later(60)
        await over(s, outcome=Outcome.FAIL)
        s.expect("nexus", "Phoniro NEDE")


async def test_ended_early_and_moved(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        window = await work(s, lasts=600)
        await s.down("phoniro-1")
        moved = await announce.extend(s.engine.desk, window.id, window.end + timedelta(hours=1))
        assert moved.window is not None
        await s.later(1000)
        s.done()
        assert "11:10" in s.timeline("withheld")[1].text
        await announce.cancel(s.engine.desk, window.id, "Vagten")
        await over(s, outcome=Outcome.FAIL)
        await over(s, outcome=Outcome.FAIL)
        s.expect("nexus", "Phoniro NEDE", "skulle være slut 10:16")
        assert "afsluttet af Vagten" in s.timeline("released")[0].text
        assert (await announce.cancel(s.engine.desk, window.id, "Vagten")).refused is Refused.OVER


async def test_a_new_plan_without_the_window_lets_go(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        window = replace(asked(s), id="plan-1")
        plan = replace(s.plan, windows={SystemName("phoniro"): (window,)})
        await s.replan(plan)
        await s.down("phoniro-1")
        await s.replan(replace(plan, digest="same"))
        await s.later(100)
        s.done()
        await s.replan(small_plan())
        await over(s, outcome=Outcome.FAIL)
        s.expect("nexus", "Phoniro NEDE")


async def test_a_window_of_the_plan_is_called_off_and_stays_so_after_a_restart(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        window = replace(asked(s), id="plan-1", source=Source.PLAN)
        plan = replace(s.plan, windows={SystemName("phoniro"): (window,)})
        await s.replan(plan)
        await announce.cancel(s.engine.desk, "plan-1", "Vagten")
        await s.restart()
        await s.down("phoniro-1")
        s.expect("nexus", "Phoniro NEDE")
        await s.acknowledge("Nexus")


async def test_the_period_that_began_meanwhile_begins_with_its_own_people(tmp_path: Path) -> None:
    async with story(tmp_path, datetime(2026, 3, 5, 14, 50)) as s:
        await s.down("phoniro-1")
        s.expect("nexus", "Phoniro NEDE")
        await work(s, lasts=1200)
        await s.later(1199)
        s.done()
        await over(s, outcome=Outcome.FAIL)
        await over(s, outcome=Outcome.FAIL)
        s.expect("chef", "Phoniro NEDE")
        s.expect("brand", "Phoniro NEDE")


async def test_one_that_comes_and_goes_is_not_called_well_because_the_work_ends(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        for _ in range(3):
            await s.down("phoniro-1")
            await s.up("phoniro-1")
        assert s.incident.unstable
        s.forget()
        await work(s, lasts=600)
        await s.later(300)
        await s.down("phoniro-1")
        await s.up("phoniro-1")
        await s.later(300)
        await over(s)
        await s.later(500)
        s.expect("sektion", "OPGAVE")
        s.done()
        await s.later(600)
        s.expect("nexus", "OPPE IGEN")
        s.expect("sektion", "OPPE IGEN")


async def test_held_for_its_parent_and_for_work_at_once(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN, with_parent(small_plan(), "phoniro", "omsorgssystem")) as s:
        await work(s, lasts=600)
        await s.down("omsorgssystem-1")
        s.expect("nexus", "Omsorgssystem NEDE")
        await s.acknowledge("Nexus")
        await s.down("phoniro-1")
        await s.later(700)
        assert {i.system: i.hold for i in s.engine.desk.ledger.active()}[SystemName("phoniro")] == "parent_down"
        await s.up("omsorgssystem-1")
        s.forget()
        await s.later(30, step=1)
        s.expect("nexus", "Phoniro NEDE")


async def test_a_critical_system_is_told_to_whoever_answers_for_the_work(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN, critical()) as s:
        await work(s, tell="sektionsleder")
        await s.down("phoniro-1")
        s.expect("sektion", "varslet arbejde til 11:00", "Kun du får besked nu")
        s.expect("sektion", "NEDE siden 10:00, varslet arbejde til 11:00", "Ansvarlig: Leverandøren", channel=MAIL)
        s.done()
        await s.later(900)
        await s.up("phoniro-1")
        s.expect("sektion", "OPPE IGEN")
        s.expect("sektion", "OPPE IGEN", channel=MAIL)
        await s.later(2 * HOUR)


async def test_a_critical_outage_people_know_of_is_followed_by_the_one_told_instead(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN, critical()) as s:
        await s.down("phoniro-1")
        s.expect("nexus", "Phoniro NEDE")
        await work(s)
        for channel in (s.plan.routes[0].channel, MAIL):
            s.expect("it", "arbejde", channel=channel)
        for turn in range(4):
            await s.up("phoniro-1")
            await s.later(60)
            await s.down("phoniro-1")
            for channel in (s.plan.routes[0].channel, MAIL) if turn < 2 else ():
                s.expect("it", "OPPE IGEN", channel=channel)
                s.expect("it", "arbejde", channel=channel)
            s.done()
        await s.up("phoniro-1")
        await s.later(HOUR)
        s.expect("nexus", "OPPE IGEN")
        s.expect("it", "OPPE IGEN")
        s.expect("it", "OPPE IGEN", channel=MAIL)


async def test_with_nobody_on_duty_in_the_chain_s_place_the_chain_runs(tmp_path: Path) -> None:
    plan = with_roles(critical(), sektionsleder=())
    async with story(tmp_path, THURSDAY_AT_TEN, plan) as s:
        window = replace(asked(s, tell="sektionsleder"), id="plan-1")
        await s.replan(replace(plan, windows={SystemName("phoniro"): (window,)}))
        await s.down("phoniro-1")
        s.expect("nexus", "Phoniro NEDE")
        assert "Sektionsleder: ingen kan nås, så varslet arbejde" in s.timeline("nobody_on_duty")[0].text
        await s.acknowledge("Nexus")


async def test_where_the_word_instead_does_not_get_out_the_chain_runs(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN, critical()) as s:
        await work(s)
        await s.down("phoniro-1")
        s.forget()
        ledger = s.engine.desk.ledger
        sent = [n for n in ledger.notices.values() if n.kind is Kind.REROUTED and n.channel == "sms"]
        ledger.put([replace(sent[0], undelivered="ABSENT")])
        await s.later(2, step=1)
        s.expect("nexus", "Phoniro NEDE")
        await s.later(60)


async def test_work_on_a_parent_says_nothing_for_a_critical_child(tmp_path: Path) -> None:
    plan = critical(with_parent(small_plan(), "noedkald", "omsorgssystem"), "noedkald")
    async with story(tmp_path, THURSDAY_AT_TEN, plan) as s:
        await work(s, "omsorgssystem")
        await s.down("omsorgssystem-1")
        s.done()
        await s.down("noedkald-1")
        s.expect("nexus", "Noedkald NEDE")


async def test_what_people_do_is_kept_and_tells_nobody_else_meanwhile(tmp_path: Path) -> None:
    async with story(tmp_path, datetime(2026, 3, 5, 20, 0)) as s:
        await s.down("phoniro-1")
        s.expect("chef", "Phoniro NEDE")
        s.expect("brand", "Phoniro NEDE")
        await work(s)
        await s.acknowledge("Chef")
        await s.later(HOUR)
        await over(s, outcome=Outcome.FAIL)
        s.done()
        assert s.incident.acknowledged_by == "Chef"


async def test_our_own_parts_cannot_be_silenced(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        for system in ("egen_linje", "alarmvej", "vagten"):
            granted = await announce.announce(s.engine.desk, asked(s, system))
            assert granted.refused is Refused.OWN_SYSTEM
        window = replace(asked(s, "egen_linje"), id="plan-1")
        await s.replan(replace(s.plan, windows={SystemName("egen_linje"): (window,)}))
        for _ in range(2):
            for check in ("c1", "c2"):
                await s.find(check, Outcome.FAIL)
        s.expect("it", "Vores linje NEDE")


async def test_the_hour_that_comes_twice_is_withheld_twice(tmp_path: Path) -> None:
    night = datetime(2026, 10, 25, 1, 0, tzinfo=ZONE)
    async with story(tmp_path, night) as s:
        await work(s, lasts=3 * HOUR)
        await s.down("phoniro-1")
        assert "til 03:00" in s.timeline("withheld")[0].text
        await s.until(datetime(2026, 10, 25, 2, 59, fold=1))
        s.done()
        await s.later(80, step=5)
        s.expect("chef", "Phoniro NEDE")
        s.expect("brand", "Phoniro NEDE")
