"""Mail over a relay: security, login, and what each of its answers means. The real server is in tests/real."""

import asyncio
import logging
import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme

from monitor.channels import via
from monitor.ports import SendOutcome, Sent
from tests.support.smsfake import SECRETS, black_hole, closed_port, message, route
from tests.support.smtpfault import DROP, SILENCE, Raw, Relay, certificate, raw, relay, script

ACCEPTED, TEMPORARY = SendOutcome.ACCEPTED, SendOutcome.TEMPORARY
REJECTED, BROKEN, UNKNOWN = SendOutcome.REJECTED, SendOutcome.BROKEN, SendOutcome.UNKNOWN
SENDER = "Omsorgsvagt <vagt@eksempel.example>"
TO = "leder@eksempel.example"


async def send(smtp: str, changes: dict[str, Any] | None = None, **settings: Any) -> Sent:
    given = {"smtp": smtp, "security": "none", "sender": SENDER, **settings}
    async with route("smtp", **given) as channel:
        return await channel.send(message(**{"to": TO, "subject": "Nødkald er nede", **(changes or {})}))


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def trusted(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    path: Path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


@pytest.fixture(scope="module")
def tls(authority: trustme.CA) -> ssl.SSLContext:
    return certificate(authority, "localhost")


async def test_a_mail_is_taken() -> None:
    async with relay(Relay()) as taking:
        sent = await send(taking.address)

    assert sent.outcome is ACCEPTED
    sender, recipients, mail = taking.taken[0]
    assert (sender, recipients) == ("vagt@eksempel.example", [TO])
    assert mail["Subject"] == "Nødkald er nede"
    assert taking.secure == [False]


STEPS: dict[str, tuple[str, str, SendOutcome]] = {
    "greylisted": ("RCPT", "451 4.7.1 Greylisted, come back", TEMPORARY),
    "mailbox busy": ("RCPT", "450 4.2.1 Mailbox busy", TEMPORARY),
    "nobody of that name": ("RCPT", "550 5.1.1 <leder@eksempel.example>: User unknown", REJECTED),
    "mailbox full": ("RCPT", "552 5.2.2 Mailbox full", REJECTED),
    "not relayed": ("RCPT", "554 5.7.1 <leder@eksempel.example>: Relay access denied", BROKEN),
    "login wanted": ("RCPT", "530 5.7.0 Authentication required", BROKEN),
    "going down": ("RCPT", "421 4.3.2 Shutting down", TEMPORARY),
    "sender put off": ("MAIL", "452 4.3.1 Out of storage", TEMPORARY),
    "sender refused": ("MAIL", "550 5.7.1 Sender not allowed", BROKEN),
    "greeting refused": ("EHLO", "550 5.7.1 Go away", BROKEN),
    "text put off": ("DATA", "451 4.7.1 Try again later", TEMPORARY),
    "text refused": ("DATA", "554 5.7.1 Looks like spam", REJECTED),
    "text too long": ("DATA", "552 5.3.4 Too big", REJECTED),
    "silent at the greeting": ("EHLO", SILENCE, TEMPORARY),
    "silent at the sender": ("MAIL", SILENCE, TEMPORARY),
    "silent at the recipient": ("RCPT", SILENCE, TEMPORARY),
    "silent after the text": ("DATA", SILENCE, UNKNOWN),
    "gone at the greeting": ("EHLO", DROP, TEMPORARY),
    "gone at the sender": ("MAIL", DROP, TEMPORARY),
    "gone at the recipient": ("RCPT", DROP, TEMPORARY),
    "gone after the text": ("DATA", DROP, UNKNOWN),
    "silent at the parting": ("QUIT", SILENCE, ACCEPTED),
    "gone at the parting": ("QUIT", DROP, ACCEPTED),
    "rude at the parting": ("QUIT", "500 What?", ACCEPTED),
}


@pytest.mark.parametrize("name", STEPS)
async def test_every_answer_at_every_step(name: str) -> None:
    step, word, outcome = STEPS[name]
    limit = "0.4s" if word == SILENCE else "10s"

    async with relay(Relay(says={step: word})) as odd:
        sent = await send(odd.address, timeout=limit)

    assert sent.outcome is outcome, sent
    assert TO not in sent.said
    if word[0].isdigit() and outcome is not ACCEPTED:
        assert word[:3] in sent.said


GREETED = (b"220 relay.example ESMTP\r\n", b"250-relay.example\r\n250 8BITMIME\r\n")
LINE = b"250-" + b"x" * 200 + b"\r\n"
SPOKEN: dict[str, tuple[Raw, SendOutcome]] = {
    "refuses to talk": (script(b"554 5.3.2 No service for you\r\n"), BROKEN),
    "too busy": (script(b"421 4.3.2 Too many connections\r\n"), TEMPORARY),
    "says nothing": (script(b""), TEMPORARY),
    "another protocol": (script(b"HTTP/1.1 400 Bad Request\r\n\r\n"), BROKEN),
    "garbage": (script(b"\x00\xff\x80\r\n" * 10), BROKEN),
    "a greeting without end": (script(b"220", flood=b"x" * 65_536), BROKEN),
    "a greeting of endless lines": (script(b"220-", flood=LINE * 100), BROKEN),
    "abilities without end": (script(GREETED[0], flood=LINE * 100), BROKEN),
    "garbage at the recipient": (script(*GREETED, b"250 OK\r\n", b"\xff\xff\xff\r\n"), BROKEN),
    "garbage after the text": (script(*GREETED, *[b"250 OK\r\n"] * 2, b"354 Go\r\n", b"\xff\xff\r\n"), UNKNOWN),
    "a number nobody knows": (script(*GREETED, b"250 OK\r\n", b"299 Perhaps\r\n"), BROKEN),
    "endless after the text": (
        script(*GREETED, *[b"250 OK\r\n"] * 2, b"354 Go\r\n", flood=LINE * 100),
        UNKNOWN,
    ),
    "the text is not wanted": (script(*GREETED, *[b"250 OK\r\n"] * 2, b"503 Not now\r\n"), REJECTED),
}


@pytest.mark.parametrize("name", SPOKEN)
async def test_what_no_relay_would_say(name: str) -> None:
    behave, outcome = SPOKEN[name]
    limit = "0.4s" if name == "says nothing" else "10s"

    async with raw(behave) as port:
        sent = await send(f"127.0.0.1:{port}", timeout=limit)

    assert sent.outcome is outcome, sent


async def test_many_at_once_wait_for_their_turn() -> None:
    now, most = 0, 0

    async def counting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal now, most
        now, most = now + 1, max(most, now + 1)
        await asyncio.sleep(0.01)
        now -= 1
        await script(b"421 4.3.2 Too busy\r\n")(reader, writer)

    async with (
        raw(counting) as port,
        route("smtp", smtp=f"127.0.0.1:{port}", security="none", sender=SENDER) as channel,
    ):
        sent = await asyncio.gather(*(channel.send(message(to=TO, key=f"n{number}")) for number in range(40)))

    assert {one.outcome for one in sent} == {TEMPORARY}
    assert 1 < most <= 8


async def test_nobody_there_is_not_sent() -> None:
    assert (await send(f"127.0.0.1:{closed_port()}")).outcome is TEMPORARY


async def test_a_name_nobody_knows_is_not_sent() -> None:
    assert (await send("relay.invalid:25", timeout="10s")).outcome is TEMPORARY


@pytest.mark.parametrize("security", ["none", "starttls", "tls"])
async def test_a_port_that_never_answers_is_not_sent(security: str) -> None:
    async with black_hole() as port:
        assert (await send(f"127.0.0.1:{port}", security=security, timeout="0.4s")).outcome is TEMPORARY


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_mail_is_taken_over_tls(security: str, tls: ssl.SSLContext, trusted: str) -> None:
    taking = Relay(says={"STARTTLS": "required"}, user="vagt", password=SECRETS["smtp_password"])
    async with relay(taking, tls, implicit=security == "tls"):
        sent = await send(taking.address, security=security, ca_file=trusted, user="vagt")

    assert sent.outcome is ACCEPTED, sent
    assert taking.secure == [True]
    assert taking.logins == ["vagt"]


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_certificate_nobody_vouches_for(security: str, tls: ssl.SSLContext) -> None:
    async with relay(Relay(), tls, implicit=security == "tls") as taking:
        sent = await send(taking.address, security=security)

    assert sent.outcome is BROKEN
    assert "CERTIFICATE_VERIFY_FAILED" in sent.said
    assert taking.taken == []


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_certificate_for_another_name(security: str, authority: trustme.CA, trusted: str) -> None:
    elsewhere = certificate(authority, "relay.example")
    async with relay(Relay(), elsewhere, implicit=security == "tls") as taking:
        assert (await send(taking.address, security=security, ca_file=trusted)).outcome is BROKEN
    assert taking.taken == []


async def test_no_mail_goes_in_clear_when_the_relay_forgets_starttls(trusted: str) -> None:
    async with relay(Relay()) as plain:
        sent = await send(plain.address, security="starttls", ca_file=trusted)

    assert sent.outcome is BROKEN
    assert "STARTTLS" in sent.said
    assert plain.taken == []


async def test_what_stands_in_clear_before_the_handshake_is_no_answer(trusted: str) -> None:
    greeting = (b"220 relay.example ESMTP\r\n", b"250-relay.example\r\n250 STARTTLS\r\n")
    injected = b"220 Go\r\n250 relay.example\r\n250 OK\r\n250 OK\r\n354 Go\r\n250 Taken\r\n"
    async with raw(script(*greeting, injected)) as port:
        sent = await send(f"localhost:{port}", security="starttls", ca_file=trusted, timeout="0.5s")

    assert sent.outcome in {TEMPORARY, BROKEN}


async def test_tls_at_a_plain_port_is_told_as_broken(trusted: str) -> None:
    async with relay(Relay()) as plain:
        assert (await send(plain.address, security="tls", ca_file=trusted)).outcome is BROKEN


LOGINS: dict[str, tuple[dict[str, str], SendOutcome]] = {
    "refused": ({}, BROKEN),
    "cannot tell now": ({"AUTH": "454 4.7.0 Temporary authentication failure"}, TEMPORARY),
}


@pytest.mark.parametrize("name", LOGINS)
async def test_a_login_that_fails(name: str, tls: ssl.SSLContext, trusted: str) -> None:
    says, outcome = LOGINS[name]
    async with relay(Relay(says=says, user="vagt", password="en anden"), tls) as strict:
        sent = await send(strict.address, security="starttls", ca_file=trusted, user="vagt")

    assert sent.outcome is outcome, sent
    assert SECRETS["smtp_password"] not in sent.said


async def test_a_relay_that_knows_no_login(tls: ssl.SSLContext, trusted: str) -> None:
    async with relay(Relay(), tls) as open_to_all:
        sent = await send(open_to_all.address, security="starttls", ca_file=trusted, user="vagt")

    assert sent.outcome is BROKEN
    assert open_to_all.taken == []


async def test_a_missing_password_breaks_the_route_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(SECRETS, "smtp_password")

    assert (await send(f"localhost:{closed_port()}", user="vagt")).outcome is BROKEN


async def test_neither_password_nor_address_is_logged_or_said(
    tls: ssl.SSLContext, trusted: str, caplog: pytest.LogCaptureFixture
) -> None:
    echo = f"550 5.1.1 <{TO.upper()}> {SECRETS['smtp_password']} unknown"
    strict = Relay(says={"RCPT": echo}, user="vagt", password=SECRETS["smtp_password"])
    with caplog.at_level(logging.DEBUG):
        async with relay(strict, tls):
            sent = await send(strict.address, security="starttls", ca_file=trusted, user="vagt")

    ours = [record.getMessage() for record in caplog.records if not record.name.startswith("mail.")]
    for said in [sent.said, *ours]:
        assert TO not in said.lower()
        assert SECRETS["smtp_password"] not in said


@pytest.mark.parametrize("to", ["", "leder", "leder@", "@eksempel.example", "a@b@c", "en to@eksempel.example"])
async def test_what_is_no_address_is_not_tried(to: str) -> None:
    assert (await send(f"localhost:{closed_port()}", {"to": to})).outcome is REJECTED


@pytest.mark.parametrize(
    ("wrong", "settings"),
    [
        ("smtp", {"smtp": "relay.example"}),
        ("smtp", {"smtp": "relay.example:0"}),
        ("smtp", {"smtp": "relay.example:99999"}),
        ("smtp", {"smtp": "smtp://relay.example:25"}),
        ("smtp", {"smtp": "bruger@relay.example:25"}),
        ("sender", {"sender": "Omsorgsvagt"}),
        ("sender", {"sender": "vagt@eksempel.example\nBcc: alle@eksempel.example"}),
        ("reply_to", {"reply_to": "ingen"}),
        ("password", {"smtp": "relay.example:25", "security": "none", "user": "vagt"}),
        ("helo", {"helo": "to ord"}),
        ("ca_file", {"ca_file": "/findes/ikke.pem"}),
        ("timeout", {"timeout": "2m"}),
    ],
)
def test_settings_that_cannot_be_right(wrong: str, settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=wrong):
        via("smtp").Settings.model_validate({"smtp": "relay.example:587", "sender": SENDER, **settings})


def test_a_route_that_names_a_relay_is_smtp_secured_and_has_time() -> None:
    settings = via("smtp").Settings.model_validate({"smtp": "[::1]:587", "sender": SENDER})

    assert (settings.via, settings.security, settings.timeout) == ("smtp", "starttls", 30.0)
    assert (settings.host, settings.port) == ("::1", 587)
