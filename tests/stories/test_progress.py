"""Scenario 28: acknowledged and then silence: whoever has it is asked, and without an answer the chain starts again."""

import asyncio
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitor.core.answers import Verdict
from monitor.core.finding import Outcome
from monitor.core.plan import ChannelName, PersonId, Plan, Shift, TaskId
from monitor.core.reasons import HumanState
from monitor.engine import people
from monitor.engine.answers import Answers, Reply
from monitor.engine.links import Asking
from tests.support.plans import MAIL, SMS, ZONE, small_plan, step, with_roles, with_steps, with_systems
from tests.support.story import Story, story

THURSDAY_AT_TEN = datetime(2026, 3, 5, 10, 0)
NEXUS, LEADER = "+4500000001", "+4500000002"
URL = "https://vagt.eksempel.example"


def plan(**rules: float) -> Plan:
    first = step(0, "nexus_support", "afdelingsledelse", by=(SMS, MAIL), repeat=300.0)
    made = with_steps(small_plan(), "nedbrud_dag", first)
    routes = (replace(made.routes[0], replies=True), *made.routes[1:])
    return replace(made, routes=routes, rules=replace(made.rules, **rules))  # type: ignore[arg-type]


def answering(s: Story) -> Answers:
    s.engine.desk.asking = Asking(b"en noegle", URL)
    return Answers(s.engine.desk)


def code_in(text: str) -> str:
    found = re.search(r"Svar OK (\d{4})\.", text)
    assert found is not None, text
    return found[1]


async def reply(s: Story, answers: Answers, text: str, number: str = NEXUS) -> Verdict:
    verdict = await answers.take(Reply("primary", number, text))
    await s.engine.turn()
    return verdict


async def taken(s: Story) -> tuple[Answers, str]:
    """Nødkald goes down at ten, and Nexus has it at once; gives the code."""
    answers = answering(s)
    await s.down("noedkald-1", every=0)
    code = code_in(s.expect("nexus", "NEDE"))
    await reply(s, answers, f"OK {code}")
    s.forget()
    return answers, code


async def test_whoever_has_it_is_asked_by_the_ways_they_were_told_and_ok_is_an_answer(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN, plan()) as s:
        answers, code = await taken(s)
        await s.later(1799)
        s.done()
        await s.later(1)
        asked = s.expect("nexus", "er der nyt?")
        assert asked.startswith(f"Noedkald NEDE siden 10:00. Hændelse {s.incident.number}: er der nyt? Svar OK {code}.")
        assert f"{URL}/a/" in s.expect("nexus", "Er der nyt?", channel=MAIL)
        s.done()

        await s.later(300)
        assert await reply(s, answers, f"OK {code}") is Verdict.NOTED
        assert s.expect("nexus") == f"{s.incident.number}: noteret. Vi spørger igen senere."
        assert s.timeline("human")[-1].text == "Nexus: stadig i gang"
        await s.later(1795)
        s.done()
        await s.later(10)
        s.expect("nexus", "er der nyt?")
        s.expect("nexus", "Er der nyt?", channel=MAIL)
        s.done()


async def test_without_an_answer_the_chain_starts_again_and_says_who_had_it(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN, plan()) as s:
        answers, code = await taken(s)
        await s.later(1800)
        s.forget()
        await s.later(570)
        s.done()
        await s.later(30)
        for who in ("nexus", "leder"):
            text = s.expect(who, "STADIG NEDE")
            assert text.startswith(f"Noedkald STADIG NEDE siden 10:00. Hændelse {s.incident.number}. Svar OK ")
            assert text.endswith("Intet nyt fra Nexus.")
            s.expect(who, "Nexus havde hændelsen", channel=MAIL)
        s.done()
        assert s.incident.acknowledged is None
        assert s.incident.human is HumanState.UNSEEN
        assert [ln.text for ln in s.timeline("no_news")] == ["Nexus svarede ikke; alarmeringen begynder forfra"]

        await s.later(300)
        s.expect("nexus", "STADIG NEDE", "Ingen har kvitteret")
        s.forget()
        assert await reply(s, answers, f"OK {code}") is Verdict.ACKNOWLEDGED
        s.expect("nexus", "du har den")
        s.expect("leder", "Nexus har den nu")
        s.done()
        await s.later(1800)
        s.expect("nexus", "er der nyt?")
        s.forget()


@pytest.mark.parametrize("how", ["working", "note", "task", "link", "api"])
async def test_any_human_act_is_news(tmp_path: Path, how: str) -> None:
    with_task = with_steps(
        plan(),
        "nedbrud_dag",
        step(0, "nexus_support", by=(SMS, MAIL), repeat=300.0),
        step(60, "sektionsleder", task="region"),
    )
    async with story(tmp_path, THURSDAY_AT_TEN, with_task) as s:
        answers, code = await taken(s)
        await s.later(1700)
        s.forget()
        desk, number = s.engine.desk, s.incident.number
        if how == "working":
            await reply(s, answers, f"ARBEJDER {code}")
        elif how == "note":
            await people.note(desk, number, "Leder", "leverandøren er ringet op")
        elif how == "task":
            assert (await people.tick_off(desk, number, TaskId("region"), "Sektion")).answer is people.Answer.DONE
        elif how == "link":
            await people.acknowledge(desk, number, "Leder", None)
        else:
            await people.acknowledge(desk, number, "Leder", HumanState.WORKING)
        await s.engine.turn()
        s.forget()
        await s.later(1790)
        s.done()
        await s.later(30)
        s.expect("nexus", "er der nyt?")
        s.forget()


async def test_while_fallback_is_in_force_the_pace_is_slower(tmp_path: Path) -> None:
    async with story(tmp_path, datetime(2026, 3, 5, 8, 0), plan()) as s:
        answers, code = await taken(s)
        await reply(s, answers, f"NØDDRIFT {code}")
        s.forget()
        await s.later(4 * 1800 - 5)
        s.done()
        await s.later(10)
        s.expect("nexus", "er der nyt?")
        s.forget()


async def test_a_holder_the_plan_does_not_know_is_asked_through_those_told_first(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN, plan()) as s:
        await s.down("noedkald-1", every=0)
        await s.acknowledge("En vikar")
        s.forget()
        await s.later(1800)
        for who in ("nexus", "leder"):
            s.expect(who, "er der nyt?")
            s.expect(who, "Har den: En vikar (set)", channel=MAIL)
        s.done()


async def test_after_a_change_of_period_the_new_first_role_is_asked(tmp_path: Path) -> None:
    async with story(tmp_path, datetime(2026, 3, 5, 14, 40), plan()) as s:
        answers, _ = await taken(s)
        await s.until(datetime(2026, 3, 5, 15, 0))
        s.expect("chef", "OVERTAGES")
        s.done()
        await s.until(datetime(2026, 3, 5, 15, 10, 30))
        text = s.expect("chef", "er der nyt?")
        s.done()
        assert await reply(s, answers, f"OK {code_in(text)}", "+4500000003") is Verdict.NOTED
        s.expect("chef", "noteret")
        await s.later(1790)
        s.done()


async def test_a_holder_still_on_duty_after_the_change_is_asked_himself(tmp_path: Path) -> None:
    both = with_steps(plan(), "nedbrud_nat", step(0, "afdelingschef", "nexus_support"))
    async with story(tmp_path, datetime(2026, 3, 5, 14, 40), both) as s:
        await taken(s)
        await s.until(datetime(2026, 3, 5, 15, 1))
        s.forget()
        await s.until(datetime(2026, 3, 5, 15, 11))
        s.expect("nexus", "er der nyt?")
        s.expect("nexus", "Er der nyt?", channel=MAIL)
        s.done()


async def test_a_roster_hands_the_question_to_whoever_has_the_duty(tmp_path: Path) -> None:
    noon = datetime(2026, 3, 5, 15, 0, tzinfo=ZONE).astimezone(UTC)
    far = timedelta(days=9)
    shifts = [Shift(noon - far, noon, PersonId("chef")), Shift(noon, noon + far, PersonId("brand"))]
    by_roster = with_roles(with_steps(plan(), "nedbrud_nat", step(0, "afdelingschef")), afdelingschef=shifts)
    async with story(tmp_path, datetime(2026, 3, 5, 14, 50), by_roster) as s:
        await s.down("noedkald-1", every=0)
        await s.acknowledge("Chef")
        await s.until(datetime(2026, 3, 5, 15, 1))
        s.forget()
        await s.until(datetime(2026, 3, 5, 15, 21))
        s.expect("brand", "er der nyt?")
        s.done()


async def test_what_the_plan_calls_nobody_for_now_is_asked_when_it_does(tmp_path: Path) -> None:
    async with story(tmp_path, datetime(2026, 3, 5, 14, 50), plan()) as s:
        await s.down("noedkald-1", outcome=Outcome.WARN)
        await s.acknowledge("Nexus")
        s.forget()
        await s.later(6 * 3600, step=600)
        s.done()
        await s.until(datetime(2026, 3, 6, 8, 2))
        s.expect("nexus", "Vagten skifter nu", channel=MAIL)
        s.expect("nexus", "Er der nyt?", channel=MAIL)
        s.done()


async def test_over_both_nights_in_which_the_clocks_change_an_hour_is_an_hour(tmp_path: Path) -> None:
    for day in (datetime(2026, 3, 29, 1, 45), datetime(2026, 10, 25, 2, 45)):
        night = with_steps(plan(), "nedbrud_nat", step(0, "afdelingschef"))
        async with story(tmp_path / str(day.month), day, night) as s:
            await s.down("noedkald-1", every=0)
            await s.acknowledge("Chef")
            s.forget()
            for _ in range(3):
                await s.later(1795)
                s.done()
                await s.later(5)
                s.expect("chef", "er der nyt?")
                await s.acknowledge("Chef")


async def test_a_restart_asks_nobody_twice_and_forgets_no_deadline(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN, plan()) as s:
        await taken(s)
        await s.restart(away=900)
        answering(s)
        await s.later(900)
        s.expect("nexus", "er der nyt?")
        s.expect("nexus", "Er der nyt?", channel=MAIL)
        await s.restart(away=60)
        answering(s)
        await s.later(500)
        s.done()
        await s.restart(away=60)
        await s.later(5)
        assert s.incident.generation == 2
        s.expect("leder", "Intet nyt fra Nexus")
        s.forget()


async def test_held_recovered_and_unstable_ones_are_not_asked_after(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN, plan(rejoin_within=7200.0)) as s:
        await taken(s)
        await s.up("noedkald-1")
        s.forget()
        await s.later(3600)
        s.done()


async def test_what_nobody_sent_yet_is_not_asked_once_there_is_news(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN, plan()) as s:
        answers, code = await taken(s)
        s.clock.at += timedelta(seconds=1801)
        await s.engine.escalate.turn()
        s.clock.at += timedelta(seconds=1)
        verdict = await answers.take(Reply("primary", NEXUS, f"OK {code}"))
        await s.engine.turn()
        assert verdict is Verdict.NOTED
        s.expect("nexus", "noteret")
        s.done()


async def test_many_are_asked_after_in_one_message_and_one_answer_is_news_of_all(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN, with_systems(plan(), 3)) as s:
        answers = answering(s)
        for turn in range(3):
            await s.later(5 if turn else 0)
            for number in range(3):
                s.hear(f"s{number}-1", Outcome.FAIL)
            s.hear("c1", Outcome.OK)
        await s.engine.turn()
        code = code_in(s.expect("nexus", "3 systemer NEDE"))
        await reply(s, answers, f"OK {code}")
        s.forget()

        await s.later(1800)
        asked = s.expect("nexus", "er der nyt?")
        assert re.fullmatch(
            r"3 hændelser, er der nyt\? s0 26-0001, s1 26-0002, s2 26-0003\. Svar OK \d{4}\. Se mail\.", asked
        )
        assert s.expect("nexus", "er der nyt?", channel=MAIL).count(f"{URL}/a/") == 3
        s.done()
        assert await reply(s, answers, f"OK {code_in(asked)}") is Verdict.NOTED
        assert s.expect("nexus") == "3 hændelser: noteret. Vi spørger igen senere."
        await s.later(1790)
        s.done()
        await s.later(10)
        s.forget()
        await s.later(600)
        assert s.expect("leder").startswith("3 systemer NEDE siden 10:00: s0 intet nyt 26-0001, s1 intet nyt 26-0002")
        s.forget()


async def test_two_acknowledgements_at_once_are_one_and_the_second_hears_who_was_first(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN, plan()) as s:
        answers = answering(s)
        await s.down("noedkald-1", every=0)
        mine, theirs = code_in(s.expect("nexus", "NEDE")), code_in(s.expect("leder", "NEDE"))
        s.forget()
        both = await asyncio.gather(
            answers.take(Reply("primary", NEXUS, f"OK {mine}")), answers.take(Reply("primary", LEADER, f"OK {theirs}"))
        )
        await s.engine.turn()
        assert list(both) == [Verdict.ACKNOWLEDGED, Verdict.ALREADY]
        s.expect("nexus", "du har den")
        s.expect("leder", "Nexus har den allerede")
        assert len(s.timeline("acknowledged")) == 1
        s.forget()


async def test_an_answer_to_who_has_it_is_already_and_a_further_state_is_shown(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN, plan()) as s:
        answers = answering(s)
        await s.down("noedkald-1", every=0)
        mine, theirs = code_in(s.expect("nexus", "NEDE")), code_in(s.expect("leder", "NEDE"))
        await reply(s, answers, f"OK {mine}")
        s.expect("leder", "Nexus har den nu")
        s.forget()
        assert await reply(s, answers, f"OK {theirs}", LEADER) is Verdict.ALREADY
        s.expect("leder", "Nexus har den allerede")
        assert await reply(s, answers, f"NØDDRIFT {theirs}", LEADER) is Verdict.ACKNOWLEDGED
        assert s.incident.human is HumanState.FALLBACK
        assert s.incident.acknowledged_by == "Nexus"
        s.forget()
        assert ChannelName.SMS in {n.channel for n in s.engine.desk.ledger.notices.values()}
