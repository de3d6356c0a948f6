"""Scenarios 17, 18, 22, 24: ways out that refuse, hang and fail: the next route, the other channel, our own alarm."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from monitor.core import words
from monitor.core.finding import Outcome
from monitor.core.plan import ChannelName, Plan, RouteInfo, RouteName, Severity
from monitor.core.records import NoticeState
from monitor.ports import Message, SendOutcome, Sent
from tests.support.plans import MAIL, SMS, small_plan, step, with_steps
from tests.support.story import Phone, Story, story

THURSDAY_AT_TEN = datetime(2026, 3, 5, 10, 0)
THURSDAY_NIGHT = datetime(2026, 3, 5, 23, 0)


def one_step(*channels: ChannelName) -> Plan:
    return with_steps(small_plan(), "nedbrud_dag", step(0, "nexus_support", by=channels))


def short_timeouts(plan: Plan) -> Plan:
    return replace(plan, routes=tuple(replace(route, timeout=0.05) for route in plan.routes))


@pytest.mark.parametrize("outcome", [SendOutcome.TEMPORARY, SendOutcome.BROKEN, SendOutcome.UNKNOWN])
async def test_a_route_that_fails_gives_way_to_the_next_and_opens_the_alarm_path_s_own_incident(
    tmp_path: Path, outcome: SendOutcome
) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        s.route("primary").outcome = outcome
        await s.down("noedkald-1")
        text = s.expect("nexus", "Noedkald NEDE", by="modem")
        assert text.endswith("(gentaget)") == (outcome is SendOutcome.UNKNOWN)
        s.expect("nexus", "Alarmvejen", "FORRINGET", channel=MAIL)
        path = s.incident_of("alarmvej")
        assert path is not None and path.severity is Severity.DEGRADED
        incident, lines, _ = await s.kept("26-0001")
        assert incident.system == "noedkald"
        tried = [ln.text for ln in lines if ln.entry.value in ("accepted", "not_accepted")]
        failed = f"SMS til Nexus ad primary: {words.OUTCOMES[outcome]} (svar: said)"
        assert tried == [failed, "SMS til Nexus ad modem"]
        s.route("primary").outcome = SendOutcome.ACCEPTED
        await s.later(300)
        s.expect("nexus", "STADIG NEDE", by="primary")
        s.expect("nexus", "Alarmvejen", "OPPE IGEN", channel=MAIL)


async def test_a_gateway_that_never_answers_is_left_within_its_limit(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN, short_timeouts(small_plan())) as s:
        s.route("primary").hangs = True
        await s.down("noedkald-1")
        s.expect("nexus", "Noedkald NEDE", "(gentaget)", by="modem")
        s.expect("nexus", "Alarmvejen", channel=MAIL)


class Falling(Phone):
    """A route with a fault of its own."""

    async def send(self, message: Message) -> Sent:
        raise RuntimeError("a bug in the channel")


async def test_a_channel_s_own_fault_stops_neither_this_notice_nor_the_others(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        s.engine.senders[SMS].routes[RouteName("primary")] = Falling("primary")
        await s.down("noedkald-1")
        s.expect("nexus", "Noedkald NEDE", by="modem")
        s.expect("nexus", "Alarmvejen", channel=MAIL)


async def test_a_route_that_could_not_be_built_is_said_and_passed_over(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        del s.engine.senders[SMS].routes[RouteName("primary")]
        await s.down("noedkald-1")
        text = s.expect("nexus", "Noedkald NEDE", by="modem")
        assert "gentaget" not in text
        s.expect("nexus", "Alarmvejen", channel=MAIL)


async def test_two_channels_one_failing_the_good_one_gets_exactly_one_and_the_other_its_one_later(
    tmp_path: Path,
) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN, one_step(SMS, MAIL)) as s:
        s.route("relay").outcome = SendOutcome.TEMPORARY
        await s.down("noedkald-1")
        s.expect("nexus", "Noedkald NEDE")
        await s.later(30, step=5)
        s.done()
        s.route("relay").outcome = SendOutcome.ACCEPTED
        await s.later(30, step=5)
        s.expect("nexus", "Noedkald er NEDE", channel=MAIL)
        s.forget()


async def test_no_sms_route_works_so_the_alarm_path_is_down_and_says_so_when_one_returns(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_NIGHT) as s:
        for name in ("primary", "modem"):
            s.route(name).outcome = SendOutcome.TEMPORARY
        await s.down("noedkald-1")
        path = s.incident_of("alarmvej")
        assert path is not None and path.severity is Severity.DOWN
        await s.later(40 * 60, step=5)
        s.done()
        s.route("modem").outcome = SendOutcome.ACCEPTED
        await s.later(6 * 60, step=5)
        for person in ("chef", "brand"):
            s.expect(person, "Noedkald NEDE siden 23:00")
        s.expect("it", "Alarmvejen NEDE")
        # Of the reminders that could not be sent, those still true are sent too; none is lost, none comes twice.
        s.forget()


async def test_a_short_outage_while_no_route_works_is_still_told_alarm_first(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN, one_step(SMS)) as s:
        for name in ("primary", "modem"):
            s.route(name).outcome = SendOutcome.TEMPORARY
        await s.down("noedkald-1")
        await s.up("noedkald-1")
        await s.later(20 * 60, step=20)
        for name in ("primary", "modem"):
            s.route(name).outcome = SendOutcome.ACCEPTED
        await s.later(10 * 60, step=5)
        got = [m.text for name in ("primary", "modem") for m in s.route(name).got if m.to == "+4500000001"]
        assert [("NEDE siden" in text, "OPPE IGEN" in text) for text in got] == [(True, False), (False, True)]
        s.forget()


async def test_an_all_clear_that_could_not_be_sent_is_dropped_when_the_outage_returns(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN, one_step(SMS)) as s:
        await s.down("noedkald-1")
        s.expect("nexus", "NEDE")
        for name in ("primary", "modem"):
            s.route(name).outcome = SendOutcome.TEMPORARY
        await s.up("noedkald-1")
        await s.later(60, step=5)
        for name in ("primary", "modem"):
            s.route(name).outcome = SendOutcome.ACCEPTED
        await s.down("noedkald-1", every=0)
        s.expect("nexus", "NEDE IGEN")
        await s.later(20 * 60)
        assert not [text for _, text in s.texts() if "Noedkald OPPE" in text]
        s.forget()
        await s.up("noedkald-1")
        s.expect("nexus", "Noedkald OPPE IGEN")


async def test_the_all_clear_is_retried_like_an_alarm(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN, one_step(SMS)) as s:
        await s.down("noedkald-1")
        s.expect("nexus", "NEDE")
        for name in ("primary", "modem"):
            s.route(name).outcome = SendOutcome.TEMPORARY
        await s.up("noedkald-1")
        await s.later(3 * 3600)
        s.forget()
        for name in ("primary", "modem"):
            s.route(name).outcome = SendOutcome.ACCEPTED
        await s.later(600)
        s.expect("nexus", "Noedkald OPPE IGEN 10:00")
        s.forget()


async def test_a_dead_number_is_told_by_mail_at_once_and_so_is_its_all_clear(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN, one_step(SMS)) as s:
        for name in ("primary", "modem"):
            s.route(name).outcome = SendOutcome.REJECTED
        await s.down("noedkald-1")
        s.expect("nexus", "Noedkald NEDE", channel=MAIL)
        assert s.incident_of("alarmvej") is None, "a refused recipient says nothing against the route"
        s.expect("it", "Nexus: nummeret, der ender på 0001,", channel=MAIL)
        s.expect("it", "It: nummeret, der ender på 0006,", channel=MAIL)
        gave_up = s.timeline("gave_up")
        assert [(ln.who, ln.reason) for ln in gave_up] == [("Nexus", "rejected_everywhere")]
        await s.up("noedkald-1")
        s.expect("nexus", "OPPE IGEN", channel=MAIL)


async def test_a_dead_mailbox_is_told_by_sms_in_one_short_text(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        s.route("relay").outcome = SendOutcome.REJECTED
        await s.down("noedkald-1", outcome=Outcome.WARN)
        assert len(s.expect("nexus", "Noedkald", "FORRINGET", "26-0001")) <= 160
        s.expect("it", "Nexus: mailadressen virker ikke")
        s.expect("it", "It: mailadressen virker ikke")
        await s.up("noedkald-1")
        assert len(s.expect("nexus", "OPPE IGEN", "Noedkald")) <= 160


async def test_who_is_told_by_both_is_not_told_twice_by_the_one_that_works(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN, one_step(SMS, MAIL)) as s:
        for name in ("primary", "modem"):
            s.route(name).outcome = SendOutcome.REJECTED
        await s.down("noedkald-1")
        s.expect("nexus", "Noedkald", channel=MAIL)
        s.expect("it", "Nexus: nummeret", channel=MAIL)
        s.expect("it", "It: nummeret", channel=MAIL)


async def test_a_second_step_that_cannot_reach_the_phone_is_not_taken_for_the_first_one_s_mail(tmp_path: Path) -> None:
    plan = with_steps(
        small_plan(), "nedbrud_dag", step(0, "nexus_support", by=(SMS, MAIL)), step(600, "nexus_support", by=(SMS,))
    )
    async with story(tmp_path, THURSDAY_AT_TEN, plan) as s:
        await s.down("noedkald-1")
        s.expect("nexus", "Noedkald NEDE")
        s.expect("nexus", "Noedkald", channel=MAIL)
        for name in ("primary", "modem"):
            s.route(name).outcome = SendOutcome.REJECTED
        await s.later(600)
        s.expect("nexus", "Noedkald", channel=MAIL)
        s.expect("it", "Nexus: nummeret", channel=MAIL)
        s.expect("it", "It: nummeret", channel=MAIL)


async def sent_of(s: Story, number: str) -> list[tuple[str, NoticeState]]:
    _, _, notices = await s.kept(number)
    return [(f"{n.kind}/{n.person}/{n.channel}", n.state) for n in notices]


async def test_a_reminder_still_unsent_when_somebody_has_answered_is_not_sent(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        await s.down("noedkald-1")
        s.expect("nexus", "NEDE")
        for name in ("primary", "modem"):
            s.route(name).outcome = SendOutcome.TEMPORARY
        await s.later(301)
        await s.acknowledge(number="26-0001")
        for name in ("primary", "modem"):
            s.route(name).outcome = SendOutcome.ACCEPTED
        await s.later(60)
        assert ("reminder/nexus/sms", NoticeState.FAILED) in await sent_of(s, "26-0001")
        assert not [text for _, text in s.texts() if "STADIG" in text]
        s.forget()


async def test_one_sick_route_does_not_cost_every_notice_its_timeout(tmp_path: Path) -> None:
    plan = with_steps(
        short_timeouts(small_plan()),
        "nedbrud_dag",
        *[step(0, role) for role in ("nexus_support", "afdelingsledelse", "afdelingschef", "sektionsleder")],
        *[step(1, role) for role in ("nexus_support", "afdelingsledelse", "afdelingschef", "sektionsleder")],
    )
    async with story(tmp_path, THURSDAY_AT_TEN, plan) as s:
        s.route("primary").hangs = True
        await s.down("noedkald-1")
        assert len(s.route("primary").tried) == 4
        await s.later(1)
        assert len(s.route("primary").tried) == 4
        assert len(s.route("modem").got) == 8
        await s.later(40)
        s.forget()


async def test_a_new_route_in_a_new_plan_takes_what_waits_at_once(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN, one_step(SMS)) as s:
        for name in ("primary", "modem"):
            s.route(name).outcome = SendOutcome.TEMPORARY
        await s.down("noedkald-1")
        await s.later(600)
        s.forget()
        plan = replace(s.plan, routes=(*s.plan.routes, RouteInfo(RouteName("new"), SMS)))
        await s.replan(plan)
        s.expect("nexus", "Noedkald NEDE siden 10:00", by="new")
        s.forget()


async def test_a_route_that_failed_is_tried_by_what_tells_of_it_until_it_is_well(tmp_path: Path) -> None:
    """The modem failed once while the gateway was gone; with the gateway back nothing else would ever try it."""
    plan = with_steps(one_step(SMS), "egne", step(0, "it_drift", repeat=600.0))
    async with story(tmp_path, THURSDAY_AT_TEN, plan) as s:
        s.route("primary").outcome = s.route("modem").outcome = SendOutcome.TEMPORARY
        await s.down("noedkald-1")
        s.route("primary").outcome = SendOutcome.ACCEPTED
        await s.later(600, step=5)
        s.forget()
        path = s.incident_of("alarmvej")
        assert path is not None and path.active
        s.route("modem").outcome = SendOutcome.ACCEPTED
        await s.later(900, step=5)
        s.expect("it", "Alarmvejen STADIG", by="modem")
        s.expect("it", "Alarmvejen OPPE IGEN")
        s.forget()


async def test_of_two_ends_that_could_not_be_told_only_the_last_one_is(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN, one_step(SMS)) as s:
        for name in ("primary", "modem"):
            s.route(name).outcome = SendOutcome.TEMPORARY
        for _ in range(2):
            await s.down("noedkald-1")
            await s.up("noedkald-1")
        for name in ("primary", "modem"):
            s.route(name).outcome = SendOutcome.ACCEPTED
        await s.later(120, step=5)
        mine = [text for to, text in s.texts() if "Noedkald" in text]
        assert [("OPPE" in text, "IGEN siden" in text) for text in mine].count((True, False)) == 1
        assert "OPPE" in mine[-1]
        s.forget()
