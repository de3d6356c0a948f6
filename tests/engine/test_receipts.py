"""Scenario 21: receipts early, late, twice, out of order, strange and hostile: a verdict each, and no harm."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.ladder import rung
from monitor.core.receipts import Delivery, Receipt
from monitor.core.records import Attempt, AttemptId, Notice, NoticeId
from monitor.engine.early import KEPT, MOST, Early
from monitor.engine.receipts import Receipts, Verdict, _word
from monitor.ports import Message, SendOutcome, Sent
from tests.support.carriers import Carrier, CarrierStory, carriers, telling
from tests.support.plans import MAIL, SMS, small_plan, step, with_steps

THURSDAY_AT_TEN = datetime(2026, 3, 5, 10, 0)
PLAN = telling(with_steps(small_plan(), "nedbrud_dag", step(0, "nexus_support")))
DELIVERED, EXPIRED, REFUSED, UNDERWAY = Delivery.DELIVERED, Delivery.EXPIRED, Delivery.REFUSED, Delivery.UNDERWAY


@pytest.fixture
async def s(tmp_path: Path) -> AsyncIterator[CarrierStory]:
    """An outage the gateway has just taken one text of."""
    async with carriers(tmp_path, THURSDAY_AT_TEN, PLAN) as told:
        await told.down("noedkald-1")
        yield told
        told.forget()


def the_notice(s: CarrierStory) -> Notice:
    return next(iter(s.engine.desk.ledger.notices_of(s.incident.id)))


def count(s: CarrierStory, verdict: Verdict, route: str = "primary") -> float:
    found = s.engine.desk.metrics.registry.get_sample_value(
        "omsorgsvagt_receipts_total", {"route": route, "verdict": verdict}
    )
    return found or 0.0


ORDERS = [
    ([DELIVERED, DELIVERED], ["taken", "already"], "delivered"),
    ([UNDERWAY, DELIVERED], ["underway", "taken"], "delivered"),
    ([DELIVERED, UNDERWAY], ["taken", "late"], "delivered"),
    ([DELIVERED, REFUSED], ["taken", "late"], "delivered"),
    ([DELIVERED, EXPIRED], ["taken", "late"], "delivered"),
    ([EXPIRED, EXPIRED], ["taken", "already"], "undelivered"),
    ([EXPIRED, UNDERWAY], ["taken", "late"], "undelivered"),
    ([EXPIRED, REFUSED], ["taken", "late"], "undelivered"),
    ([REFUSED, EXPIRED], ["taken", "late"], "undelivered"),
    ([EXPIRED, DELIVERED], ["taken", "late"], "delivered"),
    ([UNDERWAY, UNDERWAY], ["underway", "underway"], "accepted"),
]


@pytest.mark.parametrize(("came", "verdicts", "stands"), ORDERS)
async def test_in_every_order(s: CarrierStory, came: list[Delivery], verdicts: list[str], stands: str) -> None:
    assert [await s.receipt("primary", one, nth=0) for one in came] == verdicts
    assert rung(the_notice(s)) == stands


async def test_our_own_reference_finds_the_notice_as_the_carrier_s_id_does(s: CarrierStory) -> None:
    ident = the_notice(s).id
    taken = await Receipts(s.engine.desk).take(Receipt("primary", ident, DELIVERED, s.clock.now()))
    assert (taken, rung(the_notice(s))) == (Verdict.TAKEN, "delivered")
    other = await Receipts(s.engine.desk).take(Receipt("modem", ident, DELIVERED, s.clock.now()))
    assert other is Verdict.UNKNOWN, "another route cannot speak for it"


HOSTILE = ["", " ", "primary-2", "x" * 100_000, "primary-1\x00", "../../etc/passwd", "'; DROP TABLE notices", "\ud800"]


@pytest.mark.parametrize("ident", HOSTILE, ids=range(len(HOSTILE)))
async def test_a_strange_id_is_counted_and_changes_nothing(s: CarrierStory, ident: str) -> None:
    before = the_notice(s)
    for delivery in Delivery:
        receipt = Receipt("primary", ident, delivery, s.clock.now(), "said")
        assert await Receipts(s.engine.desk).take(receipt) is Verdict.UNKNOWN
    assert the_notice(s) == before
    assert count(s, Verdict.UNKNOWN) == len(Delivery)
    assert len(s.engine.desk.early) == 0


async def test_a_route_the_plan_does_not_have_makes_no_label_of_its_own(s: CarrierStory) -> None:
    for route in ("", "x" * 10_000, "PRIMARY"):
        assert await Receipts(s.engine.desk).take(Receipt(route, "primary-1", DELIVERED, s.clock.now())) == "unknown"
    assert count(s, Verdict.UNKNOWN, route="") == 3


@pytest.mark.parametrize("at", [datetime(1, 1, 1), datetime(9999, 12, 31), datetime(2025, 1, 1, tzinfo=UTC)])
async def test_the_carrier_s_clock_is_not_trusted(s: CarrierStory, at: datetime) -> None:
    ident = s.carrier("primary").ids[0]
    assert await Receipts(s.engine.desk).take(Receipt("primary", ident, DELIVERED, at)) is Verdict.TAKEN
    assert the_notice(s).delivered == s.clock.now()


@settings(max_examples=60)
@given(said=st.text(max_size=200))
def test_no_word_of_a_carrier_s_does_harm_or_brings_a_number_with_it(said: str) -> None:
    word = _word(Receipt("primary", "id", REFUSED, THURSDAY_AT_TEN, said + "4512345678"))
    assert 0 < len(word) <= 60
    assert "12345" not in word
    assert word.isprintable()


async def test_an_incident_that_is_over_is_told_from_a_stranger(s: CarrierStory) -> None:
    await s.up("noedkald-1")
    await s.receipt("primary")
    await s.later(3600)
    assert not s.engine.desk.ledger.incidents
    assert await s.receipt("primary", nth=0) is Verdict.LATE
    assert not s.engine.desk.ledger.underway.waiting


class Quick(Carrier):
    """Its receipt is there before its own answer."""

    story: CarrierStory
    verdicts: list[Verdict]
    answer: SendOutcome = SendOutcome.ACCEPTED

    async def send(self, message: Message) -> Sent:
        for ident in (f"{self.name}-1", message.key):
            receipt = Receipt(self.name, ident, DELIVERED, self.story.clock.now())
            self.verdicts.append(await Receipts(self.story.engine.desk).take(receipt))
        sent = await super().send(message)
        return replace(sent, outcome=self.answer)


@pytest.mark.parametrize("answer", [SendOutcome.ACCEPTED, SendOutcome.UNKNOWN, SendOutcome.TEMPORARY])
async def test_a_receipt_faster_than_its_try_is_held_and_then_ends_it(tmp_path: Path, answer: SendOutcome) -> None:
    async with carriers(tmp_path, THURSDAY_AT_TEN, PLAN) as told:
        quick = Quick("primary")
        quick.story, quick.verdicts, quick.answer = told, [], answer
        told.phones["primary"] = told.engine.senders[SMS].routes["primary"] = quick  # type: ignore[index]
        await told.down("noedkald-1")
        assert quick.verdicts == [Verdict.EARLY, Verdict.EARLY]
        notice = next(iter(told.engine.desk.ledger.notices.values()))
        assert rung(notice) == "delivered"
        assert told.carrier("modem").tried == [], "it had arrived: nothing is repeated"
        told.forget()


def a_receipt(ident: str, route: str = "primary") -> Receipt:
    return Receipt(route, ident, DELIVERED, THURSDAY_AT_TEN)


def an_attempt(ident: str) -> Attempt:
    return Attempt(AttemptId("a"), NoticeId("n"), PLAN.routes[0].name, THURSDAY_AT_TEN, provider_id=ident)


def test_what_is_held_is_bounded_in_number_and_in_time() -> None:
    early = Early()
    for turn in range(2 * MOST):
        early.keep(a_receipt(str(turn)), THURSDAY_AT_TEN)
    assert len(early) == MOST
    assert early.of(an_attempt("0")) == []
    assert early.of(an_attempt(str(2 * MOST - 1))) == [a_receipt(str(2 * MOST - 1))]
    early.keep(a_receipt("new"), THURSDAY_AT_TEN + KEPT + timedelta(seconds=1))
    assert len(early) == 1
    assert early.of(an_attempt("")) == []
    early.keep(a_receipt("n", "modem"), THURSDAY_AT_TEN)
    assert early.of(an_attempt("x")) == [], "another route's"


async def test_many_at_once_for_one_text_count_once(s: CarrierStory) -> None:
    ident = s.carrier("primary").ids[0]
    taker = Receipts(s.engine.desk)
    came = [taker.take(Receipt("primary", ident, DELIVERED, s.clock.now())) for _ in range(200)]
    verdicts = await asyncio.gather(*came)
    assert verdicts.count(Verdict.TAKEN) == 1
    assert verdicts.count(Verdict.ALREADY) == 199
    assert len(s.timeline("delivered")) == 1


async def test_refusals_at_once_tell_the_owner_once(s: CarrierStory) -> None:
    ident = s.carrier("primary").ids[0]
    taker = Receipts(s.engine.desk)
    await asyncio.gather(*(taker.take(Receipt("primary", ident, REFUSED, s.clock.now(), str(n))) for n in range(20)))
    await s.engine.turn()
    s.expect("it", "Nexus: nummeret, der ender på 0001,")
    s.expect("it", "Nexus: nummeret", channel=MAIL)
    s.expect("nexus", "Noedkald", channel=MAIL)
    s.expect("nexus", "Noedkald")
    s.done()


@settings(max_examples=10)
@given(st.lists(st.tuples(st.sampled_from(list(Delivery)), st.integers(0, 3), st.floats(0, 200)), max_size=12))
def test_any_course_of_receipts_repeats_nothing_twice(
    tmp_path_factory: pytest.TempPathFactory, came: list[tuple[Delivery, int, float]]
) -> None:
    """Whatever carriers say, whenever: each route carries the words once, and each channel is told once."""

    async def run() -> None:
        async with carriers(tmp_path_factory.mktemp("course"), THURSDAY_AT_TEN, PLAN) as told:
            await told.down("noedkald-1")
            for delivery, nth, wait in came:
                for route in ("primary", "modem"):
                    if nth < len(told.carrier(route).ids):
                        await told.receipt(route, delivery, nth=nth)
                await told.later(wait)
            await told.later(200)
            for name in ("primary", "modem", "relay"):
                texts = [m.text for m in told.carrier(name).got if "Noedkald" in m.text and "nexus" in _who(told, m)]
                assert len(texts) <= 1, texts
            told.forget()

    asyncio.run(run())


def _who(s: CarrierStory, message: Message) -> str:
    return next(p.id for p in s.plan.people.values() if message.to in (p.sms, p.mail))


async def test_the_first_alarm_is_measured_once_though_two_are_settled_at_once(tmp_path: Path) -> None:
    plan = with_steps(small_plan(), "nedbrud_dag", step(0, "nexus_support", "afdelingsledelse", "sektionsleder"))
    async with carriers(tmp_path, THURSDAY_AT_TEN, telling(plan)) as told:
        await told.down("noedkald-1")
        told.forget()
        metrics = told.engine.desk.metrics.registry
        assert metrics.get_sample_value("omsorgsvagt_fault_to_accepted_seconds_count") == 1


async def test_a_delivery_is_measured_and_said(s: CarrierStory) -> None:
    s.clock.at += timedelta(seconds=7)
    await s.receipt("primary")
    metrics = s.engine.desk.metrics.registry
    rungs = {"channel": "sms", "rung": "delivered"}
    assert metrics.get_sample_value("omsorgsvagt_notice_delivery_seconds_sum", rungs) == 7
    assert [ln.text for ln in s.timeline("delivered")] == ["SMS til Nexus ad primary"]
