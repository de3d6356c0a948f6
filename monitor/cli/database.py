"""`db upgrade|backup|check`: the database, beside the service or without it."""

import asyncio
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from sqlalchemy import make_url

from monitor.cli import frame
from monitor.ports import StoreFault, StoreLost
from monitor.store import backup as copying
from monitor.store.file import file_of
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


@database.command()
def backup(
    file: Annotated[Path, typer.Argument(help="Where the copy goes.")],
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
    config: frame.Config = None,
    as_json: frame.Json = False,
) -> None:
    """Copy the database while the service runs; the copy is looked through before it gets its name."""
    source = _sqlite(config, f"pg_dump --format=custom --file={file} --dbname=")
    try:
        copied = copying.backup(source, file, force=force)
    except StoreLost as lost:
        _found(f"no copy was made: {lost}")
    except StoreFault as fault:
        frame.fail(f"no copy was made: {fault}")
    told = {"file": str(copied.path), "bytes": copied.size, "schema": copied.schema}
    frame.answer(as_json, told, lambda: f"{copied.path}: {copied.size / 1e6:.1f} MB, schema {copied.schema}, whole")


@database.command()
def check(config: frame.Config = None, as_json: frame.Json = False) -> None:
    """Look the whole database through; beside the running service too."""
    source = _sqlite(config, "pg_amcheck --dbname=")
    try:
        wrong = copying.check(source)
    except StoreFault as fault:
        frame.fail(f"the database cannot be looked through: {fault}")
    frame.answer(as_json, {"file": str(source), "wrong": wrong}, lambda: f"{source}: {wrong or 'whole'}")
    if wrong:
        raise typer.Exit(frame.FOUND)


def _sqlite(config: Path | None, instead: str) -> Path:
    """The database's file; an end that says what to run where PostgreSQL keeps it."""
    url = frame.settings(config).database
    file = file_of(url)
    if file is None:
        server = make_url(url).set(drivername="postgresql")._replace(password=None)
        frame.fail(f"PostgreSQL keeps this database, and has the means itself. Run: {instead}'{server}'")
    return file.path


def _found(text: str) -> NoReturn:
    typer.echo(text, err=True)
    raise typer.Exit(frame.FOUND)


async def _open(url: str) -> None:
    store = Store(url)
    try:
        await store.open()
    finally:
        await store.close()
