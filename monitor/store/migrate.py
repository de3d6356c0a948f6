"""Brings a database's schema to the newest version.

An upgrade is one transaction that keeps others out, so one that is cut short leaves nothing behind. Alembic is loaded
only when there is something to do: importing it costs a tenth of a second at every start.
"""

from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, inspect, text

from monitor.ports import StoreFault
from monitor.store.engine import Engine
from monitor.store.schema import HEAD

FOLDER = Path(__file__).parent / "migrations"

_TURN = {
    "sqlite": "BEGIN IMMEDIATE",
    "postgresql": "SELECT pg_advisory_xact_lock(1869440630)",
}
"""Lets one upgrade at a time through. Without it Python's sqlite3 would make each table in a transaction of its own."""


async def migrate(engine: Engine, target: str = HEAD) -> None:
    """Upgrade to `target`; nothing is done where the schema is already there.

    Raises StoreFault for a schema this program does not know: a newer program has been here.
    """
    await engine.run(partial(_bring, target))


def _bring(target: str, connection: Connection) -> None:
    if version(connection) != target:
        _upgrade(connection, target)


def version(connection: Connection) -> str | None:
    """The schema's version, None for an empty database."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


def _upgrade(connection: Connection, target: str) -> None:
    from alembic import command
    from alembic.script import ScriptDirectory

    connection.exec_driver_sql(_TURN[connection.dialect.name])
    found = version(connection)
    if found == target:
        return
    given = configuration(connection)
    known = {script.revision for script in ScriptDirectory.from_config(given).walk_revisions()}
    if found is not None and found not in known:
        raise StoreFault(
            f"the database has schema {found[:40]!r}, this program knows {HEAD!r}: run the newer program "
            "that wrote it, or put back the copy of the database from before that one"
        )
    command.upgrade(given, target)


def configuration(connection: Connection) -> Any:
    """Alembic's configuration over an open connection."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.attributes["connection"] = connection
    return config
