"""A file that cannot be used is a StoreFault that says why, and never what stood in the rows."""

import sqlite3
import traceback
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from monitor.core.records import Row
from monitor.ports import StoreFault
from monitor.store.store import Store
from tests.store.rows import a_notice, an_incident
from tests.support.tiny_disk import tiny_disk

PRIVATE = "Fru Eksempel, Testvej 7"
ROWS: list[Row] = [an_incident(cause=PRIVATE), a_notice(text=PRIVATE)]


@asynccontextmanager
async def at(path: Path) -> AsyncIterator[Store]:
    store = Store(f"sqlite+aiosqlite:///{path}")
    try:
        yield store
    finally:
        await store.close()


@contextmanager
def told(*words: str) -> Iterator[None]:
    """A StoreFault with these words, and without a row's, also where its stack is written out."""
    with pytest.raises(StoreFault) as caught:
        yield
    said = str(caught.value)
    assert all(word in said for word in words), said
    assert len(said.splitlines()) == 1
    assert PRIVATE not in said
    assert PRIVATE not in "".join(traceback.format_exception(caught.value))


async def filled(path: Path) -> None:
    async with at(path) as store:
        await store.open()
        await store.save(ROWS)


async def test_a_locked_file(tmp_path: Path) -> None:
    path = tmp_path / "kept.db"
    await filled(path)
    async with at(path) as store:
        await store.open()
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with told("locked"):
                await store.save(ROWS)
            assert (await store.load()).incidents, "reading goes on beside another writer"
            other.execute("ROLLBACK")
        await store.save(ROWS)


async def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "kept.db"
    path.write_bytes(PRIVATE.encode() * 500)
    async with at(path) as store:
        with told("not a database"):
            await store.open()
        with told("not a database"):
            await store.load()
        with told("damaged"):
            await store.save(ROWS)
    assert path.read_bytes() == PRIVATE.encode() * 500, "a corrupt file is left as it is"


async def test_a_database_with_a_torn_page(tmp_path: Path) -> None:
    path = tmp_path / "kept.db"
    await filled(path)
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(PRIVATE.encode() * 40_000)
    async with at(path) as store:
        with told("malformed"):
            await store.open()
    async with at(path) as store:
        with told("malformed"):
            await store.load()
        with told("damaged"):
            await store.save(ROWS)


async def test_a_word_that_this_program_does_not_know(tmp_path: Path) -> None:
    path = tmp_path / "kept.db"
    await filled(path)
    async with at(path) as store:
        await store.open()
        for column, value in (("kind", PRIVATE), ("created", PRIVATE), ("created", 2**62)):
            with closing(sqlite3.connect(path, isolation_level=None)) as other:
                other.execute(f'UPDATE notices SET "{column}" = ?', (value,))  # noqa: S608
            with told("notices"):
                await store.load()
            await store.save([a_notice(text="again")])


async def test_a_missing_folder(tmp_path: Path) -> None:
    async with at(tmp_path / "nowhere" / "kept.db") as store:
        with told("unable to open"):
            await store.open()
        with told("unable to open"):
            await store.save(ROWS)
    assert not (tmp_path / "nowhere").exists()


async def test_a_read_only_folder(tmp_path: Path) -> None:
    with tiny_disk(tmp_path) as disk:
        path = disk.folder / "kept.db"
        await filled(path)
        disk.read_only(True)
        async with at(path) as store:
            with told("OperationalError"):
                await store.open()
            with told("OperationalError"):
                await store.save(ROWS)
        async with at(disk.folder / "new.db") as store:
            with told("unable to open"):
                await store.open()
        disk.read_only(False)
        await filled(path)


@pytest.mark.parametrize(
    "bad",
    [
        {"created": PRIVATE},
        {"kind": PRIVATE},
        {"text": b"\xff" + PRIVATE.encode()},
        {"text": None},
        {"generation": 2**70},
    ],
    ids="-".join,
)
async def test_a_row_that_no_column_takes(tmp_path: Path, bad: dict[str, Any]) -> None:
    async with at(tmp_path / "kept.db") as store:
        await store.open()
        with told():
            await store.save([an_incident(cause=PRIVATE), replace(a_notice(text=PRIVATE), **bad)])
        assert await store.incidents() == ()
