"""A copy taken while somebody writes is whole, is nobody else's to read, and is there wholly or not at all."""

import asyncio
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from monitor.ports import StoreFault, StoreLost
from monitor.store.backup import backup, check
from monitor.store.schema import HEAD
from monitor.store.store import Store
from tests.store.rows import a_line, a_notice, an_incident
from tests.support.tiny_disk import tiny_disk

PRIVATE = "Fru Eksempel, Testvej 7"


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    place = tmp_path / "kept.db"
    store = Store(f"sqlite+aiosqlite:///{place}")
    await store.open()
    await store.save([an_incident(), a_notice(), *(a_line(f"l{n}") for n in range(2_000))])
    await store.close()
    return place


def rows(path: Path, table: str = "timeline") -> int:
    with closing(sqlite3.connect(path)) as file:
        found: int = file.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608
    return found


def names(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


async def test_under_load_it_holds_whole_transactions_and_the_service_starts_from_it(path: Path) -> None:
    store = Store(f"sqlite+aiosqlite:///{path}")
    await store.open()
    done = asyncio.Event()
    written = 0

    async def write() -> None:
        nonlocal written
        while not done.is_set():
            # One transaction: half of it in a copy would be a torn one.
            await store.save([a_line(f"w{written}-{part}") for part in range(10)])
            written += 1

    async def copy() -> list[Path]:
        copies = []
        for turn in range(4):
            before = written
            copied = await asyncio.to_thread(backup, path, path.with_name(f"copy-{turn}.db"))
            assert copied.schema == HEAD and copied.size == copied.path.stat().st_size
            assert rows(copied.path) >= 2_000 + 10 * (before - 1)
            copies.append(copied.path)
        done.set()
        return copies

    async with asyncio.TaskGroup() as group:
        writing, copying = group.create_task(write()), group.create_task(copy())
    await store.close()
    assert writing.done() and written
    for copy_path in copying.result():
        assert rows(copy_path) % 10 == 0
        assert copy_path.stat().st_mode & 0o777 == 0o600
        from_it = Store(f"sqlite+aiosqlite:///{copy_path}")
        await from_it.open()
        kept = await from_it.load()
        assert kept.incidents == (an_incident(),) and kept.notices == (a_notice(),)
        await from_it.close()
    assert names(path.parent) == {"kept.db", *(f"copy-{turn}.db" for turn in range(4))}


def test_what_is_there_is_not_written_over_unless_that_is_asked_for(path: Path) -> None:
    target = path.with_name("copy.db")
    target.write_text("noget")
    with pytest.raises(StoreFault, match=r"there already.*--force"):
        backup(path, target)
    assert target.read_text() == "noget"
    backup(path, target, force=True)
    assert rows(target) == 2_000
    with pytest.raises(StoreFault, match="the database itself"):
        backup(path, path, force=True)


def test_a_damaged_database_makes_no_copy_and_leaves_the_last_one(path: Path) -> None:
    target = path.with_name("copy.db")
    backup(path, target)
    before = target.read_bytes()
    with path.open("r+b") as file:
        file.seek(8192)
        file.write(PRIVATE.encode() * 3_000)
    with pytest.raises(StoreLost) as caught:
        backup(path, target, force=True)
    assert PRIVATE not in str(caught.value)
    assert target.read_bytes() == before
    assert names(path.parent) == {"kept.db", "copy.db"}


def test_an_index_that_does_not_match_its_table_is_found(path: Path) -> None:
    assert check(path) == ""
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        file.execute("PRAGMA writable_schema=ON")
        file.execute(
            "UPDATE sqlite_master SET sql = replace(sql, 'incident)', 'entry)') WHERE name = 'ix_timeline_incident'"
        )
    assert "ix_timeline_incident" in check(path)


@pytest.mark.parametrize("target", ["nowhere/copy.db", ""])
def test_where_nothing_can_be_written(path: Path, target: str) -> None:
    with pytest.raises(StoreFault, match=r"cannot be written|is a folder"):
        backup(path, path.parent / target)


def test_where_no_database_is(tmp_path: Path) -> None:
    for work in (lambda: backup(tmp_path / "kept.db", tmp_path / "copy.db"), lambda: check(tmp_path / "kept.db")):
        with pytest.raises(StoreFault, match="no database yet"):
            work()
    assert names(tmp_path) == set()


def test_a_full_disk_leaves_no_half_of_a_copy(path: Path, tmp_path: Path) -> None:
    with tiny_disk(tmp_path, "1m") as disk:
        target = disk.folder / "copy.db"
        shutil.copy(path, target)
        filler = disk.fill()
        with pytest.raises(StoreFault, match="full"):
            backup(path, target, force=True)
        filler.unlink()
        assert names(disk.folder) == {"copy.db"}
        assert rows(target) == 2_000


def test_a_locked_database_is_copied_all_the_same(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("DELETE FROM timeline")
        backup(path, path.with_name("copy.db"))
        other.execute("ROLLBACK")
    assert rows(path.with_name("copy.db")) == 2_000


def test_what_was_deleted_is_in_no_copy(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        file.execute("PRAGMA secure_delete=OFF")
        file.execute("UPDATE notices SET text = ?", (PRIVATE * 100,))
        file.execute("DELETE FROM notices")
    backup(path, path.with_name("copy.db"))
    assert PRIVATE.encode() in path.read_bytes()
    assert PRIVATE.encode() not in path.with_name("copy.db").read_bytes()
    assert os.path.getsize(path.with_name("copy.db")) < os.path.getsize(path)  # noqa: PTH202
