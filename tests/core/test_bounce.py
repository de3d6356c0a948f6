"""Bounces as mail systems write them, the texts some send instead, and whatever strangers put in a mailbox."""

import base64
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.bounce import LARGEST, Bounce, parse
from monitor.core.receipts import Delivery
from tests.support.bounces import IDENT, THREAD, dsn, told

DELIVERED, UNDERWAY, EXPIRED, REFUSED = Delivery.DELIVERED, Delivery.UNDERWAY, Delivery.EXPIRED, Delivery.REFUSED


def nested(depth: int) -> bytes:
    mail = dsn("failed", "5.1.1")
    for level in range(depth):
        edge = b"b%d" % level
        mail = b'Content-Type: multipart/mixed; boundary="%s"\n\n--%s\n%s\n--%s--\n' % (edge, edge, mail, edge)
    return mail


@pytest.mark.parametrize(
    ("action", "status", "delivery"),
    [
        ("failed", "5.1.1", REFUSED),
        ("failed", "5.1.10", REFUSED),
        ("failed", "5.7.1", REFUSED),
        ("Failed (gone)", "5.0.0 (permanent)", REFUSED),
        ("failed", "5.4.7", EXPIRED),
        ("failed", "4.4.7", EXPIRED),
        ("failed", "4.4.1", EXPIRED),
        ("failed", "5.2.2", EXPIRED),
        ("delayed", "4.4.1", UNDERWAY),
        ("delivered", "2.0.0", DELIVERED),
        ("relayed", "2.6.0", DELIVERED),
        ("expanded", "2.0.0", UNDERWAY),
    ],
)
def test_what_a_report_says(action: str, status: str, delivery: Delivery) -> None:
    bounce = parse(dsn(action, status))

    assert bounce == Bounce(delivery, (IDENT,), status.partition(" ")[0])


@pytest.mark.parametrize(
    ("diagnostic", "delivery"),
    [
        ("smtp; 550 5.1.1 User unknown", REFUSED),
        ("smtp; 550 no such user", REFUSED),
        ("smtp; 421 try later", EXPIRED),
        ("smtp; 452-4.2.2 over quota", EXPIRED),
        ("", EXPIRED),
    ],
)
def test_without_a_status_the_far_server_s_own_words_count(diagnostic: str, delivery: Delivery) -> None:
    bounce = parse(dsn("failed", "", diagnostic=diagnostic))

    assert bounce is not None
    assert bounce.delivery is delivery


@pytest.mark.parametrize("line", [b"\n", b"\r\n"])
@pytest.mark.parametrize("coded", ["", "base64", "quoted-printable"])
def test_either_line_end_and_every_coding(line: bytes, coded: str) -> None:
    bounce = parse(dsn("failed", "5.1.1", coded=coded).replace(b"\n", line))

    assert bounce == Bounce(REFUSED, (IDENT,), "5.1.1")


@pytest.mark.parametrize("kept", ["envelope", "headers", "answered"])
def test_any_one_of_the_places_where_our_mail_is_named_is_enough(kept: str) -> None:
    bounce = parse(dsn("failed", "5.1.1", named=(kept,)))

    assert bounce == Bounce(REFUSED, (IDENT,), "5.1.1")


def test_a_report_within_a_mail_is_found() -> None:
    assert parse(nested(1)) == Bounce(REFUSED, (IDENT,), "5.1.1")


def test_of_several_recipients_one_that_got_it_is_enough() -> None:
    more = "\nFinal-Recipient: rfc822; b@eksempel.example\nAction: delivered\nStatus: 2.0.0\n"

    bounce = parse(dsn("failed", "5.1.1", more=more))

    assert bounce == Bounce(DELIVERED, (IDENT,), "2.0.0")


def test_a_report_that_names_nothing_of_ours_names_nothing() -> None:
    assert parse(dsn("failed", "5.1.1", named=())) == Bounce(REFUSED, (), "5.1.1")


@pytest.mark.parametrize(
    ("mail", "bounce"),
    [
        (told("MAILER-DAEMON@relay.example"), Bounce(EXPIRED, (IDENT,), "5.1.1")),
        (told("Mail Delivery System <postmaster@relay.example>"), Bounce(EXPIRED, (IDENT,), "5.1.1")),
        (told("system@relay.example", "X-Failed-Recipients: a@eksempel.example"), Bounce(EXPIRED, (IDENT,), "5.1.1")),
        (told("MAILER-DAEMON@relay.example", "Subject: Warning: message delayed"), Bounce(UNDERWAY, (IDENT,))),
        (
            told("MAILER-DAEMON@relay.example", f"In-Reply-To: <{IDENT}@eksempel.example>", text=""),
            Bounce(EXPIRED, (IDENT,)),
        ),
    ],
)
def test_a_text_from_a_mail_system_with_our_mail_in_it_counts_with_care(mail: bytes, bounce: Bounce) -> None:
    assert parse(mail) == bounce


@pytest.mark.parametrize(
    "mail",
    [
        told("leder@eksempel.example", f"In-Reply-To: <{IDENT}@eksempel.example>"),
        told("leder@eksempel.example", f"References: <{IDENT}@eksempel.example>\nAuto-Submitted: auto-replied"),
        told("MAILER-DAEMON@relay.example", text="Noget gik galt."),
        told("ikke-mailer-daemon-men@postmaster.example"),
        b"",
        b"\n\n\n",
        b"\x00\xff" * 1000,
        dsn("nonsense", "5.1.1"),
        dsn("", ""),
    ],
    ids=count(1),
)
def test_people_who_answer_and_all_else_are_no_bounce(mail: bytes) -> None:
    assert parse(mail) is None


def test_the_thread_s_id_is_named_but_after_the_mail_s_own() -> None:
    bounce = parse(dsn("failed", "5.1.1", named=("headers", "answered"), answered=f"<{THREAD}@eksempel.example>"))

    assert bounce is not None
    assert bounce.names == (IDENT, THREAD)


HOSTILE = {
    "deep": nested(200),
    "one boundary, many parts": b"Content-Type: multipart/report; boundary=x\n\n" + b"--x\n\n" * 50_000,
    "many headers": b"A: b\n" * 50_000,
    "a header without end": b"Content-Type: multipart/report; boundary=" + b"x" * 250_000,
    "folded for ever": b"Subject: a\n" + b" b\n" * 80_000,
    "many ids": b"From: mailer-daemon@x.example\n\n" + b"<a@b.c>" * 35_000,
    "half ids": b"From: mailer-daemon@x.example\n\n" + b"<a@" * 80_000,
    "blanks": b"Content-Type: message/delivery-status\n\n" + b"\n \t" * 80_000,
    "bad base64": b"Content-Type: message/delivery-status\nContent-Transfer-Encoding: base64\n\n" + b"=A" * 100_000,
    "statuses": dsn("failed", "5." + "1" * 100_000),
    "huge": dsn("failed", "5.1.1") + b"x" * 20_000_000,
    "binary": bytes(range(256)) * 1000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_mail_takes_long_or_gives_much(name: str) -> None:
    bounce = parse(HOSTILE[name])

    assert bounce is None or (len(bounce.names) <= 20 and len(bounce.status) <= 9)


def test_only_the_beginning_is_read() -> None:
    assert parse(b"X: " + b"x" * LARGEST + dsn("failed", "5.1.1")) is None


PIECES = st.sampled_from(
    [
        *(
            b"Content-Type: multipart/report; boundary=x\n",
            b"Content-Type: message/delivery-status\n",
            b"--x\n",
            b"--x--",
        ),
        *(
            b"Action: failed\n",
            b"Status: 5.1.1\n",
            b"Original-Envelope-Id: a\n",
            b"From: mailer-daemon@x.example\n",
            b"\n",
        ),
        *(
            b"Content-Transfer-Encoding: base64\n",
            b"Message-ID: <a@b.example>\n",
            base64.b64encode(b"Action: failed\n"),
        ),
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES | st.binary(max_size=40), max_size=40))
def test_whatever_comes_nothing_is_raised_and_what_is_found_is_plain(pieces: list[bytes]) -> None:
    bounce = parse(b"".join(pieces))

    for name in bounce.names if bounce else ():
        assert name.isascii()
        assert 0 < len(name) <= 64
