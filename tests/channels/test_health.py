"""How a route is when nothing is sent: credit, links, folders, and whatever a provider may answer instead."""

import os
from pathlib import Path
from typing import Any

import pytest

from monitor.channels.kannel_status import status
from monitor.channels.look import amount
from monitor.ports import Health
from tests.support.httpserver import Server, serving
from tests.support.smsfake import NOW, SECRETS, WIRE, closed_port, route, says

HIDDEN = tuple(SECRETS.values())
CREDITED: dict[str, dict[str, Any]] = {"gatewayapi": {}, "cpsms": {"user": "vagt"}}
ALL: dict[str, dict[str, Any]] = {**CREDITED, "kannel": {"user": "vagt"}}
PATHS = {"gatewayapi": "/rest/me", "cpsms": "/v2/creditvalue"}


async def health(name: str, server: Server, **settings: Any) -> Health:
    async with route(name, url=server.url(""), **{"timeout": "0.5s", **settings}) as channel:
        found = await channel.health()
    assert len(found.said) <= 120
    assert not any(word in found.said for word in HIDDEN)
    return found


@pytest.mark.parametrize(
    ("name", "document", "credit"),
    [
        ("gatewayapi", {"id": 1, "currency": "DKK", "credit": 1000.5}, 1000.5),
        ("cpsms", {"credit": "9.843,40"}, 9843.4),
        ("cpsms", {"credit": "12"}, 12.0),
    ],
)
async def test_the_credit_is_read(name: str, document: dict[str, Any], credit: float) -> None:
    async with serving(says(200, document)) as server:
        found = await health(name, server, **CREDITED[name])
        assert (found.ok, found.credit) == (True, credit)
        (asked,) = server.asked
        assert (asked.method, asked.target) == ("GET", PATHS[name])


@pytest.mark.parametrize("name", CREDITED)
@pytest.mark.parametrize(
    ("behaviour", "ok"),
    [
        (says(200, {"credit": 0}), False),
        (says(200, {"credit": -4.5}), False),
        (says(200, {}), None),
        (says(200, {"credit": None}), None),
        (says(200, {"credit": True}), None),
        (says(200, {"credit": "mange"}), None),
        (says(200, {"credit": "1e999"}), None),
        (says(200, body="<html>login"), None),
        (says(200, [1]), None),
        (says(401, {"message": f"no: {SECRETS['gatewayapi_token']} {SECRETS['cpsms_key']}"}), False),
        (says(402), False),
        (says(403), False),
        (says(404), None),
        (says(302, Location="http://192.0.2.1/"), None),
        (says(429), None),
        (says(500), False),
        (says(503), False),
    ],
)
async def test_what_else_an_account_answers(name: str, behaviour: Any, ok: bool | None) -> None:
    async with serving(behaviour) as server:
        assert (await health(name, server, **CREDITED[name])).ok is ok


async def test_an_account_that_is_billed_may_owe() -> None:
    async with serving(says(200, {"credit": -4.5})) as server:
        assert (await health("gatewayapi", server, credit_below="0")).ok is True


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("fault", WIRE)
async def test_no_fault_of_the_wire_is_raised_or_taken_for_well(name: str, fault: str) -> None:
    behaviour, _ = WIRE[fault]
    async with serving(behaviour) as server:
        found = await health(name, server, timeout="0.2s", **ALL[name])
    assert found.ok is not True
    assert found.credit is None


@pytest.mark.parametrize("name", ALL)
async def test_nobody_there_is_bad(name: str) -> None:
    async with route(name, url=f"http://127.0.0.1:{closed_port()}", **ALL[name]) as channel:
        assert await channel.health() == Health(False, "ingen forbindelse")


async def test_the_current_api_shows_only_whether_anybody_answers() -> None:
    async with serving(says(404)) as server:
        assert (await health("gatewayapi", server, api="current")).ok is None
        (asked,) = server.asked
        assert "authorization" not in {name.lower() for name in asked.headers}
    async with serving(says(503)) as server:
        assert (await health("gatewayapi", server, api="current")).ok is False


@pytest.mark.parametrize(("name", "settings"), [("gatewayapi", {"token": "nowhere"}), ("cpsms", {"key": "nowhere"})])
async def test_a_route_without_its_secret_is_not_well(name: str, settings: dict[str, Any]) -> None:
    async with serving(says(200, {"credit": 5000})) as server:
        found = await health(name, server, **CREDITED[name], **settings)
        assert (found.ok, server.asked) == (False, [])


STATUS = """Kannel bearerbox version `1.4.5'.

Status: running, uptime 0d 0h 0m 0s

Box connections:
    smsbox:(none), IP 127.0.0.1 (0 queued), (on-line 0d 0h 0m 0s)

SMSC connections:
    first[first]    SMPP:smpp.example:2775/2775:user:VMA (online 7200s, rcvd: sms 0 (0.00,0.00,0.00), queued 0 msgs)
    second    FAKE:33054 (re-connecting, rcvd: sms 0 (0.00,0.00,0.00), failed 0, queued 0 msgs)
"""


@pytest.mark.parametrize(
    ("text", "smsc", "ok"),
    [
        (STATUS, "", True),
        (STATUS, "first", True),
        (STATUS, "second", False),
        (STATUS, "third", None),
        (STATUS.replace("online", "connecting"), "", False),
        (STATUS.replace("running", "isolated"), "", False),
        (STATUS.partition("SMSC")[0], "", None),
        ("Denied.", "", None),
        ("", "", None),
        ("Status: running\nSMSC connections:\n" + "    x" * 10_000, "", None),
    ],
)
def test_kannel_s_status_page(text: str, smsc: str, ok: bool | None) -> None:
    assert status(text, smsc).ok is ok


async def test_kannel_s_status_is_asked_for_with_its_password_alone() -> None:
    async with serving(says(200, body=STATUS)) as server:
        more = {"user": "vagt", "smsc": "first", "status_url": server.url("/status.txt")}
        assert (await health("kannel", server, **more, status_password="cpsms_key")).ok is True
        assert server.asked[0].target == f"/status.txt?password={SECRETS['cpsms_key']}"
        # A status that cannot be asked for says nothing of the texts.
        assert (await health("kannel", server, **more, status_password="nowhere")).ok is None


def modem(folder: Path) -> dict[str, Any]:
    (folder / "outbox").mkdir(exist_ok=True)
    return {name: str(folder / name) for name in ("outbox", "sent", "error")}


async def test_a_modem_that_takes_nothing_shows_by_what_has_lain_too_long(tmp_path: Path) -> None:
    async with route("modem", **modem(tmp_path)) as channel:
        assert (await channel.health()).ok is None
        lain = tmp_path / "outbox" / "OUTA20261224_215000_00_+4500000001_n.txtd"
        for age, ok in ((100, None), (400, False), (-50, None)):
            lain.touch()
            os.utime(lain, (0, NOW.timestamp() - age))
            assert (await channel.health()).ok is ok
        lain.rename(tmp_path / "outbox" / "draft")
        os.utime(tmp_path / "outbox" / "draft", (0, 0))
        assert (await channel.health()).ok is None


async def test_an_outbox_that_is_gone_is_not_well(tmp_path: Path) -> None:
    folders = modem(tmp_path)
    (tmp_path / "outbox").rmdir()
    async with route("modem", **folders) as channel:
        found = await channel.health()
    assert found.ok is False
    assert "udbakke" in found.said


@pytest.mark.parametrize(
    ("value", "found"),
    [(7, 7.0), (1.5, 1.5), ("1.234.567,89", 1234567.89), ("0,00", 0.0), ("9843.40", 9843.4), ("nan", None), ([], None)],
)
def test_amounts_as_they_come(value: object, found: float | None) -> None:
    assert amount(value) == found
