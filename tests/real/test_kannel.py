"""SMS through a real Kannel to its fake carrier."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from monitor.core import gsm
from monitor.ports import Channel, SendOutcome
from tests.support.httpserver import Server, answer, fixed, serving
from tests.support.kannel import Kannel, kannel, until
from tests.support.smsfake import PHONE, TEXT, message, route

pytestmark = pytest.mark.real


@asynccontextmanager
async def standing(folder: Path, **settings: Any) -> AsyncIterator[tuple[Kannel, Channel, Server]]:
    """A Kannel, a route by it, and a server that hears its receipts and the texts phones send."""
    async with serving(fixed(answer(200))) as ears:
        inbound = ears.url("/in?from=%p&to=%P&text=%a")
        receipts = ears.url("/receipt?type=%d&id={id}")
        async with (
            kannel(folder, inbound) as real,
            route("kannel", url=real.url, user=real.user, dlr_url=receipts, **settings) as channel,
        ):
            yield real, channel, ears


def heard(ears: Server, path: str) -> list[dict[str, str]]:
    found = [urlsplit(asked.target) for asked in ears.asked]
    return [{k: v[0] for k, v in parse_qs(url.query).items()} for url in found if url.path == path]


async def test_texts_arrive_as_written_with_receipts_and_answers_come_back(tmp_path: Path) -> None:
    long = "NEDE Nødkald siden 14:32, meldt af " + "område æøå, " * 12 + "svar OK 4711 {€}"
    assert gsm.parts(long) == 2

    async with standing(tmp_path) as (real, channel, ears):
        texts = [
            TEXT,
            "æøå ÆØÅ é ü ß ñ à § ¤ @ $ _ ¿",
            "€ {x} [y] ~ \\ | ^",
            "“Nexus” – nede…\u00a0nu",
            long,
            "to\nlinjer",
        ]
        sent = [await channel.send(message(key=f"n{number}", text=text)) for number, text in enumerate(texts)]
        # The fake carrier speaks in lines: a text of two lines and one of two parts are two messages each.
        await until(lambda: len(heard(ears, "/receipt")) >= 2 * len(texts) and real.parts() >= len(texts) + 2)

        assert {one.outcome for one in sent} == {SendOutcome.ACCEPTED}
        assert real.sent() == [(PHONE, gsm.transliterate(text)) for text in texts]
        assert real.parts() == len(texts) + 2
        delivered = [receipt["id"] for receipt in heard(ears, "/receipt") if receipt["type"] == "1"]
        assert set(delivered) == {one.provider_id for one in sent}

        await real.send_inbound(PHONE, "1204", "OK 4711 æøå")
        await until(lambda: heard(ears, "/in"))
        assert heard(ears, "/in") == [{"from": PHONE, "to": "1204", "text": "OK 4711 æøå"}]


async def test_no_link_is_not_sent_and_comes_later(tmp_path: Path) -> None:
    async with standing(tmp_path) as (real, channel, _):
        await real.stop_carrier()
        queued = await channel.send(message(text="imens"))
        again = await channel.send(message(text="imens"))

        assert (queued.outcome, queued.said) == (SendOutcome.TEMPORARY, "202 3: Queued for later delivery")
        assert again.outcome is SendOutcome.TEMPORARY
        assert real.sent() == []

        await real.start_carrier()
        assert (await channel.send(message(text="bagefter"))).outcome is SendOutcome.ACCEPTED
        await until(lambda: len(real.sent()) == 3)
        assert sorted(text for _, text in real.sent()) == ["bagefter", "imens", "imens"]


async def test_a_wrong_password_and_a_wrong_path_break_the_route(tmp_path: Path) -> None:
    async with kannel(tmp_path) as real:
        async with route("kannel", url=real.url, user="en-anden") as channel:
            refused = await channel.send(message())
        async with route("kannel", url=real.url, user=real.user, path="/elsewhere") as channel:
            lost = await channel.send(message())

    assert (refused.outcome, refused.said) == (SendOutcome.BROKEN, "403 Authorization failed for sendsms")
    assert lost.outcome is SendOutcome.BROKEN


async def test_many_at_once_arrive_once_each(tmp_path: Path) -> None:
    async with standing(tmp_path) as (real, channel, _):
        texts = [f"besked {number}" for number in range(50)]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(channel.send(message(key=text, text=text))) for text in texts]
        await until(lambda: len(real.sent()) >= len(texts))

        assert {task.result().outcome for task in tasks} == {SendOutcome.ACCEPTED}
        assert sorted(text for _, text in real.sent()) == sorted(texts)
