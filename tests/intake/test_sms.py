"""Replies as GatewayAPI and Kannel bring them, and as nobody should."""

import base64
import hmac
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.channels import sms_gatewayapi, sms_kannel
from monitor.engine.answers import Answers
from monitor.engine.links import Asking
from monitor.intake.signed import Unsigned, claims
from monitor.intake.sms import Sms
from monitor.plan.settings import RouteSettings
from monitor.ports import SecretMissing
from tests.stories.test_answers import CHEF, NIGHT, answerable, code_in
from tests.support.story import Story, story

SECRET = "gatewayapi-og-vi-kender-den-begge-to"
KANNEL = "kannel-og-vi"
REPLY = "/api/v1/sms/primary/reply"
GATEWAY = sms_gatewayapi.Settings(name="primary", sender="4500000900", replies=True)
KANNELS = sms_kannel.Settings(name="kannel", sender="4500000900", replies=True, user="vagt")
DEAF = sms_kannel.Settings(name="deaf", user="vagt")
FROM_HERE, FROM_ELSEWHERE = ("127.0.0.1", 40000), ("192.0.2.7", 40000)

HEAD = {"alg": "HS256", "typ": "JWT"}


def part(value: object) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(said: object, secret: str = SECRET, head: object = None) -> str:
    text = f"{part(HEAD if head is None else head)}.{part(said)}"
    return f"{text}.{part(hmac.digest(secret.encode(), text.encode(), sha256))}"


@dataclass
class Door:
    """A story with its alarm out, and the way in for its answer."""

    story: Story
    sms: Sms
    code: str

    def said(self, **more: Any) -> dict[str, Any]:
        sent = int(self.story.clock.at.timestamp())
        known = {"id": 1000001, "msisdn": 4500000003, "receiver": 4500000900, "senttime": sent}
        return known | {"message": f"OK {self.code}"} | more

    async def post(self, token: str | None, body: object = b"", path: str = REPLY, method: str = "POST") -> int:
        headers = {b"X-Gwapi-Signature": token.encode()} if token is not None else {}
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        async with self._client(FROM_ELSEWHERE) as web:
            answer = await web.request(method, path, headers=headers, content=content)
        assert answer.content == b""
        return answer.status_code

    async def get(self, asked: dict[str, str], client: tuple[str, int] = FROM_HERE, **more: str) -> int:
        async with self._client(client) as web:
            return (await web.get("/api/v1/sms/kannel/reply", params=asked | more)).status_code

    def _client(self, client: tuple[str, int]) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.ASGITransport(self.sms, client=client), base_url="http://vagt.example")

    @property
    def taken(self) -> bool:
        return self.story.incident.acknowledged is not None

    def counted(self, verdict: str, route: str = "primary") -> float:
        sample = self.story.engine.desk.metrics.registry.get_sample_value
        return sample("omsorgsvagt_replies_total", {"route": route, "verdict": verdict}) or 0.0


def secret(name: str) -> str:
    known = {"gatewayapi_jwt_secret": SECRET, "kannel_reply_token": KANNEL}
    return known[name]


@asynccontextmanager
async def door(folder: Path, routes: Iterable[RouteSettings] = (GATEWAY, KANNELS, DEAF)) -> AsyncIterator[Door]:
    async with story(folder, NIGHT, answerable()) as s:
        s.engine.desk.asking = Asking(b"en noegle")
        await s.down("noedkald-1", every=0)
        code = code_in(s.expect("chef", "NEDE"))
        yield Door(s, Sms(Answers(s.engine.desk), lambda: tuple(routes), secret, s.clock.now), code)
        await s.engine.turn()
        s.forget()


async def test_a_signed_reply_is_taken_and_its_claims_are_what_counts(tmp_path: Path) -> None:
    async with door(tmp_path) as at:
        said = at.said()
        assert await at.post(signed(said), body={**said, "msisdn": 4500000004, "message": "nej"}) == 200
        assert at.taken
        assert at.story.incident.acknowledged_by == "Chef"


async def test_the_same_call_again_is_told_that_all_is_well_and_does_nothing(tmp_path: Path) -> None:
    async with door(tmp_path) as at:
        token = signed(at.said(message="hvad?"))
        assert [await at.post(token) for _ in range(3)] == [200, 200, 200]
        assert (at.counted("not_understood"), at.counted("replay")) == (1, 2)
        at.story.clock.at += timedelta(minutes=59)
        assert await at.post(token) == 200
        assert at.counted("replay") == 3
        at.story.clock.at += timedelta(minutes=2)
        assert await at.post(token) == 400
        assert at.counted("expired") == 1


NONE = {"alg": "none", "typ": "JWT"}
HEADS: list[object] = [NONE, {"alg": "HS512"}, {"alg": "hs256"}, {}, {"alg": ["HS256"]}, [], "HS256", 7]


async def test_forged_tokens_are_refused_whatever_they_say(tmp_path: Path) -> None:
    async with door(tmp_path) as at:
        said = at.said()
        good = signed(said)
        head, body, mac = good.split(".")
        other = part(at.said(msisdn=4500000004))
        forged = [
            "",
            "x",
            "..",
            f"{head}.{body}.",
            f"{part(NONE)}.{body}.",
            f"{head}.{other}.{mac}",
            f"{head}.{body}.{mac[:-2]}",
            f"{head}.{body}.{mac}.{mac}",
            f"{head}.{body}.{mac}=",
            f" {good}",
            "A" * 9000,
            "é.é.é",
            signed(said, "forkert"),
            signed(said, ""),
            *(signed(said, head=one) for one in HEADS),
            signed([1]),
            signed("text"),
            signed(b"{" * 2000),
            signed(b'{"a":' * 500),
            signed(b"\xff\xfe"),
        ]
        for token in forged:
            assert await at.post(token, said) == 401, token
        assert await at.post(None, said) == 401
        assert not at.taken
        assert at.counted("forged") == len(forged) + 1


async def test_two_signatures_are_none(tmp_path: Path) -> None:
    async with door(tmp_path) as at:
        async with at._client(FROM_ELSEWHERE) as web:
            token = signed(at.said())
            answer = await web.post(REPLY, headers=[("X-Gwapi-Signature", token), ("X-Gwapi-Signature", token)])
        assert answer.status_code == 401
        assert not at.taken


async def test_old_future_and_timeless_replies_are_refused(tmp_path: Path) -> None:
    async with door(tmp_path) as at:
        now = int(at.story.clock.at.timestamp())
        shapes: list[dict[str, Any]] = [
            {"senttime": now - 3700},
            {"senttime": now + 3700},
            {"senttime": None},
            {"senttime": "nu"},
            {"senttime": 1e300},
            {"senttime": True},
            {"exp": now - 1},
            {"exp": "aldrig"},
        ]
        for n, more in enumerate(shapes):
            assert await at.post(signed(at.said(id=n, **more))) == 400, more
        assert not at.taken
        assert at.counted("expired") == 8
        assert await at.post(signed(at.said(id=99, exp=now + 60))) == 200
        assert at.taken


@pytest.mark.parametrize(
    "more",
    [
        {"message": None},
        {"message": ["OK"]},
        {"message": {"a": 1}},
        {"msisdn": None},
        {"msisdn": [4500000003]},
        {"msisdn": True},
        {"id": None},
        {"id": {}},
        {"id": 1.5},
    ],
)
async def test_claims_of_another_shape_are_refused(tmp_path: Path, more: dict[str, Any]) -> None:
    async with door(tmp_path) as at:
        assert await at.post(signed(at.said(**more))) == 400
        assert at.counted("malformed") == 1
        assert not at.taken


async def test_bodies_methods_and_routes_have_their_bounds(tmp_path: Path) -> None:
    async with door(tmp_path) as at:
        token = signed(at.said())
        assert await at.post(token, b"x" * 20_000) == 413
        assert await at.post(token, method="GET") == 405
        assert await at.post(token, b"{", path="/api/v1/sms/primary/reply") == 200
        for path in (
            "/api/v1/sms/",
            "/api/v1/sms/other/reply",
            "/api/v1/sms/deaf/reply",
            "/api/v1/sms/primary/",
            REPLY + "/x",
        ):
            assert await at.post(token, path=path) == 404


async def test_kannel_is_taken_from_this_machine_with_its_token_alone(tmp_path: Path) -> None:
    async with door(tmp_path) as at:
        asked = {"from": CHEF, "text": f"OK {at.code}"}
        assert await at.get(asked, FROM_ELSEWHERE, token=KANNEL) == 401
        assert await at.get(asked, ("", 0), token=KANNEL) == 401
        assert await at.get(asked, ("vagt.example", 1), token=KANNEL) == 401
        for token in ("", "x", KANNEL + "x", KANNEL[:-1], "é"):
            assert await at.get(asked, token=token) == 401
        assert await at.get(asked) == 401
        assert not at.taken
        assert await at.get(asked, ("::1", 1), token=KANNEL) == 200
        assert at.taken


async def test_kannel_s_id_is_taken_once(tmp_path: Path) -> None:
    async with door(tmp_path) as at:
        for _ in range(2):
            assert await at.get({"from": CHEF, "text": "hvad", "id": "a-1"}, token=KANNEL) == 200
        assert (at.counted("not_understood", "kannel"), at.counted("replay", "kannel")) == (1, 1)


async def test_a_secret_that_is_missing_is_said_by_name_and_nothing_is_taken(tmp_path: Path) -> None:
    def missing(name: str) -> str:
        raise SecretMissing(f"secret {name}: set it")

    async with door(tmp_path) as at:
        at.sms._secret = missing
        with structlog.testing.capture_logs() as logs:
            assert await at.post(signed(at.said())) == 503
            assert await at.get({"from": CHEF, "text": f"OK {at.code}"}, token="") == 503
        assert "gatewayapi_jwt_secret" in str(logs)
        assert not at.taken


async def test_an_empty_secret_opens_nothing(tmp_path: Path) -> None:
    async with door(tmp_path) as at:
        at.sms._secret = lambda name: ""
        assert await at.post(signed(at.said(), "")) == 401
        assert await at.get({"from": CHEF, "text": f"OK {at.code}"}, token="") == 401
        assert not at.taken


async def test_nothing_logged_holds_a_secret_a_number_or_what_was_written(tmp_path: Path) -> None:
    async with door(tmp_path) as at:
        with structlog.testing.capture_logs() as logs:
            for text in ("hemmelig besked", f"OK {at.code}", "\u202e{{ config }}", "x" * 5000):
                await at.post(signed(at.said(id=text[:9], message=text)))
            await at.post(signed(at.said(), "forkert"), {"message": "hemmelig besked"})
            await at.get({"from": CHEF, "text": "hemmelig besked"}, token="forkert")
            await at.story.engine.turn()
        shown = str(logs)
        for word in ("hemmelig", SECRET, KANNEL, "forkert", "4500000003", "config", at.code):
            assert word not in shown
        kept = await at.story.store.load()
        assert "hemmelig" not in str(kept)


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.one_of(st.text(max_size=300), st.binary(max_size=200).map(lambda raw: raw.decode("latin-1"))))
def test_no_token_is_too_much_for_the_reader(token: str) -> None:
    with pytest.raises(Unsigned):
        claims(token, SECRET)


@settings(max_examples=200, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda n: st.lists(n) | st.dictionaries(st.text(), n)
    )
)
def test_what_is_signed_is_read_or_refused(said: object) -> None:
    if isinstance(said, dict):
        assert claims(signed(said), SECRET) == said
    else:
        with pytest.raises(Unsigned):
            claims(signed(said), SECRET)


def test_a_name_cannot_be_answered() -> None:
    for make in (sms_gatewayapi.Settings, lambda **more: sms_kannel.Settings(user="vagt", **more)):
        with pytest.raises(ValueError, match="needs a number as sender"):
            make(name="primary", sender="Omsorgsvagt", replies=True)
