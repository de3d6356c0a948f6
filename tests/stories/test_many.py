"""Scenario 23: three hundred systems down at once, and what goes first (`test_bundles` has the messages themselves)."""

from datetime import datetime
from pathlib import Path

import pytest

from monitor.core.finding import Outcome
from monitor.core.plan import PersonId, Plan
from monitor.engine import compose
from monitor.engine.settle import settle_system
from monitor.ports import SendOutcome
from tests.support.plans import small_plan, step, with_parent, with_steps, with_systems
from tests.support.story import Story, story

THURSDAY_AT_TEN = datetime(2026, 3, 5, 10, 0)
MANY = 300


def three_hundred() -> Plan:
    return with_systems(with_steps(small_plan(), "nedbrud_dag", step(0, "nexus_support", repeat=300.0)), MANY)


async def all_down(s: Story) -> None:
    for turn in range(3):
        await s.later(5 if turn else 0)
        for number in range(MANY):
            s.hear(f"s{number}-1", Outcome.FAIL)
        for canary in ("c1", "c2"):
            s.hear(canary, Outcome.OK)


async def test_every_alarm_goes_out_and_the_transactions_are_few(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN, three_hundred()) as s:
        await all_down(s)
        s.store.saves = 0
        await s.engine.turn()
        assert len(s.engine.desk.ledger.incidents) == MANY
        ((_, text),) = s.texts()
        assert text.startswith(f"{MANY} systemer NEDE")
        assert s.store.saves <= 5
        numbers = {i.number for i in s.engine.desk.ledger.incidents.values()}
        assert numbers == {f"26-{n:04d}" for n in range(1, MANY + 1)}
        s.forget()


async def test_a_new_system_s_first_alarm_goes_before_everybody_s_reminders(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN, three_hundred()) as s:
        await all_down(s)
        await s.engine.turn()
        s.forget()
        s.clock.at = s.clock.at.replace(minute=5, second=11)
        for _ in range(3):
            s.hear("noedkald-1", Outcome.FAIL)
        s.hear("c1", Outcome.OK)
        await s.engine.escalate.turn()
        assert len(s.engine.desk.ledger.queue) == MANY
        await s.engine.turn()
        assert s.expect("nexus").startswith("Noedkald NEDE")
        s.done()
        await s.later(20)
        assert s.expect("nexus").startswith(f"{MANY} systemer STADIG NEDE")


async def test_three_hundred_back_at_once_hear_it_after_their_alarms(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN, three_hundred()) as s:
        for name in ("primary", "modem"):
            s.route(name).outcome = SendOutcome.TEMPORARY
        await all_down(s)
        await s.engine.turn()
        for _ in range(2):
            for number in range(MANY):
                s.hear(f"s{number}-1", Outcome.OK)
        await s.engine.turn()
        for name in ("primary", "modem"):
            s.route(name).outcome = SendOutcome.ACCEPTED
        await s.later(400, step=5)
        for words in ("NEDE", "OPPE IGEN"):
            _, text = next(pair for pair in s.texts() if pair[0] == s.plan.people[PersonId("nexus")].sms)
            assert text.startswith(f"{MANY} systemer {words}")
            s.expect("nexus", text)
        assert not any(to == s.plan.people[PersonId("nexus")].sms for to, _ in s.texts())
        s.forget()


async def test_a_fault_in_deciding_one_system_stops_none_of_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN, three_hundred()) as s:

        def falls_for_one(desk: object, system: str, now: object) -> object:
            if system == "s7":
                raise ZeroDivisionError
            return settle_system(desk, system, now)  # type: ignore[arg-type]

        with monkeypatch.context() as patched:
            patched.setattr("monitor.engine.ingest.settle_system", falls_for_one)
            await all_down(s)
            await s.engine.turn()
            s.expect("nexus", f"{MANY - 1} systemer NEDE")
            s.done()
            s.engine.own.look([])
            await s.engine.turn()
            assert s.engine.desk.sick_now() == ["settle/s7"]
            s.expect("it", "Omsorgsvagt selv NEDE")
        s.forget()
        await s.engine.ingest.turn()
        await s.engine.turn()
        s.expect("nexus", "s7 NEDE siden 10:00")
        await s.mind()
        s.expect("it", "Omsorgsvagt selv OPPE IGEN")


async def test_a_text_that_cannot_be_rendered_is_replaced_by_a_plain_one(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN) as s:

        class Broken:
            def render(self, *_: object, **__: object) -> None:
                raise KeyError("cause")

        s.engine.desk.texts = Broken()  # type: ignore[assignment]
        await s.down("noedkald-1")
        assert s.expect("nexus") == "Noedkald NEDE siden 10:00. Hændelse 26-0001. ALARM."


async def test_one_call_that_cannot_be_made_stops_none_of_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = with_steps(small_plan(), "nedbrud_dag", step(0, "nexus_support", "afdelingsledelse", "sektionsleder"))
    notice = compose._notice

    def falls_for_one(desk, incident, call, facts, now):  # type: ignore[no-untyped-def]
        if call.person == "leder":
            raise LookupError
        return notice(desk, incident, call, facts, now)

    async with story(tmp_path, THURSDAY_AT_TEN, plan) as s:
        with monkeypatch.context() as patched:
            patched.setattr("monitor.engine.compose._notice", falls_for_one)
            await s.down("noedkald-1")
            s.expect("nexus", "Noedkald NEDE")
            s.expect("sektion", "Noedkald NEDE")
            s.done()
        await s.later(1)
        s.expect("leder", "Noedkald NEDE")


async def test_a_family_of_three_generations_is_settled_parents_first(tmp_path: Path) -> None:
    plan = with_parent(with_parent(small_plan(), "phoniro", "omsorgssystem"), "noedkald", "phoniro")
    async with story(tmp_path, THURSDAY_AT_TEN, plan) as s:
        for turn in range(3):
            await s.later(5 if turn else 0)
            for check in ("noedkald-1", "phoniro-1", "omsorgssystem-1", "c1"):
                s.hear(check, Outcome.OK if check == "c1" else Outcome.FAIL)
        await s.engine.turn()
        s.expect("nexus", "Omsorgssystem NEDE")
        await s.later(60)
        s.done()
