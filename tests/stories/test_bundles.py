"""Scenario 23: three hundred systems down at once are one message to each person told, and nothing is lost in it."""

import re
import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
import structlog

from monitor.core.answers import Verdict
from monitor.core.finding import Outcome
from monitor.core.gsm import parts
from monitor.core.plan import ChannelName, Plan, Requirement
from monitor.core.reasons import Kind
from monitor.core.records import Notice, NoticeId, NoticeState
from monitor.engine.answers import Answers, Reply
from monitor.engine.links import Asking
from monitor.ports import Message, SendOutcome
from tests.support.plans import MAIL, SMS, small_plan, step, with_steps, with_systems
from tests.support.story import Story, story

THURSDAY_AT_TEN = datetime(2026, 3, 5, 10, 0)
NEXUS, LEADER = "+4500000001", "+4500000002"
MANY = 300


def many(count: int = MANY, **rules: object) -> Plan:
    """So many more systems; two people told of each, by SMS and mail, and the first reminded."""
    both = step(0, "nexus_support", "afdelingsledelse", by=(SMS, MAIL), repeat=300.0)
    plan = with_systems(with_steps(small_plan(), "nedbrud_dag", both), count)
    routes = (replace(plan.routes[0], replies=True), *plan.routes[1:])
    return replace(plan, routes=routes, rules=replace(plan.rules, **rules))  # type: ignore[arg-type]


async def all_of(s: Story, outcome: Outcome, count: int = MANY, turns: int = 3) -> None:
    """Every one of them is seen so at one instant, so often, and then settled."""
    for turn in range(turns):
        await s.later(5 if turn else 0)
        for number in range(count):
            s.hear(f"s{number}-1", outcome)
        for canary in ("c1", "c2"):
            s.hear(canary, Outcome.OK)
    await s.engine.turn()


def messages(s: Story, to: str) -> list[Message]:
    return [m for phone in s.phones.values() for m in phone.got if m.to == to]


def one(s: Story, to: str) -> Message:
    """The only message to somebody; it is taken."""
    found = messages(s, to)
    assert len(found) == 1, [m.text for m in found]
    for phone in s.phones.values():
        if found[0] in phone.got:
            phone.got.remove(found[0])
    return found[0]


def answering(s: Story) -> Answers:
    s.engine.desk.asking = Asking(b"en noegle", "https://vagt.eksempel.example")
    return Answers(s.engine.desk)


def code_in(text: str) -> str:
    found = re.search(r"Svar OK (\d{4})\.", text)
    assert found is not None, text
    return found[1]


async def test_three_hundred_at_once_are_one_message_each_until_all_is_well(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN, many()) as s:
        answers = answering(s)
        before = time.process_time()
        await all_of(s, Outcome.FAIL)
        sms = one(s, NEXUS).text
        assert sms.startswith("300 systemer NEDE siden 10:00: s0 26-0001, s1 26-0002")
        assert re.search(r"\.\.\. Svar OK \d{4}\. Se mail\.$", sms)
        assert parts(sms) == 1
        mail = one(s, "nexus@eksempel.example")
        assert mail.subject == "300 systemer NEDE siden 10:00: 26-0001 m.fl."
        assert mail.text.count("Svar her: https://vagt.eksempel.example/a/") == MANY
        mine, theirs = code_in(sms), code_in(one(s, LEADER).text)
        one(s, "leder@eksempel.example")
        s.done()

        # The 301st goes at once and alone.
        await s.later(120)
        await s.down("noedkald-1", every=0)
        for who in ("nexus", "leder"):
            assert s.expect(who, "Noedkald NEDE siden 10:02").startswith("Noedkald")
            s.expect(who, "Noedkald er NEDE", channel=MAIL)
        s.done()

        verdict = await answers.take(Reply("primary", NEXUS, f"OK {mine}"))
        await s.engine.turn()
        assert verdict is Verdict.ACKNOWLEDGED
        assert s.expect("nexus") == "300 hændelser: noteret, du har dem."
        assert one(s, LEADER).text.startswith("Nexus har 300 hændelser nu: s0 26-0001")
        s.done()
        incidents = s.engine.desk.ledger.incidents.values()
        assert sum(i.acknowledged_by == "Nexus" for i in incidents) == MANY
        entries = [ln.entry.value for i in incidents for ln in s.engine.desk.ledger.lines_of(i.id)]
        assert entries.count("acknowledged") == MANY
        assert await answers.take(Reply("primary", LEADER, f"OK {theirs}")) is Verdict.ALREADY
        await s.engine.turn()
        assert s.expect("leder") == "300 hændelser: noteret. Nexus har dem allerede."

        await all_of(s, Outcome.OK, turns=2)
        for number in (NEXUS, LEADER):
            assert one(s, number).text.startswith("300 systemer OPPE IGEN: s0 26-0001, ")
        for who in ("nexus", "leder"):
            assert one(s, f"{who}@eksempel.example").text.count(": oppe igen 10:02, nede fra 10:00") == MANY
        s.done()
        assert time.process_time() - before < 30
        await s.up("noedkald-1")
        s.forget()


async def test_each_incident_s_timeline_and_rows_are_as_if_it_had_gone_alone(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN, many(4)) as s:
        await all_of(s, Outcome.FAIL, 4)
        s.forget()
        ledger = s.engine.desk.ledger
        assert not ledger.queue and not ledger.unsent
        for number in range(1, 5):
            _, lines, notices = await s.kept(f"26-{number:04d}")
            assert {n.state for n in notices} == {NoticeState.ACCEPTED}
            assert all(n.settled and n.route and n.bundle for n in notices)
            told = [ln.text for ln in lines if ln.entry.value == "accepted" and ln.reason == "alarm"]
            assert sorted(told) == [
                "SMS til Leder ad primary",
                "SMS til Nexus ad primary",
                "mail til Leder ad relay",
                "mail til Nexus ad relay",
            ]
        counted = s.engine.desk.metrics.registry.get_sample_value
        sent = {"channel": "sms", "route": "primary", "outcome": "accepted", "reason": "bundle"}
        assert counted("omsorgsvagt_notices_total", sent) == 2
        assert counted("omsorgsvagt_fault_to_accepted_seconds_count") == 4
        await all_of(s, Outcome.OK, 4, 2)
        s.forget()
        await s.later(1000)
        assert not ledger.notices and not ledger.together.members and not ledger.heard_of, "nothing is left behind"


async def test_two_stay_two_and_a_member_s_own_code_is_only_its_own(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN, many(3)) as s:
        answers = answering(s)
        await all_of(s, Outcome.FAIL, 2)
        codes = [code_in(s.expect("nexus", f"s{n} NEDE")) for n in range(2)]
        s.forget()
        assert await answers.take(Reply("primary", NEXUS, f"OK {codes[1]}")) is Verdict.ACKNOWLEDGED
        await s.engine.turn()
        incidents = {i.system: i.acknowledged_by for i in s.engine.desk.ledger.incidents.values()}
        assert incidents == {"s0": "", "s1": "Nexus"}
        assert s.expect("nexus") == "26-0002: noteret, du har den."
        s.forget()


async def test_the_worst_and_most_pressing_stand_first(tmp_path: Path) -> None:
    plan = with_steps(many(6), "mindre_dag", step(0, "nexus_support"))
    (pressing,) = (s for s in plan.systems if s == "s4")
    plan = replace(plan, requirements=(Requirement(pressing, 180.0),))
    async with story(tmp_path, THURSDAY_AT_TEN, plan) as s:
        for turn in range(3):
            await s.later(5 if turn else 0)
            for number in range(6):
                s.hear(f"s{number}-1", Outcome.FAIL if number > 2 else Outcome.WARN)
            s.hear("c1", Outcome.OK)
        await s.engine.turn()
        text = s.expect("nexus", "6 systemer")
        assert text.startswith("6 systemer ramt (3 NEDE, 3 FORRINGET) siden 10:00: s4 26-0005, s3 26-0004, s5 26-0006,")
        s.forget()


async def test_what_comes_while_a_bundle_is_under_way_neither_waits_nor_joins(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN, many(8)) as s:
        for name in ("primary", "modem", "relay"):
            s.route(name).outcome = SendOutcome.TEMPORARY
        await all_of(s, Outcome.FAIL, 4)
        for number in (4, 5):
            for _ in range(3):
                s.hear(f"s{number}-1", Outcome.FAIL)
        s.hear("c1", Outcome.OK)
        await s.engine.turn()
        assert s.texts() == []
        for name in ("primary", "modem", "relay"):
            s.route(name).outcome = SendOutcome.ACCEPTED
        await s.later(30, step=5)
        texts = [m.text.split(" siden")[0] for m in messages(s, NEXUS)]
        assert sorted(texts) == ["4 systemer NEDE", "s4 NEDE", "s5 NEDE"]
        s.forget()


async def test_an_all_clear_of_which_one_is_down_again_is_taken_apart(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN, many(4)) as s:
        await all_of(s, Outcome.FAIL, 4)
        s.forget()
        for name in ("primary", "modem", "relay"):
            s.route(name).outcome = SendOutcome.TEMPORARY
        await all_of(s, Outcome.OK, 4, 2)
        for _ in range(3):
            s.hear("s2-1", Outcome.FAIL)
        s.hear("c1", Outcome.OK)
        await s.engine.turn()
        for name in ("primary", "modem", "relay"):
            s.route(name).outcome = SendOutcome.ACCEPTED
        await s.later(40, step=5)
        texts = [m.text for m in messages(s, NEXUS)]
        assert not any("OPPE IGEN" in text and "26-0003" in text for text in texts), texts
        assert any(text.startswith("s2 NEDE") for text in texts), texts
        assert "3 systemer OPPE IGEN: s0 26-0001, s1 26-0002, s3 26-0004. Se mail." in texts
        s.forget()


async def test_reminders_of_many_wait_a_little_and_go_together(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN, many(4)) as s:
        for number in range(4):
            await s.down(f"s{number}-1", every=0)
            await s.later(4)
        s.forget()
        await s.until(datetime(2026, 3, 5, 10, 4, 59))
        await s.later(45, step=1)
        for who in (NEXUS, LEADER):
            texts = [m.text for m in messages(s, who)]
            assert len(texts) == 1
            assert texts[0].startswith("4 systemer STADIG NEDE siden 10:00, ingen har kvitteret: s0 26-0001")
        s.forget()


async def test_one_is_reminded_so_often_within_an_hour_and_a_new_alarm_goes_all_the_same(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN, many(1, reminders_per_hour=3)) as s:
        await s.down("s0-1", every=0)
        s.forget()
        await s.later(1795)
        assert len([m for m in messages(s, NEXUS) if "STADIG" in m.text]) == 3
        s.forget()
        withheld = [ln for ln in s.timeline("withheld") if ln.reason == "too_many_reminders"]
        assert {ln.text for ln in withheld} == {
            f"{way} til {who}: påmindelse nok i denne time" for way in ("SMS", "mail") for who in ("Nexus", "Leder")
        }
        sample = s.engine.desk.metrics.registry.get_sample_value
        labels = {"channel": "sms", "route": "", "outcome": "withheld", "reason": "reminder"}
        assert sample("omsorgsvagt_notices_total", labels) == 4
        await s.down("noedkald-1", every=0)
        s.expect("nexus", "Noedkald NEDE")
        await s.up("noedkald-1")
        s.expect("nexus", "Noedkald OPPE IGEN")
        s.forget()
        await s.later(3600)
        assert len([m for m in messages(s, NEXUS) if "s0 STADIG" in m.text]) == 3, "the next hour's"
        s.forget()
        assert "too_many_reminders" not in s.engine.desk.ledger.withheld()


async def test_a_bundle_outlives_a_restart_and_is_not_put_together_twice(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN, many(5)) as s:
        answers = answering(s)
        for name in ("primary", "modem", "relay"):
            s.route(name).outcome = SendOutcome.TEMPORARY
        await all_of(s, Outcome.FAIL, 5)
        await s.restart(away=20)
        answers = answering(s)
        for name in ("primary", "modem", "relay"):
            s.route(name).outcome = SendOutcome.ACCEPTED
        await s.later(15, step=5)
        code = code_in(one(s, NEXUS).text)
        s.forget()
        await s.restart(away=20)
        answers = answering(s)
        await s.engine.turn()
        s.done()
        assert await answers.take(Reply("primary", NEXUS, f"OK {code}")) is Verdict.ACKNOWLEDGED
        await s.engine.turn()
        mine = [i.acknowledged for i in s.engine.desk.ledger.incidents.values() if i.system.startswith("s")]
        assert len(mine) == 5 and all(mine)
        s.forget()


async def test_a_member_whose_bundle_is_gone_goes_by_itself(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN, many(3)) as s:
        await all_of(s, Outcome.FAIL, 2)
        s.forget()
        notice = next(n for n in s.engine.desk.ledger.notices.values() if n.channel is SMS)
        new = replace(notice, id=NoticeId("x"), key="x", state=NoticeState.QUEUED, settled=None, route=None)
        lost = replace(new, bundle=NoticeId("gone"), text="alene")
        await s.store.save([lost])
        await s.restart()
        await s.engine.turn()
        assert [m.text for m in messages(s, notice.to)] == ["alene"]
        s.forget()


async def test_a_text_that_cannot_be_rendered_is_replaced_by_a_plain_one(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN, many(4)) as s:
        whole = s.engine.desk.texts.render

        class Broken:
            def render(self, kind: Kind, *rest: object, **more: object) -> object:
                if kind is Kind.BUNDLE:
                    raise KeyError("head")
                return whole(kind, *rest, **more)  # type: ignore[arg-type]

        s.engine.desk.texts = Broken()  # type: ignore[assignment]
        with structlog.testing.capture_logs():
            await all_of(s, Outcome.FAIL, 4)
        assert one(s, NEXUS).text.startswith("4 systemer NEDE siden 10:00: s0 26-0001, s1 26-0002")
        assert "26-0004  s3: NEDE" in one(s, "nexus@eksempel.example").text
        s.forget()


async def test_a_bundle_that_cannot_be_made_leaves_its_members_to_go_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN, many(3)) as s:

        def falls(*_: object) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr("monitor.engine.bundles.worst_first", falls)
        with structlog.testing.capture_logs():
            await all_of(s, Outcome.FAIL, 3)
        assert sorted(m.text.split()[0] for m in messages(s, NEXUS)) == ["s0", "s1", "s2"]
        assert any(about.startswith("bundle/") for about in s.engine.desk.sick_now())
        s.forget()


async def test_one_task_for_many_outages_is_one_message_with_its_own_words(tmp_path: Path) -> None:
    plan = many(3)
    chains = tuple(
        replace(c, steps=(*c.steps, step(60, "sektionsleder", task="region"))) if c.id == "nedbrud_dag" else c
        for c in plan.chains
    )
    async with story(tmp_path, THURSDAY_AT_TEN, replace(plan, chains=chains)) as s:
        await all_of(s, Outcome.FAIL, 3)
        s.forget()
        await s.later(60, step=5)
        text = s.expect("sektion")
        assert text == "OPGAVE for 3 hændelser: Ring til regionen 78412345. s0 26-0001, s1 26-0002, s2 26-0003."
        s.forget()


async def gathering(folder: Path, count: int) -> float:
    """CPU seconds for putting together what so many outages at once ask for, by two channels for two people."""
    async with story(folder, THURSDAY_AT_TEN, many(count)) as s:
        for turn in range(3):
            await s.later(5 if turn else 0)
            for number in range(count):
                s.hear(f"s{number}-1", Outcome.FAIL)
            s.hear("c1", Outcome.OK)
        await s.engine.ingest.turn()
        began = time.process_time()
        for sender in s.engine.senders.values():
            await sender.bundles.gather()
        took = time.process_time() - began
        assert len(bundles(s)) == 4
        return took


async def test_the_cost_grows_with_the_number_and_no_faster(tmp_path: Path) -> None:
    few, eight_times = await gathering(tmp_path / "few", 100), await gathering(tmp_path / "many", 800)
    assert eight_times < 24 * few + 0.5


def bundles(s: Story) -> list[Notice]:
    return [n for n in s.engine.desk.ledger.notices.values() if n.kind is Kind.BUNDLE]


async def test_a_bundle_nobody_takes_goes_by_the_other_channel_and_the_incidents_know(tmp_path: Path) -> None:
    by_sms = with_steps(many(3), "nedbrud_dag", step(0, "nexus_support"))
    async with story(tmp_path, THURSDAY_AT_TEN, by_sms) as s:
        for name in ("primary", "modem"):
            s.route(name).outcome = SendOutcome.REJECTED
        await all_of(s, Outcome.FAIL, 3)
        (mail,) = messages(s, "nexus@eksempel.example")
        assert "26-0003" in mail.text
        for incident in s.engine.desk.ledger.incidents.values():
            said = [ln.entry.value for ln in s.engine.desk.ledger.lines_of(incident.id)]
            assert "gave_up" in said
        assert ChannelName.SMS in {n.channel for n in bundles(s)}
        s.forget()
