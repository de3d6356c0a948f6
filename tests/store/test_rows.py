"""What is saved is what is read: every sort of row by hypothesis, in SQLite on a real file."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, fields
from random import Random
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from monitor.core.records import Row
from monitor.store import schema
from monitor.store.store import Store
from tests.store.rows import KINDS, key, rows_of

_SOME_ROWS = st.lists(st.one_of(*(rows_of(kind) for kind in KINDS)), max_size=12)


@dataclass
class Kept:
    """A store spoken to from outside a loop, so that one file serves all examples."""

    runner: asyncio.Runner
    store: Store

    def save(self, *rows: Row) -> None:
        self.runner.run(self.store.save(rows))

    def read(self, kind: type[Row], *keys: str) -> dict[str, Row]:
        """Rows of one sort by their keys."""
        table = schema.TABLES[kind]
        (column,) = table.primary_key
        found: tuple[Row, ...] = self.runner.run(self.store._all(kind, select(table).where(column.in_(keys))))
        return {key(row): row for row in found}


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    with asyncio.Runner() as runner:
        store = Store(f"sqlite+aiosqlite:///{tmp_path_factory.mktemp('rows') / 'rows.db'}")
        runner.run(store.open())
        yield Kept(runner, store)
        runner.run(store.close())


def newest(rows: list[Row]) -> dict[tuple[type[Row], str], Row]:
    """What must stand when these were written one after the other."""
    return {(type(row), key(row)): row for row in rows}


def test_every_sort_of_row_has_a_table_and_every_field_a_column() -> None:
    assert set(schema.TABLES) == set(get_args(Row))
    for kind, table in schema.TABLES.items():
        assert [column.name for column in table.columns] == [field.name for field in fields(kind)]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_row_is_read_as_it_was_saved(kept: Kept, kind: type[Row]) -> None:
    @settings(max_examples=40)
    @given(rows_of(kind))
    def holds(row: Row) -> None:
        kept.save(row)

        read = kept.read(kind, key(row))[key(row)]

        assert read == row
        assert [type(getattr(read, f.name)) for f in fields(read)] == [type(getattr(row, f.name)) for f in fields(row)]

    holds()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_later_row_with_the_same_key_replaces_it_whole(kept: Kept, kind: type[Row]) -> None:
    @settings(max_examples=20)
    @given(rows_of(kind), rows_of(kind))
    def holds(first: Row, second: Row) -> None:
        (column,) = schema.TABLES[kind].primary_key
        later = type(second)(**{f.name: getattr(second, f.name) for f in fields(second)} | {column.name: key(first)})
        kept.save(first)
        kept.save(later)

        assert kept.read(kind, key(first)) == {key(first): later}

    holds()


def test_a_batch_leaves_what_its_order_says(kept: Kept) -> None:
    @settings(max_examples=40)
    @given(_SOME_ROWS, st.randoms(use_true_random=False))
    def holds(rows: list[Row], chance: Random) -> None:
        mixed = [*rows, *rows]
        chance.shuffle(mixed)
        kept.save(*mixed)

        for (kind, name), row in newest(mixed).items():
            assert kept.read(kind, name) == {name: row}

    holds()


def test_an_empty_batch_is_no_fault(kept: Kept) -> None:
    kept.save()
