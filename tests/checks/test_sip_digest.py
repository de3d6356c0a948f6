"""Digest answers: the standard's own examples, what is chosen among challenges, and what is passed over."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.sip_digest import Asking, Login, answer
from monitor.core import sip

HEADERS = (
    ("Via", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKabc"),
    ("From", "<sip:a.example>;tag=1"),
    ("To", "<sip:b.example>;tag=2"),
    ("Call-ID", "c"),
    ("CSeq", "1 MESSAGE"),
)
RFC_7616 = (
    'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={}, '
    'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
)
MUFASA = Login("Mufasa", "Circle of Life")
ASKING = Asking("GET", "/dir/index.html", b"", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ")
PLAIN = 'Digest realm="r", nonce="n"'


def refused(*challenges: str, status: int = 401) -> sip.Response:
    name = {401: "WWW-Authenticate", 407: "Proxy-Authenticate"}[status]
    return sip.Response(status, headers=(*HEADERS, *((name, one) for one in challenges)))


def params(*challenges: str, asking: Asking = ASKING) -> dict[str, str]:
    found = answer(refused(*challenges), MUFASA, asking)
    assert found
    assert found[0] == "Authorization"
    return dict(re.findall(r'(\w+)="?([^",]*)"?', found[1]))


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
        ('"sha-256"', "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_examples_of_the_standard(algorithm: str, response: str) -> None:
    said = params(RFC_7616.format(algorithm))

    assert said["response"] == response
    assert (said["username"], said["qop"], said["nc"]) == ("Mufasa", "auth", "00000001")
    assert said["opaque"] == "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"


def test_without_protection_named_as_before_it_was_invented() -> None:
    """RFC 2617 §3.2.2.1: MD5 of H(user:realm:password), the nonce, and H(method:uri)."""
    said = params(PLAIN)

    assert said.keys() == {"username", "realm", "nonce", "uri", "response"}
    assert said["response"] == "0bab5c24c08a1ef94a6cc3d446ce558a"


def test_a_proxys_challenge_is_answered_in_its_own_header() -> None:
    found = answer(refused(PLAIN, status=407), MUFASA, ASKING)

    assert found
    assert found[0] == "Proxy-Authorization"


@pytest.mark.parametrize("algorithm", ["MD5-sess", "SHA-256-sess"])
def test_a_session_names_its_nonce(algorithm: str) -> None:
    said = params(f"{PLAIN}, algorithm={algorithm}")

    assert said["cnonce"] == ASKING.cnonce
    assert said["algorithm"] == algorithm
    assert said["response"] != params(f"{PLAIN}, algorithm={algorithm.removesuffix('-sess')}")["response"]


def test_the_body_counts_where_it_is_to_be_protected() -> None:
    one, other = (params(f'{PLAIN}, qop="auth-int"', asking=Asking("A", "u", body, "c")) for body in (b"1", b"2"))

    assert one["qop"] == other["qop"] == "auth-int"
    assert one["response"] != other["response"]


def test_the_first_that_can_be_met_is_met() -> None:
    said = params("Basic realm=x", f"{PLAIN}, algorithm=SHA-999", f"{PLAIN}, algorithm=SHA-256", PLAIN)

    assert said["algorithm"] == "SHA-256"


@pytest.mark.parametrize(
    "challenge",
    [
        "",
        "Digest",
        "Basic realm=x",
        'Digest realm="r"',
        'Digest nonce="n"',
        f'{PLAIN}, qop="auth-conf"',
        f"{PLAIN}, algorithm=AKAv1-MD5",
        f'{PLAIN}, nonce="m"',
        f"{PLAIN} and more",
        f'{PLAIN}, opaque="unended',
        f'Digest realm="r", nonce="{"n" * 513}"',
    ],
)
def test_what_is_not_understood_is_not_answered(challenge: str) -> None:
    assert answer(refused(challenge), MUFASA, ASKING) is None


@given(st.text(max_size=200), st.text(alphabet='abr="\\, realmnonce', max_size=200))
def test_whatever_is_asked_the_answer_is_one_header_or_none(first: str, second: str) -> None:
    found = answer(refused(f"Digest {first}", f'{PLAIN}, x="{second}"'), MUFASA, ASKING)

    assert found is None or found[1].startswith("Digest username=")


def test_the_password_is_shown_nowhere() -> None:
    assert "Circle" not in repr(MUFASA)
