"""GatewayAPI, classic and current: what is asked, and what each of its answers means."""

import base64
import json
from typing import Any

import pytest

from monitor.channels import via
from monitor.ports import SendOutcome, Sent
from tests.support.httpserver import Asked, serving
from tests.support.smsfake import SECRETS, TEXT, message, route, says

ACCEPTED, TEMPORARY = SendOutcome.ACCEPTED, SendOutcome.TEMPORARY
REJECTED, BROKEN, UNKNOWN = SendOutcome.REJECTED, SendOutcome.BROKEN, SendOutcome.UNKNOWN


async def ask(status: int, document: Any, changes: dict[str, Any] | None = None, **settings: Any) -> tuple[Sent, Asked]:
    """One text sent to a gateway that answers so; its outcome and what the gateway was asked."""
    async with (
        serving(says(status, document)) as server,
        route("gatewayapi", url=server.url(""), **settings) as channel,
    ):
        sent = await channel.send(message(**(changes or {})))
    assert len(server.asked) == 1
    return sent, server.asked[0]


def fault(code: str, said: str) -> dict[str, str]:
    return {"code": code, "incident_uuid": "00000000-0000-0000-0000-000000000000", "message": said}


CLASSIC: dict[str, tuple[int, Any, SendOutcome, str]] = {
    "taken": (200, {"ids": [421332671], "usage": {"total_cost": 0.12}}, ACCEPTED, "421332671"),
    "taken with a word for an id": (201, {"ids": ["01JNN6"]}, ACCEPTED, "01JNN6"),
    "no ids": (200, {"ids": []}, UNKNOWN, ""),
    "ids of another kind": (200, {"ids": {"1": 2}}, UNKNOWN, ""),
    "an id that is none": (200, {"ids": [None]}, UNKNOWN, ""),
    "an error in a success": (200, fault("0x0213", "not accepted"), UNKNOWN, ""),
    "not understood": (400, fault("0x0200", "Unable to decode JSON"), REJECTED, ""),
    "token unknown": (401, fault("0x0103", "Unauthorized"), BROKEN, ""),
    "address not allowed": (403, fault("0x0213", "Unauthorized IP-address"), BROKEN, ""),
    "no credit": (403, fault("0x0216", "Insufficient credit"), BROKEN, ""),
    "no credit, said otherwise": (422, fault("0x0216", "Insufficient credit"), BROKEN, ""),
    "filtered for its content": (403, fault("0x0312", "Message blocked by filter"), REJECTED, ""),
    "number not right": (422, fault("0x0308", "Invalid MSISDN"), REJECTED, ""),
    "too many": (429, fault("0x0500", "Too many requests"), TEMPORARY, ""),
    "their fault": (500, fault("0x0500", "Internal error"), TEMPORARY, ""),
    "their fault, no JSON": (500, None, TEMPORARY, ""),
    "a code of another kind": (403, {"code": ["0x0312"], "message": {"a": 1}}, BROKEN, ""),
}
CURRENT: dict[str, tuple[int, Any, SendOutcome, str]] = {
    "taken": (202, {"msg_id": "01JNN696A9E0WS89FPYGT15NBX", "reference": "x"}, ACCEPTED, "01JNN696A9E0WS89FPYGT15NBX"),
    "no id": (202, {"recipient": 4500000001}, UNKNOWN, ""),
    "an id that is none": (202, {"msg_id": True}, UNKNOWN, ""),
    "an error in a success": (200, {"detail": "not accepted"}, UNKNOWN, ""),
    "wrong token or region": (403, {"detail": "Invalid token"}, BROKEN, ""),
    "token missing": (401, {"detail": "Unauthorized"}, BROKEN, ""),
    "not right": (422, {"detail": [{"loc": ["body", "recipient"], "msg": "not a number"}]}, REJECTED, ""),
    "too many": (429, {"detail": "Rate limit"}, TEMPORARY, ""),
    "their fault": (500, {"detail": "oops"}, TEMPORARY, ""),
    "resting": (503, None, TEMPORARY, ""),
}


@pytest.mark.parametrize("name", CLASSIC)
async def test_every_answer_of_the_classic_api(name: str) -> None:
    status, document, outcome, provider_id = CLASSIC[name]

    sent, _ = await ask(status, document)

    assert (sent.outcome, sent.provider_id) == (outcome, provider_id)
    assert str(status) in sent.said


@pytest.mark.parametrize("name", CURRENT)
async def test_every_answer_of_the_current_api(name: str) -> None:
    status, document, outcome, provider_id = CURRENT[name]

    sent, _ = await ask(status, document, api="current")

    assert (sent.outcome, sent.provider_id) == (outcome, provider_id)
    assert str(status) in sent.said


async def test_the_providers_own_word_is_told() -> None:
    sent, _ = await ask(403, fault("0x0216", "Insufficient credit"))

    assert sent.said == "403 0x0216 Insufficient credit"


async def test_what_the_classic_api_is_asked() -> None:
    _, asked = await ask(200, {"ids": [1]}, {"key": "notice-1", "text": "“Nexus” nede… æøå"})

    assert (asked.method, asked.target) == ("POST", "/rest/mtsms")
    token = base64.b64encode(f"{SECRETS['gatewayapi_token']}:".encode()).decode()
    assert asked.headers["authorization"] == f"Basic {token}"
    assert json.loads(asked.body) == {
        "sender": "Omsorgsvagt",
        "message": '"Nexus" nede... æøå',
        "recipients": [{"msisdn": 4500000001}],
        "userref": "notice-1",
        "priority": "URGENT",
    }


async def test_what_the_classic_api_is_asked_with_all_that_can_be_set() -> None:
    settings = {"sender": "+4500000009", "priority": "very_urgent", "class": "premium", "validity": "2h"}
    callback = "https://vagt.example/api/v1/sms/gatewayapi/receipt"

    _, asked = await ask(200, {"ids": [1]}, {"urgent": False}, callback_url=callback, **settings)

    text = json.loads(asked.body)
    assert text["sender"] == "4500000009"
    assert text["priority"] == "NORMAL"
    assert (text["class"], text["validity_period"], text["callback_url"]) == ("premium", 7200, callback)


async def test_what_the_current_api_is_asked() -> None:
    _, asked = await ask(202, {"msg_id": "1"}, {"key": "notice-1"}, api="current", validity="10m")

    assert (asked.method, asked.target) == ("POST", "/mobile/single")
    assert asked.headers["authorization"] == f"Token {SECRETS['gatewayapi_token']}"
    assert json.loads(asked.body) == {
        "sender": "Omsorgsvagt",
        "message": TEXT,
        "recipient": 4500000001,
        "reference": "notice-1",
        "priority": "urgent",
        "expiration": "PT600S",
    }


async def test_a_key_that_names_somebody_does_not_reach_the_provider() -> None:
    _, asked = await ask(200, {"ids": [1]}, {"key": "26-0007/vagt/anne/sms"})

    assert "anne" not in asked.body.decode()
    assert json.loads(asked.body)["userref"]


@pytest.mark.parametrize(
    ("settings", "address"),
    [
        ({}, "https://gatewayapi.com/rest/mtsms"),
        ({"region": "eu"}, "https://gatewayapi.eu/rest/mtsms"),
        ({"api": "current"}, "https://messaging.gatewayapi.com/mobile/single"),
        ({"api": "current", "region": "eu"}, "https://messaging.gatewayapi.eu/mobile/single"),
        ({"url": "http://127.0.0.1:8080/"}, "http://127.0.0.1:8080/rest/mtsms"),
    ],
)
def test_the_address_follows_from_api_and_region(settings: dict[str, Any], address: str) -> None:
    parsed = via("gatewayapi").Settings.model_validate({"via": "gatewayapi", **settings})

    assert parsed.address == address
