"""Scenarios 6, 7, 8: certificates, blindness, and probes that could not be made from our side."""

from datetime import datetime
from pathlib import Path

import pytest

from monitor.core.finding import CheckName, Outcome, Reason
from monitor.core.plan import Plan, Severity
from monitor.core.state import State
from tests.support.plans import CARE, MAIL, small_plan, with_check
from tests.support.story import Story, story

THURSDAY_AT_TEN = datetime(2026, 3, 5, 10, 0)
CARE_CHECKS = [f"{name}-1" for name in sorted(CARE)]


def with_certificate() -> Plan:
    return with_check(small_plan(), "noedkald", "cert", confirm=1, recover=1, warn_means=Severity.ADVISORY)


async def certificate(s: Story, grade: int) -> None:
    await s.find("cert", Outcome.WARN, Reason.CERTIFICATE_EXPIRES, grade=grade)


async def test_a_certificate_that_expires_is_told_at_21_7_and_1_days_in_the_daytime_only(tmp_path: Path) -> None:
    async with story(tmp_path, datetime(2026, 3, 5, 22, 0), with_certificate()) as s:
        await certificate(s, 1)
        await s.until(datetime(2026, 3, 6, 7, 59))
        s.done()
        assert [ln.reason for ln in s.timeline("withheld")] == ["outside_period"]
        await s.until(datetime(2026, 3, 6, 8, 0))
        s.expect("nexus", "ADVARSEL", channel=MAIL)
        for day in range(7, 19):
            await s.later(60, step=60)
            s.clock.at = s.clock.at.replace(day=day)
            await certificate(s, 1)
        s.forget()
        s.clock.at = s.clock.at.replace(day=20, hour=9)
        await certificate(s, 2)
        s.expect("nexus", "FORVÆRRET", channel=MAIL)
        await certificate(s, 2)
        s.done()
        s.clock.at = s.clock.at.replace(day=26, hour=2)
        await certificate(s, 3)
        s.done()
        await s.until(datetime(2026, 3, 26, 8, 0))
        s.expect("nexus", "FORVÆRRET", channel=MAIL)
        assert s.incident.severity is Severity.ADVISORY


async def test_a_certificate_that_has_expired_is_an_outage_and_no_longer_waits_for_the_day(tmp_path: Path) -> None:
    async with story(tmp_path, datetime(2026, 3, 5, 22, 0), with_certificate()) as s:
        await certificate(s, 3)
        await s.find("cert", Outcome.FAIL, Reason.CERTIFICATE_EXPIRED)
        await s.canaries(Outcome.OK)
        s.expect("chef", "NEDE", "FORVÆRRET")
        s.expect("brand", "NEDE", "FORVÆRRET")


async def everything_fails(s: Story, *, rounds: int = 5) -> None:
    for _ in range(rounds):
        for check in CARE_CHECKS:
            await s.find(check, Outcome.FAIL, Reason.TIMEOUT)
        await s.canaries(Outcome.FAIL)
        await s.later(5)


async def test_our_own_line_dead_is_one_incident_told_over_the_independent_route(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        for check in (*CARE_CHECKS, "c1", "c2"):
            await s.find(check, Outcome.OK)
        await s.later(5)
        await everything_fails(s)
        s.expect("it", "Vores linje NEDE", by="modem")
        assert s.incident.system == "egen_linje"
        states = {s.engine.desk.ledger.beliefs[CheckName(check)].state for check in CARE_CHECKS}
        assert states == {State.UNKNOWN}
        await s.later(600)
        s.done()
        for _ in range(2):
            await s.canaries(Outcome.OK)
            for check in CARE_CHECKS:
                await s.find(check, Outcome.OK)
            await s.later(5)
        s.expect("it", "OPPE IGEN")


async def test_a_check_that_judges_mildly_does_not_alarm_while_we_are_blind(tmp_path: Path) -> None:
    """Outside its windows Phoniro unreached is a warning; over a dead line of ours it is nothing of Phoniro's."""
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        for check in ("phoniro-1", "c1", "c2"):
            await s.find(check, Outcome.OK)
        await s.later(5)
        for _ in range(5):
            await s.find("phoniro-1", Outcome.WARN, Reason.REFUSED)
            await s.canaries(Outcome.FAIL)
            await s.later(5)
        s.expect("it", "Vores linje NEDE", by="modem")
        assert s.incident.system == "egen_linje"
        assert s.engine.desk.ledger.beliefs[CheckName("phoniro-1")].state is State.UNKNOWN


async def test_a_mild_judgement_over_a_live_line_is_told_as_ever(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        await s.canaries(Outcome.OK)
        for _ in range(3):
            await s.find("phoniro-1", Outcome.WARN, Reason.REFUSED)
            await s.canaries(Outcome.OK)
            await s.later(5)
        s.expect("nexus", "FORRINGET", channel=MAIL)


async def test_our_own_resolver_dead_is_the_same(tmp_path: Path) -> None:
    """The probes themselves say that it is our side, and so do the canaries."""
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        await s.canaries(Outcome.OK)
        for _ in range(4):
            await s.later(5)
            for check in (*CARE_CHECKS, "c1", "c2"):
                await s.find(check, Outcome.UNKNOWN, Reason.RESOLVER)
            await s.mind()
        s.expect("it", "Vores linje NEDE")
        assert s.incident.system == "egen_linje"


async def test_what_fails_before_the_line_does_is_told_though_we_go_blind(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        await s.down("noedkald-1")
        s.expect("nexus", "Noedkald NEDE")
        await everything_fails(s)
        s.expect("it", "Vores linje NEDE")
        noedkald = s.incident_of("noedkald")
        assert noedkald is not None and noedkald.active
        assert "vi kan ikke se ud" not in noedkald.cause


async def test_a_real_outage_is_believed_once_a_canary_has_answered(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        await s.canaries(Outcome.OK)
        await s.later(5)
        for _ in range(4):
            await s.find("noedkald-1", Outcome.FAIL)
            await s.later(2)
        s.done()
        assert {"c1", "c2"} <= set(s.urged)
        await s.find("c1", Outcome.FAIL)
        s.done()
        await s.find("c2", Outcome.OK)
        s.expect("nexus", "Noedkald NEDE siden 10:00")


async def test_canaries_that_never_answer_hold_an_alarm_back_for_a_short_while_only(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        await s.canaries(Outcome.OK)
        await s.later(5)
        for _ in range(3):
            await s.find("noedkald-1", Outcome.FAIL)
            await s.later(5)
        s.done()
        await s.later(30, step=1)
        s.expect("nexus", "Noedkald NEDE siden 10:00")


async def test_canaries_that_come_and_go_do_not_silence_a_real_outage(tmp_path: Path) -> None:
    """Our own line is never confirmed to be gone, so nobody would hear anything."""
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        for turn in range(14):
            await s.canaries(Outcome.OK if turn % 2 else Outcome.FAIL)
            await s.later(4)
            await s.find("noedkald-1", Outcome.FAIL)
            await s.later(1)
        assert s.incident.system == "noedkald"
        s.expect("nexus", "Noedkald NEDE")


async def test_canaries_that_cannot_look_do_not_silence_a_real_outage(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        for turn in range(14):
            for canary in ("c1", "c2"):
                await s.find(canary, Outcome.UNKNOWN, Reason.INTERNAL)
            if turn > 2:
                await s.find("noedkald-1", Outcome.FAIL)
            await s.later(5)
        s.expect("nexus", "Noedkald NEDE")
        assert s.incident_of("egen_linje") is None


async def test_what_waited_for_a_canary_is_dropped_when_the_check_is_well_again(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        await s.later(1)
        for _ in range(3):
            await s.find("noedkald-1", Outcome.FAIL)
        await s.find("noedkald-1", Outcome.OK)
        await s.canaries(Outcome.OK)
        belief = s.engine.desk.ledger.beliefs[CheckName("noedkald-1")]
        assert (belief.state, belief.fails.count) == (State.UP, 0)


async def test_failures_seen_while_blind_prove_nothing_afterwards(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        await s.canaries(Outcome.OK)
        await s.later(5)
        await everything_fails(s, rounds=3)
        s.expect("it", "Vores linje NEDE")
        await s.later(5)
        for _ in range(2):
            await s.canaries(Outcome.OK)
            await s.find("noedkald-1", Outcome.FAIL)
            await s.later(5)
        s.expect("it", "OPPE IGEN")
        s.done()
        await s.find("noedkald-1", Outcome.FAIL)
        s.expect("nexus", "Noedkald NEDE")


@pytest.mark.parametrize("reason", [Reason.CREDENTIALS, Reason.SECRET, Reason.INTERNAL, Reason.NO_ROUTE])
async def test_a_probe_we_cannot_make_is_told_to_the_daytime_and_never_as_an_outage(
    tmp_path: Path, reason: Reason
) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        for _ in range(3):
            await s.find("omsorgssystem-1", Outcome.UNKNOWN, reason)
            await s.canaries(Outcome.OK)
            await s.later(5)
        await s.mind()
        text = s.expect("nexus", "Omsorgsvagt selv", channel=MAIL)
        assert "overvågningen dækker ikke" in text.lower()
        assert s.incident.system == "vagten"
        assert s.incident.severity is Severity.ADVISORY
        await s.find("omsorgssystem-1", Outcome.OK)
        await s.mind()
        s.expect("nexus", "OPPE IGEN", channel=MAIL)


async def test_many_checks_losing_their_credentials_are_told_once_and_again_when_doubled(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        for check in CARE_CHECKS:
            for _ in range(3):
                await s.find(check, Outcome.UNKNOWN, Reason.CREDENTIALS)
            await s.mind()
        for words in (["ADVARSEL"], ["FORVÆRRET"], ["FORVÆRRET"]):
            s.expect("nexus", "Omsorgsvagt selv", *words, channel=MAIL)


async def test_a_refused_login_is_not_tried_again_at_once_for_ever(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        rests = [await s.find("omsorgssystem-1", Outcome.UNKNOWN, Reason.CREDENTIALS) for _ in range(4)]
        assert rests == [False, False, True, True]
