"""Scenarios 26 and 29: an answer counts from the number that was told, with its code, and the others hear of it."""

import re
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from monitor.core.answers import Verdict
from monitor.core.finding import Outcome
from monitor.core.plan import Plan
from monitor.core.reasons import HumanState
from monitor.engine.answers import Answers, Reply
from monitor.engine.links import Asking
from tests.support.plans import MAIL, SMS, small_plan, step, with_steps
from tests.support.story import Story, story

NIGHT = datetime(2026, 12, 24, 3, 0)
DAY = datetime(2026, 3, 5, 10, 0)
CHEF, BRAND, NEXUS, STRANGER = "+4500000003", "+4500000004", "+4500000001", "+4500000099"
URL = "https://vagt.eksempel.example"


def answerable(plan: Plan | None = None, keyword: str = "") -> Plan:
    plan = plan or small_plan()
    routes = (replace(plan.routes[0], replies=True, keyword=keyword), *plan.routes[1:])
    return replace(plan, routes=routes)


def asking(s: Story) -> Answers:
    """The service asks for answers, as the app sets it up."""
    s.engine.desk.asking = Asking(b"en noegle", URL)
    return Answers(s.engine.desk)


def code_in(text: str) -> str:
    found = re.search(r"Svar OK (\d{4})\.", text)
    assert found is not None, text
    return found[1]


async def reply(s: Story, answers: Answers, number: str, text: str) -> Verdict:
    verdict = await answers.take(Reply("primary", number, text))
    await s.engine.turn()
    return verdict


def replies(s: Story, verdict: str, route: str = "primary") -> float:
    counted = s.engine.desk.metrics.registry.get_sample_value
    return counted("omsorgsvagt_replies_total", {"route": route, "verdict": verdict}) or 0.0


async def test_one_of_two_answers_and_the_other_hears_who_has_it(tmp_path: Path) -> None:
    async with story(tmp_path, NIGHT, answerable()) as s:
        answers = asking(s)
        await s.down("noedkald-1", every=0)
        mine, theirs = code_in(s.expect("chef", "NEDE")), code_in(s.expect("brand", "NEDE"))
        assert mine != theirs

        assert await reply(s, answers, CHEF, f" ok {mine}. ") is Verdict.ACKNOWLEDGED

        assert s.incident.acknowledged_by == "Chef"
        assert s.incident.human is HumanState.SEEN
        assert s.expect("chef") == f"{s.incident.number}: noteret, du har den."
        assert s.expect("brand") == f"Noedkald NEDE siden 03:00. Hændelse {s.incident.number}. Chef har den nu (set)."
        assert [ln.text for ln in s.timeline("queued") if ln.reason == "taken"] == ["SMS til Brand: en anden har den"]
        assert [ln.reason for ln in s.timeline("accepted")][-1] == "taken"
        assert replies(s, "acknowledged") == 1
        taken = {"channel": "sms", "route": "primary", "outcome": "accepted", "reason": "taken"}
        assert s.engine.desk.metrics.registry.get_sample_value("omsorgsvagt_notices_total", taken) == 1
        await s.later(1790)
        s.done()


async def test_again_is_already_and_the_second_hears_who_was_first(tmp_path: Path) -> None:
    async with story(tmp_path, NIGHT, answerable()) as s:
        answers = asking(s)
        await s.down("noedkald-1", every=0)
        mine, theirs = code_in(s.expect("chef", "NEDE")), code_in(s.expect("brand", "NEDE"))
        await reply(s, answers, CHEF, f"OK {mine}")
        s.forget()

        assert await reply(s, answers, CHEF, f"Ja {mine}") is Verdict.ALREADY
        assert s.expect("chef") == f"{s.incident.number}: noteret, du har den."
        assert await reply(s, answers, BRAND, f"OK {theirs}") is Verdict.ALREADY
        assert s.expect("brand") == f"{s.incident.number}: noteret. Chef har den allerede."
        assert len(s.timeline("acknowledged")) == 1


async def test_how_far_people_are(tmp_path: Path) -> None:
    async with story(tmp_path, NIGHT, answerable()) as s:
        answers = asking(s)
        await s.down("noedkald-1", every=0)
        mine = code_in(s.expect("chef", "NEDE"))
        s.forget()
        await reply(s, answers, CHEF, f"ARBEJDER {mine}")
        assert s.incident.human.value == "working"
        s.expect("brand", "Chef har den nu (i arbejde)")
        await reply(s, answers, CHEF, f"NØDDRIFT {mine}")
        assert s.incident.human.value == "fallback"
        s.expect("chef", "du har den")
        s.expect("chef", "du har den")
        assert await reply(s, answers, CHEF, f"OK {mine}") is Verdict.ALREADY
        assert s.incident.human.value == "fallback"
        s.expect("chef", "du har den")


async def test_a_wrong_code_and_somebody_else_s_code_change_nothing(tmp_path: Path) -> None:
    async with story(tmp_path, NIGHT, answerable()) as s:
        answers = asking(s)
        await s.down("noedkald-1", every=0)
        mine, theirs = code_in(s.expect("chef", "NEDE")), code_in(s.expect("brand", "NEDE"))
        wrong = next(f"{n:04d}" for n in range(10) if f"{n:04d}" not in (mine, theirs))

        assert await reply(s, answers, CHEF, f"OK {wrong}") is Verdict.WRONG_CODE
        assert await reply(s, answers, CHEF, f"OK {theirs}") is Verdict.WRONG_CODE
        assert await reply(s, answers, NEXUS, f"OK {mine}") is Verdict.OTHER_NUMBER
        assert await reply(s, answers, STRANGER, f"OK {mine}") is Verdict.OTHER_NUMBER
        assert await reply(s, answers, "", f"OK {mine}") is Verdict.OTHER_NUMBER
        assert await reply(s, answers, CHEF, "hvad sker der?") is Verdict.NOT_UNDERSTOOD

        assert s.incident.acknowledged is None
        s.expect("chef", "Koden passer ikke")
        s.expect("chef", "Koden passer ikke")
        s.expect("chef", "Ikke forstået")
        s.done()


async def test_guessing_ends_after_five_and_five_answers_an_hour_are_all_there_are(tmp_path: Path) -> None:
    async with story(tmp_path, NIGHT, answerable()) as s:
        answers = asking(s)
        await s.down("noedkald-1", every=0)
        mine = code_in(s.expect("chef", "NEDE"))
        s.expect("brand")
        wrong = [f"{n:04d}" for n in range(6) if f"{n:04d}" != mine][:5]
        for code in wrong:
            assert await reply(s, answers, CHEF, f"OK {code}") is Verdict.WRONG_CODE
            s.expect("chef", "Koden passer ikke")
        assert await reply(s, answers, CHEF, f"OK {mine}") is Verdict.TOO_MANY
        assert s.incident.acknowledged is None
        s.done()
        await s.later(3600)
        s.forget()
        assert await reply(s, answers, CHEF, f"OK {mine}") is Verdict.ACKNOWLEDGED
        s.expect("chef", "du har den")
        s.expect("brand", "Chef har den nu")


async def test_an_incident_that_is_over_has_nothing_to_be_acknowledged(tmp_path: Path) -> None:
    async with story(tmp_path, NIGHT, answerable()) as s:
        answers = asking(s)
        await s.down("noedkald-1", every=0)
        mine = code_in(s.expect("chef", "NEDE"))
        number = s.incident.number
        await s.up("noedkald-1")
        s.forget()
        assert await reply(s, answers, CHEF, f"OK {mine}") is Verdict.CLOSED
        assert s.expect("chef") == f"{number} er slut. Du skal ikke gøre mere."
        await s.later(1000)
        assert not s.engine.desk.ledger.incidents
        assert await reply(s, answers, CHEF, f"OK {mine}") is Verdict.CLOSED
        assert s.expect("chef") == f"{number} er slut. Du skal ikke gøre mere."
        incident, _, _ = await s.kept(number)
        assert incident.acknowledged is None


async def test_ten_thousand_replies_from_strangers_harm_nothing(tmp_path: Path) -> None:
    async with story(tmp_path, NIGHT, answerable()) as s:
        answers = asking(s)
        await s.down("noedkald-1", every=0)
        mine = code_in(s.expect("chef", "NEDE"))
        s.expect("brand")
        saves = s.store.saves
        for n in range(10_000):
            await answers.take(Reply("primary", f"+46{n:08d}" if n % 2 else STRANGER, f"OK {n:04d}"))
        for _ in range(200):
            await answers.take(Reply("primary", BRAND, "{{ 7*7 }} ok 1"))
        await s.engine.turn()
        assert replies(s, "other_number") == 10_000
        assert s.incident.acknowledged is None
        assert s.store.saves < saves + 40
        for _ in range(5):
            assert s.expect("brand") == "Ikke forstået. Svar kun OK og koden fra den nyeste alarm."
        s.done()
        assert list(answers._patience) == [BRAND]
        assert await reply(s, answers, CHEF, f"OK {mine}") is Verdict.ACKNOWLEDGED
        s.forget()


async def test_codes_outlive_a_restart(tmp_path: Path) -> None:
    async with story(tmp_path, NIGHT, answerable()) as s:
        asking(s)
        await s.down("noedkald-1", every=0)
        mine = code_in(s.expect("chef", "NEDE"))
        s.expect("brand")
        await s.restart()
        s.engine.desk.asking = Asking(b"en anden noegle")
        answers = Answers(s.engine.desk)
        await s.later(300)
        assert code_in(s.expect("chef", "STADIG NEDE")) == mine
        assert await reply(s, answers, CHEF, f"OK {mine}") is Verdict.ACKNOWLEDGED
        s.forget()


async def test_acknowledged_then_worse_asks_anew_with_the_same_code(tmp_path: Path) -> None:
    by_sms = with_steps(small_plan(), "mindre_dag", step(0, "nexus_support"))
    async with story(tmp_path, DAY, answerable(by_sms)) as s:
        answers = asking(s)
        await s.down("noedkald-1", outcome=Outcome.WARN)
        mine = code_in(s.expect("nexus", "FORRINGET"))
        await reply(s, answers, NEXUS, f"OK {mine}")
        s.expect("nexus", "du har den")
        await s.down("noedkald-1")
        assert s.incident.acknowledged is None
        assert code_in(s.expect("nexus", "NEDE", "FORVÆRRET")) == mine


async def test_nobody_is_asked_where_no_route_takes_replies_or_nobody_asks(tmp_path: Path) -> None:
    async with story(tmp_path, NIGHT) as s:
        asking(s)
        await s.down("noedkald-1", every=0)
        for who in ("chef", "brand"):
            assert "Svar OK" not in s.expect(who, "NEDE")


async def test_the_keyword_of_the_number_stands_before_the_answer(tmp_path: Path) -> None:
    async with story(tmp_path, NIGHT, answerable(keyword="VAGT")) as s:
        answers = asking(s)
        await s.down("noedkald-1", every=0)
        found = re.search(r"Svar VAGT OK (\d{4})\.", s.expect("chef", "NEDE"))
        assert found is not None
        s.forget()
        verdict = await answers.take(Reply("primary", CHEF, f"Vagt ok {found[1]}", "VAGT"))
        assert verdict is Verdict.ACKNOWLEDGED
        await s.engine.turn()
        s.forget()


async def test_who_has_it_is_not_told_once_it_is_over(tmp_path: Path) -> None:
    async with story(tmp_path, NIGHT, answerable()) as s:
        answers = asking(s)
        await s.down("noedkald-1", every=0)
        mine = code_in(s.expect("chef", "NEDE"))
        s.expect("brand")
        await answers.take(Reply("primary", CHEF, f"OK {mine}"))
        s.hear("noedkald-1", Outcome.OK)
        s.clock.at += timedelta(seconds=5)
        s.hear("noedkald-1", Outcome.OK)
        await s.engine.ingest.turn()
        await s.engine.turn()
        s.expect("chef", "du har den")
        s.expect("chef", "OPPE IGEN")
        s.expect("brand", "OPPE IGEN")
        s.done()


async def test_a_mail_carries_the_link_and_an_sms_none(tmp_path: Path) -> None:
    plan = answerable(with_steps(small_plan(), "nedbrud_nat", step(0, "afdelingschef", by=(SMS, MAIL))))
    async with story(tmp_path, NIGHT, plan) as s:
        asking(s)
        await s.down("noedkald-1", every=0)
        assert "http" not in s.expect("chef", "NEDE")
        assert f"Svar her, når du har set den: {URL}/a/" in s.expect("chef", "NEDE", channel=MAIL)


async def test_an_acknowledgement_by_hand_tells_the_others_too(tmp_path: Path) -> None:
    async with story(tmp_path, NIGHT) as s:
        await s.down("noedkald-1", every=0)
        s.forget()
        await s.acknowledge("Afdelingschef")
        s.expect("brand", "Afdelingschef har den nu")
        s.done()
