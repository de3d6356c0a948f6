"""What was decided and done, kept: every write and every read of rows goes through here.

One `save` is one transaction. Rows are written whole, a later one replacing an earlier one with the same key, so a
save that is repeated after a doubtful failure does no harm.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from functools import cache, partial
from importlib import import_module
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Select, Table, func, or_, select

from monitor.core.records import (
    AddressRow,
    Attempt,
    BeliefRow,
    CanaryRow,
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
from monitor.core.withholding import MOST, Withholding
from monitor.ports import StoreFault, StoreLost
from monitor.store import retention, schema
from monitor.store.engine import Engine
from monitor.store.faults import told
from monitor.store.file import DatabaseFile, file_of
from monitor.store.fleets import FleetStore
from monitor.store.migrate import migrate

R = TypeVar("R")

LOOK = 0.5
"""Seconds a look at the file may take: at a start everybody waits for it."""
_BREATH = 0.05
"""Seconds between two transactions that delete: what is to be saved comes first."""


class Store:
    """The database behind a SQLAlchemy URL (`sqlite+aiosqlite:///…` or `postgresql+asyncpg://…`)."""

    def __init__(self, url: str) -> None:
        self._engine = Engine(url)
        # SQLite has one writer; those who wait at its door are let in by chance, and some not in time.
        self._turn = asyncio.Lock()
        self._file = file_of(url)
        self._aside = ""
        self.fleets = FleetStore(self._engine, self._turn)

    async def open(self) -> None:
        """Bring the schema up to date. Raises StoreFault when it cannot be used, StoreLost when it is damaged."""
        with told("opening"):
            await self._look()
            await migrate(self._engine)
            if self._file is not None:
                self._file.opened()

    async def close(self) -> None:
        """Let go of connections."""
        await self._engine.close()

    async def save(self, rows: Sequence[Row]) -> None:
        """Write the rows in one transaction, in their order. Raises StoreFault; then nothing was written.

        Raises StoreLost when what was written could not be read again: the file is damaged or no longer there.
        """
        with told("saving"):
            self._check()
            async with self._turn:
                await self._engine.run(partial(self._write, _runs(rows)))

    async def look(self) -> None:
        """See whether the SQLite file is the one that was opened, and whole as far as a short look shows.

        Raises StoreLost when it is not. What PostgreSQL keeps is PostgreSQL's to look after.
        """
        with told("looking"):
            self._check()
            await self._look()

    def _check(self) -> None:
        if self._engine.damaged:
            raise StoreLost("the file was found damaged")
        if self._file is not None:
            self._file.check()

    async def _look(self) -> None:
        if self._file is None:
            return
        try:
            await self._file.look(LOOK)
        except StoreLost:
            self._engine.damaged = True
            raise

    async def renew(self, at: datetime) -> str:
        """After StoreLost: set a damaged file aside and open an empty one. What somebody put there is opened as it is.

        Gives the name under which the damaged file is kept, and nothing when there was none. Raises StoreFault; it may
        be tried again.
        """
        if self._file is None:
            raise StoreFault("nothing of a database server's is set aside")
        async with self._turn:
            with told("beginning anew"):
                await self._begin(self._file, at)
        name, self._aside = self._aside, ""
        return name

    async def _begin(self, file: DatabaseFile, at: datetime) -> None:
        if self._engine.damaged and not file.is_another():
            self._aside = file.set_aside(at)
        self._engine.damaged = False
        file.forget()
        await self._engine.rest()
        file.make_room()
        try:
            await self.open()
        except StoreLost:
            self._aside = file.set_aside(at)
            self._engine.damaged = False
            await self._engine.rest()
            await self.open()

    def _write(self, runs: "list[tuple[type, list[dict[str, Any]]]]", connection: Connection) -> None:
        for kind, values in runs:
            connection.execute(_upsert(self._engine.dialect, kind), values)

    async def load(self) -> Kept:
        """What is still open. Raises StoreFault."""
        incidents, notices = schema.incidents, schema.notices
        open_ids = select(incidents.c.id).where(incidents.c.closed.is_(None))
        bundles = select(notices.c.bundle).where(notices.c.incident.in_(open_ids), notices.c.bundle.is_not(None))
        queued = notices.c.state == NoticeState.QUEUED
        live = or_(notices.c.incident.in_(open_ids), queued, notices.c.id.in_(bundles))
        notice_ids = select(notices.c.id).where(live)
        # Those that end last are those that may still count: more than these are not taken at once.
        announced = select(schema.withholdings).order_by(schema.withholdings.c.end.desc()).limit(2 * MOST)
        watch = select(schema.watches).order_by(schema.watches.c.id.desc()).limit(1)
        last = await self._newest()
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
            addresses=await self.flagged(),
            beliefs=await self._all(BeliefRow, select(schema.beliefs)),
            withholdings=await self._all(Withholding, announced),
            canaries=await self._all(CanaryRow, select(schema.canaries)),
            last_watch=watches[0] if watches else None,
            last_number=last[0].number if last else "",
        )

    async def flagged(self) -> tuple[AddressRow, ...]:
        """The addresses that are no more, oldest first."""
        table = schema.addresses
        return await self._all(AddressRow, select(table).where(table.c.cleared.is_(None)).order_by(table.c.since))

    async def _newest(self) -> tuple[Incident, ...]:
        """The incident with the newest number; none before the first."""
        number = schema.incidents.c.number
        # `26-M1F` was given without knowing the last number, so it is no number to go on from.
        counted = select(schema.incidents).where(number.not_like("%-M%"))
        order = func.substr(number, 1, 2).desc(), func.length(number).desc(), number.desc()
        return await self._all(Incident, counted.order_by(*order).limit(1))

    async def prune(self, now: datetime, keep: timedelta) -> dict[str, int]:
        """Delete what is older than `keep`, some rows at a time; how many of each table went. Raises StoreFault."""
        newest = await self._newest()
        gone: dict[str, int] = {}
        for table, which in retention.old(now, keep, newest[0].id if newest else ""):
            count = retention.BATCH
            while count == retention.BATCH:
                count = await self._delete(table, which)
                gone[table.name] = gone.get(table.name, 0) + count
                await asyncio.sleep(_BREATH if count else 0)
        return {name: count for name, count in gone.items() if count}

    async def _delete(self, table: Table, which: ColumnElement[bool]) -> int:
        with told(f"deleting from {table.name}"):
            self._check()
            async with self._turn:
                return await self._engine.run(partial(retention.delete_some, table, which))

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
        with told(f"reading {schema.TABLES[kind].name}"):
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


def _runs(rows: Sequence[Row]) -> list[tuple[type, list[dict[str, Any]]]]:
    """Neighbouring rows of one sort go as one statement; the last of several with one key wins."""
    runs: list[tuple[type, list[dict[str, Any]]]] = []
    for row in rows:
        kind: type = type(row)
        values = {name: getattr(row, name) for name in _names(kind)}
        if not runs or runs[-1][0] is not kind:
            runs.append((kind, []))
        runs[-1][1].append(values)
    return runs


@cache
def _names(kind: type) -> tuple[str, ...]:
    """Asked for once for each sort of row: three hundred outages at once write thousands."""
    return tuple(item.name for item in fields(kind))
