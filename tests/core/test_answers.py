"""Codes and the grammar of replies: what is clearly an answer, and nothing else."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.answers import CODES, MOST, Patience, Said, code_of, e164, understood
from monitor.core.plan import PersonId
from monitor.core.reasons import HumanState
from monitor.core.records import IncidentId

KEY = b"en noegle"
NOW = datetime(2026, 12, 24, 3, 0, tzinfo=UTC)
SEEN, WORKING, FALLBACK = HumanState.SEEN, HumanState.WORKING, HumanState.FALLBACK


@pytest.mark.parametrize(
    ("text", "human"),
    [
        ("OK 4711", SEEN),
        ("ok 4711.", SEEN),
        (" Ja 4711 ", SEEN),
        ("KVIT 4711", SEEN),
        ("Kvittér 4711!", SEEN),
        ("ok4711", SEEN),
        ("4711 ok", SEEN),
        ("OK\n4711\r\n", SEEN),
        ("OK\u00a04711", SEEN),
        ("OK\u3000４７１１", SEEN),
        ("ＯＫ 4711", SEEN),
        ('"OK 4711"', SEEN),
        ("\u202eOK 4711\u202c", SEEN),
        ("O\u200bK 47\u200b11", SEEN),
        ("ARBEJDER 4711", WORKING),
        ("nøddrift 4711", FALLBACK),
        ("NØDDRIFT 4711", FALLBACK),
        ("No\u0308ddrift 4711", FALLBACK),
        ("Noeddrift 4711", FALLBACK),
    ],
)
def test_what_is_an_answer(text: str, human: HumanState) -> None:
    assert understood(text) == Said(human, "4711")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "OK",
        "4711",
        "ja tak",
        "nej 4711",
        "IKKE OK 4711",
        "OK 4711 eller hvad",
        "OK 4711?",
        "ok 471",
        "ok 47111",
        "ok 47 11",
        "ok ok 4711",
        "ok 4711 4712",
        "ok ٤٧١١",
        "оk 4711",
        "ok -4711=",
        "{{7*7}} 4711",
        "ok {{code}}",
        "ok 4711' OR 1=1",
        "ok 4711" + " " * 200,
        "\x00",
        "\ud800",
    ],
)
def test_what_is_none(text: str) -> None:
    assert understood(text) is None


def test_the_keyword_a_provider_leaves_in_front_is_passed_over_and_no_other_word_is() -> None:
    assert understood("vagt OK 4711", "VAGT") == Said(SEEN, "4711")
    assert understood("OK 4711", "VAGT") == Said(SEEN, "4711")
    assert understood("ikke OK 4711", "VAGT") is None
    assert understood("vagt vagt OK 4711", "VAGT") is None


@given(st.text(max_size=400))
def test_nothing_a_phone_sends_is_too_much(text: str) -> None:
    said = understood(text)
    assert said is None or (len(said.code) == 4 and said.code.isascii() and said.code.isdecimal())


def test_a_code_is_the_same_each_time_and_nobody_else_s() -> None:
    mine = code_of(KEY, IncidentId("i1"), PersonId("nexus"), ())
    assert mine == code_of(KEY, IncidentId("i1"), PersonId("nexus"), ())
    others = {code_of(KEY, IncidentId(f"i{n}"), PersonId("nexus"), ()) for n in range(2, 60)}
    assert len(others) > 50
    assert mine != code_of(b"en anden", IncidentId("i1"), PersonId("nexus"), ())


def test_one_person_s_open_incidents_never_share_a_code() -> None:
    taken: set[str] = set()
    for n in range(2_000):
        code = code_of(KEY, IncidentId(f"i{n}"), PersonId("nexus"), taken)
        assert code not in taken
        assert len(code) == 4
        taken.add(code)
    assert code_of(KEY, IncidentId("i"), PersonId("nexus"), {f"{n:04d}" for n in range(CODES)})


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("4500000001", "+4500000001"),
        ("+4500000001", "+4500000001"),
        (" 004500000001 ", "+4500000001"),
        ("", ""),
        ("1204", ""),
        ("Nexus", ""),
        ("+45 00 00 00 01", ""),
        ("45" + "0" * 30, ""),
        ("４５00000001", ""),
    ],
)
def test_a_number_in_the_ways_gateways_write_it(written: str, number: str) -> None:
    assert e164(written) == number


def test_so_many_answers_and_wrong_codes_an_hour_and_no_more() -> None:
    patience = Patience()
    assert [patience.may_answer(NOW) for _ in range(MOST + 2)] == [True] * MOST + [False] * 2
    assert not patience.may_answer(NOW + timedelta(minutes=59))
    assert patience.may_answer(NOW + timedelta(minutes=60))

    for _ in range(MOST):
        assert not patience.exhausted(NOW)
        patience.wrong.append(NOW)
    assert patience.exhausted(NOW + timedelta(minutes=59))
    assert not patience.exhausted(NOW + timedelta(minutes=60))


def test_a_clock_set_back_silences_nobody_for_longer_than_it_should() -> None:
    patience = Patience()
    for _ in range(MOST):
        patience.wrong.append(NOW)
    assert not patience.exhausted(NOW - timedelta(hours=2))
