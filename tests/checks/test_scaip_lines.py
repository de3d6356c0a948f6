"""`scaip` over its other ways: TCP, TLS, a port of its own, a login; and receivers and strangers that wish it ill."""

import asyncio
import contextlib
import hashlib
import re
import socket
import threading
import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from checks.sip_server import Server
from monitor.core import sip
from monitor.core.finding import Finding, Outcome, Reason
from tests.support.dns_server import datagrams
from tests.support.httpserver import context, probed, until
from tests.support.scaip_receiver import OTHER, apart, carried, is_answer, mrs, ref_of
from tests.support.sip_process import free_port
from tests.support.sip_server import answer
from tests.support.tls_server import Handler, bundle, dripping, hanging_up, issue, server_context, serving, sockets

ROOT = issue("rod")
LEAF = issue("scaip.example", ROOT, hosts=("127.0.0.1",))
Says = Callable[[bytes], Iterable[bytes]]
UNIT: dict[str, Any] = {"kind": "scaip", "host": "127.0.0.1", "cid": "990001"}


async def ask(port: int, **values: Any) -> Finding:
    return await probed(**UNIT, port=port, **values)


async def message(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"Content-Length: (\d+)", head)
    assert length
    return head + await reader.readexactly(int(length[1]))


def stream(says: Says, *, then_ends: bool = False) -> Handler:
    """Answers one heartbeat over a stream so, takes what comes back, and stays or goes."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for one in says(await message(reader)):
            writer.write(one)
            await writer.drain()
        if then_ends:
            writer.write_eof()
        while await reader.read(65_536):
            pass

    return handler


def in_the_body(request: bytes) -> Iterable[bytes]:
    return [carried(request, mrs(ref_of(request)))]


def on_the_line(request: bytes) -> Iterable[bytes]:
    return [carried(request), apart(request, mrs(ref_of(request)))]


@pytest.mark.parametrize("says", [in_the_body, on_the_line])
async def test_over_a_stream(tmp_path: Path, says: Says) -> None:
    async with serving(stream(says)) as port:
        plain = await ask(port, transport="tcp")
    async with serving(stream(says), server_context(tmp_path, LEAF)) as port:
        safe = await ask(port, transport="tls", ca_file=bundle(tmp_path, ROOT))
        stranger = await ask(port, transport="tls")

    assert (plain.outcome, list(plain.phases)) == (Outcome.OK, ["connect", "processing"])
    assert (safe.outcome, list(safe.phases)) == (Outcome.OK, ["connect", "tls", "processing"])
    assert stranger.reason is Reason.CERTIFICATE_UNTRUSTED


async def test_the_answer_to_the_receivers_message_goes_back_on_the_stream() -> None:
    answers: asyncio.Queue[bytes] = asyncio.Queue()

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for one in on_the_line(await message(reader)):
            writer.write(one)
        answers.put_nowait(await message(reader))

    async with serving(handler) as port:
        finding = await ask(port, transport="tcp")
        async with asyncio.timeout(5):
            answered = sip.parse(await answers.get())

    assert finding.outcome is Outcome.OK
    assert isinstance(answered, sip.Response)
    assert (answered.status, sip.via(answered).host) == (200, "192.0.2.9")


@pytest.mark.parametrize(
    ("handler", "reason"),
    [
        (stream(lambda r: [carried(r)], then_ends=True), Reason.REPLY),
        (stream(lambda _: [], then_ends=True), Reason.RESET),
        (stream(lambda r: [carried(r), b"\x00" * 20_000]), Reason.REPLY),
        (
            stream(lambda r: [carried(r, mrs(ref_of(r))).replace(b"Content-Length: ", b"Content-Length: 1")]),
            Reason.TIMEOUT,
        ),
        (stream(lambda r: [carried(r, mrs(ref_of(r))).replace(b"Content-Length: ", b"X: ")]), Reason.PROTOCOL),
        (stream(lambda r: [carried(r).replace(b"\r\n\r\n", b"\r\nX: " + b"x" * 20_000)]), Reason.TOO_LARGE),
        (stream(lambda r: [carried(r).replace(b"Length: 0", b"Length: 1000000"), b"<mrs>" * 200_000]), Reason.PROTOCOL),
        (hanging_up, Reason.RESET),
        (dripping(b"SIP/2.0 200 OK\r\nX: y"), Reason.TIMEOUT),
    ],
    ids=[
        "ends",
        "ends-before",
        "garbage-after",
        "too-short",
        "no-length",
        "huge-head",
        "megabyte",
        "hangs-up",
        "drips",
    ],
)
async def test_streams_that_wish_it_ill(handler: Handler, reason: Reason) -> None:
    before = sockets()
    async with serving(handler) as port:
        finding = await ask(port, transport="tcp", timeout="300ms" if reason is Reason.TIMEOUT else "10s")

    assert (finding.outcome, finding.reason) == (Outcome.FAIL, reason)
    assert sockets() == before


BOMB = (
    '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;">]>'
    "<mrs><ref>{}</ref><snu>0</snu><ste>&c;</ste></mrs>"
)
BODIES: dict[str, Callable[[str], bytes]] = {
    "entity bomb": lambda ref: BOMB.format(ref).encode(),
    "deep": lambda ref: b"<a>" * 4_000 + mrs(ref)[22:],
    "binary": lambda ref: bytes(range(256)) * 20 + ref.encode(),
    "two answers": lambda ref: f"<mrs><ref>{ref}</ref><snu>0</snu><snu>5</snu></mrs>".encode(),
}


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("way", ["body", "apart"])
async def test_bodies_that_wish_it_ill_acknowledge_nothing(name: str, way: str) -> None:
    def says(request: bytes) -> Iterable[bytes]:
        body = BODIES[name](ref_of(request))
        return [carried(request, body)] if way == "body" else [carried(request), apart(request, body)]

    async with serving(stream(says, then_ends=True)) as port:
        finding = await ask(port, transport="tcp")

    assert finding.reason is Reason.REPLY
    assert [miss.seen for miss in finding.misses] == ["svarede SIP 200, men kvitterede uforståeligt"]


@pytest.mark.parametrize("way", ["body", "apart"])
async def test_a_body_as_large_as_a_datagram_acknowledges_nothing(way: str) -> None:
    def says(request: bytes) -> Iterable[bytes]:
        body = b" " * 60_000 + mrs(ref_of(request))
        return [carried(request, body)] if way == "body" else [carried(request), apart(request, body)]

    async with datagrams(lambda message: [] if is_answer(message) else says(message)) as port:
        finding = await ask(port, timeout="1s")

    assert finding.reason is Reason.REPLY


async def test_a_flood_of_acknowledgements_for_others_ends_with_the_timeout_and_holds_no_memory() -> None:
    """The sender is a thread of its own: only handing back the loop each time lets the timeout come."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        flood = threading.Thread(target=_flood, args=(server,), daemon=True)
        flood.start()
        tracemalloc.start()
        try:
            finding = await ask(server.getsockname()[1], transport="tcp", timeout="1s")
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        flood.join(10)

    assert (finding.outcome, finding.reason) == (Outcome.FAIL, Reason.REPLY)
    assert [miss.seen for miss in finding.misses] == ["svarede SIP 200, men kvitterede kun for andre"]
    assert peak < 4_000_000
    assert not flood.is_alive()


def _flood(server: socket.socket) -> None:
    line, _ = server.accept()
    with line, contextlib.suppress(OSError):
        request = line.recv(65_536)
        line.sendall(carried(request, mrs(OTHER)))
        line.setblocking(False)
        while True:
            said = b"".join(apart(request, mrs(OTHER)) for _ in range(8))
            while said:
                with contextlib.suppress(BlockingIOError):
                    said = said[line.send(said) :]
                with contextlib.suppress(BlockingIOError):
                    line.recv(65_536)


def test_what_is_remembered_of_strangers_is_bounded() -> None:
    head = ("Via: SIP/2.0/UDP a;branch=z9hG4bKx", "From: <sip:a>", "To: <sip:b>", "Call-ID: c", "CSeq: 1 MESSAGE")
    request = "\r\n".join(("MESSAGE sip:a SIP/2.0", *head, "", "")).encode()
    taken: list[bytes] = []

    def take(body: bytes) -> bool:
        taken.append(body)
        return True

    server = Server(take)

    found = {server.answer(apart(request, b"x" * 9_000), ("127.0.0.1", 5060)) for _ in range(500)}

    assert len(found) == len(taken) == 500
    assert len(server._answers) == 32
    assert all(one and len(one[0]) < 600 for one in found)


@pytest.mark.parametrize("junk", [b"", b"\x00", b"SIP/2.0 200 OK\r\n\r\n", b"MESSAGE x SIP/2.0\r\nVia: x\r\n\r\n"])
def test_what_is_no_request_gets_no_answer(junk: bytes) -> None:
    assert Server(lambda _: True).answer(junk, ("127.0.0.1", 5060)) is None


async def to_the_port(port: int, request: bytes, over: str) -> bytes:
    """The receiver's own message to a port of ours, from a socket of its own; what it is answered."""
    said = apart(request, mrs(ref_of(request)))
    if over == "tcp":
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(said)
        answered = await message(reader)
        writer.transport.abort()
        return answered
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.connect(("127.0.0.1", port))
        await asyncio.get_running_loop().sock_sendall(sock, said)
        return await asyncio.get_running_loop().sock_recv(sock, 65_536)


@contextlib.asynccontextmanager
async def calling_back(over: str, port: int) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A receiver that says 200 on the stream, ends it, and acknowledges to this port of ours; its port, its answers."""
    answers: list[bytes] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await message(reader)
        writer.write(carried(request))
        writer.write_eof()
        answers.append(await to_the_port(port, request, over))

    async with serving(handler) as place:
        yield place, answers


@pytest.mark.parametrize("over", ["udp", "tcp"])
async def test_the_acknowledgement_may_come_to_a_port_of_ours(over: str) -> None:
    before, port = sockets(), free_port()
    async with calling_back(over, port) as (place, answers):
        finding = await ask(place, transport="tcp", listen=port)
        await until(lambda: bool(answers))

    assert finding.outcome is Outcome.OK
    assert answers[0].startswith(b"SIP/2.0 200 OK\r\n")
    assert sockets() == before


async def test_where_to_answer_is_told_in_the_from() -> None:
    asked: list[bytes] = []
    port = free_port()

    def says(request: bytes) -> Iterable[bytes]:
        asked.append(request)
        return in_the_body(request)

    async with datagrams(says) as place:
        await ask(place, listen=port)

    assert (sip.parse(asked[0]).first("From") or "").startswith(f"<sip:990001@127.0.0.1:{port}>")


async def test_a_port_that_is_taken_is_our_own_fault() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        async with datagrams(in_the_body) as place:
            finding = await ask(place, listen=taken.getsockname()[1])

    assert (finding.outcome, finding.reason) == (Outcome.UNKNOWN, Reason.INTERNAL)


async def test_strangers_at_the_port_neither_help_nor_hinder() -> None:
    before, port = sockets(), free_port()
    guests: list[asyncio.StreamWriter] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await message(reader)
        for said in (b"", b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 30_000, apart(request, mrs(OTHER)) * 3) * 5:
            _, guest = await asyncio.open_connection("127.0.0.1", port)
            guest.write(said)
            guests.append(guest)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            for _ in range(40):
                sock.sendto(b"\xff" * 1_000, ("127.0.0.1", port))
        writer.write(carried(request))
        await to_the_port(port, request, "udp")

    async with serving(handler) as place:
        finding = await ask(place, transport="tcp", listen=port)
        for guest in guests:
            guest.transport.abort()
        await asyncio.sleep(0)

    assert len(guests) == 20
    assert finding.outcome is Outcome.OK
    assert sockets() == before


async def test_nobody_listens() -> None:
    found = [await ask(free_port(), transport=over) for over in ("udp", "tcp")]

    assert [(one.outcome, one.reason) for one in found] == [(Outcome.FAIL, Reason.REFUSED)] * 2


CHALLENGE = 'Digest realm="nødkald", nonce="abc+/=", qop="auth", algorithm={}'


def asks_for_a_login(name: str, password: str, seen: list[sip.Message]) -> Says:
    """Challenges the first request, and acknowledges the next if it is right."""

    def says(request: bytes) -> Iterable[bytes]:
        asked = sip.parse(request)
        seen.append(asked)
        given = dict(re.findall(r'(\w+)="?([^",]*)"?', asked.first("Authorization") or ""))
        if given and given["response"] == _right(given, name, password):
            return in_the_body(request)
        refused = sip.parse(answer(request, 401, "Unauthorized"))
        assert isinstance(refused, sip.Response)
        headers = (*refused.headers, ("WWW-Authenticate", "Basic realm=x"))
        headers = (*headers, ("WWW-Authenticate", CHALLENGE.format("SHA-256")))
        return [sip.serialise(sip.Response(401, "Unauthorized", headers=headers))]

    return says


def _right(given: dict[str, str], name: str, password: str) -> str:
    """The answer as RFC 7616 §3.4.1 spells it."""

    def hashed(text: str) -> str:
        return hashlib.sha256(text.encode()).hexdigest()

    first, second = hashed(f"{name}:nødkald:{password}"), hashed(f"MESSAGE:{given['uri']}")
    return hashed(f"{first}:abc+/=:{given['nc']}:{given['cnonce']}:auth:{second}")


async def test_a_login_is_tried_once_more_and_only_once() -> None:
    seen: list[sip.Message] = []
    async with datagrams(asks_for_a_login("990001", "kæphest", seen)) as port:
        right = await probed(context({"kode": "kæphest"}), **UNIT, port=port, password="kode")
        wrong = await probed(context({"kode": "x"}), **UNIT, port=port, password="kode")
        another = await probed(context({"kode": "kæphest"}), **UNIT, port=port, password="kode", user="p-1")

    assert right.outcome is Outcome.OK
    assert [(one.outcome, one.reason) for one in (wrong, another)] == [(Outcome.UNKNOWN, Reason.CREDENTIALS)] * 2
    assert len(seen) == 6
    first, second = seen[:2]
    assert [sip.cseq(one).number for one in seen] == [1, 2] * 3
    assert sip.via(first).param("branch") != sip.via(second).param("branch")
    assert all(first.first(name) == second.first(name) for name in ("Call-ID", "From", "To"))
    assert first.body == second.body
    assert "kæphest" not in repr(right)


async def test_a_secret_that_is_missing_is_said_before_anything_is_sent() -> None:
    asked: list[bytes] = []

    def says(request: bytes) -> Iterable[bytes]:
        asked.append(request)
        return in_the_body(request)

    async with datagrams(says) as port:
        finding = await ask(port, password="kode")

    assert (finding.outcome, finding.reason) == (Outcome.UNKNOWN, Reason.SECRET)
    assert asked == []


async def test_a_heartbeat_too_large_for_a_datagram_is_not_sent() -> None:
    asked: list[bytes] = []

    def says(request: bytes) -> Iterable[bytes]:
        asked.append(request)
        refused = sip.parse(answer(request, 407, "Proxy Authentication Required"))
        assert isinstance(refused, sip.Response)
        challenge = f'Digest realm="{"r" * 500}", nonce="{"n" * 500}"'
        return [sip.serialise(sip.Response(407, headers=(*refused.headers, ("Proxy-Authenticate", challenge))))]

    async with datagrams(says) as port:
        finding = await probed(context({"kode": "x"}), **UNIT, port=port, password="kode")

    assert (finding.outcome, finding.reason) == (Outcome.UNKNOWN, Reason.INTERNAL)
    assert [miss.expected for miss in finding.misses] == ["under 1300 byte over UDP"]
    assert len(asked) == 1
