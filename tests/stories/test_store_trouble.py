"""Scenario 20: a store locked, full, read-only or gone. The alarms go out; the rest is said and written later."""

import resource
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

import pytest

from monitor.core.finding import Outcome
from monitor.core.records import Row
from tests.support.plans import MAIL, small_plan, step, with_steps
from tests.support.story import Story, story
from tests.support.tiny_disk import tiny_disk

THURSDAY_AT_TEN = datetime(2026, 3, 5, 10, 0)
PLAN = with_steps(small_plan(), "nedbrud_dag", step(0, "nexus_support"))


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another program has the file and does not let go."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@contextmanager
def no_file_may_grow() -> Iterator[None]:
    """No file of this process may be written beyond its first bytes: to SQLite, a disk with no room."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def told_of_the_store(s: Story) -> None:
    await s.mind()
    s.expect("nexus", "Omsorgsvagt selv", "atabasen kan ikke skrives", channel=MAIL)
    assert s.engine.desk.journal.degraded and s.engine.desk.journal.waiting


async def told_that_it_is_back(s: Story) -> None:
    await s.mind()
    assert not s.engine.desk.journal.degraded
    await s.mind()
    s.expect("nexus", "Omsorgsvagt selv", "OPPE IGEN", channel=MAIL)
    await s.mind()
    assert not s.engine.desk.journal.waiting


async def alarmed(s: Story) -> None:
    """An outage is told, and the trouble with the store besides."""
    await s.down("noedkald-1")
    s.expect("nexus", "Noedkald NEDE", "26-0001")
    await told_of_the_store(s)


async def written(s: Story) -> None:
    """Everything that was done meanwhile stands in the store."""
    incident, lines, notices = await s.kept("26-0001")
    assert incident.active
    assert [n.state.value for n in notices] == ["accepted"]
    assert {"opened", "queued", "accepted"} <= {ln.entry.value for ln in lines}


async def test_locked_for_a_while(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN, PLAN) as s:
        with locked(tmp_path / "story.db"):
            await alarmed(s)
        await told_that_it_is_back(s)
        await written(s)
        await s.up("noedkald-1")
        s.expect("nexus", "Noedkald OPPE IGEN")


async def test_no_room_for_a_byte_more(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN, PLAN) as s:
        with no_file_may_grow():
            await alarmed(s)
        await told_that_it_is_back(s)
        await written(s)


async def test_a_disk_that_is_full(tmp_path: Path) -> None:
    with tiny_disk(tmp_path) as disk:
        url = f"sqlite+aiosqlite:///{disk.folder / 'story.db'}"
        async with story(tmp_path, THURSDAY_AT_TEN, PLAN, url) as s:
            filler = disk.fill()
            await alarmed(s)
            filler.unlink()
            await told_that_it_is_back(s)
            await written(s)


async def test_a_folder_that_becomes_read_only(tmp_path: Path) -> None:
    with tiny_disk(tmp_path) as disk:
        url = f"sqlite+aiosqlite:///{disk.folder / 'story.db'}"
        async with story(tmp_path, THURSDAY_AT_TEN, PLAN, url) as s:
            await s.kill()
            disk.read_only(True)
            await s.restart()
            await s.down("noedkald-1")
            s.expect("nexus", "Noedkald NEDE", "26-M")
            await told_of_the_store(s)
            await s.kill()
            disk.read_only(False)


async def test_a_folder_that_is_not_there_and_then_is(tmp_path: Path) -> None:
    folder = tmp_path / "later"
    async with story(tmp_path, THURSDAY_AT_TEN, PLAN, f"sqlite+aiosqlite:///{folder / 'story.db'}") as s:
        await s.down("noedkald-1")
        s.expect("nexus", "Noedkald NEDE", "26-M")
        await told_of_the_store(s)
        number = next(i.number for i in s.engine.desk.ledger.incidents.values() if i.system == "noedkald")
        folder.mkdir()
        await told_that_it_is_back(s)
        incident, _, notices = await s.kept(number)
        assert incident.active and [n.state.value for n in notices] == ["accepted"]
        await s.down("phoniro-1")
        s.expect("nexus", "Phoniro NEDE", "26-0001")


async def test_what_a_former_run_left_is_taken_up_when_it_can_be_read_at_last(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN, PLAN) as s:
        await s.down("noedkald-1")
        s.expect("nexus", "Noedkald NEDE", "26-0001")
        await s.down("phoniro-1")
        s.expect("nexus", "Phoniro NEDE", "26-0002")
        await s.mind()
        hidden = tmp_path / "hidden.db"
        await s.kill()
        for end in ("", "-wal", "-shm"):
            source = tmp_path / f"story.db{end}"
            if source.exists():
                source.rename(f"{hidden}{end}")
        (tmp_path / "story.db").mkdir()
        await s.restart(away=5)
        # Nødkald is seen to be down again, Phoniro to be well, and nothing is known of what was said before.
        await s.find("phoniro-1", Outcome.OK)
        await s.down("noedkald-1")
        s.expect("nexus", "Noedkald NEDE", "26-M")
        await told_of_the_store(s)
        (tmp_path / "story.db").rmdir()
        for end in ("", "-wal", "-shm"):
            source = Path(f"{hidden}{end}")
            if source.exists():
                source.rename(tmp_path / f"story.db{end}")
        await s.mind()
        s.expect("nexus", "Phoniro OPPE IGEN", "26-0002")
        ended, lines, _ = await s.kept("26-0001")
        assert ended.closed is not None and lines[-1].text.startswith("fortsætter som 26-M")
        await s.mind()
        s.expect("nexus", "Omsorgsvagt selv", "OPPE IGEN", channel=MAIL)
        await s.up("noedkald-1")
        s.expect("nexus", "Noedkald OPPE IGEN", "26-M")


@pytest.mark.parametrize("fault", [ValueError("a driver's own"), OSError("gone"), ConnectionError("reset")])
async def test_a_store_that_raises_what_it_should_not_stops_no_alarm(tmp_path: Path, fault: Exception) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN, PLAN) as s:
        save = s.store.save

        async def broken(rows: Sequence[Row]) -> None:
            raise type(fault)(f"{fault}, {len(rows)} rows")

        s.engine.desk.journal.store.save = broken  # type: ignore[method-assign]
        await alarmed(s)
        s.engine.desk.journal.store.save = save  # type: ignore[method-assign]
        await told_that_it_is_back(s)
        await written(s)
