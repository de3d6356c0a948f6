"""SMS through a real gammu-smsd to its dummy phone."""

import asyncio
from pathlib import Path

import pytest

from monitor.core import gsm
from monitor.ports import SendOutcome
from tests.support.gammu import gammu
from tests.support.kannel import until
from tests.support.smsfake import PHONE, TEXT, message, route

pytestmark = pytest.mark.real

LONG = "NEDE Nødkald siden 14:32, meldt af " + "område æøå, " * 12 + "svar OK 4711 {€}"
TEXTS = [
    "NEDE Nødkald, områderne Ærø, Ø og Å",
    "€ {x} [y] ~ \\ | ^ @ $",
    "“Nexus” – nede…\nlinje to\n\nlinje fire",
    LONG,
]


@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
async def test_texts_reach_the_phone_whole_under_any_locale(tmp_path: Path, locale: str) -> None:
    assert gsm.parts(LONG) == 2

    async with gammu(tmp_path, locale) as real, route("modem", timeout="30s", **real.settings) as channel:
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(channel.send(message(key=f"n{number}", text=text)))
                for number, text in enumerate(TEXTS)
            ]
        sent = [task.result() for task in tasks]
        phone = real.sent()

    assert {one.outcome for one in sent} == {SendOutcome.ACCEPTED}
    assert sorted(one.provider_id for one in sent) == sorted(path.name for path in (real.folder / "sent").iterdir())
    assert [one.to for one in phone] == [PHONE] * len(TEXTS)
    assert sorted(one.parts for one in phone) == [1, 1, 1, 2]
    whole = sorted(gsm.transliterate(text) for text in TEXTS if text is not LONG)
    assert sorted(one.length for one in phone if one.parts == 1) == sorted(map(len, whole))
    if locale == "C.UTF-8":
        assert sorted(one.text for one in phone if one.parts == 1) == whole
        assert [LONG.startswith(one.text) for one in phone if one.parts == 2] == [True]


async def test_a_modem_that_hangs_has_not_sent_and_sends_nothing_later(tmp_path: Path) -> None:
    async with gammu(tmp_path) as real, route("modem", timeout="30s", **real.settings) as channel:
        real.freeze()
        async with route("modem", timeout="0.5s", **real.settings) as hasty:
            hung = await hasty.send(message(key="one", text="for sent"))
        real.thaw()
        sent = await channel.send(message(key="two", text=TEXT))
        phone = real.sent()

    assert hung.outcome is SendOutcome.TEMPORARY
    assert sent.outcome is SendOutcome.ACCEPTED
    assert [one.text for one in phone] == [TEXT]
    assert list(real.outbox.iterdir()) == []


async def test_a_modem_that_hangs_with_the_text_in_hand_may_have_sent_it(tmp_path: Path) -> None:
    async with gammu(tmp_path) as real, route("modem", timeout="3s", **real.settings) as channel:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(channel.send(message()))
            await until(real.sent, every=0)
            real.freeze()
        taken = task.result()

    # Frozen in the blink between reading and moving, or just after it: never told as not sent.
    assert taken.outcome in {SendOutcome.UNKNOWN, SendOutcome.ACCEPTED}


async def test_urgent_texts_go_first(tmp_path: Path) -> None:
    async with gammu(tmp_path) as real, route("modem", timeout="30s", **real.settings) as channel:
        real.freeze()
        async with asyncio.TaskGroup() as group:
            for key, urgent in (("digest", False), ("alarm", True)):
                group.create_task(channel.send(message(key=key, text=key, urgent=urgent)))
            await until(lambda: len(list(real.outbox.glob("OUT*"))) == 2)
            real.thaw()
        phone = real.sent()

    assert [one.text for one in phone] == ["alarm", "digest"]
