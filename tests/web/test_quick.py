"""The short way for heartbeats, over real sockets: as quick as it is, it answers as the ordinary way does."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import uvicorn
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.intake.batch import Batches
from monitor.intake.heartbeats import PATH, Heartbeats
from monitor.intake.refusals import MOST, WINDOW
from monitor.web import wire
from tests.support.fleet import FLEET, OWN, TOKEN, Book

GET = b"GET /andet HTTP/1.1\r\nhost: x\r\n\r\n"
NO_CONTENT = b"HTTP/1.1 204 No Content\r\n"


@dataclass(slots=True)
class Port:
    """A server over a book of its own; it answers heartbeats, and anything else with `andet`."""

    book: Book
    number: int


@contextmanager
def serving(*, quick: bool = True) -> Iterator[Port]:
    """A server in a thread of its own, on the loop the service runs on, with or without the short way."""
    book = Book()
    beats = Heartbeats(book, book.now, lambda: book.at)
    batches = Batches(beats)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"].startswith("/api/v1/heartbeats"):
            await batches(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
        await send({"type": "http.response.body", "body": b"andet"})

    options = wire.options(PATH, beats.quick if quick else None)
    server = uvicorn.Server(uvicorn.Config(app, **options))
    with socket.create_server(("127.0.0.1", 0)) as door:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [door]})
        thread.start()
        try:
            yield Port(book, door.getsockname()[1])
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture
def port() -> Iterator[Port]:
    with serving() as found:
        yield found


def post(where: str = f"{FLEET}/u1", body: bytes = b"", token: str = TOKEN, **more: str) -> bytes:
    """A heartbeat as bytes."""
    lines = [f"POST /api/v1/heartbeats/{where} HTTP/1.1", "Host: x", f"Authorization: Bearer {token}"]
    headers = {"Content-Length": str(len(body))} | {name.replace("_", "-"): value for name, value in more.items()}
    lines += [f"{name}: {value}" for name, value in headers.items() if value]
    return "\r\n".join([*lines, "", ""]).encode() + body


class Line:
    """One connection."""

    def __init__(self, port: Port) -> None:
        self.wire = socket.create_connection(("127.0.0.1", port.number), 10)
        self._rest = b""

    def send(self, data: bytes) -> None:
        self.wire.sendall(data)

    def answer(self) -> tuple[bytes, bytes]:
        """The next answer: head and body. Fails with what came when the other side closes before it is whole."""
        while b"\r\n\r\n" not in self._rest:
            self._more()
        head, _, self._rest = self._rest.partition(b"\r\n\r\n")
        found = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        size = int(found[0].split(b":")[1]) if found else 0
        while len(self._rest) < size:
            self._more()
        body, self._rest = self._rest[:size], self._rest[size:]
        return head + b"\r\n", body

    def _more(self) -> None:
        got = self.wire.recv(65_536)
        assert got, self._rest
        self._rest += got

    def closed(self) -> bool:
        """True when the other side ends the connection and says no more."""
        try:
            return self._rest + self.wire.recv(65_536) == b""
        except ConnectionResetError:
            return True


@contextmanager
def line(port: Port) -> Iterator[Line]:
    found = Line(port)
    with found.wire:
        yield found


def test_a_connection_carries_one_after_another_and_several_at_once(port: Port) -> None:
    with line(port) as unit:
        for _ in range(3):
            unit.send(post())
            assert unit.answer() == (NO_CONTENT, b"")
        unit.send(b"".join(post(f"{FLEET}/u{n}") for n in range(10)))
        assert [unit.answer()[0] for _ in range(10)] == [NO_CONTENT] * 10

    assert port.book.counts[FLEET, "ok"] == 13
    assert all(port.book.last(f"u{n}") for n in range(10))


@pytest.mark.parametrize("at_once", [True, False])
def test_heartbeats_and_other_requests_take_turns_and_are_answered_in_order(port: Port, at_once: bool) -> None:
    asked = [post(), GET, post(body=b'{"status":"fail"}'), GET, GET, post(f"{FLEET}/u2"), post(f"{FLEET}/x"), GET]
    with line(port) as unit:
        if at_once:
            unit.send(b"".join(asked))
        answers = []
        for one in asked:
            if not at_once:
                unit.send(one)
            head, body = unit.answer()
            answers.append((int(head.split()[1]), body == b"andet"))

    assert [status for status, _ in answers] == [204, 200, 204, 200, 200, 204, 404, 200]
    assert [other for _, other in answers] == [False, True, False, True, True, False, False, True]


def test_a_body_may_come_in_parts(port: Port) -> None:
    whole = post(body=b'{"status": "fail", "battery": 7}')
    with line(port) as unit:
        for at in range(0, len(whole), 40):
            unit.send(whole[at : at + 40])
        assert unit.answer()[0] == NO_CONTENT
        unit.send(post())
        assert unit.answer()[0] == NO_CONTENT

    assert port.book.devices.battery(port.book.devices.index["u1"]) == 7


def test_a_body_that_never_comes_is_not_waited_for(port: Port, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "HEAD_SECONDS", 0.2)
    for known in (b"", post()):
        with line(port) as unit:
            if known:
                unit.send(known)
                unit.answer()
            unit.send(post(body=b'{"status":"ok"}')[:-3])
            assert unit.closed()
    assert port.book.counts == {(FLEET, "ok"): 1}


def test_who_has_reported_and_says_no_more_is_let_go(port: Port, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "KEPT_SECONDS", 0.2)
    with line(port) as unit:
        unit.send(post())
        assert unit.answer()[0] == NO_CONTENT
        assert unit.closed()


@pytest.mark.parametrize(
    ("size", "status"), [(wire.SMALL - 1, 204), (wire.SMALL, 204), (wire.SMALL + 1, 413), (200_000, 413)]
)
def test_a_long_body_takes_the_ordinary_way_and_is_refused_there(port: Port, size: int, status: int) -> None:
    body = json.dumps({"text": ""}).encode()
    body = body.replace(b'""', b'"' + b"x" * (size - len(body)) + b'"')
    with line(port) as unit:
        unit.send(post(body=body))
        head, _ = unit.answer()

    assert int(head.split()[1]) == status


def test_chunks_and_a_hundred_continue_take_the_ordinary_way(port: Port) -> None:
    chunked = post(Content_Length="", Transfer_Encoding="chunked") + b'f\r\n{"status":"ok"}\r\n0\r\n\r\n'
    with line(port) as unit:
        unit.send(chunked + post())
        assert [unit.answer()[0][:12] for _ in range(2)] == [b"HTTP/1.1 204"] * 2
        body = b'{"status":"ok"}'
        unit.send(post(body=body, Expect="100-continue").removesuffix(body))
        assert unit.answer()[0].startswith(b"HTTP/1.1 100")
        unit.send(body)
        assert unit.answer()[0].startswith(b"HTTP/1.1 204")
    assert port.book.counts[FLEET, "ok"] == 3


@pytest.mark.parametrize("asked", [post().replace(b"HTTP/1.1", b"HTTP/1.0"), post(Connection="close")])
def test_who_asks_for_it_is_let_go_after_the_answer(port: Port, asked: bytes) -> None:
    with line(port) as unit:
        unit.send(asked)
        assert unit.answer()[0] == NO_CONTENT
        assert unit.closed()


@pytest.mark.parametrize("method", [b"GET", b"HEAD", b"PUT", b"DELETE"])
def test_another_method_is_no_heartbeat(port: Port, method: bytes) -> None:
    with line(port) as unit:
        unit.send(post(Connection="close").replace(b"POST", method))
        assert unit.answer()[0].startswith(b"HTTP/1.1 405") if method != b"HEAD" else b" 405 " in unit.wire.recv(500)
    assert port.book.last("u1") == 0


def test_a_flood_of_guesses_is_cut_off_and_nobody_else_is(port: Port) -> None:
    with line(port) as guesser, line(port) as unit:
        guesser.send(post(token="gæt", X_Forwarded_For="198.51.100.9") * MOST)
        assert {guesser.answer()[0].split()[1] for _ in range(MOST)} == {b"401"}
        guesser.send(post(X_Forwarded_For="198.51.100.9"))
        head, _ = guesser.answer()
        assert head.startswith(b"HTTP/1.1 429")
        assert b"Retry-After: 60\r\n" in head
        assert guesser.closed()
        unit.send(post())
        assert unit.answer()[0] == NO_CONTENT


@pytest.mark.parametrize(
    "sent",
    [
        post(Content_Length="-1"),
        post(Content_Length="99999999999999999999"),
        post(body=b"{}", Content_Length="0").replace(b"Content-Length: 0", b"Content-Length: 0\r\nContent-Length: 2"),
        post().replace(b"/u1", b"/\xff\xfe"),
        post().replace(b"Host: x", b"Host: x\r\nX: " + b"y" * 20_000),
    ],
    ids="negative huge twice bytes head".split(),
)
def test_what_is_no_request_harms_nobody(port: Port, sent: bytes) -> None:
    with line(port) as unit:
        unit.send(sent)
        got = unit.wire.recv(65_536)
    assert b" 204 " not in got
    with line(port) as unit:
        unit.send(post())
        assert unit.answer()[0] == NO_CONTENT


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[Port, Port]]:
    with serving() as short, serving(quick=False) as ordinary:
        yield short, ordinary


_FIELDS: st.SearchStrategy[dict[str, Any]] = st.dictionaries(
    st.sampled_from(["status", "battery", "power", "radio_test", "text", "x"]),
    st.sampled_from(
        ["ok", "fail", "start", "dead", 0, 12, 100, 101, -1, True, False, None, "yes", "no", [], {}, 1e300]
    ),
)
_BODIES = st.one_of(st.just(b""), _FIELDS.map(lambda one: json.dumps(one).encode()), st.binary(max_size=40))
_PLACES = st.sampled_from(
    [FLEET + "/u1", FLEET + "/u0", FLEET + "/nobody", "andre/u1", FLEET + "/u1/", FLEET + "/%75%31", FLEET + "/u1/x"]
)
_QUERIES = st.sampled_from(
    ["", "?status=fail", "?battery=3&status=start", "?battery=x", "?", "?a=%ff", "?status=ok&power=no"]
)
_TOKENS = st.sampled_from([TOKEN, OWN, "anden", "forkert", ""])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=_PLACES, query=_QUERIES, token=_TOKENS, body=_BODIES)
def test_both_ways_answer_alike_and_do_alike(
    both: tuple[Port, Port], place: str, query: str, token: str, body: bytes
) -> None:
    answers = []
    for port in both:
        port.book.at += WINDOW + 1
        with line(port) as unit:
            unit.send(post(place + query, body, token))
            head, said = unit.answer()
        answers.append((int(head.split()[1]), json.loads(said) if said else None, b"close" in head.lower()))

    assert answers[0] == answers[1]
    assert both[0].book.counts == both[1].book.counts
    assert state(both[0].book) == state(both[1].book)


def state(book: Book) -> list[tuple[Any, ...]]:
    devices = book.devices
    return [(devices.last(at), devices.flags(at), devices.battery(at)) for at in range(devices.top)]
