"""`db upgrade`: bring the schema up to date without starting the service."""

import asyncio

import typer

from monitor.cli import frame
from monitor.ports import StoreFault
from monitor.store.schema import HEAD
from monitor.store.store import Store

database = typer.Typer(no_args_is_help=True, help="The database.")


@database.command()
def upgrade(config: frame.Config = None, as_json: frame.Json = False) -> None:
    """Bring the schema to the newest version; nothing happens where it is there already."""
    settings = frame.settings(config)
    try:
        settings.state.mkdir(parents=True, exist_ok=True)
        asyncio.run(_open(settings.database))
    except (StoreFault, OSError) as fault:
        frame.fail(f"the database cannot be upgraded: {fault}. Set STATE_DIRECTORY or OMSORGSVAGT_DATABASE_URL")
    frame.answer(as_json, {"schema": HEAD}, lambda: f"schema {HEAD}")


async def _open(url: str) -> None:
    store = Store(url)
    try:
        await store.open()
    finally:
        await store.close()
