"""What the engine relies on, on SQLite and on a real PostgreSQL that sorts as a Danish server does."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import fields, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from monitor.core.plan import Severity
from monitor.core.reasons import HumanState
from monitor.core.records import IncidentId, NoticeState, Row
from monitor.ports import StoreFault
from monitor.store import schema
from monitor.store.store import Store
from tests.store.rows import (
    AT,
    KINDS,
    a_belief,
    a_line,
    a_notice,
    a_task,
    a_transition,
    a_watch,
    an_attempt,
    an_incident,
    extremes,
)
from tests.support.postgres import Postgres, postgres

LATER = AT + timedelta(hours=1)
ONE_OF_EACH: list[Row] = [
    an_incident(),
    a_line(),
    a_notice(),
    an_attempt(),
    a_task(),
    a_transition(),
    a_belief(),
    a_watch(),
]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Postgres]:
    with postgres() as running:
        yield running


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.real)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database nobody has used."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path / 'kept.db'}"
    running: Postgres = request.getfixturevalue("cluster")
    return running.database()


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    opened = Store(url)
    await opened.open()
    yield opened
    await opened.close()


async def every(store: Store, kind: type[Row]) -> set[Row]:
    """All rows of one sort."""
    found: tuple[Row, ...] = await store._all(kind, select(schema.TABLES[kind]))
    return set(found)


async def everything(store: Store) -> set[Row]:
    return {row for kind in KINDS for row in await every(store, kind)}


async def test_every_sort_of_row_is_read_as_it_was_saved(store: Store) -> None:
    await store.save(ONE_OF_EACH)

    assert await everything(store) == set(ONE_OF_EACH)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
async def test_fields_at_their_reach(store: Store, kind: type[Row]) -> None:
    await store.save(extremes(kind))

    assert await every(store, kind) == set(extremes(kind))


async def test_the_last_row_with_a_key_stands_wherever_it_is_in_the_batch(store: Store) -> None:
    first, second, third = (an_incident(cause=cause) for cause in ("a", "b", "c"))
    await store.save([first, a_line(), second, a_notice(text="x"), a_notice(text="y"), third])

    assert await every(store, type(first)) == {third}
    assert await every(store, type(a_notice())) == {a_notice(text="y")}
    await store.save([first])
    await store.save([first])
    assert await every(store, type(first)) == {first}


async def test_a_batch_whose_second_statement_fails_leaves_nothing(store: Store) -> None:
    nameless: Any = None
    await store.save([a_watch()])

    with pytest.raises(StoreFault, match="IntegrityError"):
        await store.save([an_incident(), a_line(), replace(a_notice(), text=nameless), a_task()])

    assert await everything(store) == {a_watch()}
    await store.save(ONE_OF_EACH)


async def test_a_save_given_up_half_way_leaves_all_or_nothing(store: Store) -> None:
    rows: list[Row] = [an_incident(), *(a_line(f"l{number}") for number in range(2_000))]
    for patience in (0, 0.001, 0.01, 0.02):
        try:
            async with asyncio.timeout(patience):
                await store.save(rows)
        except TimeoutError:
            assert len(await everything(store)) in {0, len(rows)}
    await store.save(rows)
    assert len(await everything(store)) == len(rows)


async def test_what_no_database_takes_never_holds_up_a_row(store: Store) -> None:
    await store.save([a_notice(text="nul \0 halv \ud83d hel 😀 æøå")])

    (kept,) = (await store.load()).notices
    assert kept.text == "nul � halv � hel 😀 æøå"
    assert await store.incident("26-\0") is None


async def test_a_fault_never_quotes_a_row(store: Store) -> None:
    nameless: Any = None
    for bad in ({"generation": 2**70}, {"created": "Testvej 7"}, {"to": nameless}):
        with pytest.raises(StoreFault) as caught:
            await store.save([replace(a_notice(text="Testvej 7"), **bad)])
        said = str(caught.value)
        assert "Testvej" not in said and str(2**70) not in said
        assert caught.value.__suppress_context__


async def test_only_what_is_open_is_loaded(store: Store) -> None:
    closed = an_incident("0196a1", "26-0002", closed=LATER)
    recovered = an_incident("0196a2", "26-0003", recovered=LATER, human=HumanState.WORKING, severity=Severity.ADVISORY)
    still_queued = a_notice("n2", closed.id, created=LATER)
    own = a_notice("n4", None)
    settled = {"state": NoticeState.ACCEPTED, "settled": LATER}
    await store.save([*ONE_OF_EACH, closed, recovered])
    await store.save([a_line("l2", closed.id), a_line("l3", recovered.id), a_task("t2", closed.id)])
    await store.save([still_queued, own, a_notice("n3", closed.id, **settled), a_notice("n5", None, **settled)])
    await store.save([a_notice("n6", recovered.id, created=AT - timedelta(hours=1), **settled)])
    await store.save([an_attempt(f"a{n}", f"n{n}", outcome="accepted") for n in range(2, 7)])

    kept = await store.load()

    assert {i.id for i in kept.incidents} == {"0196a0", recovered.id}
    assert {line.key for line in kept.timeline} == {"l1", "l3"}
    assert [n.id for n in kept.notices] == ["n6", "n1", "n4", "n2"], "oldest first"
    assert still_queued in kept.notices, "a closed incident's notice still goes out"
    assert [a.id for a in kept.attempts] == ["a1", "a2", "a4", "a6"]
    assert [task.key for task in kept.tasks] == ["t1"]
    assert kept.beliefs == (a_belief(),)
    assert kept.last_watch == a_watch()
    assert kept.last_number == "26-0003"


async def test_nothing_kept_is_nothing_loaded(store: Store) -> None:
    kept = await store.load()

    assert all(not getattr(kept, field.name) for field in fields(kept))


@pytest.mark.parametrize(
    ("numbers", "last"),
    [
        (["26-0002", "26-0010", "26-0009"], "26-0010"),
        (["26-9999", "26-10000", "26-0001"], "26-10000"),
        (["25-9999", "26-0001"], "26-0001"),
        (["25-10000", "26-0001"], "26-0001"),
        (["26-0007", "26-M1F", "26-M2A"], "26-0007"),
        (["26-M1F"], ""),
    ],
)
async def test_the_last_number_is_the_one_to_go_on_from(store: Store, numbers: list[str], last: str) -> None:
    await store.save([an_incident(f"i{n}", number, closed=LATER) for n, number in enumerate(numbers)])

    assert (await store.load()).last_number == last


async def test_ids_sort_by_time_whatever_alphabet_the_server_has(store: Store) -> None:
    ids = ["0196a9", "0196aa", "0196ab", "0196b0"]
    await store.save([an_incident(ident, f"26-{n:04}") for n, ident in enumerate(ids)])
    await store.save([a_watch("0196aa"), a_watch("0196ab")])
    await store.save([a_notice(ident, ids[0]) for ident in ids])

    assert [i.id for i in await store.incidents(3)] == ids[:0:-1]
    kept = await store.load()
    assert kept.last_watch == a_watch("0196ab")
    assert [n.id for n in kept.notices] == ids


async def test_an_incident_is_found_by_number_and_by_id_with_its_story(store: Store) -> None:
    other = an_incident("0196a1", "26-0002")
    await store.save([*ONE_OF_EACH, other, a_line("l2", at=AT - timedelta(minutes=1)), a_line("l3", other.id)])

    assert await store.incident("26-0001") == await store.incident("0196a0") == an_incident()
    assert await store.incident("26-0009") is None
    lines, notices, tasks = await store.story(IncidentId("0196a0"))
    assert [line.key for line in lines] == ["l2", "l1"]
    assert (notices, tasks) == ((a_notice(),), (a_task(),))


async def test_saves_at_once_all_arrive(url: str, store: Store) -> None:
    """Two programs, and many savers in each."""
    other = Store(url)
    await other.open()
    await asyncio.gather(
        *(
            where.save([an_incident(f"{name}{n}", f"26-{n:04}", cause="x" * 50), a_line(f"{name}{n}"), a_belief()])
            for name, where in (("a", store), ("b", other))
            for n in range(25)
        )
    )

    assert len(await store.incidents(100)) == 50
    assert len((await other.load()).timeline) == 0, "their incident is not among them"
    assert (await other.load()).beliefs == (a_belief(),)
    await other.close()


async def test_the_last_of_many_saves_of_one_row_stands_whole(store: Store) -> None:
    rows = [an_incident(cause=str(n), acknowledged_by=str(n)) for n in range(20)]
    await asyncio.gather(*(store.save([row, a_line(f"l{row.cause}")]) for row in rows))

    (left,) = await store.incidents()
    assert left in rows
    assert len((await store.load()).timeline) == 20


@pytest.mark.real
async def test_a_server_that_went_away_and_came_back(cluster: Postgres) -> None:
    store = Store(cluster.database())
    await store.open()
    for at_once in (False, True):
        await store.save([an_incident(cause=f"before {at_once}")])
        cluster.stop(at_once=at_once)
        try:
            for refused in (store.save([an_incident(cause="meanwhile")]), store.load(), store.open()):
                with pytest.raises(StoreFault):
                    await refused
        finally:
            cluster.start()
        assert (await store.load()).incidents == (an_incident(cause=f"before {at_once}"),)
        await store.save([an_incident(cause="after")])
        assert (await store.load()).incidents == (an_incident(cause="after"),)
    await store.close()


@pytest.mark.real
async def test_a_server_that_falls_during_a_save(cluster: Postgres) -> None:
    """Whether the batch is there is not known afterwards, but never a part of it."""
    store = Store(cluster.database())
    await store.open()
    rows: list[Row] = [an_incident(), *(a_line(f"l{number}") for number in range(20_000))]
    saving = asyncio.gather(store.save(rows), return_exceptions=True)
    while not cluster.sql("SELECT 1 FROM pg_stat_activity WHERE query LIKE 'INSERT INTO timeline%'"):
        assert not saving.done(), "the save was over before anybody could pull the plug"
        await asyncio.sleep(0)
    cluster.stop(at_once=True)
    try:
        (came_of,) = await saving
    finally:
        cluster.start()

    assert isinstance(came_of, StoreFault) and "åbnet" not in str(came_of)
    assert len(await everything(store)) in {0, len(rows)}
    await store.save(rows)
    assert len(await everything(store)) == len(rows)
    await store.close()


@pytest.mark.real
async def test_a_database_that_is_not_there_and_a_socket(cluster: Postgres) -> None:
    url = cluster.database()
    missing, by_socket = Store(cluster.url("nowhere")), Store(cluster.by_socket(url))
    with pytest.raises(StoreFault, match=r'opening: .*"nowhere" does not exist'):
        await missing.open()
    await by_socket.open()
    await by_socket.save(ONE_OF_EACH)

    assert await everything(by_socket) == set(ONE_OF_EACH)
    await by_socket.close()
    await missing.close()
