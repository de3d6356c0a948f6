"""Databases as each release left them, as SQL text, and what the released migrations were then.

`SHA256SUMS` lists the released migrations: add a line, and a database that release made, when a schema is released.
"""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from monitor.store.engine import Engine
from monitor.store.migrate import migrate
from tests.support.postgres import Postgres

FOLDER = Path(__file__).parent
_LINES = (FOLDER / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
SUMS = {name: digest for digest, name in (line.split("  ") for line in _LINES)}
"""SHA-256 by the migration's file name."""
VERSIONS = sorted(name.partition("_")[0] for name in SUMS)


def text(version: str) -> str:
    return (FOLDER / f"{version}.sql").read_text(encoding="utf-8")


def in_sqlite(version: str, path: Path) -> str:
    """The database that release left, as a file; its URL."""
    with closing(sqlite3.connect(path)) as file:
        file.executescript(text(version))
        file.execute("PRAGMA journal_mode=WAL")
    return f"sqlite+aiosqlite:///{path}"


async def in_postgresql(version: str, cluster: Postgres) -> str:
    """The same rows in the tables that release made on PostgreSQL; its URL."""
    url = cluster.database()
    engine = Engine(url)
    await migrate(engine, version)
    await engine.close()
    statements = [part for part in text(version).split("\nINSERT INTO ")[1:] if not part.startswith('"alembic_')]
    cluster.sql("".join(f"INSERT INTO {part}\n" for part in statements), url)
    return url


def rows(version: str) -> dict[str, list[dict[str, Any]]]:
    """What stood in that database, by table, column by column."""
    with closing(sqlite3.connect(":memory:")) as file:
        file.executescript(text(version))
        file.row_factory = sqlite3.Row
        names = [row[0] for row in file.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        found = {name: [dict(row) for row in file.execute(f'SELECT * FROM "{name}"')] for name in names}  # noqa: S608
    del found["alembic_version"]
    return found


def schema(path: Path) -> set[tuple[str, str]]:
    """The file's tables and indexes as they were written."""
    with closing(sqlite3.connect(path)) as file:
        return {(name, " ".join(str(sql).split())) for name, sql in file.execute("SELECT name, sql FROM sqlite_master")}
