"""What is old is deleted with all that belongs to it, on either database; nothing that is open, unsent or newest."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from sqlalchemy import event, func, select

from monitor.core.plan import ChannelName, PersonId
from monitor.core.records import AddressRow, Incident, NoticeState, Row
from monitor.core.withholding import Sort, Withholding
from monitor.ports import StoreFault
from monitor.store import retention, schema
from monitor.store.retention import BATCH, BRIEF, KEPT, nightly
from monitor.store.store import Store
from tests.store.rows import a_belief, a_line, a_notice, a_task, a_transition, a_watch, an_attempt, an_incident, key
from tests.support.postgres import Postgres, postgres

NOW = datetime(2026, 11, 22, 2, 20, tzinfo=UTC)
KEEP = timedelta(days=400)
OLD, RECENT = NOW - timedelta(days=401), NOW - timedelta(days=399)
SENT = {"state": NoticeState.ACCEPTED}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Postgres]:
    with postgres() as running:
        yield running


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.real)])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    if request.param == "sqlite":
        url = f"sqlite+aiosqlite:///{tmp_path / 'kept.db'}"
    else:
        running: Postgres = request.getfixturevalue("cluster")
        url = running.database()
    opened = Store(url)
    await opened.open()
    yield opened
    await opened.close()


def belonging(ident: str, incident: str | None, **more: Any) -> list[Row]:
    """One of everything that belongs to an incident."""
    notice = a_notice(f"n-{ident}", incident, **{**SENT, **more})
    rows: list[Row] = [notice, an_attempt(f"a-{ident}", f"n-{ident}")]
    return rows if incident is None else [*rows, a_line(f"l-{ident}", incident), a_task(f"t-{ident}", incident)]


def whole(ident: str, number: str, closed: datetime | None, **more: Any) -> list[Row]:
    """An incident with one of everything that belongs to it."""
    return [an_incident(ident, number, closed=closed), *belonging(ident, ident, **more)]


async def left(store: Store, kind: type[Row]) -> set[str]:
    found: tuple[Row, ...] = await store._all(kind, select(schema.TABLES[kind]))
    return {key(row) for row in found}


async def everything(store: Store) -> set[str]:
    return {name for kind in schema.TABLES for name in await left(store, kind)}


def keys(*rows: Row) -> set[str]:
    return {key(row) for row in rows}


async def test_only_what_is_old_and_over_goes(store: Store) -> None:
    bundle = a_notice("bundle", None, created=OLD, **SENT)
    kept: list[Row] = [
        *whole("open", "24-0001", None),
        *whole("recent", "25-0002", RECENT),
        *whole("unsent", "24-0003", OLD, state=NoticeState.QUEUED),
        *whole("newest", "26-0004", OLD),
        *belonging("test-alarm", None, created=RECENT),
        *belonging("still-queued", None, created=OLD, state=NoticeState.QUEUED),
        AddressRow("k2", PersonId("p"), ChannelName.SMS, "+4500000001", OLD, OLD),
        Withholding("w2", Sort.MUTE, "phoniro", OLD, RECENT, "it", "flytning"),
        bundle,
        an_attempt("a-bundle", "bundle"),
        a_notice("bundled", "open", bundle=bundle.id, **SENT),
        a_belief(),
        replace(a_watch("0196b1"), last=OLD),
    ]
    gone: list[Row] = [
        *whole("old", "24-0005", OLD),
        *whole("older", "24-0006", OLD - timedelta(days=900)),
        *whole("in-memory", "26-M1F", OLD),
        *belonging("old-test-alarm", None, created=OLD),
        a_notice("old-bundle", None, created=OLD, **SENT),
        an_attempt("a-old-bundle", "old-bundle"),
        a_notice("old-bundled", "old", bundle="old-bundle", **SENT),
        replace(a_watch("0196b0"), last=OLD),
        a_transition("0196x0"),
        AddressRow("k1", PersonId("p"), ChannelName.SMS, "+4500000001", OLD, OLD, cleared=OLD),
        Withholding("w1", Sort.MUTE, "phoniro", OLD, OLD, "it", "flytning"),
    ]
    await store.save([*kept, *gone])
    before = await store.load()

    counts = await store.prune(NOW, KEEP)

    assert await everything(store) == keys(*kept)
    assert sum(counts.values()) == len(keys(*gone))
    assert replace(await store.load(), withholdings=()) == replace(before, withholdings=()), "nothing deciding needs"
    assert await store.prune(NOW, KEEP) == {}


async def test_changes_of_checks_are_kept_for_less(store: Store) -> None:
    rows = [a_transition(f"x{n}") for n in range(2)]
    await store.save(rows)
    at = rows[0].noticed
    assert await store.prune(at + BRIEF, KEEP) == {}
    assert await store.prune(at + BRIEF + timedelta(seconds=1), KEEP) == {"transitions": 2}


async def test_many_go_some_at_a_time_and_a_save_comes_between(store: Store) -> None:
    many = 2 * BATCH + 7
    await store.save([an_incident("old", closed=OLD), an_incident("new", "26-0002")])
    await store.save([a_line(f"l{n}", "old") for n in range(many)])
    sizes: list[int] = []

    @event.listens_for(store._engine.sync_engine, "after_cursor_execute")
    def _count(_connection: Any, cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.startswith("DELETE FROM timeline"):
            sizes.append(cursor.rowcount)

    pruning = asyncio.ensure_future(store.prune(NOW, KEEP))
    while not sizes:  # noqa: ASYNC110 - the database tells the test, not its loop
        await asyncio.sleep(0)
    await store.save([a_line("between", "new")])
    assert not pruning.done()

    assert (await pruning)["timeline"] == many
    assert sizes == [BATCH, BATCH, 7]
    assert await left(store, type(a_line())) == {"between"}


async def test_a_recent_history_costs_no_delete(store: Store) -> None:
    await store.save([row for n in range(20) for row in whole(f"i{n}", f"26-{n:04}", RECENT)])
    assert await store.prune(NOW, KEEP) == {}
    assert len(await left(store, Incident)) == 20


def test_every_table_is_kept_small_or_named() -> None:
    """A new table whose rows belong to an incident or a notice is there by itself; of any other it is decided here."""
    pruned = {table.name for table, _ in retention.old(NOW, KEEP, "")}

    assert pruned | KEPT == set(schema.metadata.tables)
    assert not pruned & KEPT


class Failing:
    async def prune(self, now: datetime, keep: timedelta) -> dict[str, int]:
        raise StoreFault(f"{now} {keep}: locked")


async def test_the_night_s_work_is_logged_and_a_fault_stops_nobody(tmp_path: Path) -> None:
    store = Store(f"sqlite+aiosqlite:///{tmp_path / 'kept.db'}")
    await store.open()
    await store.save([*whole("old", "24-0001", OLD), an_incident("new", "26-0002")])
    with structlog.testing.capture_logs() as logs:
        await nightly(store, NOW, KEEP)
        await nightly(Failing(), NOW, KEEP)
    count = await store._engine.run(lambda c: c.execute(select(func.count()).select_from(schema.incidents)).scalar())
    await store.close()
    assert count == 1
    assert [(log["event"], log.get("rows")) for log in logs] == [("pruned", 5), ("not_pruned", None)]
