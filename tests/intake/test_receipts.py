"""Receipts as GatewayAPI, CPSMS and Kannel bring them, and as nobody should."""

import asyncio
import hmac
import json
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.channels import sms_cpsms, sms_gatewayapi, sms_kannel
from monitor.channels.number import receipt_token
from monitor.core.receipts import Delivery, Receipt
from monitor.engine.answers import Answers
from monitor.intake.signed import Unsigned, sealed
from monitor.intake.sms import Sms
from monitor.plan.settings import RouteSettings
from monitor.ports import SecretMissing
from tests.intake.test_sms import FROM_ELSEWHERE, FROM_HERE, HEADS, part, signed
from tests.support.story import Hands, Story

SECRETS = {"gatewayapi_jwt_secret": "gatewayapi-og-vi-kender-den-begge-to"}
SECRETS |= {"cpsms_receipt_token": "kun-vi", "kannel_receipt_token": "kun-os"}
JWT = SECRETS["gatewayapi_jwt_secret"]
NIGHT = datetime.fromisoformat("2026-12-24T03:00:00+01:00")
ROUTES: tuple[RouteSettings, ...] = (
    sms_gatewayapi.Settings(name="classic", receipts=True),
    sms_gatewayapi.Settings(name="current", api="current", receipts=True),
    sms_cpsms.Settings(name="cpsms", user="vagt", receipts=True, dlr_url="https://vagt.example/x"),
    sms_kannel.Settings(name="kannel", user="vagt", receipts=True),
    sms_gatewayapi.Settings(name="deaf"),
)


@dataclass
class Taken:
    """Keeps the receipts it is given."""

    got: list[Receipt] = field(default_factory=list)
    error: Exception | None = None

    async def take(self, receipt: Receipt) -> None:
        if self.error is not None:
            raise self.error
        self.got.append(receipt)


class Door:
    """The way in, over a clock turned by hand."""

    def __init__(self, folder: Path, routes: Iterable[RouteSettings] = ROUTES) -> None:
        # Never opened: nothing here is written.
        desk = Story(folder, NIGHT).engine.desk
        self.clock = cast(Hands, desk.clock)
        self.metrics = desk.metrics
        self.taken = Taken()
        self.secrets = dict(SECRETS)
        self.sms = Sms(Answers(desk), lambda: tuple(routes), self.secret, self.clock.now, self.taken)

    def secret(self, name: str) -> str:
        if name not in self.secrets:
            raise SecretMissing(f"secret {name}: set it")
        return self.secrets[name]

    @property
    def at(self) -> int:
        return int(self.clock.at.timestamp())

    @property
    def words(self) -> list[tuple[str, Delivery]]:
        return [(one.provider_id, one.delivery) for one in self.taken.got]

    def said(self, **more: Any) -> dict[str, Any]:
        known = {"id": 1000001, "msisdn": 4500000003, "time": self.at, "status": "DELIVERED", "userref": "n"}
        return known | more

    async def classic(self, said: object, secret: str = JWT, **more: Any) -> int:
        return await self.post("classic", {b"X-Gwapi-Signature": signed(said, secret).encode()}, **more)

    async def current(self, event: object, secret: str = JWT, **more: Any) -> int:
        stamp = self.clock.at.isoformat()
        envelope = {"event_id": "e", "timestamp": stamp, "event_type": "message.status.sms", "event": event} | more
        body = json.dumps(envelope).encode()
        return await self.post("current", {b"Signature": seal(body, secret)}, body)

    async def post(self, route: str, headers: dict[bytes, bytes], body: bytes = b"{}", method: str = "POST") -> int:
        async with self.client(FROM_ELSEWHERE) as web:
            path = f"/api/v1/sms/{route}/receipt"
            return (await web.request(method, path, headers=headers, content=body)).status_code

    async def get(self, route: str, client: tuple[str, int] = FROM_HERE, **asked: str) -> int:
        async with self.client(client) as web:
            return (await web.get(f"/api/v1/sms/{route}/receipt", params=asked)).status_code

    def client(self, client: tuple[str, int]) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.ASGITransport(self.sms, client=client), base_url="http://vagt.example")

    def counted(self, verdict: str, route: str = "classic") -> float:
        labels = {"route": route, "verdict": verdict}
        return self.metrics.registry.get_sample_value("omsorgsvagt_receipts_total", labels) or 0.0


def seal(body: bytes, secret: str = JWT) -> bytes:
    return b"v1=" + hmac.new(secret.encode(), body, sha256).hexdigest().encode()


def ref(route: str, ident: str = "n-1") -> str:
    return f"{ident}.{receipt_token(SECRETS[f'{route}_receipt_token'], route, ident)}"


@pytest.fixture
def door(tmp_path: Path) -> Door:
    return Door(tmp_path)


STATUSES = [
    ({"status": "DELIVERED"}, Delivery.DELIVERED),
    ({"status": "delivered"}, Delivery.DELIVERED),
    ({"status": "BUFFERED"}, Delivery.UNDERWAY),
    ({"status": "ENROUTE"}, Delivery.UNDERWAY),
    ({"status": "SCHEDULED"}, Delivery.UNDERWAY),
    ({"status": "ACCEPTED"}, Delivery.UNDERWAY),
    ({"status": "SOMETHING_NEW"}, Delivery.UNDERWAY),
    ({"status": ""}, Delivery.UNDERWAY),
    ({"status": "EXPIRED"}, Delivery.EXPIRED),
    ({"status": "DELETED"}, Delivery.REFUSED),
    ({"status": "SKIPPED"}, Delivery.REFUSED),
    ({"status": "REJECTED", "code": "0x1049"}, Delivery.REFUSED),
    ({"status": "UNDELIVERABLE", "code": None}, Delivery.REFUSED),
    ({"status": "UNDELIVERABLE", "code": "kode"}, Delivery.REFUSED),
    ({"status": "UNDELIVERABLE", "code": 4096}, Delivery.REFUSED),
    ({"status": "UNDELIVERABLE", "code": "0x1001"}, Delivery.EXPIRED),
    ({"status": "UNDELIVERABLE", "code": "0x1009"}, Delivery.EXPIRED),
]


@pytest.mark.parametrize(("more", "delivery"), STATUSES)
async def test_gatewayapi_s_words(door: Door, more: dict[str, Any], delivery: Delivery) -> None:
    assert await door.classic(door.said(**more)) == 200
    code = {"error": {"code": more["code"]}} if "code" in more else {"error": None}
    event = {"msg_id": "01JNN696A9E0WS89FPYGT15NBX", "status_at": door.clock.at.isoformat()} | code
    assert await door.current(event | {"status": more["status"]}) == 200
    assert door.words == [("1000001", delivery), ("01JNN696A9E0WS89FPYGT15NBX", delivery)]
    assert {one.at for one in door.taken.got} == {door.clock.at}


async def test_the_claims_are_what_counts_and_not_the_body(door: Door) -> None:
    headers = {b"X-Gwapi-Signature": signed(door.said(status="EXPIRED")).encode()}
    assert await door.post("classic", headers, json.dumps(door.said()).encode()) == 200
    assert door.words == [("1000001", Delivery.EXPIRED)]


async def test_a_replay_is_told_that_all_is_well_and_does_nothing(door: Door) -> None:
    assert [await door.classic(door.said()) for _ in range(3)] == [200, 200, 200]
    assert [await door.get("kannel", ref=ref("kannel"), type="1") for _ in range(2)] == [200, 200]
    assert len(door.taken.got) == 2
    assert (door.counted("replay"), door.counted("replay", "kannel")) == (2, 1)


async def test_what_fell_on_the_way_is_taken_when_it_comes_again(door: Door) -> None:
    door.taken.error = RuntimeError("boom")
    with pytest.raises(RuntimeError):
        await door.classic(door.said())
    door.taken.error = None
    assert await door.classic(door.said()) == 200
    assert door.words == [("1000001", Delivery.DELIVERED)]


async def test_an_old_receipt_is_kept_when_it_is_final_and_let_go_of_when_it_is_not(door: Door) -> None:
    old = door.at - 3700
    assert await door.classic(door.said(time=old, status="ENROUTE")) == 200
    assert door.taken.got == []
    assert door.counted("expired") == 1
    assert await door.classic(door.said(time=old)) == 200
    assert door.words == [("1000001", Delivery.DELIVERED)]


async def test_receipts_from_the_future_or_past_their_end_are_refused(door: Door) -> None:
    for more in ({"time": door.at + 400}, {"exp": door.at - 1}, {"exp": "aldrig"}):
        assert await door.classic(door.said(**more)) == 400
    assert await door.current({"msg_id": "m", "status": "DELIVERED", "status_at": "2099-01-01T00:00:00Z"}) == 400
    assert door.taken.got == []
    assert (door.counted("expired"), door.counted("expired", "current")) == (3, 1)


@pytest.mark.parametrize(
    "more",
    [
        {"id": None},
        {"id": True},
        {"id": []},
        {"id": 1.5},
        {"id": ""},
        {"status": None},
        {"status": 1},
        {"time": None},
        {"time": "nu"},
        {"time": 1e300},
        {"time": True},
        {"time": {}},
    ],
)
async def test_claims_of_another_shape_are_refused(door: Door, more: dict[str, Any]) -> None:
    assert await door.classic(door.said(**more)) == 400
    assert door.counted("malformed") == 1
    assert door.taken.got == []


@pytest.mark.parametrize("event", [None, [], "x", {}, {"msg_id": "m"}, {"msg_id": {}, "status": "DELIVERED"}])
async def test_events_of_another_shape_are_refused(door: Door, event: object) -> None:
    assert await door.current(event) == 400
    assert await door.current({"msg_id": "m", "status": "DELIVERED"}, event_type=7) == 400
    assert door.counted("malformed", "current") == 2
    assert door.taken.got == []


async def test_the_current_api_s_other_events_are_let_by(door: Door) -> None:
    assert await door.current({"msg_id": "m", "text": "OK 4711"}, event_type="user-message.text.sms") == 200
    assert door.taken.got == []
    assert door.counted("no_receipt", "current") == 1


async def test_forged_tokens_are_refused_whatever_they_say(door: Door) -> None:
    good = signed(door.said())
    head, body, mac = good.split(".")
    other = part(door.said(id=7))
    forged = ["", "x", f"{head}.{body}.", f"{head}.{other}.{mac}", f"{head}.{body}.{mac[:-2]}", "é.é.é", "A" * 9000]
    forged += [signed(door.said(), "forkert"), signed(door.said(), ""), signed([1]), signed(b"{" * 2000)]
    forged += [signed(door.said(), head=one) for one in HEADS]
    for token in forged:
        assert await door.post("classic", {b"X-Gwapi-Signature": token.encode()}) == 401, token
    assert await door.post("classic", {}) == 401
    assert door.taken.got == []
    assert door.counted("forged") == len(forged) + 1


async def test_forged_seals_are_refused_whatever_they_say(door: Door) -> None:
    body = json.dumps({"event_type": "message.status.sms", "event": {"msg_id": "m", "status": "DELIVERED"}}).encode()
    good = seal(body)
    forged = [b"", b"v1=", good[3:], b"v2=" + good[3:], good[:-1], good + b"0", good.upper(), b" " + good[:-1]]
    forged += [seal(body, "forkert"), seal(body, ""), seal(body + b" "), "æ".encode()]
    for seal_ in forged:
        assert await door.post("current", {b"Signature": seal_}, body) == 401, seal_
    assert await door.post("current", {b"X-Gwapi-Signature": signed(door.said()).encode()}, body) == 401
    for content in (b"", b"[]", b"{", b'{"a":' * 500, b"\xff"):
        assert await door.post("current", {b"Signature": seal(content)}, content) == 401
    assert door.taken.got == []


async def test_bodies_methods_and_routes_have_their_bounds(door: Door) -> None:
    headers = {b"X-Gwapi-Signature": signed(door.said()).encode()}
    assert await door.post("classic", headers, b"x" * 20_000) == 413
    assert await door.post("classic", headers, method="GET") == 405
    assert await door.post("cpsms", headers) == 405
    for route in ("other", "deaf", "classic/receipt", "", "x" * 5000):
        assert await door.post(route, headers) == 404
    assert (door.counted("too_large"), door.counted("malformed")) == (1, 1)
    assert door.taken.got == []


async def test_a_body_that_never_ends_is_let_go_of(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.intake.call._PATIENCE", 0.05)
    answered: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        await asyncio.Event().wait()
        return {}

    async def send(event: MutableMapping[str, Any]) -> None:
        answered.append(event)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/api/v1/sms/classic/receipt",
        "headers": [],
        "query_string": b"",
    }
    await door.sms(scope, receive, send)
    assert answered[0]["status"] == 408


@pytest.mark.parametrize(
    ("status", "delivery"),
    [
        ("1", Delivery.DELIVERED),
        ("2", Delivery.REFUSED),
        ("4", Delivery.UNDERWAY),
        ("8", Delivery.EXPIRED),
    ],
)
async def test_cpsms_s_words(door: Door, status: str, delivery: Delivery) -> None:
    assert await door.get("cpsms", FROM_ELSEWHERE, ref=ref("cpsms"), status=status, receiver="4500000003") == 200
    assert door.words == [("n-1", delivery)]


async def test_cpsms_may_put_its_own_behind_ours_with_either_mark(door: Door) -> None:
    async with door.client(FROM_ELSEWHERE) as web:
        for n, mark in enumerate("?&"):
            path = f"/api/v1/sms/cpsms/receipt?ref={ref('cpsms', f'n{n}')}{mark}status=1&receiver=4500000003"
            assert (await web.get(path)).status_code == 200
    assert [ident for ident, _ in door.words] == ["n0", "n1"]


@pytest.mark.parametrize(
    ("kind", "said", "delivery", "word"),
    [
        ("1", "", Delivery.DELIVERED, "delivered"),
        ("2", "", Delivery.EXPIRED, "failed"),
        ("2", "id:1 sub:001 dlvrd:000 stat:EXPIRED err:000 text:", Delivery.EXPIRED, "EXPIRED"),
        ("2", "id:1 sub:001 dlvrd:000 stat:UNDELIV err:001 text:", Delivery.REFUSED, "UNDELIV"),
        ("4", "", Delivery.UNDERWAY, "buffered"),
        ("8", "ACK/", Delivery.UNDERWAY, "submitted"),
        ("16", "NACK/4500000003", Delivery.REFUSED, "rejected"),
    ],
)
async def test_kannel_s_words(door: Door, kind: str, said: str, delivery: Delivery, word: str) -> None:
    assert await door.get("kannel", ref=ref("kannel"), type=kind, said=said) == 200
    assert door.words == [("n-1", delivery)]
    assert door.taken.got[0].said == word


async def test_kannel_is_taken_from_this_machine_alone(door: Door) -> None:
    asked = {"ref": ref("kannel"), "type": "1"}
    for client in (FROM_ELSEWHERE, ("", 0), ("vagt.example", 1)):
        assert await door.get("kannel", client, **asked) == 401
    assert await door.get("kannel", ("::1", 1), **asked) == 200


@pytest.mark.parametrize("route", ["cpsms", "kannel"])
async def test_an_address_that_is_none_of_ours_opens_nothing(door: Door, route: str) -> None:
    good = ref(route)
    other = "kannel" if route == "cpsms" else "cpsms"
    forged = ["", ".", "n-1", "n-1.", good[:-1], good + "0", f"n-2.{good.rpartition('.')[2]}", ref(other), "é.é"]
    forged += [good.upper(), "x" * 4000, f"{good}\x00"]
    for one in forged:
        assert await door.get(route, ref=one, type="1", status="1") == 401, one
    assert door.counted("forged", route) == len(forged)
    for kind in ("", "3", "31", "x", "-1", "1" * 4000):
        assert await door.get(route, ref=good, type=kind, status=kind) == 400
    async with door.client(FROM_HERE) as web:
        many = "&".join(f"a{n}=1" for n in range(40))
        assert (await web.get(f"/api/v1/sms/{route}/receipt?ref={good}&type=1&status=1&{many}")).status_code == 400
    assert door.taken.got == []


async def test_a_secret_that_is_missing_or_empty_opens_nothing(door: Door) -> None:
    calls: list[Callable[[], Awaitable[int]]] = [
        lambda: door.classic(door.said(), ""),
        lambda: door.current({"msg_id": "m", "status": "DELIVERED"}, ""),
        lambda: door.get("cpsms", ref=f"n.{receipt_token('', 'cpsms', 'n')}", status="1"),
        lambda: door.get("kannel", ref=f"n.{receipt_token('', 'kannel', 'n')}", type="1"),
    ]
    door.secrets = dict.fromkeys(SECRETS, "")
    assert [await call() for call in calls] == [401] * 4
    door.secrets = {}
    with structlog.testing.capture_logs() as logs:
        assert [await call() for call in calls] == [503] * 4
    assert "kannel_receipt_token" in str(logs)
    assert door.taken.got == []


async def test_nothing_is_logged_of_a_number_or_a_secret_and_nothing_kept_of_what_was_said(door: Door) -> None:
    with structlog.testing.capture_logs() as logs:
        await door.classic(door.said(error="4500000003 hemmelig"))
        await door.classic(door.said(), "forkert")
        await door.get("kannel", ref=ref("kannel"), type="2", said="4500000003 hemmelig stat:UNDELIV")
        await door.get("cpsms", ref="n.4500000003", status="1", receiver="4500000003")
    assert logs == []
    assert "hemmelig" not in str(door.taken.got)
    assert "4500000003" not in str(door.taken.got)


async def test_a_flood_costs_a_bounded_memory(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.intake.call._REMEMBERED", 20)
    for n in range(60):
        assert await door.get("kannel", ref=ref("kannel", f"n{n}"), type="1") == 200
    seen = door.sms._nouns["receipt"]._seen
    assert len(seen._seen) <= 22
    door.clock.at += timedelta(hours=2)
    assert await door.get("kannel", ref=ref("kannel", "m"), type="1") == 200
    assert len(seen._seen) == 1


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.text(max_size=80))
def test_no_seal_is_too_much_for_the_reader(body: bytes, signature: str) -> None:
    with pytest.raises(Unsigned):
        sealed(body, signature, JWT)


def test_cpsms_must_be_told_where_to_tell() -> None:
    with pytest.raises(ValueError, match="receipts: yes needs dlr_url"):
        sms_cpsms.Settings(name="cpsms", user="vagt", receipts=True)
