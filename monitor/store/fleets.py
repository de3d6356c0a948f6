"""The registry of devices, what each fleet was last heard of, and the tokens: a million of each, in batches.

Read in chunks, so that nothing else of the service waits for long; what is written together is one transaction.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from functools import cache, partial
from importlib import import_module
from typing import Any, TypeVar

from sqlalchemy import Connection, Table, bindparam, delete, select, update

from monitor.ports import BlockRow, DeviceRow, TokenRow
from monitor.store import schema
from monitor.store.engine import Engine
from monitor.store.faults import told

T = TypeVar("T")

_ROWS = 10_000
_BLOCKS = 64


class FleetStore:
    """The fleets' tables. `turn` is the writers' queue they share with the other rows. Each call raises StoreFault."""

    def __init__(self, engine: Engine, turn: asyncio.Lock) -> None:
        self._engine = engine
        self._turn = turn

    async def devices(self, fleet: str) -> AsyncIterator[Sequence[DeviceRow]]:
        """The fleet's devices in the order of their places, some thousand at a time."""
        table, last = schema.devices, -1
        columns = (c for c in table.columns if c is not table.c.fleet)
        query = select(*columns).where(table.c.fleet == fleet, table.c.idx > bindparam("last"))
        while rows := await self._read("reading devices", query.order_by(table.c.idx).limit(_ROWS), last):
            last = rows[-1][0]
            yield rows

    async def blocks(self, fleet: str) -> AsyncIterator[Sequence[BlockRow]]:
        """What was last written of the fleet, by block."""
        table, last = schema.fleet_blocks, -3
        query = select(table.c.fleet, table.c.block, table.c.data)
        query = query.where(table.c.fleet == fleet, table.c.block > bindparam("last")).order_by(table.c.block)
        while rows := await self._read("reading fleet_blocks", query.limit(_BLOCKS), last):
            last = rows[-1][1]
            yield rows

    async def tokens(self) -> AsyncIterator[Sequence[tuple[str, str, str]]]:
        """(hash, fleet, device) of every token that has not been revoked."""
        table, last = schema.tokens, ""
        query = select(table.c.hash, table.c.fleet, table.c.device)
        query = query.where(table.c.revoked.is_(None), table.c.hash > bindparam("last")).order_by(table.c.hash)
        while rows := await self._read("reading tokens", query.limit(_ROWS), last):
            last = rows[-1][0]
            yield rows

    async def put(self, fleet: str, rows: Sequence[DeviceRow]) -> None:
        """Write devices, a later row in place of an earlier one of the same place."""
        names = [column.name for column in schema.devices.columns if column.name != "fleet"]
        values = [{"fleet": fleet, **dict(zip(names, row, strict=True))} for row in rows]
        await self._write("saving devices", lambda c: c.execute(_upsert(self._engine.dialect, schema.devices), values))

    async def remove(self, fleet: str, places: Sequence[int]) -> None:
        """Take devices out of the registry."""
        table = schema.devices
        query = delete(table).where(table.c.fleet == fleet, table.c.idx == bindparam("place"))
        values = [{"place": place} for place in places]
        await self._write("removing devices", lambda c: c.execute(query, values))

    async def write(self, blocks: Sequence[BlockRow]) -> None:
        """Write blocks in one transaction."""
        values = [{"fleet": fleet, "block": block, "data": data} for fleet, block, data in blocks]
        statement = _upsert(self._engine.dialect, schema.fleet_blocks)
        await self._write("saving fleet_blocks", lambda c: c.execute(statement, values))

    async def enrol(self, token: TokenRow) -> None:
        """Keep a token's hash."""
        names = [column.name for column in schema.tokens.columns]
        values = dict(zip(names, token, strict=True))
        await self._write("saving tokens", lambda c: c.execute(schema.tokens.insert(), values))

    async def enrol_all(self, tokens: Sequence[TokenRow]) -> None:
        """Keep many tokens' hashes, those that are there already too."""
        names = [column.name for column in schema.tokens.columns]
        statement = _upsert(self._engine.dialect, schema.tokens)
        for first in range(0, len(tokens), _ROWS):
            values = [dict(zip(names, token, strict=True)) for token in tokens[first : first + _ROWS]]
            await self._write("saving tokens", partial(_carry_out, statement, values))

    async def revoke(self, hashes: Sequence[str], at: datetime) -> None:
        """These tokens open nothing any more."""
        table = schema.tokens
        query = update(table).where(table.c.hash == bindparam("given")).values(revoked=at)
        await self._write("revoking tokens", lambda c: c.execute(query, [{"given": one} for one in hashes]))

    async def told(self, stem: str, since: datetime) -> Sequence[str]:
        """The keys of notices that begin so and were made since; at most some thousand, the newest."""
        table = schema.notices
        query = select(table.c.key).where(table.c.key >= stem, table.c.key < f"{stem}\U0010ffff")
        query = query.where(table.c.created >= since).order_by(table.c.created.desc()).limit(_ROWS)
        with told("reading notices"):
            return list(await self._engine.run(lambda connection: connection.execute(query).scalars().all()))

    async def _read(self, doing: str, query: Any, last: int | str) -> Sequence[Any]:
        with told(doing):
            return await self._engine.run(lambda connection: connection.execute(query, {"last": last}).all())

    async def _write(self, doing: str, work: Callable[[Connection], object]) -> None:
        with told(doing):
            async with self._turn:
                await self._engine.run(work)


def _carry_out(statement: Any, values: list[dict[str, Any]], connection: Connection) -> None:
    connection.execute(statement, values)


@cache
def _upsert(dialect: str, table: Table) -> Any:
    statement = import_module(f"sqlalchemy.dialects.{dialect}").insert(table)
    keys = [column.name for column in table.primary_key]
    rest = {c.name: statement.excluded[c.name] for c in table.columns if c.name not in keys}
    return statement.on_conflict_do_update(index_elements=keys, set_=rest)
