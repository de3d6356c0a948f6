"""A file that has lost what it held is set aside under its own name and begun anew; no other trouble touches it."""

import asyncio
import os
import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import timedelta
from pathlib import Path

import pytest

from monitor.ports import StoreFault, StoreLost
from monitor.store.file import DatabaseFile
from monitor.store.store import Store
from tests.store.rows import AT, a_line, an_incident
from tests.support.postgres import postgres
from tests.support.tiny_disk import tiny_disk

SCRIBBLE = b"kradset over " * 4_000
ASIDE = "kept.db.corrupt-20260305T100000Z"


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[Store]:
    store = Store(f"sqlite+aiosqlite:///{path}")
    try:
        await store.open()
        yield store
    finally:
        await store.close()


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    """A database with an incident and many lines."""
    place = tmp_path / "state" / "kept.db"
    place.parent.mkdir()
    async with opened(place) as store:
        await store.save([an_incident(), *(a_line(f"l{n}") for n in range(500))])
    return place


def scribble(path: Path, at: int = 4096) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(SCRIBBLE)


def read(path: Path) -> bytes | None:
    """None when there is no such file."""
    return path.read_bytes() if path.exists() else None


def names(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


async def lost_at_open(path: Path) -> str:
    """What it is set aside as."""
    store = Store(f"sqlite+aiosqlite:///{path}")
    with pytest.raises(StoreLost):
        await store.open()
    name = await store.renew(AT)
    assert await store.incidents() == ()
    await store.save([an_incident("new", "26-0002")])
    await store.close()
    async with opened(path) as again:
        assert [i.number for i in await again.incidents()] == ["26-0002"]
    return name


@pytest.mark.parametrize(
    "damage", [scribble, cut, lambda path: scribble(path, 0)], ids=["scribbled", "cut", "no header"]
)
async def test_what_is_damaged_at_a_start_is_set_aside_as_it_was(path: Path, damage: object) -> None:
    assert callable(damage)
    damage(path)
    before = read(path)

    assert await lost_at_open(path) == ASIDE
    assert read(path.with_name(ASIDE)) == before


async def test_none_set_aside_is_written_over(path: Path) -> None:
    for name in (ASIDE, f"{ASIDE}-2", f"{ASIDE}-3"):
        scribble(path, 0)
        assert await lost_at_open(path) == name
    assert names(path.parent) == {"kept.db", ASIDE, f"{ASIDE}-2", f"{ASIDE}-3"}


async def test_the_log_beside_it_goes_along(path: Path) -> None:
    store = Store(f"sqlite+aiosqlite:///{path}")
    await store.open()
    await store.save([a_line("late")])
    wal = read(Path(f"{path}-wal"))

    assert wal
    assert DatabaseFile(path).set_aside(AT) == ASIDE
    assert names(path.parent) == {ASIDE, f"{ASIDE}-wal", f"{ASIDE}-shm"}
    assert read(path.with_name(f"{ASIDE}-wal")) == wal
    with closing(sqlite3.connect(path.with_name(ASIDE))) as kept:
        assert kept.execute("SELECT count(*) FROM timeline WHERE key = 'late'").fetchone() == (1,)
    await store.close()


async def test_what_is_scribbled_over_while_it_is_open_is_found_by_looking(path: Path) -> None:
    async with opened(path) as store:
        await store.look()
        scribble(path)
        with pytest.raises(StoreLost):
            await store.look()
        with pytest.raises(StoreLost, match="damaged"):
            await store.save([a_line("more")])
        assert await store.renew(AT) == ASIDE
        await store.save([an_incident()])
        await store.look()
    assert names(path.parent) == {"kept.db", ASIDE, f"{ASIDE}-wal", f"{ASIDE}-shm"}


async def test_what_reading_finds_damaged_is_not_written_to(path: Path) -> None:
    async with opened(path) as store:
        await store.close()
        scribble(path, 4096)
        with pytest.raises(StoreLost):
            await store.load()
        with pytest.raises(StoreLost, match="damaged"):
            await store.save([a_line("more")])


async def test_a_folder_that_was_removed_is_made_again(path: Path) -> None:
    async with opened(path) as store:
        shutil.rmtree(path.parent)
        with pytest.raises(StoreLost, match="gone"):
            await store.save([a_line("more")])
        assert await store.renew(AT) == ""
        await store.save([an_incident()])
        assert sqlite3.connect(path).execute("SELECT count(*) FROM incidents").fetchone() == (1,)


async def test_a_copy_put_in_its_place_is_opened_as_it_is(path: Path) -> None:
    async with opened(path) as store:
        copy = path.with_name("copy.db")
        shutil.copy(path, copy)
        copy.rename(path)
        with pytest.raises(StoreLost, match="another file"):
            await store.save([a_line("more")])
        assert await store.renew(AT) == ""
        assert [i.number for i in await store.incidents()] == ["26-0001"]
        await store.save([a_line("more")])
    assert names(path.parent) == {"kept.db"}


async def test_a_bad_copy_put_in_its_place_is_set_aside(path: Path) -> None:
    async with opened(path) as store:
        copy = path.with_name("copy.db")
        copy.write_bytes(SCRIBBLE)
        copy.rename(path)
        with pytest.raises(StoreLost, match="another file"):
            await store.save([a_line("more")])
        assert await store.renew(AT) == ASIDE
        assert await store.incidents() == ()
    assert read(path.with_name(ASIDE)) == SCRIBBLE


async def test_a_file_that_became_smaller_and_is_whole_is_kept(path: Path) -> None:
    """As after VACUUM by hand."""
    async with opened(path) as store:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("DELETE FROM timeline")
            other.execute("VACUUM")
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        with pytest.raises(StoreLost, match="cut short"):
            await store.save([a_line("more")])
        assert await store.renew(AT) == ""
        assert len(await store.incidents()) == 1


async def test_a_locked_file_is_no_damage(path: Path) -> None:
    async with opened(path) as store:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            await store.look()
            with pytest.raises(StoreFault) as caught:
                await store.save([a_line("more")])
            assert not isinstance(caught.value, StoreLost)


async def refused(store: Store) -> None:
    with pytest.raises(StoreFault) as caught:
        await store.save([a_line(f"l{n}") for n in range(20_000)])
    assert not isinstance(caught.value, StoreLost)
    await store.look()


async def test_a_full_and_a_read_only_disk_are_no_damage(tmp_path: Path) -> None:
    with tiny_disk(tmp_path) as disk:
        async with opened(disk.folder / "kept.db") as store:
            filler = disk.fill()
            await refused(store)
            await store.close()
            disk.read_only(True)
            await refused(store)
            await store.close()
            disk.read_only(False)
            filler.unlink()
            await store.save([an_incident()])


async def test_what_cannot_be_set_aside_is_tried_again(tmp_path: Path) -> None:
    with tiny_disk(tmp_path) as disk:
        path = disk.folder / "kept.db"
        async with opened(path) as store:
            await store.close()
            scribble(path, 0)
            disk.read_only(True)
            for _ in range(2):
                with pytest.raises(StoreLost):
                    await store.look()
                with pytest.raises(StoreFault, match="cannot be set aside"):
                    await store.renew(AT)
            disk.read_only(False)
            assert await store.renew(AT) == ASIDE
            await store.save([an_incident()])


async def test_looking_is_cut_off_in_time(path: Path) -> None:
    async with opened(path) as store:
        await store.save([a_line(f"x{n}") for n in range(20_000)])
    async with asyncio.timeout(10):
        await DatabaseFile(path).look(0)
    scribble(path)
    with pytest.raises(StoreLost):
        await DatabaseFile(path).look(timedelta(seconds=5).total_seconds())


@pytest.mark.real
async def test_nothing_of_postgresql_is_touched() -> None:
    with postgres() as cluster:
        store = Store(cluster.database())
        await store.open()
        await store.look()
        with pytest.raises(StoreFault, match="database server"):
            await store.renew(AT)
        await store.close()
