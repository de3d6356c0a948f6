"""Servers that mean us harm: each ends as a finding within the timeout, in bounded memory, with nothing left behind."""

import asyncio
import gzip
import itertools
import os
import tracemalloc
import zlib
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st

from checks.httpwire.limits import Limits
from checks.httpwire.reader import Reader
from monitor.core.fault import ProbeFault
from monitor.core.finding import Finding, Outcome, Reason
from tests.support.httpserver import Asked, Behaviour, answer, context, fixed, probed, serving, until

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
ZEROS = gzip.compress(bytes(50_000_000))
GOOD = answer(200, "Log ind", {"Content-Type": "text/html"})
SHORT: dict[str, Any] = {"timeout": "300ms", "body_limit": "65536"}


def sockets() -> int:
    """How many this process holds open."""
    places = [f"/proc/self/fd/{number}" for number in os.listdir("/proc/self/fd")]  # noqa: PTH208 -- numbers, not files
    return sum(os.path.exists(one) and os.readlink(one).startswith("socket:") for one in places)  # noqa: PTH110, PTH115


def loops(scenario: Callable[[], Awaitable[Finding]], name: str) -> Finding:
    """Run a scenario on a loop of that name; fails where a task or a socket outlives it."""

    async def whole() -> Finding:
        before = sockets()
        async with asyncio.timeout(30):
            finding = await scenario()
            await until(lambda: sockets() <= before and len(asyncio.all_tasks()) == 1)
        return finding

    with asyncio.Runner(loop_factory=LOOPS[name]) as runner:
        return runner.run(whole())


def then_forever(first: bytes, piece: bytes, pause: float = 0.0) -> Behaviour:
    async def behave(asked: Asked) -> None:
        await asked.write(first)
        await asked.forever(piece, pause)

    return behave


async def silent(asked: Asked) -> None:
    await asked.forever(b"", 0.05)


DRIP = 0.005
HOSTILE: dict[str, tuple[Behaviour, set[Reason]]] = {
    "silence": (silent, {Reason.TIMEOUT}),
    "endless body until close": (then_forever(HEAD + b"\r\n", b"x" * 65_536), {Reason.TOO_LARGE}),
    "endless chunks": (then_forever(CHUNKED, b"1000\r\n" + b"x" * 4096 + b"\r\n"), {Reason.TOO_LARGE}),
    "endless chunk extension": (then_forever(CHUNKED + b"5;", b"x" * 65_536), {Reason.TOO_LARGE, Reason.PROTOCOL}),
    "endless tiny chunks": (then_forever(CHUNKED, b"1\r\nx\r\n" * 1000), {Reason.TOO_LARGE}),
    "endless trailers": (then_forever(CHUNKED + b"0\r\n", b"X-T: y\r\n" * 1000), {Reason.TOO_LARGE}),
    "endless header line": (then_forever(HEAD + b"X: ", b"x" * 65_536), {Reason.TOO_LARGE}),
    "endless header name": (then_forever(HEAD, b"x" * 65_536), {Reason.TOO_LARGE}),
    "endless headers": (then_forever(HEAD, b"X: y\r\n" * 1000), {Reason.TOO_LARGE}),
    "endless status line": (then_forever(b"HTTP/1.1 200 ", b"x" * 65_536), {Reason.TOO_LARGE}),
    "endless interim answers": (then_forever(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), {Reason.PROTOCOL}),
    "endless blank lines": (then_forever(b"", b"\r\n" * 1000), {Reason.TOO_LARGE, Reason.PROTOCOL}),
    "slow header": (then_forever(HEAD + b"X: ", b"x", DRIP), {Reason.TIMEOUT}),
    "slow body": (then_forever(HEAD + b"Content-Length: 60000\r\n\r\n", b"x", DRIP), {Reason.TIMEOUT}),
    "slow chunks": (then_forever(CHUNKED, b"1\r\nx\r\n", DRIP), {Reason.TIMEOUT}),
    "slow interim answers": (then_forever(b"", b"HTTP/1.1 102 X\r\n\r\n", 0.05), {Reason.TIMEOUT, Reason.PROTOCOL}),
    "thousands of headers": (fixed(HEAD + b"X: y\r\n" * 5000 + b"\r\n"), {Reason.TOO_LARGE}),
    "a huge header": (fixed(HEAD + b"X: " + b"y" * 100_000 + b"\r\n\r\n"), {Reason.TOO_LARGE}),
    "garbage": (fixed(bytes(range(256)) * 40), {Reason.PROTOCOL}),
    "another protocol": (fixed(b"SSH-2.0-OpenSSH_9.6\r\n"), {Reason.PROTOCOL}),
    "HTTP/0.9": (fixed(b"<html>Log ind</html>"), {Reason.PROTOCOL}),
    "HTTP/2": (fixed(b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n"), {Reason.PROTOCOL}),
    "HTTP/2 preface": (fixed(b"\x00\x00\x12\x04\x00\x00\x00\x00\x00"), {Reason.PROTOCOL}),
    "NUL in a header": (fixed(HEAD + b"X: a\x00b\r\n\r\n"), {Reason.PROTOCOL}),
    "NUL in the status": (fixed(b"HTTP/1.1 2\x000 OK\r\n\r\n"), {Reason.PROTOCOL}),
    "a status of four digits": (fixed(b"HTTP/1.1 2000 OK\r\n\r\n"), {Reason.PROTOCOL}),
    "shorter than announced": (fixed(HEAD + b"Content-Length: 9\r\n\r\nLog ind"), {Reason.PROTOCOL}),
    "announced beyond all": (fixed(HEAD + b"Content-Length: 99999999999999999999\r\n\r\nx"), {Reason.PROTOCOL}),
    "a negative length": (fixed(HEAD + b"Content-Length: -1\r\n\r\nx"), {Reason.PROTOCOL}),
    "two lengths": (fixed(HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nxy"), {Reason.PROTOCOL}),
    "length and chunks": (
        fixed(HEAD + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        {Reason.PROTOCOL},
    ),
    "a chunk size beyond all": (fixed(CHUNKED + b"ffffffffffffffffff\r\nx"), {Reason.PROTOCOL}),
    "a chunk size that is none": (fixed(CHUNKED + b"xyz\r\nx"), {Reason.PROTOCOL}),
    "chunks cut short": (fixed(CHUNKED + b"5\r\nabc"), {Reason.PROTOCOL}),
    "folded headers": (fixed(HEAD + b"X: a\r\n b\r\n c\r\nContent-Length: 0\r\n\r\n"), {Reason.BODY, Reason.PROTOCOL}),
    "gzip bomb": (fixed(answer(200, ZEROS, {"Content-Encoding": "gzip"})), {Reason.TOO_LARGE}),
    "deflate bomb": (
        fixed(answer(200, zlib.compress(bytes(50_000_000)), {"Content-Encoding": "deflate"})),
        {Reason.TOO_LARGE},
    ),
    "gzip cut short": (fixed(answer(200, ZEROS[:-20], {"Content-Encoding": "x-gzip"})), {Reason.TOO_LARGE}),
    "gzip that is none": (fixed(answer(200, "Log ind", {"Content-Encoding": "gzip"})), {Reason.PROTOCOL}),
    "deflate that is none": (fixed(answer(200, "Log ind", {"Content-Encoding": "deflate"})), {Reason.PROTOCOL}),
    "a coding we did not ask for": (fixed(answer(200, "Log ind", {"Content-Encoding": "br"})), {Reason.PROTOCOL}),
    "two codings": (fixed(answer(200, ZEROS, {"Content-Encoding": "gzip, gzip"})), {Reason.PROTOCOL}),
    "switching protocols": (fixed(b"HTTP/1.1 101 X\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nx"), {Reason.STATUS}),
    "invalid UTF-8": (fixed(answer(200, b"\xff\xfe\x80Log\xc3 ind")), {Reason.BODY}),
    "an unknown charset": (fixed(answer(200, b"Log", {"Content-Type": "text/html; charset=punycode"})), {Reason.BODY}),
    "endless redirections": (fixed(answer(302, "", {"Location": "?" + "x" * 4000})), {Reason.REDIRECTS}),
    "a redirection without an address": (fixed(answer(302)), {Reason.STATUS}),
    "a redirection beyond all": (fixed(answer(302, "", {"Location": "/" + "x" * 60_000})), {Reason.REDIRECTS}),
    "a huge cookie": (fixed(answer(200, "x", {"Set-Cookie": "a=" + "b" * 30_000})), {Reason.BODY}),
}


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("name", HOSTILE)
def test_each_ends_as_a_finding(name: str, loop: str) -> None:
    behaviour, reasons = HOSTILE[name]

    async def scenario() -> Finding:
        async with serving(behaviour) as server:
            return await probed(kind="http", url=server.url(), expect={"body": "Log ind"}, **SHORT)

    finding = loops(scenario, loop)

    assert finding.outcome is Outcome.FAIL
    assert finding.reason in reasons


@pytest.mark.parametrize("name", ["endless redirections", "gzip bomb", "endless headers", "garbage", "slow body"])
def test_a_flow_has_the_same_bounds(name: str) -> None:
    behaviour, reasons = HOSTILE[name]

    async def scenario() -> Finding:
        async with serving(behaviour) as server:
            steps = [{"name": "en", "url": server.url()}]
            return await probed(kind="flow", steps=steps, **SHORT)

    finding = loops(scenario, "uvloop")

    assert finding.outcome is Outcome.FAIL
    assert finding.reason in reasons


@pytest.mark.parametrize("loop", LOOPS)
def test_closing_at_every_byte(loop: str) -> None:
    async def cut(length: int) -> Finding:
        async with serving(fixed(GOOD[:length])) as server:
            return await probed(kind="http", url=server.url(), expect={"body": "Log ind"})

    async def scenario() -> Finding:
        ends = [(await cut(length)).reason for length in range(len(GOOD))]
        assert ends == [Reason.RESET] + [Reason.PROTOCOL] * (len(GOOD) - 1)
        return await cut(len(GOOD))

    assert loops(scenario, loop).outcome is Outcome.OK


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize(
    ("greeting", "reasons"),
    [
        (GOOD, {Reason.TLS, Reason.RESET, Reason.TIMEOUT}),
        (b"\x16\x03\x03\x00\x00" * 10, {Reason.TLS, Reason.RESET, Reason.TIMEOUT}),
        (b"\x15\x03\x03\x00\x02\x02\x28", {Reason.TLS, Reason.RESET, Reason.TIMEOUT}),
        (b"", {Reason.RESET, Reason.TIMEOUT, Reason.TLS}),
    ],
)
def test_no_tls_at_all_where_tls_should_be(greeting: bytes, reasons: set[Reason], loop: str) -> None:
    async def scenario() -> Finding:
        async with serving(fixed(greeting), greets=True) as server:
            url = server.url().replace("http:", "https:")
            return await probed(kind="http", url=url, timeout="500ms")

    finding = loops(scenario, loop)

    assert finding.outcome is Outcome.FAIL
    assert finding.reason in reasons


@pytest.mark.parametrize("loop", LOOPS)
def test_a_handshake_that_never_ends(loop: str) -> None:
    async def scenario() -> Finding:
        async with serving(silent, greets=True) as server:
            url = server.url().replace("http:", "https:")
            return await probed(kind="http", url=url, timeout="200ms")

    finding = loops(scenario, loop)

    assert (finding.reason, finding.misses[0].seen) == (Reason.TIMEOUT, "ingen TLS-forbindelse")


@pytest.mark.parametrize("loop", LOOPS)
def test_an_answer_before_the_request(loop: str) -> None:
    async def scenario() -> Finding:
        async with serving(fixed(GOOD), greets=True) as server:
            return await probed(kind="http", url=server.url())

    assert loops(scenario, loop).outcome is Outcome.OK


@pytest.mark.parametrize(
    "name",
    ["endless body until close", "endless header line", "endless chunk extension", "gzip bomb", "endless headers"],
)
def test_memory_is_bounded(name: str) -> None:
    behaviour, _ = HOSTILE[name]

    async def scenario() -> Finding:
        async with serving(behaviour) as server:
            await probed(kind="http", url=server.url(), **SHORT)
            tracemalloc.start()
            try:
                finding = await probed(kind="http", url=server.url(), **SHORT)
                assert tracemalloc.get_traced_memory()[1] < 3_000_000
            finally:
                tracemalloc.stop()
            return finding

    assert loops(scenario, "uvloop").outcome is Outcome.FAIL


@pytest.mark.parametrize("loop", LOOPS)
def test_a_cancelled_probe_leaves_nothing(loop: str) -> None:
    async def scenario() -> Finding:
        async with serving(silent) as server:
            tasks = [
                asyncio.get_running_loop().create_task(probed(kind="http", url=server.url(), timeout="60s"))
                for _ in range(10)
            ]
            await until(lambda: len(server.asked) == len(tasks))
            for task in tasks:
                task.cancel()
            assert all(
                isinstance(one, asyncio.CancelledError) for one in await asyncio.gather(*tasks, return_exceptions=True)
            )
        return await probed(kind="http", url="http://127.0.0.1:9/")

    loops(scenario, loop)


async def read(pieces: list[bytes]) -> tuple[Any, ...]:
    """What a reader makes of these pieces and the end after them."""
    reader = Reader(b"", False, Limits(body=2000, head=2000, headers=20), lambda: 1.0)
    for piece in pieces:
        reader.data_received(piece)
    reader.connection_lost(None)
    try:
        await reader.done
    except ProbeFault as exc:
        return ("fault", exc.miss)
    except EOFError:
        return ("end",)
    return (reader.status, reader.headers, b"".join(reader.chunks))


_PARTS = [
    GOOD,
    HEAD,
    CHUNKED,
    b"\r\n",
    b"5\r\nhello\r\n",
    b"0\r\n\r\n",
    b"Content-Length: 5\r\n",
    b"HTTP/1.1 100 C\r\n\r\n",
]
_BYTES = st.lists(st.one_of(st.sampled_from(_PARTS), st.binary(max_size=12)), max_size=8).map(b"".join)


@settings(max_examples=300, deadline=None)
@given(_BYTES, st.lists(st.integers(0, 400), max_size=6))
def test_how_the_bytes_are_cut_makes_no_difference(data: bytes, cuts: list[int]) -> None:
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    pieces = [data[start:end] for start, end in itertools.pairwise(edges) if end > start]

    async def both() -> tuple[Any, Any]:
        return await read([data] if data else []), await read(pieces)

    whole, cut = asyncio.run(both())

    assert whole == cut


@settings(max_examples=60, deadline=None)
@given(_BYTES)
def test_no_bytes_break_the_probe(data: bytes) -> None:
    async def scenario() -> Finding:
        async with serving(fixed(data)) as server:
            return await probed(context(), kind="http", url=server.url(), expect={"json": {"a": "1"}}, timeout="2s")

    finding = asyncio.run(scenario())

    assert finding.outcome is Outcome.FAIL
    assert finding.reason in {Reason.PROTOCOL, Reason.RESET, Reason.STATUS, Reason.CONTENT, Reason.TOO_LARGE}
