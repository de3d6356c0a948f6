"""SCAIP from devices: what is acknowledged, what is refused, what is answered alike."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core import scaip, sip
from monitor.core.fleet import DeviceState, Flag
from monitor.intake import scaip_ports
from monitor.intake.scaip import MOST_REMEMBERED, REMEMBERED, Receiver, Source
from monitor.intake.scaip_ports import Port, listen
from tests.support.fleet import FLEET, START, Book

DEVICE = Source("192.0.2.7", 5062)


def heartbeat(cid: str = "1001", **fields: str) -> bytes:
    """An `mrq` as a unit writes it."""
    said = {"ref": "A1B2", "ver": "01.00", "mty": "PI", "cid": cid, "dty": "0031", "did": "01", "stc": "0102"} | fields
    return f"<mrq>{''.join(f'<{k}>{v}</{k}>' for k, v in said.items() if v)}</mrq>".encode()


def message(body: bytes, branch: str = "1", method: str = "MESSAGE", via: str = ";rport") -> bytes:
    """A SIP request that carries it."""
    head = (
        f"{method} sip:vagt@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.9:5070;branch=z9hG4bK{branch}{via}\r\n"
        f"Max-Forwards: 70\r\nFrom: <sip:1001@x>;tag=7\r\nTo: <sip:vagt@x>\r\nCall-ID: c{branch}@x\r\n"
        f"CSeq: 1 {method}\r\nContent-Type: application/scaip+xml\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Way:
    """The receiver over a book."""

    def __init__(self) -> None:
        self.book = Book()
        self.receiver = Receiver(self.book, self.book.now, lambda: self.book.at)

    def ask(self, data: bytes, source: Source = DEVICE) -> tuple[sip.Response, scaip.Mrs | None]:
        reply = self.receiver.answer(data, source)
        assert reply is not None
        found = sip.parse(reply.data)
        assert isinstance(found, sip.Response)
        read = scaip.parse(found.body) if found.body else None
        assert read is None or isinstance(read, scaip.Mrs)
        return found, read


def test_a_heartbeat_is_acknowledged_and_heard() -> None:
    way = Way()

    answer, mrs = way.ask(message(heartbeat()))

    assert (answer.status, mrs) == (200, scaip.Mrs("A1B2", 0))
    assert answer.first("Content-Type") == scaip.MEDIA_TYPE
    assert way.book.last("u1") == START
    assert way.book.counts == {(FLEET, "ok"): 1}


def test_the_answer_goes_back_the_way_it_came_or_where_the_via_says() -> None:
    way = Way()

    back = way.receiver.answer(message(heartbeat()), DEVICE)
    old = way.receiver.answer(message(heartbeat(), "2", via=""), DEVICE)

    assert back is not None and (back.host, back.port) == ("192.0.2.7", 5062)
    assert old is not None and (old.host, old.port) == ("192.0.2.7", 5070)
    assert b";rport=5062;received=192.0.2.7" in back.data
    assert b";received=192.0.2.7" in old.data


@pytest.mark.parametrize(
    "body",
    [
        b'<?xml version="1.0"?><scaip><CID> +1 001 </CID><dty>2</dty><Ref>A1B2</Ref><MTY>pi</MTY></scaip>',
        b"\xef\xbb\xbf<mrq><dty>02</dty><cid>1001</cid><mty>PI</mty><ref>A1B2</ref><dte>S\xc3\xb8ren</dte></mrq>\x00",
        heartbeat(did="0A1B2C3D4E5F", lge="55.1,12.2", crd="gsm:+4500000001", ite="fri tekst"),
    ],
)
def test_what_is_seen_in_the_field_is_read(body: bytes) -> None:
    way = Way()

    assert way.ask(message(body))[1] == scaip.Mrs("A1B2", 0)
    assert way.book.last("u1") == START


@pytest.mark.parametrize(
    ("stc", "flag"), [("0016", Flag.BATTERY_LOW), ("0123", Flag.NO_RADIO_TEST), ("0085", Flag.NO_POWER)]
)
@pytest.mark.parametrize("mty", ["IN", "ME"])
def test_what_a_unit_says_of_itself_is_kept_whichever_way_it_says_it(stc: str, flag: Flag, mty: str) -> None:
    way = Way()

    _, mrs = way.ask(message(heartbeat(mty=mty, stc=stc)))

    assert mrs == scaip.Mrs("A1B2", 0)
    assert way.book.devices.flags(way.book.devices.index["u1"]) == flag
    assert not way.book.strays


@pytest.mark.parametrize(("mty", "stc"), [("ME", ""), ("ME", "0010"), ("", ""), ("", "0001")])
def test_a_person_s_call_is_never_acknowledged_and_somebody_is_told(mty: str, stc: str) -> None:
    way = Way()

    answer, mrs = way.ask(message(heartbeat(mty=mty, stc=stc)))

    assert (answer.status, mrs) == (200, scaip.Mrs("A1B2", scaip.Snu.NOT_TREATED))
    assert way.book.strays == [(FLEET, 1)]
    assert way.book.last("u1") == START, "whoever calls for help lives"
    assert way.book.counts == {(FLEET, "stray_alarm"): 1}


def test_a_repetition_gets_the_same_bytes_and_does_nothing_again() -> None:
    way = Way()
    first = way.receiver.answer(message(heartbeat(mty="ME", stc="")), DEVICE)

    way.book.at += 3
    again = way.receiver.answer(message(heartbeat(mty="ME", stc="")), DEVICE)

    assert again == first
    assert len(way.book.strays) == 1
    assert way.book.last("u1") == START
    assert way.book.counts["", "repeated"] == 1


def test_answers_are_remembered_for_a_while_and_never_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    way = Way()
    monkeypatch.setattr("monitor.intake.scaip.MOST_REMEMBERED", 50)
    for i in range(200):
        way.ask(message(heartbeat(), str(i)))
    assert len(way.receiver._answers) == 50

    way.book.at += REMEMBERED + 1
    way.ask(message(heartbeat(), "new"))

    assert len(way.receiver._answers) == 1
    assert MOST_REMEMBERED > 10_000


@pytest.mark.parametrize(
    ("data", "status", "outcome"),
    [
        (message(heartbeat("999999")), 404, ("", "unknown")),
        (message(b"<mrq><cid>1001</cid>"), 400, ("", "malformed")),
        (message(b'<!DOCTYPE x [<!ENTITY a "aaaa">]><mrq><ref>&a;</ref></mrq>'), 400, ("", "malformed")),
        (message(b"<a>" * 2000), 400, ("", "malformed")),
        (message(heartbeat(ref="x" * 400)), 400, ("", "malformed")),
        (message(heartbeat(), method="INVITE"), 405, ("", "other")),
        (message(b"", method="OPTIONS"), 200, None),
        (message(scaip.response(ref="A1B2", snu=scaip.Snu.OK)), 200, ("", "other")),
    ],
)
def test_what_is_not_taken_gets_a_clear_answer(data: bytes, status: int, outcome: tuple[str, str] | None) -> None:
    way = Way()

    answer, mrs = way.ask(data)

    assert (answer.status, mrs) == (status, None)
    assert way.book.counts == ({outcome: 1} if outcome else {})
    assert way.book.last("u1") == 0


def test_who_floods_is_no_longer_answered_and_nobody_else_notices() -> None:
    way = Way()
    for i in range(600):
        way.ask(message(heartbeat("999999"), str(i)), Source("198.51.100.9", 1))

    assert way.receiver.answer(message(heartbeat(), "a"), Source("198.51.100.9", 1)) is None
    assert way.ask(message(heartbeat(), "b"))[1] == scaip.Mrs("A1B2", 0)


@given(data=st.binary(max_size=400))
def test_noise_is_dropped(data: bytes) -> None:
    assert Way().receiver.answer(data, DEVICE) is None


@given(cut=st.integers(0, 600), junk=st.binary(max_size=8), at=st.integers(0, 600))
def test_a_mangled_heartbeat_never_does_more_than_a_heartbeat(cut: int, junk: bytes, at: int) -> None:
    way, whole = Way(), message(heartbeat())
    data = (whole[:at] + junk + whole[at:])[: len(whole) - cut if cut < len(whole) else 0]

    way.receiver.answer(data, DEVICE)

    states = way.book.devices.counts()
    assert states[DeviceState.NEW] + states[DeviceState.OK] == 10


@asynccontextmanager
async def ports(way: Way, *transports: str) -> AsyncIterator[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    places = tuple(Port(each, "127.0.0.1", port) for each in transports)
    opened = await listen(places, way.receiver, lambda: pytest.fail("no TLS here"))
    try:
        yield port
    finally:
        scaip_ports.close(opened)


async def ended(reader: asyncio.StreamReader) -> bool:
    """True once the other side has closed or reset the stream without a word."""
    try:
        async with asyncio.timeout(10):
            return await reader.read() == b""
    except ConnectionResetError:
        return True


async def test_messages_on_a_stream_come_whole_in_parts_or_together() -> None:
    way = Way()
    async with ports(way, "tcp") as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        text = b"\r\n\r\n" + message(heartbeat(), "1") + message(heartbeat("1002"), "2")
        for part in (text[:7], text[7:600], text[600:]):
            writer.write(part)
            await writer.drain()
        async with asyncio.timeout(10):
            got = await reader.readuntil(b"</mrs>") + await reader.readuntil(b"</mrs>")
        writer.close()

    assert got.count(b"<snu>0</snu>") == 2
    assert way.book.last("u1") == way.book.last("u2") == START


@pytest.mark.parametrize(
    "sent", [b"x" * 20_000, message(heartbeat()).replace(b"Content-Length", b"Content-Width"), b"\r\n" * 20_000]
)
async def test_a_stream_without_end_or_length_is_closed(sent: bytes) -> None:
    async with ports(Way(), "tcp") as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)
        async with asyncio.timeout(10):
            assert await reader.read() == b""
        writer.close()


async def test_a_message_that_never_ends_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scaip_ports, "UNFINISHED", 0.1)
    async with ports(Way(), "tcp") as port:
        for said in (b"", message(heartbeat())[:-5]):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(said)
            assert await ended(reader)
            writer.close()


async def test_one_source_cannot_take_all_the_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scaip_ports, "OF_ONE_SOURCE", 3)
    way = Way()
    async with ports(way, "tcp") as port:
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
        for reader, writer in held:
            writer.write(message(heartbeat()))
            await reader.readuntil(b"\r\n")
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await ended(reader)
        for _, each in [*held, (reader, writer)]:
            each.close()


async def test_a_port_that_is_taken_is_named_and_none_stays_open() -> None:
    way = Way()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=re.escape(f"tcp 127.0.0.1:{port}")):
            await listen((Port("udp", "127.0.0.1", port), Port("tcp", "127.0.0.1", port)), way.receiver, pytest.fail)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as again:
            await asyncio.sleep(0)
            again.bind(("127.0.0.1", port))
