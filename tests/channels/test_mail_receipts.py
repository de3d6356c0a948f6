"""What a mail route asks of a relay besides taking the mail: to tell what became of it, and how it is."""

import asyncio
import ssl
from typing import Any

import pytest
import trustme

from monitor.channels import via
from monitor.ports import Health, SendOutcome
from tests.support.smsfake import SECRETS, black_hole, closed_port, message, route
from tests.support.smtpfault import DROP, SILENCE, Raw, Relay, certificate, raw, relay

SENDER = "Omsorgsvagt <vagt@eksempel.example>"
TO = "leder@eksempel.example"
BOX = {"maildir": "/var/mail/omsorgsvagt"}
KEY = "0193f1a2-7c4e-7d10-8000-00000000002a"


def recorded(said: list[str], *abilities: str, after: str = "250 2.0.0 Ok: queued as 4XyZ12") -> Raw:
    """A relay that takes all, has these abilities and keeps what it is told until the text."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 relay.example ESMTP\r\n")
        while line := (await reader.readline()).decode().rstrip():
            said.append(line)
            if line == "DATA":
                writer.write(b"354 go\r\n")
                await reader.readuntil(b"\r\n.\r\n")
                writer.write(f"{after}\r\n".encode())
            elif line.startswith("EHLO"):
                writer.write(
                    "".join(f"250-{one}\r\n" for one in ("relay.example", *abilities)).encode() + b"250 HELP\r\n"
                )
            else:
                writer.write(b"250 OK\r\n")

    return behave


async def sent(
    *abilities: str, after: str = "250 2.0.0 Ok: queued as 4XyZ12", **settings: Any
) -> tuple[list[str], str]:
    """The MAIL and RCPT a relay with these abilities hears, and the receipt key."""
    said: list[str] = []
    async with raw(recorded(said, *abilities, after=after)) as port:
        given = {"smtp": f"localhost:{port}", "security": "none", "sender": SENDER, **settings}
        async with route("smtp", **given) as channel:
            answer = await channel.send(message(key=KEY, to=TO, subject="NEDE"))
    assert answer.outcome is SendOutcome.ACCEPTED
    return [line for line in said if line[:4] in ("MAIL", "RCPT")], answer.provider_id


async def test_where_receipts_are_offered_bounces_are_asked_for_by_the_notice_s_own_id() -> None:
    lines, _ = await sent("DSN")

    assert lines == [f"MAIL FROM:<vagt@eksempel.example> RET=HDRS ENVID={KEY}", f"RCPT TO:<{TO}> NOTIFY=FAILURE,DELAY"]


async def test_that_it_arrived_is_asked_for_only_where_the_route_waits_for_it() -> None:
    lines, _ = await sent("DSN", receipts="yes", bounces=BOX)

    assert lines[1] == f"RCPT TO:<{TO}> NOTIFY=SUCCESS,FAILURE,DELAY"


async def test_where_receipts_are_not_offered_nothing_is_asked_for() -> None:
    lines, _ = await sent("8BITMIME", receipts="yes", bounces=BOX)

    assert lines == ["MAIL FROM:<vagt@eksempel.example>", f"RCPT TO:<{TO}>"]


@pytest.mark.parametrize(
    ("after", "ident"),
    [
        ("250 2.0.0 Ok: queued as 4XyZ12", "4XyZ12"),
        ("250 OK id=1abcDE-0001ab-2C", "1abcDE-0001ab-2C"),
        ("250 2.0.0 3b4e8a3c Message accepted for delivery", "3b4e8a3c"),
        ("250 2.6.0 <x@relay.example> [InternalId=77] Queued mail for delivery", ""),
        ("250 OK", ""),
    ],
)
async def test_the_relay_s_own_name_for_it_is_kept(after: str, ident: str) -> None:
    assert (await sent(after=after))[1] == ident


async def look(smtp: str, **settings: Any) -> Health:
    given = {"smtp": smtp, "security": "none", "sender": SENDER, "timeout": "0.4s", **settings}
    async with route("smtp", **given) as channel:
        found = await channel.health()
    assert SECRETS.get("smtp_password", "?") not in found.said
    return found


async def test_a_look_logs_in_and_sends_nothing() -> None:
    right = Relay(user="vagt", password=SECRETS["smtp_password"])
    async with relay(right) as box:
        found = await look(box.address, user="vagt", timeout="5s")

    assert found == Health(True, "lukker os ind")
    assert (right.logins, right.taken) == (["vagt"], [])


async def test_a_look_without_login_says_nothing_of_what_would_be_taken() -> None:
    async with relay(Relay()) as box:
        assert await look(box.address, timeout="5s") == Health(None, "svarer")


@pytest.mark.parametrize("word", [SILENCE, DROP, "421 4.3.2 Shutting down", "550 5.7.1 Go away"])
async def test_a_relay_that_does_not_greet_is_not_well(word: str) -> None:
    async with relay(Relay(says={"EHLO": word})) as box:
        assert (await look(box.address)).ok is False


async def test_a_login_that_is_refused_is_not_well_and_tells_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SECRETS, "smtp_password", "hemmelig")
    async with relay(Relay(user="vagt", password="another", says={"AUTH": "535 5.7.8 not with hemmelig"})) as box:
        found = await look(box.address, user="vagt", timeout="5s")

    assert found == Health(False, "535 5.7.8 not with ...")


async def test_a_certificate_nobody_vouches_for_is_not_well() -> None:
    tls: ssl.SSLContext = certificate(trustme.CA(), "localhost")
    async with relay(Relay(), tls) as box:
        assert (await look(box.address, security="starttls", timeout="5s")).ok is False


async def test_nobody_there_is_not_well() -> None:
    assert (await look(f"localhost:{closed_port()}")).ok is False
    async with black_hole() as port:
        assert (await look(f"localhost:{port}")).ok is False


async def test_a_password_that_is_missing_is_not_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(SECRETS, "smtp_password")

    assert (await look(f"localhost:{closed_port()}", user="vagt")).ok is False


@pytest.mark.parametrize(
    ("wrong", "settings"),
    [
        ("receipts", {"receipts": "yes"}),
        ("maildir and imap", {"bounces": {}}),
        ("maildir and imap", {"bounces": {**BOX, "imap": "imap.example:993"}}),
        ("whole path", {"bounces": {"maildir": "mail"}}),
        ("whole path", {"bounces": {"maildir": "/var/../etc"}}),
        ("host and a port", {"bounces": {"imap": "imap.example", "user": "vagt"}}),
        ("user", {"bounces": {"imap": "imap.example:993"}}),
        ("in clear", {"bounces": {"imap": "imap.example:143", "user": "vagt", "security": "none"}}),
        ("folder", {"bounces": {"imap": "imap.example:993", "user": "vagt", "folder": 'IN"BOX'}}),
        ("user", {"bounces": {"imap": "imap.example:993", "user": "vagt\r\nA1 LOGOUT"}}),
    ],
)
def test_settings_that_cannot_be_right(wrong: str, settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=wrong):
        via("smtp").Settings.model_validate({"smtp": "relay.example:587", "sender": SENDER, **settings})
