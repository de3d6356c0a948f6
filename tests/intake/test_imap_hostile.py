"""IMAP servers that flood, drip, lie or fall silent: bounded in time and memory, and told as what they are."""

import asyncio
import threading
import tracemalloc
from datetime import UTC, datetime
from typing import Any

import pytest

from monitor.core.fault import ProbeFault
from monitor.core.finding import Reason
from monitor.mailbox.box import Box
from monitor.mailbox.letters import Letter
from monitor.mailbox.place import Place
from tests.support.smsfake import black_hole, closed_port
from tests.support.smtpfault import Raw, raw, script
from tests.support.story import until

NOW = datetime(2026, 12, 24, 21, 59, 30, tzinfo=UTC)
PASSWORD = "post-der-er-hemmelig"
LARGEST = 4096


def box(port: int, **changes: Any) -> Box:
    given = {"imap": f"localhost:{port}", "security": "none", "user": "vagt", "timeout": "0.5s", **changes}
    return Box(Place.model_validate(given), lambda _: PASSWORD, lambda: NOW)


def server(*fetched: bytes, found: bytes = b"1", login: bytes = b"OK in") -> Raw:
    """A server that answers every command, a fetch by what is given, in turn."""
    answers = iter(fetched)

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"* OK [CAPABILITY IMAP4rev1] ready\r\n")
        while line := await reader.readline():
            tag, _, rest = line.partition(b" ")
            word = rest.split()[-1] if rest.startswith(b"UID") else rest.split()[0]
            if rest.startswith(b"LOGIN"):
                writer.write(tag + b" " + login + b"\r\n")
                continue
            if rest.startswith(b"CAPABILITY"):
                writer.write(b"* CAPABILITY IMAP4rev1\r\n")
            elif rest.startswith(b"SELECT"):
                writer.write(b"* 3 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n")
            elif rest.startswith(b"UID SEARCH"):
                writer.write(b"* SEARCH " + found + b"\r\n")
            elif rest.startswith(b"UID FETCH"):
                writer.write(next(answers, b""))
            writer.write(tag + b" OK done " + word + b"\r\n")
            await writer.drain()

    return behave


def fetched(mail: bytes, size: int | None = None, at: bytes = b"24-Dec-2026 21:00:00 +0000") -> bytes:
    size = len(mail) if size is None else size
    return b'* 1 FETCH (UID 1 INTERNALDATE "%s" BODY[]<0> {%d}\r\n%s)\r\n' % (at, size, mail)


async def read(behave: Raw, **changes: Any) -> list[Letter]:
    async with raw(behave) as port:
        return await box(port, **changes).read(LARGEST)


async def test_a_server_that_behaves_is_read() -> None:
    (letter,) = await read(server(fetched(b"Subject: x\r\n\r\ny")), timeout="5s")

    assert letter == Letter("7.1", b"Subject: x\r\n\r\ny", datetime(2026, 12, 24, 21, tzinfo=UTC))


async def test_a_server_that_sends_more_than_was_asked_for_is_cut() -> None:
    (letter,) = await read(server(fetched(b"x" * 1_000_000)), timeout="5s")

    assert len(letter.raw) == LARGEST


ODD: dict[str, bytes] = {
    "nothing": b"",
    "no literal": b"* 1 FETCH (UID 1)\r\n",
    "an old mail": fetched(b"x", at=b"01-Jan-2020 00:00:00 +0000"),
    "no such date": fetched(b"x", at=b"99-Foo-2026 21:00:00 +0000"),
    "garbage": b"\x00\xff\xfe\r\n",
}


@pytest.mark.parametrize("name", ODD)
async def test_an_odd_answer_is_no_mail_or_a_fault(name: str) -> None:
    async with raw(server(ODD[name])) as port:
        found = await asyncio.gather(box(port, timeout="5s").read(LARGEST), return_exceptions=True)

    assert isinstance(found[0], ProbeFault) or not found[0]
    assert PASSWORD not in repr(found)


GREETING = b"* OK ready\r\n"
BAD: dict[str, tuple[Raw, set[Reason]]] = {
    "silent": (script(b""), {Reason.TIMEOUT}),
    "silent after its greeting": (script(GREETING), {Reason.TIMEOUT}),
    "another protocol": (script(b"HTTP/1.1 400 Bad Request\r\n\r\n"), {Reason.RESET, Reason.PROTOCOL}),
    "a line without end": (script(b"* OK ", flood=b"x" * 65_536), {Reason.PROTOCOL, Reason.TOO_LARGE, Reason.TIMEOUT}),
    "lines without end": (script(GREETING, flood=b"* 1 EXISTS\r\n" * 5_000), {Reason.TOO_LARGE, Reason.TIMEOUT}),
    "a literal larger than memory": (server(fetched(b"x", size=10**12)), {Reason.TOO_LARGE}),
    "a literal that never comes": (server(fetched(b"x", size=100_000)), {Reason.TIMEOUT}),
    "a login that is refused": (server(login=b"NO " + PASSWORD.encode()), {Reason.CREDENTIALS}),
    "a search that is none": (server(found=b"x" * 1_100_000), {Reason.PROTOCOL, Reason.TOO_LARGE, Reason.TIMEOUT}),
}


@pytest.mark.parametrize("name", BAD)
async def test_a_bad_server_costs_a_bounded_time_and_its_thread_ends(name: str) -> None:
    behave, reasons = BAD[name]

    with pytest.raises(ProbeFault) as caught:
        await read(behave)

    assert caught.value.miss.reason in reasons
    assert PASSWORD not in str(caught.value)
    await until(lambda: not any(thread.name == "mailbox" for thread in threading.enumerate()))


async def test_a_server_that_drips_is_cut_off() -> None:
    async def drips(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.02)

    with pytest.raises(ProbeFault, match="timeout"):
        await read(drips)
    await until(lambda: not any(thread.name == "mailbox" for thread in threading.enumerate()))


async def test_nobody_there() -> None:
    with pytest.raises(OSError, match="refused"):
        await box(closed_port()).read(LARGEST)
    async with black_hole() as port:
        with pytest.raises(ProbeFault, match="timeout"):
            await box(port).read(LARGEST)


async def test_a_flood_of_numbers_is_read_some_at_a_time_and_takes_little_room() -> None:
    many = b" ".join(b"%d" % number for number in range(1, 100_000))
    tracemalloc.start()
    try:
        letters = await read(server(*[fetched(b"x")] * 100, found=many), timeout="10s")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert len(letters) == 50
    assert peak < 40_000_000
