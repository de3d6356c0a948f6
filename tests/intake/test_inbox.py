"""Replies by a modem: gammu-smsd's inbox files, whole, broken, foreign and many."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import structlog

from monitor.channels.sms_modem import Settings
from monitor.engine.answers import Answers
from monitor.engine.links import Asking
from monitor.engine.receipts import Receipts
from monitor.intake.inbox import READ, Inbox
from tests.stories.test_answers import NIGHT, answerable, code_in
from tests.support.story import Story, story

NAME = "IN20261224_030100_00_+4500000003_00.txt"


@dataclass
class Modem:
    """A story with its alarm out, and the folder its answer arrives in."""

    story: Story
    inbox: Inbox
    folder: Path
    code: str

    def lay(self, name: str, content: bytes, age: float = 10.0) -> Path:
        path = self.folder / name
        path.write_bytes(content)
        at = self.story.clock.at.timestamp() - age
        os.utime(path, (at, at))
        return path

    @property
    def taken(self) -> bool:
        return self.story.incident.acknowledged is not None

    def counted(self, verdict: str) -> float:
        sample = self.story.engine.desk.metrics.registry.get_sample_value
        return sample("omsorgsvagt_replies_total", {"route": "primary", "verdict": verdict}) or 0.0

    def left(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir() if path.name != READ)


@asynccontextmanager
async def modem(tmp: Path, *, receipts: bool = False) -> AsyncIterator[Modem]:
    folder = tmp / "inbox"
    folder.mkdir()
    route = Settings(name="primary", replies=True, receipts=receipts, inbox=folder)
    deaf = Settings(name="deaf", inbox=tmp / "none")
    async with story(tmp, NIGHT, answerable()) as s:
        s.engine.desk.asking = Asking(b"en noegle")
        await s.down("noedkald-1", every=0)
        code = code_in(s.expect("chef", "NEDE"))
        inbox = Inbox(Answers(s.engine.desk), lambda: (route, deaf), s.clock.now, Receipts(s.engine.desk))
        yield Modem(s, inbox, folder, code)
        await s.engine.turn()
        s.forget()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
async def test_an_answer_is_read_once_and_moved_aside(tmp_path: Path, encoding: str) -> None:
    async with modem(tmp_path) as at:
        at.lay(NAME, f"NØDDRIFT {at.code}".encode(encoding))
        for _ in range(3):
            await at.inbox.turn()
        assert at.taken
        assert at.story.incident.human.value == "fallback"
        assert at.counted("acknowledged") == 1
        assert at.left() == []
        assert (at.folder / READ / NAME).is_file()


async def test_a_file_that_may_still_be_written_is_left_until_it_is_whole(tmp_path: Path) -> None:
    async with modem(tmp_path) as at:
        at.lay(NAME, b"OK", age=0.2)
        await at.inbox.turn()
        assert at.left() == [NAME]
        at.lay(NAME, f"OK {at.code}".encode(), age=1.5)
        await at.inbox.turn()
        assert at.taken


async def test_bad_names_contents_and_sorts_of_files_are_harmless(tmp_path: Path) -> None:
    async with modem(tmp_path) as at:
        secret = tmp_path / "hemmelig"
        secret.write_text(f"OK {at.code}", encoding="utf-8")
        whole = f"OK {at.code}".encode()
        at.lay("IN20261224_030100_00_Bank_00.txt", whole)
        at.lay("IN20261224_030100_00_+4500000003_00.smsbackup", whole)
        at.lay("IN20261224_030100_00_+4500000003_00.bin", whole)
        at.lay("IN_+4500000003.txt", whole)
        at.lay("INæøå\udcff.txt", whole)
        at.lay("IN20261224_030101_00_+4500000003_00.txt", b"\xff\xfe\x00")
        at.lay("IN20261224_030102_00_+4500000003_00.txt", b"\x80\x81OK")
        at.lay("IN20261224_030103_00_+4500000003_00.txt", b"x" * 10_000)
        (at.folder / "IN20261224_030104_00_+4500000003_00.txt").symlink_to(secret)
        os.mkfifo(at.folder / "IN20261224_030105_00_+4500000003_00.txt")
        (at.folder / "IN20261224_030106_00_+4500000003_00.txt").mkdir()
        at.lay("OUTA20261224_030100_00_+4500000003_x.txtd", whole)
        with structlog.testing.capture_logs() as logs:
            await at.inbox.turn()
        assert not at.taken
        assert at.counted("malformed") == 10
        assert at.left() == ["IN20261224_030106_00_+4500000003_00.txt", "OUTA20261224_030100_00_+4500000003_x.txtd"]
        assert logs == []


async def test_what_has_lain_for_hours_is_moved_aside_and_not_answered(tmp_path: Path) -> None:
    async with modem(tmp_path) as at:
        at.lay(NAME, f"OK {at.code}".encode(), age=3700)
        await at.inbox.turn()
        assert (at.counted("expired"), at.taken, at.left()) == (1, False, [])


async def test_a_heap_of_files_is_taken_some_at_a_time(tmp_path: Path) -> None:
    async with modem(tmp_path) as at:
        for n in range(250):
            at.lay(f"IN20261224_{n:06d}_00_+4600000000_00.txt", b"OK 1234")
        await at.inbox.turn()
        assert at.counted("other_number") == 100
        for _ in range(2):
            await at.inbox.turn()
        assert at.left() == []


async def test_a_folder_that_is_not_there_is_said_once(tmp_path: Path) -> None:
    async with modem(tmp_path) as at:
        at.folder.rmdir()
        with structlog.testing.capture_logs() as logs:
            for _ in range(3):
                await at.inbox.turn()
        assert [one["event"] for one in logs] == ["inbox_not_read"]
        at.folder.mkdir()
        at.lay(NAME, f"OK {at.code}".encode())
        await at.inbox.turn()
        assert at.taken


async def test_a_status_report_is_no_answer(tmp_path: Path) -> None:
    async with modem(tmp_path) as at:
        for n, word in enumerate(("Delivered", "Failed", "Pending", "Unknown\n")):
            at.lay(NAME.replace("_00_", f"_0{n}_"), word.encode())
        await at.inbox.turn()
        await at.story.engine.turn()
        assert at.left() == []
        assert at.counted("not_understood") == 0
        assert not at.taken
        at.story.expect("brand", "NEDE")


async def test_a_status_report_confirms_the_oldest_text_to_its_number(tmp_path: Path) -> None:
    async with modem(tmp_path, receipts=True) as at:
        at.story.forget()
        await at.story.later(300)
        at.story.expect("chef", "STADIG NEDE")
        at.story.expect("brand", "STADIG NEDE")
        sent = [n for n in at.story.engine.desk.ledger.notices.values() if n.to == "+4500000003"]
        assert len(sent) == 2

        def delivered() -> list[bool]:
            known = at.story.engine.desk.ledger.notices
            return [known[notice.id].delivered is not None for notice in sent]

        for word, expected in (("Pending", [False, False]), ("Delivered", [True, False]), ("Delivered", [True, True])):
            at.lay(NAME, word.encode())
            await at.inbox.turn()
            assert delivered() == expected
        at.lay(NAME, b"Delivered")
        at.lay(NAME.replace("0003", "0099"), b"Delivered")
        await at.inbox.turn()
        sample = at.story.engine.desk.metrics.registry.get_sample_value
        assert sample("omsorgsvagt_receipts_total", {"route": "primary", "verdict": "unknown"}) == 2.0
