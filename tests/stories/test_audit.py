"""The auditor: silent while the engine does its work, whatever happens outside; loud once a row or a loop is lost."""

import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from monitor.core.audit import Next, Wrong
from monitor.core.finding import CheckName, Outcome
from monitor.core.plan import ChannelName, Plan
from monitor.core.records import NoticeState
from monitor.core.state import Belief, Level, State
from monitor.engine.audit import Auditor, step_of
from monitor.ports import SendOutcome
from tests.stories.test_maintenance import work
from tests.support.carriers import carriers, telling
from tests.support.plans import small_plan, with_parent
from tests.support.story import Story, story

THURSDAY_AT_TEN = datetime(2026, 3, 5, 10, 0)
CHECK = CheckName("noedkald-1")
CHECKS = ["noedkald-1", "phoniro-1", "omsorgssystem-1", "c1", "c2"]


def auditor(s: Story) -> Auditor:
    return Auditor(s.engine, s.store.incident)


async def wrong(a: Auditor) -> set[Wrong]:
    """What stands at two looks."""
    await a.look()
    await a.look()
    return {one.wrong for one in a.standing}


def waits_for(s: Story) -> tuple[Next, datetime | None]:
    found = step_of(s.engine.desk, s.incident.id, s.clock.now())
    assert found is not None
    return found.what, found.at


async def opened(s: Story) -> None:
    await s.down("noedkald-1", every=0)
    s.expect("nexus", "Noedkald NEDE")


async def _restart(s: Story, dice: random.Random) -> None:
    await s.mind()
    await s.restart(away=dice.choice([1, 5000]))


async def _acknowledge(s: Story, dice: random.Random) -> None:
    if active := s.engine.desk.ledger.active():
        await s.acknowledge("NEXUS support", dice.choice(active).number)


async def _route(s: Story, dice: random.Random) -> None:
    s.route(dice.choice(["primary", "modem", "relay"])).outcome = dice.choice(list(SendOutcome))


HAPPENS: list[Callable[[Story, random.Random], Awaitable[object]]] = [
    lambda s, dice: s.down(dice.choice(CHECKS)),
    lambda s, dice: s.up(dice.choice(CHECKS)),
    lambda s, dice: s.find(dice.choice(CHECKS), dice.choice(list(Outcome))),
    lambda s, dice: s.later(dice.choice([1, 40, 700, 4000])),
    lambda s, dice: s.canaries(dice.choice(list(Outcome))),
    lambda s, dice: s.set_clock(dice.choice([-3600, -5, 5, 3600])),
    lambda s, dice: s.sleep(dice.choice([30, 7000])),
    lambda s, dice: work(s, dice.choice(["noedkald", "phoniro"]), lasts=dice.choice([60.0, 1200.0, 9000.0])),
    _acknowledge,
    _route,
    _restart,
]


@pytest.mark.parametrize("seed", range(8))
async def test_nothing_that_happens_outside_makes_it_complain(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    plan = with_parent(small_plan(), "phoniro", "noedkald")
    async with story(tmp_path, THURSDAY_AT_TEN, plan) as s:
        for turn in range(40):
            await dice.choice(HAPPENS)(s, dice)
            await s.engine.turn()
            assert await auditor(s).findings() == [], turn
        s.forget()


async def test_each_open_incident_names_what_it_waits_for(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        await opened(s)
        assert waits_for(s) == (Next.STEP, s.clock.at + timedelta(minutes=5))
        await s.acknowledge()
        s.forget()
        assert waits_for(s)[0] in (Next.STEP, Next.QUESTION)
        await s.up("noedkald-1", every=0)
        s.expect("nexus", "OPPE IGEN")
        assert waits_for(s) == (Next.CLOSE, s.clock.at + timedelta(minutes=15))
        s.forget()


async def test_a_notice_that_rests_is_what_is_waited_for(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        for name in ("primary", "modem"):
            s.route(name).outcome = SendOutcome.TEMPORARY
        await s.down("noedkald-1", every=0)
        incident = s.incident_of("noedkald")
        assert incident is not None
        found = step_of(s.engine.desk, incident.id, s.clock.now())
        assert found is not None and found.what is Next.SEND
        assert found.at is not None and found.at > s.clock.at
        s.forget()


async def test_a_child_is_held_and_that_is_its_reason(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN, with_parent(small_plan(), "phoniro", "noedkald")) as s:
        await opened(s)
        await s.down("phoniro-1", every=0)
        child = s.incident_of("phoniro")
        assert child is not None
        found = step_of(s.engine.desk, child.id, s.clock.now())
        assert found is not None and found.what is Next.HELD
        assert await auditor(s).findings() == []
        await s.later(3600)
        assert await auditor(s).findings() == []
        s.forget()


async def test_a_hold_says_until_when_and_one_that_outlives_its_window_is_found(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        window = await work(s, "noedkald")
        await s.down("noedkald-1", every=0)
        assert waits_for(s) == (Next.HELD, window.end)
        a = auditor(s)
        assert await wrong(a) == set()
        s.clock.at = window.end + timedelta(seconds=1)
        assert await wrong(a) == {Wrong.MISSED}
        assert a.without_next_step == 1
        s.forget()


async def test_a_loop_that_sleeps_over_a_step_is_found_said_and_woken(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        await opened(s)
        a = auditor(s)
        s.clock.at += timedelta(minutes=5, seconds=20)
        assert await wrong(a) == {Wrong.UNTOLD}
        assert s.engine.escalate._wake.is_set()
        await s.engine.turn()
        own = s.incident_of("vagten")
        assert own is not None and "26-0001: nogen mangler besked" in own.cause
        assert a.without_next_step == 0
        await a.look()
        assert await wrong(a) == set()
        s.forget()


async def test_an_escalation_that_believes_there_is_nothing_to_do_is_cured(tmp_path: Path) -> None:
    """Its note of when to look again is wrong: the auditor makes it look all the same."""
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        await opened(s)
        looked = s.engine.escalate._looked
        looked.update({key: replace(seen, next_at=None) for key, seen in looked.items()})
        await s.later(330)
        s.done()
        a = auditor(s)
        assert await wrong(a) == {Wrong.UNTOLD}
        await s.engine.turn()
        s.expect("nexus", "Noedkald")
        assert await wrong(a) == set()
        s.forget()


async def test_a_lost_first_notice_is_found(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        await opened(s)
        ledger = s.engine.desk.ledger
        ledger.of_incident[s.incident.id].clear()
        s.clock.at += timedelta(seconds=16)
        assert Wrong.NOBODY_TOLD in await wrong(auditor(s))
        s.forget()


async def test_a_told_mark_without_a_notice_is_found(tmp_path: Path) -> None:
    """Sent-mark written before sending: the oldest way to lose an alarm."""
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        await opened(s)
        ledger, incident = s.engine.desk.ledger, s.incident
        for ident in list(ledger.of_incident.pop(incident.id)):
            ledger.notices.pop(ident)
        s.clock.at += timedelta(seconds=16)
        assert Wrong.NOBODY_TOLD in await wrong(auditor(s))
        s.forget()


async def test_a_sender_that_forgot_a_notice_is_woken(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        await opened(s)
        ledger = s.engine.desk.ledger
        (notice,) = (n for n in ledger.notices.values() if n.channel is ChannelName.SMS)
        lost = replace(notice, id="forgotten", key="forgotten", state=NoticeState.QUEUED, settled=None)  # type: ignore[arg-type]
        sender = s.engine.senders[ChannelName.SMS]
        sender.start_due()
        ledger.put([replace(lost, created=s.clock.at)])
        ledger.fresh[ChannelName.SMS].clear()
        s.clock.at += timedelta(seconds=31)
        a = auditor(s)
        assert Wrong.UNSENT in await wrong(a)
        await s.engine.turn()
        s.expect("nexus", "Noedkald NEDE")
        assert Wrong.UNSENT not in await wrong(a)
        s.forget()


async def test_a_confirmed_failure_without_an_incident_is_found_and_gets_one(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        down = Belief(Level.DOWN, State.DOWN, s.clock.at, level_since=s.clock.at)
        s.engine.desk.ledger.beliefs[CHECK] = down
        a = auditor(s)
        assert await wrong(a) == {Wrong.NO_INCIDENT}
        await s.engine.turn()
        s.expect("nexus", "Noedkald NEDE")
        s.forget()


async def test_memory_and_database_apart_is_found_and_mended(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        await opened(s)
        await s.store.save([replace(s.incident, cause="noget andet")])
        a = auditor(s)
        await a.look()
        assert await wrong(a) == {Wrong.NOT_KEPT}
        await s.mind()
        assert await wrong(a) == set()
        s.forget()


async def test_what_was_shown_but_never_committed_is_found(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        await opened(s)
        s.engine.desk.ledger.by_system[s.incident.system] = replace(s.incident, cause="aldrig gemt")
        assert Wrong.NOT_KEPT in await wrong(auditor(s))
        s.forget()


async def test_a_plan_that_asks_for_nobody_more_is_no_complaint(tmp_path: Path) -> None:
    plan = small_plan()
    calendar = replace(plan.calendar, windows={}, _days={})
    always: Plan = replace(plan, calendar=replace(calendar, otherwise=next(iter(plan.calendar.windows))))
    async with story(tmp_path, THURSDAY_AT_TEN, replace(always, rules=replace(plan.rules, progress_every=0.0))) as s:
        await opened(s)
        await s.acknowledge()
        await s.later(1000)
        assert waits_for(s) == (Next.IN_HAND, None)
        assert await auditor(s).findings() == []
        s.forget()


async def test_words_that_may_go_by_one_route_alone_wait_for_that_one_and_nobody_complains(tmp_path: Path) -> None:
    async with carriers(tmp_path, THURSDAY_AT_TEN, telling(small_plan(), "modem")) as s:
        s.route("primary").outcome = SendOutcome.TEMPORARY
        await s.down("noedkald-1", every=0)
        for _ in range(40):
            await s.later(10, step=1)
            assert await wrong(auditor(s)) == set()
        s.forget()


async def test_a_child_that_is_back_before_anybody_was_told_is_over_and_nobody_complains(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN, with_parent(small_plan(), "phoniro", "noedkald")) as s:
        await opened(s)
        await s.down("phoniro-1", every=0)
        for check in ("phoniro-1", "noedkald-1"):
            await s.up(check, every=0)
        s.forget()
        child = s.incident_of("phoniro")
        assert child is not None and not child.active
        for _ in range(20):
            await s.later(12)
            assert await wrong(auditor(s)) == set()
