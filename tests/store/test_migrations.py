"""What the migrations make is what the tables say; an upgrade is whole or not at all, and never downwards."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, event

from monitor.ports import StoreFault
from monitor.store import schema
from monitor.store.migrate import FOLDER
from monitor.store.store import Store
from tests.store.rows import an_incident
from tests.support.postgres import postgres


def url_of(path: Path) -> str:
    return f"sqlite+aiosqlite:///{path}"


async def opened(url: str) -> None:
    """Open and let go, as a start of the service does."""
    store = Store(url)
    try:
        await store.open()
    finally:
        await store.close()


async def differences(url: str) -> list[Any]:
    """What alembic would put in a new migration."""

    def compare(connection: Connection) -> list[Any]:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        return list(compare_metadata(context, schema.metadata))

    store = Store(url)
    try:
        return await store._engine.run(compare)
    finally:
        await store.close()


def written(path: Path) -> dict[str, str]:
    """The file's own schema, by name."""
    with closing(sqlite3.connect(path)) as file:
        return dict(file.execute("SELECT name, coalesce(sql, '') FROM sqlite_master"))


def marked(path: Path, version: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        file.execute("UPDATE alembic_version SET version_num = ?", (version,))


def test_head_is_the_newest_script() -> None:
    scripts = ScriptDirectory(str(FOLDER))

    assert scripts.get_heads() == [schema.HEAD]
    assert max((FOLDER / "versions").glob("[0-9]*.py")).name.startswith(f"{schema.HEAD}_")


async def test_an_empty_file_is_brought_up_and_again_nothing_is_done(tmp_path: Path) -> None:
    path = tmp_path / "kept.db"
    await opened(url_of(path))
    first = written(path)
    assert set(schema.metadata.tables) < set(first)
    store = Store(url_of(path))
    await store.open()
    await store.save([an_incident()])
    await store.close()
    statements: list[str] = []
    store = Store(url_of(path))
    event.listen(store._engine.sync_engine, "before_cursor_execute", lambda *call: statements.append(call[2]))

    await store.open()

    assert await store.incidents() == (an_incident(),)
    await store.close()
    assert written(path) == first
    assert not [said for said in statements if not said.lstrip().startswith(("SELECT", "PRAGMA"))]


async def test_the_tables_are_those_of_the_migrations(tmp_path: Path) -> None:
    await opened(url_of(tmp_path / "kept.db"))

    assert await differences(url_of(tmp_path / "kept.db")) == []


async def test_a_difference_would_be_seen(tmp_path: Path) -> None:
    path = tmp_path / "kept.db"
    await opened(url_of(path))
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        file.execute("ALTER TABLE watches DROP COLUMN last")
        file.execute("DROP INDEX ix_notices_state")
        file.execute("DROP TABLE beliefs")
        file.execute('CREATE TABLE beliefs ("check" TEXT PRIMARY KEY, level TEXT, state TEXT, since BIGINT, grade INT)')

    found = {(one[0][0] if isinstance(one, list) else one[0]) for one in await differences(url_of(path))}

    assert {"add_column", "add_index", "modify_type", "modify_nullable"} <= found


async def test_a_database_of_a_newer_program_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "kept.db"
    await opened(url_of(path))
    marked(path, "9999")
    before = written(path)

    with pytest.raises(StoreFault, match=r"schema '9999'.*knows '0002'.*newer program.*copy of the database"):
        await opened(url_of(path))

    assert written(path) == before


async def test_an_upgrade_cut_short_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "kept.db"
    store = Store(url_of(path))
    made: list[str] = []

    @event.listens_for(store._engine.sync_engine, "before_cursor_execute")
    def _cut(*call: Any) -> None:
        if "CREATE TABLE" in call[2]:
            made.append(call[2])
            if len(made) == 4:
                raise OSError("power cut")

    with pytest.raises(StoreFault, match="power cut"):
        await store.open()
    await store.close()

    assert written(path) == {}
    await opened(url_of(path))
    assert await differences(url_of(path)) == []


async def test_two_that_open_a_new_file_at_once_both_come_up(tmp_path: Path) -> None:
    path = tmp_path / "kept.db"
    await asyncio.gather(*(opened(url_of(path)) for _ in range(4)))

    assert await differences(url_of(path)) == []


@pytest.mark.real
async def test_on_postgresql() -> None:
    with postgres() as cluster:
        url = cluster.database()
        await asyncio.gather(*(opened(url) for _ in range(4)))
        await opened(url)
        assert await differences(url) == []

        cluster.sql("UPDATE alembic_version SET version_num = '9999'", url)
        with pytest.raises(StoreFault, match="newer program"):
            await opened(url)
