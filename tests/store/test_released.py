"""Every released database can be taken over: its rows stand, what is new is empty, and nobody is told again."""

import asyncio
import hashlib
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import MISSING, fields
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event, text

from monitor.core.plan import TaskId
from monitor.core.records import NoticeState, Row
from monitor.ports import StoreFault
from monitor.store import schema
from monitor.store.engine import Engine
from monitor.store.migrate import FOLDER, migrate
from monitor.store.store import Store
from tests.store import released
from tests.support.plans import MAIL, SMS, small_plan, step, with_steps
from tests.support.postgres import Postgres, postgres
from tests.support.story import Story, story

PLAN = with_steps(
    small_plan(),
    "nedbrud_dag",
    step(0, "nexus_support", by=(SMS, MAIL)),
    step(600, "afdelingsledelse"),
    step(900, "sektionsleder", task=TaskId("region")),
)
KILLED = datetime(2026, 3, 5, 10, 3, 20)
RELEASED = pytest.mark.parametrize("version", released.VERSIONS)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Postgres]:
    with postgres() as running:
        yield running


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.real)])
async def url(request: pytest.FixtureRequest, version: str, tmp_path: Path) -> str:
    """A database as that release left it."""
    if request.param == "sqlite":
        return released.in_sqlite(version, tmp_path / "kept.db")
    return await released.in_postgresql(version, request.getfixturevalue("cluster"))


def test_a_released_migration_stands_as_it_was_released() -> None:
    folder = FOLDER / "versions"
    found = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in released.SUMS}

    assert found == released.SUMS, "a released migration is never changed: write another"


def test_only_the_newest_migration_may_be_without_a_release_and_each_release_has_its_database() -> None:
    made = {path.name.partition("_")[0] for path in (FOLDER / "versions").glob("[0-9]*.py")}

    assert made - set(released.VERSIONS) <= {schema.HEAD}
    assert {path.stem for path in released.FOLDER.glob("*.sql")} == set(released.VERSIONS)


@RELEASED
def test_the_database_is_one_that_release_made(version: str, tmp_path: Path) -> None:
    released.in_sqlite(version, tmp_path / "kept.db")

    async def make() -> None:
        engine = Engine(f"sqlite+aiosqlite:///{tmp_path / 'made.db'}")
        await migrate(engine, version)
        await engine.close()

    asyncio.run(make())
    assert released.schema(tmp_path / "kept.db") == released.schema(tmp_path / "made.db")
    assert all(released.rows(version).values()), "a table without a row proves nothing"


def _as_named_now(before: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """What an open incident's chain has said since it began was named by the instant it began: the one difference."""
    still_open = {row["id"] for row in before["incidents"] if row["closed"] is None}
    for row in [*before["notices"], *before["timeline"]]:
        if row["incident"] in still_open:
            row["key"] = re.sub(r"^([^/]+/\d+)/\d{8}T\d{6}/", r"\1/start/", row["key"])
    return before


def _read(query: str, connection: Connection) -> list[dict[str, Any]]:
    return [dict(row._mapping) for row in connection.execute(text(query))]


def _new(kind: type[Row], known: set[str]) -> dict[str, Any]:
    """The fields that were not there then, and what they are when nothing is said of them."""
    return {field.name: field.default for field in fields(kind) if field.name not in known}


@RELEASED
async def test_every_row_stands_and_what_is_new_is_empty(version: str, url: str) -> None:
    before = _as_named_now(released.rows(version))
    store = Store(url)
    await store.open()

    for kind, table in schema.TABLES.items():
        old = before.get(table.name, [])
        known = set(old[0]) if old else set()
        columns = ", ".join(f'"{name}"' for name in sorted(known)) or "*"
        raw = await store._engine.run(partial(_read, f'SELECT {columns} FROM "{table.name}"'))  # noqa: S608
        assert sorted(map(_plain, raw)) == sorted(map(_plain, old)), table.name
        typed: tuple[Row, ...] = await store._all(kind, table.select())
        new = _new(kind, known)
        assert not old or MISSING not in new.values(), f"{table.name}: what is new needs a default"
        assert all(getattr(row, name) == value for row in typed for name, value in new.items()), table.name
    await store.close()


def _plain(row: dict[str, Any]) -> str:
    """A row as text, whatever a database's own form of a list or of true is."""
    plain = {name: int(value) if isinstance(value, bool) else value for name, value in row.items()}
    return str(
        {name: str(value).replace(" ", "") if name == "downs" else value for name, value in sorted(plain.items())}
    )


@RELEASED
@pytest.mark.usefixtures("version")
async def test_what_was_open_is_read(url: str) -> None:
    store = Store(url)
    await store.open()
    kept = await store.load()

    assert {(i.number, i.system) for i in kept.incidents} == {("26-0002", "noedkald"), ("26-0003", "omsorgssystem")}
    assert kept.last_number == "26-0003"
    assert sorted(n.channel for n in kept.notices if n.state is NoticeState.QUEUED) == [MAIL, SMS]
    assert [a.outcome for a in kept.attempts if a.outcome != "accepted"] == ["", "temporary"]
    assert kept.last_watch is not None and {b.state for b in kept.beliefs} == {"up", "down"}
    over = await store.incident("26-0001")
    assert over is not None and over.closed is not None and over.system == "phoniro"
    await store.close()


@RELEASED
@pytest.mark.usefixtures("version")
async def test_nobody_is_told_again_and_the_chains_go_on(url: str, tmp_path: Path) -> None:
    async with story(tmp_path, KILLED + timedelta(seconds=10), PLAN, url) as s:
        await s.engine.turn()
        # What was under way when the service was killed is repeated, and says so; what was refused goes now.
        await s.later(60)
        s.expect("nexus", "Omsorgssystem NEDE", "26-0003", "(gentaget)")
        s.expect("nexus", "Omsorgssystem", "26-0003", channel=MAIL)
        s.done()
        await chains_go_on(s)


async def chains_go_on(s: Story) -> None:
    await s.until(datetime(2026, 3, 5, 10, 11))
    s.expect("leder", "Noedkald NEDE", "26-0002")
    await s.up("noedkald-1")
    s.expect("nexus", "Noedkald OPPE IGEN", "26-0002")
    s.expect("nexus", "Noedkald", "26-0002", channel=MAIL)
    s.expect("leder", "Noedkald OPPE IGEN", "26-0002")
    await s.down("phoniro-1")
    s.expect("nexus", "Phoniro NEDE", "26-0004")
    s.expect("nexus", "Phoniro", "26-0004", channel=MAIL)
    s.done()


@pytest.mark.parametrize("cut", range(1, 40, 3))
async def test_taken_over_wholly_or_not_at_all(tmp_path: Path, cut: int) -> None:
    """Cut short at any statement, the database is as the release left it, and the next start takes it over."""
    url = released.in_sqlite("0001", tmp_path / "kept.db")
    before = released.schema(tmp_path / "kept.db")
    store, seen = Store(url), 0

    @event.listens_for(store._engine.sync_engine, "before_cursor_execute")
    def _cut(*call: Any) -> None:
        nonlocal seen
        seen += not call[2].startswith(("SELECT", "PRAGMA"))
        if seen == cut:
            raise OSError("power cut")

    with suppress(StoreFault):
        await store.open()
    assert (released.schema(tmp_path / "kept.db") == before) is (seen >= cut), "wholly or not at all"
    await store.close()
    again = Store(url)
    await again.open()
    assert len(await again.incidents()) == 3
    await again.close()
