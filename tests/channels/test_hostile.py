"""What the wire can do to a text, for every provider spoken to over HTTP: an outcome in time, whatever happens."""

import asyncio
import logging
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from monitor.channels import via
from monitor.channels.provider import LONGEST
from monitor.ports import SendOutcome
from tests.support.httpserver import Asked, answer, serving
from tests.support.smsfake import (
    HANGING,
    PHONE,
    SECRETS,
    TEXT,
    WIRE,
    black_hole,
    closed_port,
    endless,
    message,
    route,
    says,
    silence,
)

ROUTES: dict[str, dict[str, Any]] = {
    "classic": {"via": "gatewayapi"},
    "current": {"via": "gatewayapi", "api": "current"},
    "kannel": {"via": "kannel", "user": "vagt"},
    "cpsms": {"via": "cpsms", "user": "vagt"},
}
every_route = pytest.mark.parametrize("given", ROUTES.values(), ids=ROUTES)


def opened(given: dict[str, Any], **settings: Any) -> Any:
    return route(given["via"], **{**{key: value for key, value in given.items() if key != "via"}, **settings})


@every_route
@pytest.mark.parametrize("fault", WIRE)
async def test_every_fault_of_the_wire_has_its_outcome(given: dict[str, Any], fault: str) -> None:
    behaviour, expected = WIRE[fault]
    limit = "0.3s" if fault in HANGING else "10s"
    async with serving(behaviour) as server, opened(given, url=server.url(""), timeout=limit) as channel:
        sent = await channel.send(message())

    assert sent.outcome is expected, sent
    assert sent.provider_id == ""
    assert len(server.asked) == 1


@every_route
async def test_nobody_there_is_not_sent(given: dict[str, Any]) -> None:
    async with opened(given, url=f"http://127.0.0.1:{closed_port()}") as channel:
        assert (await channel.send(message())).outcome is SendOutcome.TEMPORARY


@every_route
async def test_a_name_nobody_knows_is_not_sent(given: dict[str, Any]) -> None:
    async with opened(given, url="http://sms.invalid") as channel:
        assert (await channel.send(message())).outcome is SendOutcome.TEMPORARY


@every_route
async def test_a_handshake_that_never_ends_is_not_sent(given: dict[str, Any]) -> None:
    async with black_hole() as port, opened(given, url=f"https://127.0.0.1:{port}", timeout="0.3s") as channel:
        assert (await channel.send(message())).outcome is SendOutcome.TEMPORARY


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


@every_route
async def test_a_certificate_nobody_vouches_for_is_refused_and_told(given: dict[str, Any], tls: ssl.SSLContext) -> None:
    async with serving(silence, tls) as server, opened(given, url=server.url("")) as channel:
        sent = await channel.send(message())

    assert sent.outcome is SendOutcome.BROKEN
    assert "CERTIFICATE_VERIFY_FAILED" in sent.said
    assert server.asked == []


async def test_a_certificate_of_our_own_authority_is_trusted(
    authority: trustme.CA, tls: ssl.SSLContext, tmp_path: Path
) -> None:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    behaviour = says(200, {"ids": [421332671]})
    async with (
        serving(behaviour, tls) as server,
        route("gatewayapi", url=server.url(""), ca_file=str(tmp_path / "ca.pem")) as channel,
    ):
        assert (await channel.send(message())).outcome is SendOutcome.ACCEPTED


async def test_an_endless_answer_is_read_no_further_than_the_limit() -> None:
    taken = 0

    async def counting(asked: Asked) -> None:
        nonlocal taken
        await asked.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            await asked.write(b" " * 65_536)
            taken += 65_536

    async with serving(counting) as server, route("gatewayapi", url=server.url("")) as channel:
        sent = await channel.send(message())

    assert sent.outcome is SendOutcome.UNKNOWN
    assert taken < 100 * LONGEST


async def test_cookies_are_not_kept() -> None:
    behaviour = says(500, **{"Set-Cookie": "a=" + "b" * 1000})
    async with serving(behaviour) as server, route("gatewayapi", url=server.url("")) as channel:
        await channel.send(message())
        await channel.send(message())

    assert "cookie" not in server.asked[1].headers


@every_route
async def test_each_text_has_a_connection_of_its_own(given: dict[str, Any]) -> None:
    connections: list[object] = []

    async def noting(asked: Asked) -> None:
        connections.append(asked.writer)
        await endless(500)(asked)

    async with serving(noting) as server, opened(given, url=server.url("")) as channel:
        await channel.send(message())
        await channel.send(message())

    assert len(set(map(id, connections))) == 2


@every_route
async def test_many_at_once_wait_for_their_turn(given: dict[str, Any]) -> None:
    now, most = 0, 0

    async def counting(asked: Asked) -> None:
        nonlocal now, most
        now, most = now + 1, max(most, now + 1)
        await asyncio.sleep(0.01)
        now -= 1
        await asked.write(answer(503))

    async with serving(counting) as server, opened(given, url=server.url("")) as channel:
        await asyncio.gather(*(channel.send(message(key=f"n{number}")) for number in range(40)))

    assert len(server.asked) == 40
    assert 1 < most <= 8


@pytest.fixture
def everything_logged(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.DEBUG):
        yield caplog


@every_route
@pytest.mark.parametrize("status", [200, 202, 401, 500])
async def test_neither_secret_nor_number_nor_text_is_logged_or_said(
    given: dict[str, Any], status: int, everything_logged: pytest.LogCaptureFixture
) -> None:
    echo = " ".join([*SECRETS.values(), PHONE, PHONE[1:], PHONE[3:], TEXT])
    document = {"code": "0x0213", "message": echo, "error": {"code": 400, "message": echo}}
    async with serving(says(status, document)) as server, opened(given, url=server.url("")) as channel:
        sent = await channel.send(message())

    hidden = [PHONE[3:], *(value for name, value in SECRETS.items() if name.startswith(given["via"]))]
    logged = "\n".join(record.getMessage() for record in everything_logged.records)
    assert "POST" in logged
    assert not [word for word in hidden if word in sent.said]
    assert not [word for word in [*hidden, TEXT] if word in logged or word in server.asked[0].target]


@every_route
@pytest.mark.parametrize("to", ["", "112", "00000001", "+45", "+45 00000001", "+4500000001\r\nX-Kannel-To: 1"])
async def test_what_is_no_number_is_not_tried(given: dict[str, Any], to: str) -> None:
    async with serving(silence) as server, opened(given, url=server.url("")) as channel:
        assert (await channel.send(message(to=to))).outcome is SendOutcome.REJECTED
    assert server.asked == []


@every_route
async def test_a_missing_secret_breaks_the_route_alone(given: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(SECRETS, next(name for name in SECRETS if name.startswith(given["via"])))
    async with serving(silence) as server, opened(given, url=server.url("")) as channel:
        assert (await channel.send(message())).outcome is SendOutcome.BROKEN
    assert server.asked == []


@every_route
@pytest.mark.parametrize("bad", ["two\nlines", "nul\x00", "æ" * 10_000])
async def test_a_secret_no_header_can_carry_is_an_outcome(
    given: dict[str, Any], bad: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = next(name for name in SECRETS if name.startswith(given["via"]))
    monkeypatch.setitem(SECRETS, name, bad)
    async with serving(says(401)) as server, opened(given, url=server.url("")) as channel:
        sent = await channel.send(message())

    assert sent.outcome is SendOutcome.BROKEN
    assert bad not in sent.said


@pytest.mark.parametrize("url", ["", "sms.example", "ftp://sms.example", "https://", "https://bruger:kode@sms.example"])
@every_route
def test_what_is_no_address_is_refused_when_the_plan_is_read(given: dict[str, Any], url: str) -> None:
    with pytest.raises(ValueError, match="url"):
        via(given["via"]).Settings.model_validate({**given, "url": url})


@every_route
@pytest.mark.parametrize("sender", ["Omsorgsvagten", "Nødkald", "", "12345678901234567", "a\nb"])
def test_what_is_no_sender_is_refused_when_the_plan_is_read(given: dict[str, Any], sender: str) -> None:
    with pytest.raises(ValueError, match="sender"):
        via(given["via"]).Settings.model_validate({**given, "sender": sender})
