"""What was decided and done, kept: every write and every read of rows goes through here.

One `save` is one transaction. Rows are written whole, a later one replacing an earlier one with the same key, so a
save that is repeated after a doubtful failure does no harm.
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from functools import cache, partial
from importlib import import_module
from typing import Any, TypeVar

from sqlalchemy import Connection, Select, func, or_, select
from sqlalchemy.exc import DBAPIError

from monitor.core.records import (
    Attempt,
    BeliefRow,
    Incident,
    IncidentId,
    Kept,
    Notice,
    NoticeState,
    Row,
    TaskItem,
    TimelineLine,
    WatchRow,
)
from monitor.ports import StoreFault
from monitor.store import schema
from monitor.store.engine import Engine
from monitor.store.migrate import migrate

R = TypeVar("R")


class Store:
    """The database behind a SQLAlchemy URL (`sqlite+aiosqlite:///…` or `postgresql+asyncpg://…`)."""

    def __init__(self, url: str) -> None:
        self._engine = Engine(url)
        # SQLite has one writer; those who wait at its door are let in by chance, and some not in time.
        self._turn = asyncio.Lock()

    async def open(self) -> None:
        """Bring the schema up to date. Raises StoreFault when the database cannot be used."""
        with _told("opening"):
            await migrate(self._engine)

    async def close(self) -> None:
        """Let go of connections."""
        await self._engine.close()

    async def save(self, rows: Sequence[Row]) -> None:
        """Write the rows in one transaction, in their order. Raises StoreFault; then nothing was written."""
        with _told("saving"):
            async with self._turn:
                await self._engine.run(partial(self._write, _runs(rows)))

    def _write(self, runs: "list[tuple[type, list[dict[str, Any]]]]", connection: Connection) -> None:
        for kind, values in runs:
            connection.execute(_upsert(self._engine.dialect, kind), values)

    async def load(self) -> Kept:
        """What is still open. Raises StoreFault."""
        incidents, notices = schema.incidents, schema.notices
        open_ids = select(incidents.c.id).where(incidents.c.closed.is_(None))
        live = or_(notices.c.incident.in_(open_ids), notices.c.state == NoticeState.QUEUED)
        notice_ids = select(notices.c.id).where(live)
        # `26-M1F` was given without knowing the last number, so it is no number to go on from.
        counted = select(incidents).where(incidents.c.number.not_like("%-M%"))
        number = incidents.c.number
        newest = counted.order_by(func.substr(number, 1, 2).desc(), func.length(number).desc(), number.desc()).limit(1)
        watch = select(schema.watches).order_by(schema.watches.c.id.desc()).limit(1)
        last = await self._all(Incident, newest)
        watches = await self._all(WatchRow, watch)
        attempts, timeline, tasks = schema.attempts, schema.timeline, schema.tasks
        return Kept(
            incidents=await self._all(Incident, select(incidents).where(incidents.c.closed.is_(None))),
            timeline=await self._all(TimelineLine, select(timeline).where(timeline.c.incident.in_(open_ids))),
            notices=await self._all(Notice, select(notices).where(live).order_by(notices.c.created, notices.c.id)),
            attempts=await self._all(
                Attempt, select(attempts).where(attempts.c.notice.in_(notice_ids)).order_by(attempts.c.id)
            ),
            tasks=await self._all(TaskItem, select(tasks).where(tasks.c.incident.in_(open_ids))),
            beliefs=await self._all(BeliefRow, select(schema.beliefs)),
            last_watch=watches[0] if watches else None,
            last_number=last[0].number if last else "",
        )

    async def incidents(self, limit: int = 50) -> tuple[Incident, ...]:
        """The newest incidents, newest first."""
        table = schema.incidents
        return await self._all(Incident, select(table).order_by(table.c.id.desc()).limit(limit))

    async def incident(self, wanted: str) -> Incident | None:
        """An incident by its number (`26-0007`) or its id."""
        table = schema.incidents
        found = await self._all(Incident, select(table).where(or_(table.c.number == wanted, table.c.id == wanted)))
        return found[0] if found else None

    async def story(
        self, incident: IncidentId
    ) -> tuple[tuple[TimelineLine, ...], tuple[Notice, ...], tuple[TaskItem, ...]]:
        """An incident's timeline, notices and tasks, oldest first."""
        lines, notices, tasks = schema.timeline, schema.notices, schema.tasks
        return (
            await self._all(TimelineLine, select(lines).where(lines.c.incident == incident).order_by(lines.c.at)),
            await self._all(Notice, select(notices).where(notices.c.incident == incident).order_by(notices.c.created)),
            await self._all(TaskItem, select(tasks).where(tasks.c.incident == incident).order_by(tasks.c.given)),
        )

    async def _all(self, kind: type[R], query: Select[Any]) -> tuple[R, ...]:
        with _told(f"reading {schema.TABLES[kind].name}"):
            rows = await self._engine.run(lambda connection: connection.execute(query).all())
        return tuple(kind(**row._mapping) for row in rows)


@cache
def _upsert(dialect: str, kind: type) -> Any:
    """Made once for each sort of row: making it costs more than carrying it out."""
    table = schema.TABLES[kind]
    statement = import_module(f"sqlalchemy.dialects.{dialect}").insert(table)
    keys = [column.name for column in table.primary_key]
    rest = {c.name: statement.excluded[c.name] for c in table.columns if c.name not in keys}
    return statement.on_conflict_do_update(index_elements=keys, set_=rest)


@contextmanager
def _told(doing: str) -> Iterator[None]:
    """Whatever a database, its driver or a column raises, as the one fault others know, with no row's value in it.

    The original is not chained: its text and its stack hold the statement's parameters, and those are people's.
    """
    try:
        yield
    except StoreFault:
        raise
    except Exception as error:
        raise StoreFault(f"{doing}: {_said(error)}") from None


def _said(error: Exception) -> str:
    """The kind of error, and what the database said of it where that cannot hold a value."""
    if isinstance(error, OSError):
        return f"{type(error).__name__}: {error}"
    if not isinstance(error, DBAPIError):
        return type(error).__name__
    # SQLSTATE class 22, data exception: the value is quoted. The lines after the first are details of rows.
    state = str(getattr(error.orig, "sqlstate", ""))
    said = str(error.orig).splitlines()
    return f"{type(error).__name__}: {f'data exception {state}' if state.startswith('22') else ''.join(said[:1])}"


def _runs(rows: Sequence[Row]) -> list[tuple[type, list[dict[str, Any]]]]:
    """Neighbouring rows of one sort go as one statement; the last of several with one key wins."""
    runs: list[tuple[type, list[dict[str, Any]]]] = []
    for row in rows:
        values = {item.name: getattr(row, item.name) for item in fields(row)}
        if not runs or runs[-1][0] is not type(row):
            runs.append((type(row), []))
        runs[-1][1].append(values)
    return runs
