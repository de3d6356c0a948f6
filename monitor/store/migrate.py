"""Brings a database's schema to the newest version.

Alembic is loaded only when there is something to do: importing it costs a tenth of a second at every start.
"""

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, inspect, text
from sqlalchemy.ext.asyncio import AsyncEngine

from monitor.store.schema import HEAD

FOLDER = Path(__file__).parent / "migrations"


async def migrate(engine: AsyncEngine, target: str = HEAD) -> None:
    """Upgrade to `target`; nothing is done where the schema is already there."""
    async with engine.begin() as connection:
        if await connection.run_sync(version) != target:
            await connection.run_sync(_upgrade, target)


def version(connection: Connection) -> str | None:
    """The schema's version, None for an empty database."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


def _upgrade(connection: Connection, target: str) -> None:
    from alembic import command

    command.upgrade(configuration(connection), target)


def configuration(connection: Connection) -> Any:
    """Alembic's configuration over an open connection."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.attributes["connection"] = connection
    return config
