"""Scenarios 17, 21, 24: a carrier that takes a text and stays silent; receipts in every order; dead numbers."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from monitor.core.finding import CheckName, Outcome
from monitor.core.ladder import rung
from monitor.core.plan import ChannelName, Plan
from monitor.core.receipts import Delivery
from monitor.core.records import Notice
from monitor.core.state import Level
from monitor.engine.receipts import Verdict
from monitor.ports import SendOutcome
from tests.support.carriers import CarrierStory, carriers, telling
from tests.support.plans import MAIL, SMS, small_plan, step, with_steps

THURSDAY_AT_TEN = datetime(2026, 3, 5, 10, 0)


def one_step(*channels: ChannelName) -> Plan:
    return with_steps(small_plan(), "nedbrud_dag", step(0, "nexus_support", by=channels))


def two_steps(*channels: ChannelName) -> Plan:
    steps = [step(0, "nexus_support", by=channels), step(600, "afdelingsledelse"), step(900, "sektionsleder")]
    return with_steps(small_plan(), "nedbrud_dag", *steps)


async def notices(s: CarrierStory) -> list[Notice]:
    _, _, found = await s.kept(s.engine.desk.ledger.by_system["noedkald"].number)  # type: ignore[index]
    return list(found)


async def rungs(s: CarrierStory) -> list[str]:
    return [f"{n.person}/{n.channel}/{rung(n)}" for n in await notices(s)]


def said(s: CarrierStory, entry: str) -> list[str]:
    incident = s.incident_of("noedkald")
    assert incident is not None
    return [ln.text for ln in s.engine.desk.ledger.lines_of(incident.id) if ln.entry.value == entry]


async def test_a_receipt_in_time_and_nobody_else_is_told(tmp_path: Path) -> None:
    async with carriers(tmp_path, THURSDAY_AT_TEN, telling(two_steps(SMS))) as s:
        await s.down("noedkald-1")
        s.expect("nexus", "Noedkald NEDE")
        await s.later(59, step=1)
        assert await s.receipt("primary") is Verdict.TAKEN
        await s.later(400)
        assert await rungs(s) == ["nexus/sms/delivered"]
        assert said(s, "delivered") == ["SMS til Nexus ad primary"]


async def test_a_silent_carrier_is_followed_by_the_other_route_the_other_channel_and_the_next_person(
    tmp_path: Path,
) -> None:
    async with carriers(tmp_path, THURSDAY_AT_TEN, telling(two_steps(SMS), "primary")) as s:
        await s.down("noedkald-1")
        s.expect("nexus", "Noedkald NEDE", by="primary")
        await s.later(59, step=1)
        s.done()
        await s.later(1, step=1)
        assert s.expect("nexus", "Noedkald NEDE", by="modem").endswith("(gentaget)")
        s.expect("nexus", "Noedkald NEDE", channel=MAIL)
        s.expect("leder", "Noedkald NEDE")
        s.done()
        assert said(s, "overdue")[0] == "SMS til Nexus ad primary: ingen kvittering efter 60 sek"
        assert "Nexus support: ingen er nået, næste trin går i gang nu" in said(s, "overdue")


async def test_the_steps_after_move_up_by_as_much_and_nobody_is_told_twice(tmp_path: Path) -> None:
    async with carriers(tmp_path, THURSDAY_AT_TEN, telling(two_steps(SMS), "primary")) as s:
        await s.down("noedkald-1")
        await s.later(61, step=1)
        s.forget()
        await s.receipt("primary")
        await s.later(298, step=1)
        s.done()
        await s.later(2, step=1)
        s.expect("sektion", "Noedkald NEDE")
        await s.receipt("primary")
        await s.later(1000)
        assert await rungs(s) == [
            "nexus/sms/overdue",
            "nexus/sms/accepted",
            "nexus/mail/accepted",
            "leder/sms/delivered",
            "sektion/sms/delivered",
        ]


@pytest.mark.parametrize("late", [90, 3_900])
async def test_a_late_receipt_is_kept_and_neither_undoes_nor_repeats_anything(tmp_path: Path, late: float) -> None:
    async with carriers(tmp_path, THURSDAY_AT_TEN, telling(one_step(SMS), "primary")) as s:
        await s.down("noedkald-1")
        await s.later(late)
        s.expect("nexus", by="primary")
        s.expect("nexus", by="modem")
        s.expect("nexus", channel=MAIL)
        assert await s.receipt("primary") is Verdict.TAKEN
        assert await s.receipt("primary") is Verdict.ALREADY
        await s.later(120, step=5)
        assert (await rungs(s))[0] == "nexus/sms/delivered"


async def test_each_route_repeats_at_most_once(tmp_path: Path) -> None:
    async with carriers(tmp_path, THURSDAY_AT_TEN, telling(one_step(SMS))) as s:
        await s.down("noedkald-1")
        await s.later(1800, step=5)
        assert [len(s.carrier(name).ids) for name in ("primary", "modem", "relay")] == [1, 1, 1]
        s.forget()
        s.done()


async def test_a_route_without_receipts_is_believed(tmp_path: Path) -> None:
    async with carriers(tmp_path, THURSDAY_AT_TEN, two_steps(SMS)) as s:
        await s.down("noedkald-1")
        s.expect("nexus", "NEDE")
        await s.later(590)
        assert await rungs(s) == ["nexus/sms/accepted"]


async def test_a_mail_beside_a_silent_phone_does_not_hold_the_next_person_back(tmp_path: Path) -> None:
    async with carriers(tmp_path, THURSDAY_AT_TEN, telling(two_steps(SMS, MAIL), "primary")) as s:
        await s.down("noedkald-1")
        await s.later(60, step=1)
        assert [m.to for m in s.carrier("relay").got] == ["nexus@eksempel.example"], "no second mail"
        s.expect("leder", "Noedkald NEDE")
        s.forget()


async def test_a_phone_that_is_off_is_mended_at_once(tmp_path: Path) -> None:
    async with carriers(tmp_path, THURSDAY_AT_TEN, telling(two_steps(SMS))) as s:
        await s.down("noedkald-1")
        s.expect("nexus", by="primary")
        assert await s.receipt("primary", Delivery.EXPIRED, said="absent subscriber") is Verdict.TAKEN
        s.expect("nexus", "(gentaget)", by="modem")
        s.expect("nexus", channel=MAIL)
        s.expect("leder", "NEDE")
        assert said(s, "not_delivered") == [
            "SMS til Nexus ad primary: telefonen kunne ikke nås i tide (svar: absent subscriber)"
        ]
        assert await s.receipt("primary", Delivery.EXPIRED, nth=0, said="absent subscriber") is Verdict.ALREADY
        assert await s.receipt("primary", Delivery.UNDERWAY, nth=0) is Verdict.LATE
        await s.receipt("modem")
        await s.receipt("primary")
        await s.later(100, step=5)


async def test_a_dead_number_is_told_by_mail_flagged_and_its_owner_told_once(tmp_path: Path) -> None:
    async with carriers(tmp_path, THURSDAY_AT_TEN, telling(two_steps(SMS))) as s:
        await s.down("noedkald-1")
        s.expect("nexus", by="primary")
        await s.receipt("primary", Delivery.REFUSED, said="unknown subscriber 4500000001")
        s.expect("nexus", "Noedkald NEDE", channel=MAIL)
        s.expect("leder", "Noedkald NEDE", by="primary")
        text = s.expect("it", "Nexus: nummeret, der ender på 0001, virker ikke")
        assert "4500000001" not in text
        s.expect("it", "En adresse i planen virker ikke", channel=MAIL)
        await s.receipt("primary", nth=1)
        await s.later(50, step=5)
        assert said(s, "not_delivered") == [
            "SMS til Nexus ad primary: adressen findes ikke mere (svar: unknown subscriber …)"
        ]
        assert s.engine.desk.ledger.flags.counted() == {"sms": 1, "mail": 0}
        s.done()
        await s.restart()
        await s.down("phoniro-1")
        s.expect("nexus", "Phoniro NEDE", channel=MAIL)
        s.expect("leder", "Phoniro NEDE")
        await s.up("phoniro-1")
        s.expect("nexus", "Phoniro er oppe", channel=MAIL)
        s.expect("leder", "Phoniro OPPE")
        s.done()


async def test_a_flagged_number_without_another_channel_is_still_tried_and_a_delivery_clears_it(tmp_path: Path) -> None:
    plan = telling(one_step(SMS))
    people = {ident: replace(who, mail="") for ident, who in plan.people.items()}
    async with carriers(tmp_path, THURSDAY_AT_TEN, replace(plan, people=people)) as s:
        await s.down("noedkald-1")
        await s.receipt("primary", Delivery.REFUSED)
        s.forget()
        await s.down("phoniro-1")
        s.expect("nexus", "Phoniro NEDE", by="primary")
        assert s.engine.desk.ledger.flags.rows
        await s.receipt("primary")
        assert not s.engine.desk.ledger.flags.rows
        assert await s.store.flagged() == ()
        await s.receipt("primary", nth=1)
        s.forget()


async def test_a_new_plan_with_another_number_takes_the_flag_off(tmp_path: Path) -> None:
    async with carriers(tmp_path, THURSDAY_AT_TEN, telling(one_step(SMS))) as s:
        await s.down("noedkald-1")
        await s.receipt("primary", Delivery.REFUSED)
        s.forget()
        people = {k: replace(p, sms="+4500000077") if p.id == "nexus" else p for k, p in s.plan.people.items()}
        await s.replan(replace(s.plan, people=people))
        assert not s.engine.desk.ledger.flags.rows
        await s.up("noedkald-1")
        s.expect("nexus", "OPPE", channel=MAIL)
        s.forget()


async def test_two_phones_without_a_receipt_make_the_route_a_failing_one_until_it_is_heard(tmp_path: Path) -> None:
    async with carriers(tmp_path, THURSDAY_AT_TEN, telling(two_steps(SMS), "primary")) as s:
        await s.down("noedkald-1")
        await s.later(60, step=1)
        assert s.incident_of("alarmvej") is None, "one phone that is off says nothing against the carrier"
        await s.later(60, step=1)
        path = s.incident_of("alarmvej")
        assert path is not None and "kvitteringer udebliver" in path.cause
        s.forget()
        await s.down("phoniro-1")
        s.expect("nexus", "Phoniro NEDE", by="modem")
        await s.receipt("primary", Delivery.UNDERWAY)
        s.expect("nexus", "Alarmvejen", "OPPE", channel=MAIL)
        s.forget()


async def test_a_silent_route_stays_one_over_a_restart_and_taking_texts_does_not_make_it_well(tmp_path: Path) -> None:
    async with carriers(tmp_path, THURSDAY_AT_TEN, telling(two_steps(SMS), "primary")) as s:
        await s.down("noedkald-1")
        await s.later(120, step=1)
        await s.restart()
        await s.later(120, step=5)
        s.forget()
        await s.down("phoniro-1")
        s.expect("nexus", "Phoniro NEDE", by="modem")
        s.route("modem").outcome = SendOutcome.TEMPORARY
        await s.down("medicoteknik-1")
        s.expect("nexus", "Medicoteknik NEDE", by="primary")
        assert s.engine.desk.silence.silent() == {"primary"}
        assert s.engine.desk.ledger.beliefs[CheckName("alarmvej-primary")].level is Level.DOWN
        s.forget()


async def test_of_an_outage_that_is_over_only_the_all_clear_is_mended(tmp_path: Path) -> None:
    async with carriers(tmp_path, THURSDAY_AT_TEN, telling(two_steps(SMS), "primary")) as s:
        await s.down("noedkald-1")
        await s.up("noedkald-1")
        s.expect("nexus", "NEDE", by="primary")
        s.expect("nexus", "OPPE", by="primary")
        await s.later(120, step=5)
        s.expect("nexus", "OPPE", "(gentaget)", by="modem")
        s.expect("nexus", "OPPE", channel=MAIL)
        s.done()


async def test_a_repeat_that_cannot_be_sent_holds_no_all_clear_up(tmp_path: Path) -> None:
    async with carriers(tmp_path, THURSDAY_AT_TEN, telling(one_step(SMS), "primary")) as s:
        await s.down("noedkald-1")
        s.route("modem").outcome = SendOutcome.TEMPORARY
        await s.later(61, step=1)
        s.forget()
        await s.up("noedkald-1")
        s.expect("nexus", "Noedkald OPPE", by="primary")
        s.forget()
        await s.later(30, step=5)
        s.forget()


async def test_killed_at_any_time_it_goes_on_and_tells_nobody_twice(tmp_path: Path) -> None:
    async with carriers(tmp_path, THURSDAY_AT_TEN, telling(two_steps(SMS), "primary")) as s:
        await s.down("noedkald-1")
        await s.restart(away=20)
        await s.later(30, step=1)
        await s.restart(away=30)
        await s.engine.turn()
        await s.restart()
        await s.later(20, step=1)
        for phone in ("primary", "modem", "relay"):
            assert [m.to for m in s.route(phone).got].count(s.plan.people["nexus"].address(SMS)) <= 1  # type: ignore[index]
        s.expect("nexus", by="primary")
        s.expect("nexus", "(gentaget)", by="modem")
        s.expect("nexus", channel=MAIL)
        s.expect("leder", "NEDE")
        await s.receipt("primary")
        assert await s.receipt("primary", nth=0) is Verdict.TAKEN, "known after a restart as before"
        s.done()


async def test_killed_between_the_decision_and_the_sending(tmp_path: Path) -> None:
    async with carriers(tmp_path, THURSDAY_AT_TEN, telling(two_steps(SMS), "primary")) as s:
        await s.down("noedkald-1")
        s.expect("nexus", by="primary")
        await s.later(59, step=1)
        s.clock.at += timedelta(seconds=1)
        await s.engine.ladder.turn()
        s.done()
        await s.restart(away=5)
        await s.engine.turn()
        s.expect("nexus", "(gentaget)", by="modem")
        s.expect("nexus", channel=MAIL)
        s.expect("leder", "NEDE")
        await s.receipt("primary")


async def test_who_has_answered_counts_as_reached_though_no_receipt_comes(tmp_path: Path) -> None:
    async with carriers(tmp_path, THURSDAY_AT_TEN, telling(two_steps(SMS, MAIL))) as s:
        await s.down("noedkald-1")
        s.forget()
        await s.later(30, step=5)
        await s.acknowledge("Nexus")
        assert await rungs(s) == ["nexus/sms/acknowledged", "nexus/mail/acknowledged"]
        await s.later(600)
        assert [f"{n.kind}" for n in await notices(s) if n.person == "nexus"] == ["alarm", "alarm"]
        metrics = s.engine.desk.metrics.registry
        for rung_of in ("seen", "acknowledged"):
            labels = {"channel": "sms", "rung": rung_of}
            assert metrics.get_sample_value("omsorgsvagt_notice_delivery_seconds_count", labels) == 1
        s.forget()


async def test_a_dead_number_is_tried_afresh_half_a_day_later(tmp_path: Path) -> None:
    async with carriers(tmp_path, THURSDAY_AT_TEN, telling(one_step(SMS))) as s:
        await s.down("noedkald-1")
        await s.receipt("primary", Delivery.REFUSED)
        await s.up("noedkald-1")
        s.forget()
        s.clock.at += timedelta(hours=23)
        await s.down("phoniro-1")
        s.expect("nexus", "Phoniro NEDE", by="primary")
        await s.receipt("primary", Delivery.REFUSED)
        s.expect("nexus", "Phoniro", channel=MAIL)
        assert not [m for m in s.carrier("relay").got if "En adresse" in m.subject], "the owner knows already"
        s.forget()


async def test_a_bundle_climbs_for_all_that_is_in_it(tmp_path: Path) -> None:
    async with carriers(tmp_path, THURSDAY_AT_TEN, telling(two_steps(SMS), "primary")) as s:
        checks = ("noedkald-1", "phoniro-1", "omsorgssystem-1", "medicoteknik-1")
        for check in checks:
            for _ in range(2):
                s.hear(check, Outcome.FAIL)
        await s.engine.turn()
        for check in checks:
            s.hear(check, Outcome.FAIL)
        await s.canaries(Outcome.OK)
        await s.engine.turn()
        sent = [m for m in s.carrier("primary").got if m.to == "+4500000001"]
        assert len(sent) == 1, "one message of four outages"
        await s.later(61, step=1)
        again = [m for m in s.carrier("modem").got if m.to == "+4500000001"]
        assert [m.text.endswith("(gentaget)") for m in again] == [True]
        assert len([m for m in s.carrier("relay").got if m.to == "nexus@eksempel.example"]) == 1
        called = [m for m in s.carrier("primary").got if m.to == "+4500000002"]
        assert called, "the next person, for each outage in it"
        assert await s.receipt("primary", nth=0) is Verdict.TAKEN
        found = [n for n in s.engine.desk.ledger.notices.values() if n.person == "nexus" and n.bundle is not None]
        assert {(n.delivered is not None, n.overdue is not None) for n in found} == {(True, True)}
        s.forget()
