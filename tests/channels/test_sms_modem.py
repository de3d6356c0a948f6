"""The modem's folders: a text lies there whole, and each way smsd can leave it has its outcome.

The daemon here is a coroutine that reads and moves files as smsd does; the real one is in tests/real.
"""

import asyncio
import errno
import os
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from monitor.channels import sms_modem, via
from monitor.ports import SendOutcome, Sent
from tests.support.smsfake import NOW, TEXT, message, route

ACCEPTED, TEMPORARY = SendOutcome.ACCEPTED, SendOutcome.TEMPORARY
REJECTED, BROKEN, UNKNOWN = SendOutcome.REJECTED, SendOutcome.BROKEN, SendOutcome.UNKNOWN


@dataclass(slots=True)
class Folders:
    """The folders of one modem."""

    base: Path
    taken: list[tuple[str, str]] = field(default_factory=list)

    @property
    def settings(self) -> dict[str, str]:
        return {name: str(self.base / name) for name in ("outbox", "sent", "error")}

    def names(self, folder: str) -> list[str]:
        return sorted(path.name for path in (self.base / folder).iterdir())


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    for name in ("outbox", "sent", "error"):
        (tmp_path / name).mkdir()
    return Folders(tmp_path)


@asynccontextmanager
async def daemon(folders: Folders, take: Callable[[Path], None]) -> AsyncIterator[None]:
    """Look in the outbox for whole files, as smsd does, and do this to each."""

    async def look() -> None:
        while True:
            for path in sorted((folders.base / "outbox").glob("OUT*.txt*")):
                folders.taken.append((path.name, path.read_bytes().decode("utf-16")))
                take(path)
            await asyncio.sleep(0.01)

    task = asyncio.get_running_loop().create_task(look())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def to(folder: str) -> Callable[[Path], None]:
    def move(path: Path) -> None:
        path.rename(path.parents[1] / folder / path.name)

    return move


async def send(folders: Folders, changes: dict[str, Any] | None = None, **settings: Any) -> Sent:
    async with route("modem", **{**folders.settings, **settings}) as channel:
        return await channel.send(message(**(changes or {})))


async def test_sent_is_accepted_and_the_receipts_key_is_the_files_name(folders: Folders) -> None:
    async with daemon(folders, to("sent")):
        sent = await send(folders)

    assert sent.outcome is ACCEPTED
    assert folders.names("sent") == [sent.provider_id]
    assert folders.names("outbox") == folders.names("error") == []
    assert folders.taken[0] == (sent.provider_id, TEXT)


async def test_given_up_is_temporary(folders: Folders) -> None:
    async with daemon(folders, to("error")):
        assert (await send(folders)).outcome is TEMPORARY


async def test_gone_without_a_trace_is_unknown(folders: Folders) -> None:
    async with daemon(folders, Path.unlink):
        assert (await send(folders)).outcome is UNKNOWN


async def test_never_read_is_taken_back_and_not_sent(folders: Folders) -> None:
    sent = await send(folders, timeout="0.3s")

    assert sent.outcome is TEMPORARY
    assert folders.names("outbox") == []


async def test_read_but_not_finished_is_taken_back_and_unknown(folders: Folders) -> None:
    async with daemon(folders, lambda _: None):
        sent = await send(folders, timeout="0.5s")

    assert sent.outcome is UNKNOWN
    assert folders.names("outbox") == []


async def test_where_reading_leaves_no_trace_a_text_that_waits_too_long_is_unknown(
    folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    class NoAccessTimes:
        f_flag = os.ST_NOATIME

    monkeypatch.setattr(os, "statvfs", lambda _: NoAccessTimes)

    assert (await send(folders, timeout="0.3s")).outcome is UNKNOWN


@pytest.mark.parametrize(("folder", "outcome"), [("sent", ACCEPTED), ("error", TEMPORARY)])
async def test_finished_at_the_very_last_moment(
    folders: Folders, folder: str, outcome: SendOutcome, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.rename

    def just_before(path: Path, target: Path) -> Path:
        if path.name.startswith("OUT"):
            rename(path, folders.base / folder / path.name)
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", just_before)

    assert (await send(folders, timeout="0.3s")).outcome is outcome


async def test_the_file_is_whole_before_it_has_a_name_the_daemon_looks_for(
    folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, str, list[str]]] = []
    rename = Path.rename

    def watched(path: Path, target: Path) -> Path:
        seen.append((path.name, path.read_bytes().decode("utf-16"), folders.names("outbox")))
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", watched)
    async with daemon(folders, to("sent")):
        await send(folders, {"text": "Nødkald nede – æøå €\nlinje to"})

    name, content, lying = seen[0]
    assert name.startswith(".OUT")
    assert content == "Nødkald nede - æøå €\nlinje to"
    assert lying == [name]


async def test_the_daemon_may_run_as_another_user(folders: Folders) -> None:
    modes: list[int] = []

    def note(path: Path) -> None:
        modes.append(path.stat().st_mode & 0o777)
        to("sent")(path)

    old = os.umask(0o077)
    try:
        async with daemon(folders, note):
            await send(folders)
    finally:
        os.umask(old)

    assert modes == [0o644]


NAME = re.compile(r"OUTA20261224_215930_00_\+4500000001_[0-9A-Za-z-]+\.txtd")


async def test_the_name_says_when_whom_and_how(folders: Folders) -> None:
    async with daemon(folders, to("sent")):
        first = await send(folders)
        second = await send(folders)
        calm = await send(folders, {"urgent": False}, receipt="no", flash="yes")
        odd = await send(folders, {"key": "../../26-0007_x.txt/%a"})

    assert NAME.fullmatch(first.provider_id)
    assert second.provider_id == first.provider_id.replace("_00_", "_01_")
    assert calm.provider_id.startswith("OUTN")
    assert calm.provider_id.endswith(".txtf")
    assert NAME.fullmatch(odd.provider_id)


async def test_the_name_keeps_the_time_it_is_given(folders: Folders) -> None:
    copenhagen = NOW.astimezone(timezone(timedelta(hours=1)))

    def now() -> datetime:
        return copenhagen

    async with daemon(folders, to("sent")), route("modem", now, **folders.settings) as channel:
        sent = await channel.send(message())

    assert "20261224_225930" in sent.provider_id


@pytest.mark.parametrize("number", ["", "112", "+45/../../x", "+45_00000001", "+45\n00000001"])
async def test_what_is_no_number_names_no_file(folders: Folders, number: str) -> None:
    assert (await send(folders, {"to": number})).outcome is REJECTED
    assert folders.names("outbox") == []


@pytest.mark.parametrize("missing", ["outbox", "sent", "error"])
async def test_a_missing_folder_breaks_the_route_or_is_unknown(folders: Folders, missing: str) -> None:
    (folders.base / missing).rmdir()
    expected = {"outbox": BROKEN, "sent": TEMPORARY, "error": TEMPORARY}

    assert (await send(folders, timeout="0.3s")).outcome is expected[missing]


@pytest.mark.parametrize(
    ("number", "outcome"),
    [(errno.ENOSPC, TEMPORARY), (errno.EIO, TEMPORARY), (errno.EROFS, BROKEN), (errno.EACCES, BROKEN)],
)
async def test_a_disk_that_will_not(
    folders: Folders, number: int, outcome: SendOutcome, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)

    sent = await send(folders, timeout="0.3s")

    assert sent.outcome is outcome
    assert os.strerror(number) in sent.said
    assert folders.names("outbox") == []


async def test_a_disk_that_hangs_is_unknown(folders: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    going_on = asyncio.Event()

    async def stuck() -> None:
        await going_on.wait()

    monkeypatch.setattr(os, "fsync", lambda _: asyncio.run_coroutine_threadsafe(stuck(), loop).result())

    assert (await send(folders, timeout="0.3s")).outcome is UNKNOWN
    going_on.set()


async def test_waiting_costs_few_looks(folders: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0
    exists = Path.exists

    def counted(path: Path) -> bool:
        nonlocal looks
        looks += 1
        return exists(path)

    monkeypatch.setattr(Path, "exists", counted)
    await send(folders, timeout="1s")

    assert looks <= 3 + 1 / sms_modem._LOOK_EVERY + 1


def test_a_modem_shares_nothing_with_our_line_and_has_time() -> None:
    settings = via("modem").Settings.model_validate({"via": "modem"})

    assert settings.independent
    assert settings.timeout == 30
