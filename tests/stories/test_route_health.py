"""A way out that is broken is known before an alarm needs it, and told over what still works."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from monitor.core.finding import CheckName, Finding, Outcome
from monitor.core.plan import Plan
from monitor.core.state import Level
from monitor.engine.health import AGAIN, EVERY
from monitor.engine.snapshot import snapshot
from monitor.ports import Health, SendOutcome
from tests.support.plans import MAIL, SMS, small_plan, step, with_steps
from tests.support.story import Phone, Story, story

DAY = datetime(2026, 11, 23, 10, 0)
WELL, GONE, NOTHING = Health(True), Health(False, "ingen forbindelse"), Health(None)


def plan(credit_below: float = 0.0) -> Plan:
    """The small plan, its own lesser troubles told to somebody by SMS too, its first route with an account."""
    known = with_steps(small_plan(), "mindre_dag", step(0, "nexus_support", by=(MAIL,)), step(0, "it_drift"))
    first, *rest = known.routes
    return replace(known, routes=(replace(first, credit_below=credit_below), *rest))


async def looks(s: Story, times: int = 1) -> None:
    """Every route is looked at, so many times, and what follows is done."""
    for n in range(times):
        if n:
            await s.later(AGAIN)
        await s.engine.health.turn()
        await s.engine.turn()


def level(s: Story, route: str = "primary") -> Level | None:
    belief = s.engine.desk.ledger.beliefs.get(CheckName(f"alarmvej-{route}"))
    return belief.level if belief else None


async def test_a_route_that_is_gone_is_told_over_the_one_that_works(tmp_path: Path) -> None:
    async with story(tmp_path, DAY, plan()) as s:
        s.route("primary").well = GONE
        await looks(s, 2)

        assert s.incident.system == "alarmvej"
        assert "ingen forbindelse" in s.expect("it", "Alarmvejen", by="modem")
        s.expect("nexus", "Alarmvejen", channel=MAIL)
        assert s.route("primary").tried == []

        s.route("primary").well = WELL
        await looks(s)
        s.expect("it", "OPPE IGEN")
        s.expect("nexus", channel=MAIL)
        assert level(s) is Level.UP


async def test_one_look_that_fails_by_chance_is_nobody_s_business(tmp_path: Path) -> None:
    async with story(tmp_path, DAY, plan()) as s:
        for _ in range(3):
            s.route("primary").well = GONE
            await looks(s)
            s.route("primary").well = WELL
            await looks(s)
        assert s.engine.desk.ledger.incidents == {}


async def test_the_next_alarm_does_not_wait_for_a_route_known_to_be_gone(tmp_path: Path) -> None:
    async with story(tmp_path, DAY, plan()) as s:
        s.route("primary").well = GONE
        s.route("primary").hangs = True
        await looks(s, 2)
        s.forget()
        await s.engine.health.turn()
        await s.down("noedkald-1", every=0)
        s.expect("nexus", "NEDE", by="modem")
        assert s.route("primary").tried == []


async def test_a_route_that_refuses_texts_but_answers_looks_does_not_flap(tmp_path: Path) -> None:
    async with story(tmp_path, DAY, plan()) as s:
        s.route("primary").well, s.route("primary").outcome = WELL, SendOutcome.BROKEN
        await s.down("noedkald-1", every=0)
        s.expect("nexus", "NEDE", by="modem")
        s.expect("it", "Alarmvejen", by="modem")
        s.expect("nexus", "Alarmvejen", channel=MAIL)
        await looks(s, 3)
        assert level(s) is Level.DOWN
        s.done()

        # Two minutes without another refusal: the look is believed, and the all-clear shows it wrong.
        await s.later(120)
        await looks(s)
        assert level(s) is Level.DOWN
        s.expect("it", "Alarmvejen", "OPPE IGEN", by="modem")
        s.forget()
        for _ in range(10):
            await s.later(120)
            await looks(s)
        assert not [text for _, text in s.texts() if "OPPE IGEN" in text]

        s.route("primary").outcome = SendOutcome.ACCEPTED
        await s.later(1800)
        await looks(s)
        assert level(s) is Level.UP
        s.forget()


async def test_what_a_look_cannot_tell_clears_only_what_a_look_has_found(tmp_path: Path) -> None:
    async with story(tmp_path, DAY, plan()) as s:
        s.route("primary").well = GONE
        await looks(s, 2)
        assert level(s) is Level.DOWN
        s.route("primary").well = NOTHING
        await looks(s)
        assert level(s) is Level.UP

        s.route("primary").outcome = SendOutcome.BROKEN
        await s.down("noedkald-1", every=0)
        s.route("primary").outcome = SendOutcome.ACCEPTED
        await s.later(130)
        await looks(s)
        assert level(s) is Level.DOWN
        s.forget()


async def test_while_we_are_blind_a_route_over_our_own_line_is_not_blamed(tmp_path: Path) -> None:
    async with story(tmp_path, DAY, plan()) as s:
        s.route("primary").well = GONE
        await looks(s)
        assert {"c1", "c2"} <= set(s.urged)
        for _ in range(2):
            for name in ("c1", "c2"):
                s.engine.heard(Finding(CheckName(name), Outcome.FAIL, s.clock.at))
        await looks(s, 3)
        assert s.engine.desk.sight.blind
        assert level(s) is None
        s.forget()

        s.route("modem").well = GONE
        await looks(s, 2)
        assert level(s, "modem") is Level.DOWN
        s.forget()


async def test_every_sms_route_gone_is_the_worst_and_goes_by_mail(tmp_path: Path) -> None:
    both = with_steps(plan(), "egne", step(0, "it_drift", by=(SMS, MAIL)))
    async with story(tmp_path, DAY, both) as s:
        s.route("primary").well = s.route("modem").well = GONE
        s.route("primary").outcome = s.route("modem").outcome = SendOutcome.BROKEN
        await looks(s, 2)
        s.expect("it", "Alarmvejen", channel=MAIL)
        assert s.incident.severity.word == "down"
        s.forget()


async def test_low_credit_is_a_warning_of_its_own_and_is_told_once(tmp_path: Path) -> None:
    async with story(tmp_path, DAY, plan(credit_below=100)) as s:
        s.route("primary").well = Health(True, "saldo", 99.5)
        await looks(s, 3)
        assert (s.incident.system, s.incident.severity.word) == ("alarmvej", "advisory")
        assert level(s) is Level.UP
        assert "99.50" in s.expect("nexus", "Alarmvejen", channel=MAIL)
        s.expect("it", "Alarmvejen")
        shown = snapshot(s.engine, {}, lambda: ({}, {}))
        assert dict(shown.credits) == {("sms", "primary"): 99.5}

        s.route("primary").well = Health(True, "saldo", 500.0)
        await looks(s)
        s.expect("nexus", "Alarmvejen", channel=MAIL)
        s.forget()


@pytest.mark.parametrize("credit", [0.0, -5.0, None])
async def test_an_account_without_a_limit_is_not_watched(tmp_path: Path, credit: float | None) -> None:
    async with story(tmp_path, DAY, plan()) as s:
        s.route("primary").well = Health(True, "saldo", credit)
        await looks(s, 2)
        assert s.engine.desk.ledger.incidents == {}


class Late(Phone):
    """Its look is never answered."""

    async def health(self) -> Health:
        raise TimeoutError


class Falling(Phone):
    """Its look falls by a fault of its own."""

    async def health(self) -> Health:
        raise RuntimeError("a bug in the channel")


async def test_a_look_that_hangs_counts_and_one_that_falls_is_our_own_trouble(tmp_path: Path) -> None:
    async with story(tmp_path, DAY, plan()) as s:
        routes = s.engine.senders[s.plan.routes[0].channel].routes
        routes[s.plan.routes[0].name] = Late("primary")
        routes[s.plan.routes[1].name] = Falling("modem")
        await looks(s, 2)
        assert level(s) is Level.DOWN
        assert level(s, "modem") is not Level.DOWN
        assert s.engine.desk.sick_now() == ["look/modem"]
        s.forget()


async def test_a_route_that_could_not_be_built_is_found_without_an_alarm(tmp_path: Path) -> None:
    async with story(tmp_path, DAY, plan()) as s:
        del s.engine.senders[s.plan.routes[0].channel].routes[s.plan.routes[0].name]
        await looks(s, 2)
        assert "kunne ikke bygges" in s.expect("it", "Alarmvejen", by="modem")
        s.forget()


async def test_after_a_restart_a_look_waits_before_it_clears(tmp_path: Path) -> None:
    async with story(tmp_path, DAY, plan()) as s:
        s.route("primary").well, s.route("primary").outcome = WELL, SendOutcome.BROKEN
        await s.down("noedkald-1", every=0)
        s.forget()
        await s.mind()
        await s.restart(away=5)
        await looks(s)
        assert level(s) is Level.DOWN
        s.route("primary").outcome = SendOutcome.ACCEPTED
        await s.later(EVERY * 3)
        await looks(s)
        assert level(s) is Level.UP
        s.forget()


async def test_a_route_that_leaves_the_plan_is_forgotten(tmp_path: Path) -> None:
    async with story(tmp_path, DAY, plan(credit_below=100)) as s:
        s.route("primary").well = Health(True, "saldo", 500.0)
        await looks(s)
        await s.replan(replace(s.plan, routes=s.plan.routes[1:]))
        await s.engine.health.cycle()
        assert s.engine.health.credits == {}
