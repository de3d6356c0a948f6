"""The parts all providers share: what a status means, what is told of an answer, how numbers and keys are written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.channels.answer import Answer, by_status, excerpt, lacking
from monitor.channels.number import digits, forms, is_number, reference
from monitor.ports import SecretMissing, SendOutcome


def test_no_status_means_accepted() -> None:
    outcomes = {status: by_status(status) for status in range(100, 1000)}

    assert SendOutcome.ACCEPTED not in outcomes.values()
    assert {outcomes[status] for status in range(200, 300)} == {SendOutcome.UNKNOWN}
    assert {outcomes[status] for status in range(300, 400)} == {SendOutcome.BROKEN}


@given(st.text(max_size=2000), st.text(min_size=4, max_size=30))
def test_what_is_told_is_short_on_one_line_and_without_the_hidden(text: str, hidden: str) -> None:
    said = excerpt(f"{text} {hidden} {hidden.upper()}", hidden)

    assert len(said) <= 120
    assert said == "" or said.isprintable()
    assert hidden not in said


def test_a_page_is_not_told() -> None:
    assert excerpt("  <!doctype html><title>Log ind</title>") == "en HTML-side"


def test_a_missing_secret_is_told_by_its_name() -> None:
    sent = lacking(SecretMissing("kannel_password"))

    assert sent.outcome is SendOutcome.BROKEN
    assert "kannel_password" in sent.said


@given(st.binary(max_size=300), st.booleans())
def test_a_document_is_an_object_or_empty(body: bytes, whole: bool) -> None:
    assert isinstance(Answer(200, body, whole).document(), dict)


def test_a_document_that_was_cut_off_is_empty() -> None:
    assert Answer(200, b'{"ids": [1]}', whole=False).document() == {}


@pytest.mark.parametrize("number", ["+4500000001", "+298000000", "+123456789012345"])
def test_what_is_a_number(number: str) -> None:
    assert is_number(number)
    assert digits(number) == number[1:]
    assert all(form in number for form in forms(number))


@pytest.mark.parametrize(
    "number", ["4500000001", "+0500000001", "+45 00000001", "+٤٥00000001", "+1234567890123456", "+4500000001\n"]
)
def test_what_is_no_number(number: str) -> None:
    assert not is_number(number)


@given(st.text(max_size=100), st.integers(16, 64))
def test_a_reference_is_plain_short_and_the_same_each_time(key: str, longest: int) -> None:
    found = reference(key, longest)

    assert found == reference(key, longest)
    assert 0 < len(found) <= longest
    assert found.isascii()
    assert all(c.isalnum() or c in "._-" for c in found)


def test_a_plain_key_is_its_own_reference() -> None:
    assert reference("0193f1a2-7c4e-7d10-8000-00000000002a") == "0193f1a2-7c4e-7d10-8000-00000000002a"
    assert reference("26-0007/vagt/anne/sms") != reference("26-0007/vagt/bo/sms")
