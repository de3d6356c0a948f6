"""CPSMS: what it is asked, and what each of its answers means; its errors can come with HTTP 200."""

import base64
import json
from typing import Any

import pytest

from monitor.ports import SendOutcome, Sent
from tests.support.httpserver import Asked, serving
from tests.support.smsfake import SECRETS, message, route, says

ACCEPTED, TEMPORARY = SendOutcome.ACCEPTED, SendOutcome.TEMPORARY
REJECTED, BROKEN, UNKNOWN = SendOutcome.REJECTED, SendOutcome.BROKEN, SendOutcome.UNKNOWN


async def ask(status: int, document: Any, changes: dict[str, Any] | None = None, **settings: Any) -> tuple[Sent, Asked]:
    """One text sent to a gateway that answers so; its outcome and what the gateway was asked."""
    async with (
        serving(says(status, document)) as server,
        route("cpsms", url=server.url(""), user="vagt", **settings) as channel,
    ):
        sent = await channel.send(message(**(changes or {})))
    assert len(server.asked) == 1
    return sent, server.asked[0]


def error(code: Any, said: str = "oops") -> dict[str, Any]:
    return {"error": {"code": code, "message": said}}


TAKEN = {"to": "4500000001", "cost": 1, "smsAmount": 1}
ANSWERS: dict[str, tuple[int, Any, SendOutcome]] = {
    "taken": (200, {"success": [TAKEN]}, ACCEPTED),
    "taken, one list deeper": (200, {"success": [[TAKEN]]}, ACCEPTED),
    "taken, no list": (200, {"success": TAKEN}, ACCEPTED),
    "nobody taken": (200, {"success": []}, UNKNOWN),
    "success of another kind": (200, {"success": "yes"}, UNKNOWN),
    "lists without end": (200, {"success": [[[[[[TAKEN]]]]]]}, UNKNOWN),
    "nothing said": (200, {}, UNKNOWN),
    "an error in a success: not right": (200, error(400, "Invalid recipient"), REJECTED),
    "an error in a success: key wrong": (200, error("401", "Unauthorized"), BROKEN),
    "an error in a success: no credit": (200, error(402, "Not enough credit"), BROKEN),
    "an error in a success: not allowed": (200, error(403), BROKEN),
    "an error in a success: theirs": (200, error(500), TEMPORARY),
    "an error in a success, in a list": (200, {"error": [error(400)["error"]]}, REJECTED),
    "an error beside a success": (200, {"success": [TAKEN], "error": [error(400)["error"]]}, REJECTED),
    "an error without a code": (200, error(None), TEMPORARY),
    "an error with a code nobody knows": (200, error("0x12"), TEMPORARY),
    "an error that is a word": (200, {"error": "no"}, TEMPORARY),
    "a success with an error's status": (500, {"success": [TAKEN]}, TEMPORARY),
    "not right": (400, error(400), REJECTED),
    "key wrong": (401, error(401), BROKEN),
    "no credit": (402, error(402, "Not enough credit"), BROKEN),
    "not allowed from here": (403, error(403), BROKEN),
    "too many": (429, error(429), TEMPORARY),
    "their fault": (500, None, TEMPORARY),
}


@pytest.mark.parametrize("name", ANSWERS)
async def test_every_answer(name: str) -> None:
    status, document, outcome = ANSWERS[name]

    sent, _ = await ask(status, document, {"key": "notice-1"})

    assert sent.outcome is outcome
    assert sent.provider_id == ("notice-1" if outcome is ACCEPTED else "")
    assert sent.said


async def test_the_providers_own_word_is_told() -> None:
    sent, _ = await ask(200, error(402, "Not enough credit"))

    assert sent.said == "402 Not enough credit"


async def test_what_is_asked() -> None:
    receipts = "https://vagt.example/api/v1/sms/cpsms/receipt"

    sent, asked = await ask(200, {"success": [TAKEN]}, {"text": "“Nexus” nede… æøå"}, dlr_url=receipts, flash="yes")

    assert (asked.method, asked.target) == ("POST", "/v2/send")
    user = base64.b64encode(f"vagt:{SECRETS['cpsms_key']}".encode()).decode()
    assert asked.headers["authorization"] == f"Basic {user}"
    text = json.loads(asked.body)
    assert text == {
        "to": "4500000001",
        "message": '"Nexus" nede... æøå',
        "from": "Omsorgsvagt",
        "reference": sent.provider_id,
        "flash": 1,
        "dlr_url": receipts,
    }
    assert 0 < len(text["reference"]) <= 32


async def test_the_same_key_has_the_same_reference() -> None:
    one, _ = await ask(200, {"success": [TAKEN]})
    again, _ = await ask(200, {"success": [TAKEN]})
    other, _ = await ask(200, {"success": [TAKEN]}, {"key": "0193f1a2-7c4e-7d10-8000-00000000002b"})

    assert one.provider_id == again.provider_id != other.provider_id
