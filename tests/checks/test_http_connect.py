"""Getting to a server: names, several addresses, an address that swallows packets."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from monitor.core.finding import Finding, Outcome, Reason
from tests.support.httpserver import answer, fixed, probed, serving

Found = list[tuple[int, int, int, str, tuple[str, int]]]


def resolver(*addresses: str) -> Callable[..., Awaitable[Found]]:
    """One that knows these addresses for every name."""

    async def getaddrinfo(_host: str, port: int, **_: Any) -> Found:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    return getaddrinfo


async def look(monkeypatch: pytest.MonkeyPatch, found: Callable[..., Awaitable[Found]], port: int) -> Finding:
    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", found)
    return await probed(kind="http", url=f"http://portal.example:{port}/", timeout="1s")


@contextmanager
def swallowing(port: int) -> Iterator[str]:
    """An address where connecting never ends: its queue is full, so what comes is dropped."""
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.bind(("127.0.0.2", port))
        listener.listen(0)
        first.connect(("127.0.0.2", port))
        second.setblocking(False)
        second.connect_ex(("127.0.0.2", port))
        yield "127.0.0.2"


async def test_the_next_address_where_the_first_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(fixed(answer())) as server:
        finding = await look(monkeypatch, resolver("127.0.0.3", "127.0.0.1"), server.port)

    assert (finding.outcome, finding.facts["address"]) == (Outcome.OK, "127.0.0.1")
    assert list(finding.phases) == ["resolve", "connect", "processing", "transfer"]


async def test_the_next_address_where_the_first_swallows_packets(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(fixed(answer())) as server:
        with swallowing(server.port) as hole:
            finding = await look(monkeypatch, resolver(hole, "127.0.0.1"), server.port)

    assert (finding.outcome, finding.facts["address"]) == (Outcome.OK, "127.0.0.1")


async def test_no_address_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(fixed(answer())) as server:
        port = server.port
    finding = await look(monkeypatch, resolver("127.0.0.3", "127.0.0.1"), port)

    assert (finding.outcome, finding.reason) == (Outcome.FAIL, Reason.REFUSED)


async def test_only_a_hole(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(fixed(answer())) as server:
        port = server.port
        with swallowing(port) as hole:
            finding = await look(monkeypatch, resolver(hole), port)

    assert (finding.outcome, finding.reason) == (Outcome.FAIL, Reason.TIMEOUT)
    assert finding.misses[0].seen == "ingen forbindelse"


async def test_what_another_address_said_counts_more_than_no_route_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(fixed(answer())) as server:
        port = server.port
    finding = await look(monkeypatch, resolver("255.255.255.255", "127.0.0.1"), port)

    assert finding.reason is Reason.REFUSED


@pytest.mark.parametrize(
    ("code", "outcome", "reason"),
    [
        (socket.EAI_NONAME, Outcome.FAIL, Reason.NAME_UNKNOWN),
        (socket.EAI_AGAIN, Outcome.UNKNOWN, Reason.RESOLVER),
        (None, Outcome.FAIL, Reason.NAME_UNKNOWN),
    ],
)
async def test_names(monkeypatch: pytest.MonkeyPatch, code: int | None, outcome: Outcome, reason: Reason) -> None:
    async def getaddrinfo(*_: Any, **__: Any) -> Found:
        if code is None:
            return []
        raise socket.gaierror(code, "x")

    finding = await look(monkeypatch, getaddrinfo, 9)

    assert (finding.outcome, finding.reason) == (outcome, reason)


async def test_a_resolver_that_is_silent_is_our_own(monkeypatch: pytest.MonkeyPatch) -> None:
    async def getaddrinfo(*_: Any, **__: Any) -> Found:
        await asyncio.Event().wait()
        return []

    finding = await look(monkeypatch, getaddrinfo, 9)

    assert (finding.outcome, finding.reason) == (Outcome.UNKNOWN, Reason.RESOLVER)
