"""Kannel's smsbox: what it is asked, and what each of its answers means. The real one is in tests/real."""

from typing import Any

import pytest

from monitor.channels import via
from monitor.ports import SendOutcome, Sent
from tests.support.httpserver import Asked, serving
from tests.support.smsfake import SECRETS, TEXT, message, route, says

ACCEPTED, TEMPORARY = SendOutcome.ACCEPTED, SendOutcome.TEMPORARY
REJECTED, BROKEN, UNKNOWN = SendOutcome.REJECTED, SendOutcome.BROKEN, SendOutcome.UNKNOWN


async def ask(status: int, body: str, changes: dict[str, Any] | None = None, **settings: Any) -> tuple[Sent, Asked]:
    """One text sent to a smsbox that answers so; its outcome and what it was asked."""
    async with (
        serving(says(status, body=body)) as server,
        route("kannel", url=server.url(""), user="vagt", **settings) as channel,
    ):
        sent = await channel.send(message(**(changes or {})))
    assert len(server.asked) == 1
    return sent, server.asked[0]


ANSWERS: dict[str, tuple[int, str, SendOutcome]] = {
    "accepted": (202, "0: Accepted for delivery", ACCEPTED),
    "accepted, with an id": (202, "0: Accepted for delivery: 5e0b6f1c\n", ACCEPTED),
    "no link: kept there, not sent": (202, "3: Queued for later delivery", TEMPORARY),
    "answered before it was asked": (202, "Sent.", UNKNOWN),
    "a number the future may bring": (202, "1: Something", UNKNOWN),
    "accepted, but by something else": (200, "0: Accepted for delivery", UNKNOWN),
    "nothing said": (202, "", UNKNOWN),
    "number not right": (400, "Number(s) has/have been denied by white- and/or black-lists.", REJECTED),
    "no receiver": (400, "Missing receiver number, rejected", REJECTED),
    "password wrong": (403, "Authorization failed for sendsms", BROKEN),
    "no link may send there": (403, "Not routable. Do not try again.", REJECTED),
    "another path": (404, "<html><body>not found</body></html>", BROKEN),
    "their fault": (500, "Sending failed.", TEMPORARY),
    "resting": (503, "Temporal failure, try again later.", TEMPORARY),
}


@pytest.mark.parametrize("name", ANSWERS)
async def test_every_answer(name: str) -> None:
    status, body, outcome = ANSWERS[name]

    sent, _ = await ask(status, body, {"key": "notice-1"})

    assert sent.outcome is outcome
    assert sent.provider_id == ("notice-1" if outcome is ACCEPTED else "")
    assert str(status) in sent.said or "HTML" in sent.said


async def test_what_is_asked() -> None:
    _, asked = await ask(202, "0: Accepted", {"text": "“Nexus” nede… æøå €"}, timeout="9s")

    assert (asked.method, asked.target) == ("POST", "/cgi-bin/sendsms")
    assert asked.body.decode() == '"Nexus" nede... æøå €'
    assert asked.headers["content-type"] == "text/plain; charset=UTF-8"
    given = {name: value for name, value in asked.headers.items() if name.startswith("x-kannel-")}
    assert given == {
        "x-kannel-username": "vagt",
        "x-kannel-password": SECRETS["kannel_password"],
        "x-kannel-from": "Omsorgsvagt",
        "x-kannel-to": "+4500000001",
        "x-kannel-coding": "0",
        "x-kannel-priority": "3",
        "x-kannel-validity": "60",
    }


async def test_what_is_asked_with_all_that_can_be_set() -> None:
    settings = {
        "path": "/send",
        "sender": "1204",
        "smsc": "carrier-1",
        "validity": "90s",
        "dlr_url": "http://127.0.0.1:8080/api/v1/sms/kannel/receipt?type=%d&id={id}",
    }

    _, asked = await ask(202, "0: Accepted", {"key": "notice-1", "urgent": False}, **settings)

    assert asked.target == "/send"
    assert asked.headers["x-kannel-from"] == "1204"
    assert asked.headers["x-kannel-smsc"] == "carrier-1"
    assert asked.headers["x-kannel-validity"] == "2"
    assert asked.headers["x-kannel-dlr-mask"] == "31"
    assert asked.headers["x-kannel-dlr-url"].endswith("/receipt?type=%d&id=notice-1")
    assert "x-kannel-priority" not in asked.headers


async def test_a_key_with_a_percent_sign_is_not_read_as_kannels_escape() -> None:
    _, asked = await ask(
        202, "0: Accepted", {"key": "26-0007/%a\r\nX-Kannel-To: 1"}, dlr_url="http://127.0.0.1/?id={id}"
    )

    assert asked.headers["x-kannel-dlr-url"].removeprefix("http://127.0.0.1/?id=").isalnum()


async def test_a_text_of_lines_stays_one_text() -> None:
    _, asked = await ask(202, "0: Accepted", {"text": TEXT + "\n\nX-Kannel-To: +4500000002"})

    assert asked.headers["x-kannel-to"] == "+4500000001"
    assert asked.body.decode().endswith("X-Kannel-To: +4500000002")


@pytest.mark.parametrize(
    "settings",
    [{"user": ""}, {"user": "a b"}, {"user": "æ"}, {"path": "sendsms"}, {"dlr_url": "ftp://x"}, {"smsc": "a\nb"}],
)
def test_settings_that_cannot_be_right(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(settings))):
        via("kannel").Settings.model_validate({"via": "kannel", "user": "vagt", **settings})
