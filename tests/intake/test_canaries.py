"""The webhook a test unit's message comes out by: only what a check waits for, only with its token, bounded."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

import httpx
import pytest
import structlog

from checks.canary import Settings
from monitor.core.finding import CheckName
from monitor.engine import canaries
from monitor.intake.call import LARGEST
from monitor.intake.canaries import Canaries
from monitor.plan.settings import CheckSettings
from monitor.ports import SecretMissing
from tests.support.story import Story, story

NIGHT = datetime(2026, 12, 24, 3, 0)
TOKEN = "kun-alarmcentralen-kender-den"
PATH = "/api/v1/canaries/modtager"
SHOWN = {"Authorization": f"Bearer {TOKEN}".encode()}


def secret(name: str) -> str:
    if name != "canary_token":
        raise SecretMissing(name)
    return TOKEN


def check(webhook: str, **more: str) -> CheckSettings:
    given = {"name": webhook, "kind": "canary", "arrives": {"webhook": webhook, **more}}
    return Settings.model_validate(given)


CHECKS = {CheckName(one.name): one for one in (check("modtager"), check("uden", token="findes_ikke"))}


@dataclass
class Door:
    story: Story
    client: httpx.AsyncClient

    async def post(self, path: str = PATH, headers: dict[str, bytes] | None = None, content: bytes = b"") -> int:
        answer = await self.client.post(path, headers=SHOWN if headers is None else headers, content=content)  # type: ignore[arg-type]
        assert answer.content == b""
        return answer.status_code

    def last(self, name: str = "modtager") -> datetime | None:
        return canaries.last(self.story.engine.desk, name)


@asynccontextmanager
async def door(tmp: Path) -> AsyncIterator[Door]:
    async with story(tmp, NIGHT) as s:
        app = Canaries(lambda: CHECKS, secret, partial(canaries.came, s.engine.desk))
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://vagt.example") as client:
            yield Door(s, client)


async def test_it_comes_and_a_restart_knows_when(tmp_path: Path) -> None:
    async with door(tmp_path) as d:
        assert d.last() is None
        assert await d.post(content=b'{"any": "thing"}') == 204
        at = d.story.clock.at
        assert d.last() == at
        await d.story.restart(away=3600)
        assert d.last() == at


async def test_a_caller_in_a_hurry_writes_no_more_than_a_row_a_second(tmp_path: Path) -> None:
    async with door(tmp_path) as d:
        await d.post()
        before = d.story.store.saves
        for _ in range(50):
            assert await d.post() == 204
        assert d.story.store.saves == before
        await d.story.later(1)
        await d.post()
        assert d.last() == d.story.clock.at


@pytest.mark.parametrize(
    ("path", "headers", "content", "status"),
    [
        ("/api/v1/canaries/", SHOWN, b"", 404),
        ("/api/v1/canaries/andet", SHOWN, b"", 404),
        ("/api/v1/canaries/modtager/x", SHOWN, b"", 404),
        ("/api/v1/canaries/" + "x" * 5_000, SHOWN, b"", 404),
        (PATH, {}, b"", 401),
        (PATH, {"Authorization": b""}, b"", 401),
        (PATH, {"Authorization": b"Bearer "}, b"", 401),
        (PATH, {"Authorization": b"Bearer kun"}, b"", 401),
        (PATH, {"Authorization": TOKEN.encode()}, b"", 401),
        (PATH, {"Authorization": b"Bearer \xff\xfe"}, b"", 401),
        (PATH, SHOWN, b"x" * (LARGEST + 1), 413),
        ("/api/v1/canaries/uden", SHOWN, b"", 503),
    ],
)
async def test_what_is_not_taken(
    tmp_path: Path, path: str, headers: dict[str, bytes], content: bytes, status: int
) -> None:
    async with door(tmp_path) as d:
        with structlog.testing.capture_logs() as logs:
            assert await d.post(path, headers, content) == status

        assert d.last() is None
        assert d.story.engine.desk.ledger.canaries == {}
        assert TOKEN not in repr(logs)


async def test_a_look_is_no_message(tmp_path: Path) -> None:
    async with door(tmp_path) as d:
        assert (await d.client.get(PATH, headers=SHOWN)).status_code == 405  # type: ignore[arg-type]
        assert d.last() is None
