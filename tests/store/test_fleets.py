"""The fleets' tables, on SQLite and on a real PostgreSQL: what is read is what was written, in order, in parts."""

import hashlib
import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.ports import DeviceRow, StoreFault
from monitor.store import fleets
from monitor.store.store import Store
from tests.support.postgres import Postgres, postgres

AT = datetime(2026, 3, 5, 10, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Postgres]:
    with postgres() as running:
        yield running


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.real)])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    lite = request.param == "sqlite"
    url = f"sqlite+aiosqlite:///{tmp_path / 'kept.db'}" if lite else request.getfixturevalue("cluster").database()
    opened = Store(url)
    await opened.open()
    yield opened
    await opened.close()


def device(place: int, **more: Any) -> DeviceRow:
    values = {"cid": "", "attributes": "{}", "critical": False, "interval": 0, "muted": None, "why": ""} | more
    return (place, f"{990000 + place}", *values.values())  # type: ignore[return-value]


async def every(store: Store, fleet: str) -> list[DeviceRow]:
    return [tuple(row) for part in [part async for part in store.fleets.devices(fleet)] for row in part]  # type: ignore[misc]


async def blocks(store: Store, fleet: str) -> list[tuple[str, int, bytes]]:
    return [tuple(row) for part in [part async for part in store.fleets.blocks(fleet)] for row in part]  # type: ignore[misc]


async def tokens(store: Store) -> list[tuple[str, str, str]]:
    return [tuple(row) for part in [part async for part in store.fleets.tokens()] for row in part]  # type: ignore[misc]


async def test_devices_are_read_in_the_order_of_their_places(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleets, "_ROWS", 3)
    attributes = json.dumps({"operator": "Tele Ø"}, ensure_ascii=False)
    rows = [device(place, cid=str(place), attributes=attributes, critical=place % 2 == 0) for place in range(10)]
    muted = device(7, interval=3600, muted=AT, why="flytter — 'i morgen'; DROP TABLE devices")

    await store.fleets.put("b", [device(0)])
    await store.fleets.put("a", list(reversed(rows)))
    await store.fleets.put("a", [muted])

    assert await every(store, "a") == [muted if row[0] == 7 else row for row in rows]
    assert await every(store, "b") == [device(0)]
    assert await every(store, "c") == []


async def test_devices_are_taken_out(store: Store) -> None:
    await store.fleets.put("a", [device(place) for place in range(5)])
    await store.fleets.put("b", [device(1)])

    await store.fleets.remove("a", [1, 3, 99])

    assert [row[0] for row in await every(store, "a")] == [0, 2, 4]
    assert await every(store, "b") == [device(1)]


async def test_blocks_are_bytes_and_the_last_one_stands(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleets, "_BLOCKS", 2)
    first = [("a", block, bytes([block, 0, 255]) * 1000) for block in range(5)]

    await store.fleets.write(first)
    await store.fleets.write([("a", 3, b"new"), ("b", 0, b"")])

    assert await blocks(store, "a") == [("a", 3, b"new") if one[1] == 3 else one for one in first]
    assert await blocks(store, "b") == [("b", 0, b"")]


async def test_tokens_open_until_they_are_revoked(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleets, "_ROWS", 2)
    hashes = sorted(hashlib.sha256(bytes([n])).hexdigest() for n in range(5))
    for one in hashes:
        await store.fleets.enrol((one, "a", "990001" if one == hashes[0] else "", AT, None, "leverandør"))

    await store.fleets.revoke(hashes[1:3], AT + timedelta(hours=1))

    assert await tokens(store) == [(hashes[0], "a", "990001"), (hashes[3], "a", ""), (hashes[4], "a", "")]


async def test_a_fault_is_told_without_what_was_written(store: Store) -> None:
    nothing: Any = None
    with pytest.raises(StoreFault, match="saving devices") as told:
        await store.fleets.put("a", [(1, "990001", nothing, "{}", False, 0, None, "hos en borger")])

    assert "borger" not in str(told.value)
    assert await every(store, "a") == []
