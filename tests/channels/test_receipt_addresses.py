"""The address each text's receipt is to come to: ours, for that text alone, and never the reason a text stays here."""

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from monitor.channels import via
from monitor.channels.number import receipt_token, reference
from monitor.ports import ChannelContext, SecretMissing, SendOutcome
from tests.support.httpserver import Server, serving
from tests.support.smsfake import NOW, SECRETS, message, says

HERE = "http://127.0.0.1:8424"
KNOWN = {**SECRETS, "cpsms_receipt_token": "kun-vi", "kannel_receipt_token": "kun-os"}
OUTSIDE = "https://vagt.example/api/v1/sms/primary/receipt"
CPSMS_TOOK = says(200, {"success": [{"to": "4500000001", "cost": 1}]})
KANNEL_TOOK = says(202, body="0: Accepted for delivery")


async def send(name: str, server: Server, known: dict[str, str], here: str = HERE, **settings: Any) -> SendOutcome:
    def secret(wanted: str) -> str:
        if wanted not in known:
            raise SecretMissing(wanted)
        return known[wanted]

    module = via(name)
    parsed = module.Settings(name="primary", url=server.url(""), user="vagt", **settings)
    channel = module.Channel(parsed, ChannelContext(secret, lambda: NOW, 5.0, here))
    try:
        outcome: SendOutcome = (await channel.send(message())).outcome
    finally:
        await channel.close()
    return outcome


def kannel_url(server: Server) -> str:
    headers = {name.lower(): value for name, value in server.asked[0].headers.items()}
    return headers.get("x-kannel-dlr-url", "")


async def test_kannel_is_given_ours_on_this_machine() -> None:
    ident = reference(message().key)
    async with serving(KANNEL_TOOK) as server:
        assert await send("kannel", server, KNOWN, receipts=True) is SendOutcome.ACCEPTED
        url = urlsplit(kannel_url(server))
    assert f"{url.scheme}://{url.netloc}{url.path}" == f"{HERE}/api/v1/sms/primary/receipt"
    asked = {key: values[0] for key, values in parse_qs(url.query.replace("%d", "1").replace("%A", "x")).items()}
    assert asked == {"ref": f"{ident}.{receipt_token('kun-os', 'primary', ident)}", "type": "1", "said": "x"}


@pytest.mark.parametrize(
    ("known", "here", "settings", "expected"),
    [
        (KNOWN, HERE, {}, ""),
        (KNOWN, "", {"receipts": True}, ""),
        (SECRETS, HERE, {"receipts": True}, ""),
        (SECRETS, HERE, {"dlr_url": "http://127.0.0.1/dlr?id={id}&type=%d"}, "http://127.0.0.1/dlr?id={id}&type=%d"),
    ],
)
async def test_kannel_is_given_no_other(known: dict[str, str], here: str, settings: Any, expected: str) -> None:
    async with serving(KANNEL_TOOK) as server:
        assert await send("kannel", server, known, here, **settings) is SendOutcome.ACCEPTED
        assert kannel_url(server) == expected.replace("{id}", reference(message().key))


@pytest.mark.parametrize("known", [KNOWN, SECRETS])
async def test_cpsms_is_given_ours_with_one_parameter(known: dict[str, str]) -> None:
    async with serving(CPSMS_TOOK) as server:
        assert await send("cpsms", server, known, receipts=True, dlr_url=OUTSIDE) is SendOutcome.ACCEPTED
        sent = json.loads(server.asked[0].body)
    ident = sent["reference"]
    whole = f"{OUTSIDE}?ref={ident}.{receipt_token('kun-vi', 'primary', ident)}"
    assert sent["dlr_url"] == (whole if known is KNOWN else OUTSIDE)


def test_a_token_opens_one_text_of_one_route() -> None:
    found = {receipt_token(s, route, ident) for s in ("a", "b") for route in ("x", "y") for ident in ("1", "2")}
    assert len(found) == 8
    assert all(len(token) == 32 and token.isalnum() for token in found)
