"""A message as a mail: what stands in it comes back as it was written, and nothing in it becomes a header."""

import re
from datetime import datetime, timedelta, timezone
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.channels.letter import mailbox, write
from monitor.ports import Message
from tests.support.smsfake import NOW, message

SENDER = "Vagtcentral Ærø <vagt@eksempel.example>"
TO = "leder@eksempel.example"
HEADERS = {
    *("From", "To", "Reply-To", "Subject", "Date", "Message-ID", "In-Reply-To", "References", "Auto-Submitted"),
    *("X-Priority", "Importance", "MIME-Version", "Content-Type", "Content-Transfer-Encoding"),
}
anything = st.text(max_size=300)


def read(content: bytes) -> EmailMessage:
    return message_from_bytes(content, policy=default)


def written(**changes: Any) -> EmailMessage:
    return read(write(message(**{"to": TO, **changes}), SENDER, None, NOW))


def body(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def test_text_and_html_stand_beside_each_other() -> None:
    mail = written(
        subject="Nødkald er nede – hændelse 26-0007", text="Ring til æøå\n", html="<p>Ring til <b>æøå</b></p>"
    )

    assert mail["Subject"] == "Nødkald er nede – hændelse 26-0007"
    assert mail.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    assert body(mail, "plain") == "Ring til æøå\n"
    assert body(mail, "html").strip() == "<p>Ring til <b>æøå</b></p>"


def test_without_html_it_is_text_alone() -> None:
    assert written().get_content_type() == "text/plain"


def test_who_it_is_from_and_to() -> None:
    mail = read(write(message(to=TO), SENDER, "Døgnvagten <svar@eksempel.example>", NOW))

    assert mail["From"].addresses[0].display_name == "Vagtcentral Ærø"
    assert mail["From"].addresses[0].addr_spec == "vagt@eksempel.example"
    assert mail["Reply-To"].addresses[0].addr_spec == "svar@eksempel.example"
    assert [address.addr_spec for address in mail["To"].addresses] == [TO]


def test_it_says_that_a_machine_wrote_it_and_how_much_it_hurries() -> None:
    urgent, calm = written(), written(urgent=False)

    assert urgent["Auto-Submitted"] == calm["Auto-Submitted"] == "auto-generated"
    assert (urgent["X-Priority"], urgent["Importance"]) == ("1", "high")
    assert (calm["X-Priority"], calm["Importance"]) == (None, None)


def test_a_repeat_has_the_same_id_and_a_thread_holds_together() -> None:
    first, again = written(key="n1", thread="26-0007"), written(key="n1", thread="26-0007")
    next_one, other = written(key="n2", thread="26-0007"), written(key="n3", thread="26-0008")

    assert first["Message-ID"] == again["Message-ID"] == "<n1@eksempel.example>"
    assert next_one["Message-ID"] != first["Message-ID"]
    assert first["References"] == first["In-Reply-To"] == next_one["References"] == "<26-0007@eksempel.example>"
    assert other["References"] != first["References"]
    assert written()["References"] is None


@pytest.mark.parametrize(("hours", "expected"), [(0, "21:59:30 +0000"), (1, "22:59:30 +0100"), (2, "23:59:30 +0200")])
def test_the_date_is_the_time_it_is_given(hours: int, expected: str) -> None:
    now: datetime = NOW.astimezone(timezone(timedelta(hours=hours)))

    assert read(write(message(to=TO), SENDER, None, now))["Date"] == f"Thu, 24 Dec 2026 {expected}"


@given(anything, anything, anything, anything)
def test_nothing_in_a_message_becomes_a_header_or_a_recipient(subject: str, text: str, html: str, key: str) -> None:
    content = write(Message(key, TO, text, subject, html, thread=key), SENDER, None, NOW)
    mail = read(content)

    assert set(mail.keys()) <= HEADERS
    assert len(mail.keys()) == len(set(mail.keys()))
    assert [address.addr_spec for address in mail["To"].addresses] == [TO]
    assert mail["Message-ID"].startswith("<")
    assert content.isascii()
    assert b"\x00" not in content
    assert all(len(line) <= 998 for line in content.split(b"\r\n"))
    assert content.count(b"\n") == content.count(b"\r\n") == content.count(b"\r")


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r", "\v", "\f", "\x1c", "\x85", "\u2028", "\u2029"])
def test_a_line_end_in_a_subject_ends_nothing(end: str) -> None:
    mail = written(subject=f"Nede{end}Bcc: alle@eksempel.example{end}{end}<p>", key=f"k{end}Bcc: alle@eksempel.example")

    assert mail["Bcc"] is None
    assert "Bcc: alle@eksempel.example" in mail["Subject"]
    assert "\n" not in mail["Subject"]


@given(st.text(alphabet="abcæøåÆØÅ €“–, <>@:;.\"'()=?_0123456789", min_size=1, max_size=190))
def test_a_subject_comes_back_as_it_was_written(subject: str) -> None:
    assert written(subject=subject)["Subject"] == " ".join(subject.split())


@given(st.text(alphabet="abcæøå €“–=.\n\t🔥", max_size=2000))
def test_a_text_comes_back_as_it_was_written(text: str) -> None:
    assert body(written(text=text), "plain").rstrip("\n") == text.rstrip("\n")


@pytest.mark.parametrize(
    "subject",
    [
        "NEDE Nødkald siden 14:32. Hændelse 26-0007 i hele kommunen og alle distrikter, meldt af tilsynet og borgere",
        "FORRINGET Omsorgssystem (Nexus) since 14:32 and still so, incident 26-0007, all districts, reported by staff",
        "Hele kommunen uden omsorgssystem, låse og nødkald på samme tid; følg kortet og ring til vagten på nummeret",
    ],
)
def test_a_folded_subject_has_one_blank_for_each_however_it_is_unfolded(subject: str) -> None:
    content = write(Message("k", TO, "x", subject), SENDER, None, NOW)
    head = content[: content.index(b"\r\n\r\n")].decode("ascii")
    found = re.search(r"Subject: (.*(?:\r\n .*)*)\r\n", head)
    assert found is not None
    lines = found[1].split("\r\n ")
    if len(lines) > 1:
        assert all(re.fullmatch(r"=\?utf-8\?[qb]\?[!->@-~]+\?=", line) and len(line) <= 75 for line in lines)
    assert "".join(str(make_header(decode_header(line))) for line in lines) == subject


def test_a_subject_is_cut_where_it_is_too_long() -> None:
    assert len(written(subject="ø" * 5000)["Subject"]) == 200


@pytest.mark.parametrize(
    ("address", "on_the_wire"),
    [
        ("leder@eksempel.example", "leder@eksempel.example"),
        ("fornavn.efternavn+vagt@it.eksempel.example", "fornavn.efternavn+vagt@it.eksempel.example"),
        ("leder@ærø.example", "leder@xn--r-3fa9c.example"),
        ("øko@eksempel.example", ""),
        ("leder", ""),
        ("leder@", ""),
        ("@eksempel.example", ""),
        ("a@b@eksempel.example", ""),
        (".leder@eksempel.example", ""),
        ("le..der@eksempel.example", ""),
        ('"leder"@eksempel.example', ""),
        ("leder@-eksempel.example", ""),
        ("leder@[127.0.0.1]", ""),
        ("leder@eksempel.example>\r\nRCPT TO:<alle@eksempel.example", ""),
        ("leder@eksempel.example\x00", ""),
        ("l" * 65 + "@eksempel.example", ""),
        ("leder@" + "e" * 250 + ".example", ""),
        ("leder@" + ".".join(["eksempel"] * 40), ""),
    ],
)
def test_what_is_an_address(address: str, on_the_wire: str) -> None:
    assert mailbox(address) == on_the_wire


@given(st.text(max_size=100))
def test_whatever_is_an_address_can_stand_in_a_command(text: str) -> None:
    found = mailbox(f"{text[:10]}@{text[10:]}")

    assert found == "" or (found.isascii() and found.isprintable() and not set(found) & set('<> ,"'))
