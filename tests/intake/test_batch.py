"""Many heartbeats in one call: each judged alone, a bad one told by its number, and everything bounded."""

import asyncio
import gzip
import json
from collections.abc import MutableMapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.fleet import Flag
from monitor.intake import batch
from monitor.intake.batch import ARRAY, LINE, Batches
from monitor.intake.heartbeats import Heartbeats
from tests.support.fleet import FLEET, OWN, START, TOKEN, Book

NDJSON = "application/x-ndjson"


class Way:
    """The ASGI app over a book."""

    def __init__(self) -> None:
        self.book = Book()
        self.app = Batches(Heartbeats(self.book, self.book.now, lambda: self.book.at))
        self.headers: list[tuple[bytes, bytes]] = []

    async def post(self, body: bytes | list[bytes], path: str = "", token: str = TOKEN, **more: str) -> tuple[int, Any]:
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        headers |= {name.replace("_", "-"): value for name, value in more.items()}
        parts = [body] if isinstance(body, bytes) else body
        events = [{"type": "http.request", "body": p, "more_body": i < len(parts) - 1} for i, p in enumerate(parts)]
        scope = {
            "type": "http",
            "method": more.get("method", "POST"),
            "path": f"/api/v1/heartbeats{path}",
            "query_string": b"",
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
            "client": ("192.0.2.7", 1),
        }
        sent: list[MutableMapping[str, Any]] = []

        async def receive() -> MutableMapping[str, Any]:
            return events.pop(0) if events else {"type": "http.disconnect"}

        async def send(event: MutableMapping[str, Any]) -> None:
            sent.append(event)

        await self.app(scope, receive, send)
        said = b"".join(event.get("body", b"") for event in sent)
        self.headers = list(sent[0]["headers"])
        return sent[0]["status"], json.loads(said) if said else None


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("kind", ["application/json", NDJSON])
async def test_ids_and_objects_are_taken_alike(kind: str, packed: bool) -> None:
    way = Way()
    entries = [
        "u1",
        {"device": "u2"},
        {"device": "u3", "status": "ok"},
        {"device": "u4", "status": "fail", "battery": 3},
    ]
    plain = json.dumps(entries).encode() if kind != NDJSON else b"\n".join(json.dumps(e).encode() for e in entries)
    more = {"content_encoding": "gzip"} if packed else {}

    status, said = await way.post(gzip.compress(plain) if packed else plain, content_type=kind, **more)

    assert (status, said) == (200, {"taken": 4, "refused": 0, "wrong": []})
    assert [way.book.last(f"u{i}") for i in range(1, 6)] == [START] * 4 + [0]
    assert way.book.devices.flags(way.book.devices.index["u4"]) == Flag.FAILING | Flag.BATTERY_LOW
    assert way.book.counts[FLEET, "ok"] == 3


async def test_a_bad_entry_is_told_by_its_number_and_holds_up_no_other() -> None:
    way = Way()
    lines = [
        b'"u1"',
        b"{oops",
        b"",
        b'"nobody"',
        b'{"device":"u2","status":"dead"}',
        b'{"device":"u3","fleet":"andre","x":1}',
    ]

    status, said = await way.post(b"\n".join([*lines, b'"u4"']), content_type=NDJSON)

    assert (status, said["taken"], said["refused"]) == (200, 2, 4)
    told = {one["entry"]: one["wrong"] for one in said["wrong"]}
    assert list(told) == [2, 4, 5, 6]
    assert "not JSON" in told[2]
    assert "devices import" in told[4]
    assert "start, ok, fail" in told[5]
    assert "another fleet" in told[6]


async def test_only_some_of_many_bad_entries_are_told_and_all_are_counted() -> None:
    way = Way()

    status, said = await way.post(json.dumps(["nobody"] * 500).encode())

    assert (status, said["refused"], len(said["wrong"])) == (400, 500, batch.SHOWN)
    assert way.book.counts[FLEET, "unknown"] == 500


async def test_a_plain_entry_after_a_failure_says_that_it_is_well_again() -> None:
    way = Way()
    await way.post(b'[{"device":"u1","status":"fail"}]')

    await way.post(b'["u1","u2"]')

    assert way.book.devices.flagged[Flag.FAILING] == 0


async def test_lines_cut_anywhere_by_the_network_are_read_whole() -> None:
    way = Way()
    text = b"\n".join(f'"u{i}"'.encode() for i in range(10)) + b"\n"

    for size in (1, 2, 3, 7):
        parts = [text[i : i + size] for i in range(0, len(text), size)]
        assert (await way.post(parts, content_type=NDJSON))[1]["taken"] == 10


@pytest.mark.parametrize(
    ("body", "more", "status", "word"),
    [
        (b'["u1"]', {"token": "forkert"}, 401, "devices enrol"),
        (b'["u1"]', {"token": "anden"}, 404, "no longer in the plan"),
        (b'["u1"]', {"path": "/andre"}, 403, "another fleet"),
        (b'{"device":"u1"}', {}, 400, "JSON array"),
        (b"", {}, 400, "JSON array"),
        (b"[" * 100_000, {}, 400, "JSON array"),
        (b'["u1"]', {"content_encoding": "br"}, 415, "gzip"),
        (b'["u1"]', {"content_encoding": "gzip"}, 400, "not gzip"),
        (gzip.compress(b'["u1"]')[:-9], {"content_encoding": "gzip"}, 400, "cut short"),
        (gzip.compress(b'["u1"]') + b"more", {"content_encoding": "gzip"}, 400, "follows"),
        (gzip.compress(b" " * 40_000_000), {"content_encoding": "gzip"}, 413, "at most"),
        (b'"' + b"x" * (LINE + 5), {"content_type": NDJSON}, 413, "longer than"),
        (b" " * (ARRAY + 1), {}, 413, "at most"),
    ],
    ids="token gone foreign object empty deep packing mangled short trailing bomb line large".split(),
)
async def test_what_is_no_batch_is_told_why(body: bytes, more: dict[str, str], status: int, word: str) -> None:
    way = Way()

    got, said = await way.post(body, **more)

    assert (got, word in said["detail"]) == (status, True), said
    assert way.book.last("u1") == 0
    if status == 413:
        assert (b"connection", b"close") in way.headers


async def test_a_token_of_one_device_speaks_for_no_other() -> None:
    way = Way()

    _, said = await way.post(b'["u0","u1"]', token=OWN)

    assert (said["taken"], said["refused"]) == (1, 1)


async def test_a_single_heartbeat_takes_the_ordinary_way_as_well() -> None:
    way = Way()

    assert await way.post(b"", path=f"/{FLEET}/u5") == (204, None)
    assert (await way.post(b"", path=f"/{FLEET}/u5", method="GET"))[0] == 405
    assert way.book.last("u5") == START


async def test_between_two_slices_everybody_else_has_a_turn() -> None:
    way = Way()
    turns = 0
    done = asyncio.Event()

    async def others() -> None:
        nonlocal turns
        while not done.is_set():
            turns += 1
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        group.create_task(others())
        await way.post(b"\n".join([b'"u1"'] * 20_000), content_type=NDJSON)
        done.set()

    assert turns >= 20


@given(body=st.binary(max_size=300), kind=st.sampled_from(["application/json", NDJSON, ""]), packed=st.booleans())
async def test_whatever_comes_is_answered(body: bytes, kind: str, packed: bool) -> None:
    way = Way()
    more = {"content_encoding": "gzip"} if packed else {}

    status, said = await way.post(gzip.compress(body) if packed else body, content_type=kind, **more)

    assert status in (200, 400)
    assert said is not None
