"""A small HTTP server of our own on loopback, that answers as it is told: rightly, slowly, or like an enemy.

It speaks raw bytes, so nothing stops it from breaking the protocol; it ends with the block it was started in.
"""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

from checks import kind
from checks.run import run
from monitor.core.finding import CheckName, Finding
from monitor.ports import ProbeContext, SecretMissing

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@dataclass(slots=True)
class Asked:
    """One request as the server read it; `write` answers it."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    writer: asyncio.StreamWriter = field(repr=False)

    @property
    def form(self) -> dict[str, str]:
        """The form fields of the body."""
        return {name: values[0] for name, values in parse_qs(self.body.decode(), keep_blank_values=True).items()}

    async def write(self, data: bytes) -> None:
        """Send bytes, waiting while the other side does not read."""
        self.writer.write(data)
        await self.writer.drain()

    async def forever(self, piece: bytes, pause: float = 0.0) -> None:
        """Send the same bytes until the other side goes away."""
        while True:
            await self.write(piece)
            await asyncio.sleep(pause)


Behaviour = Callable[[Asked], Awaitable[None]]


@dataclass(slots=True)
class Server:
    """Where it listens and what it was asked."""

    host: str
    port: int
    scheme: str = "http"
    asked: list[Asked] = field(default_factory=list)

    def url(self, path: str = "/") -> str:
        """An address on this server."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}{path}"


def answer(status: int = 200, body: bytes | str = b"", headers: Mapping[str, str] | None = None) -> bytes:
    """A right answer's bytes."""
    content = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status} Whatever", *(f"{name}: {value}" for name, value in (headers or {}).items())]
    return "\r\n".join([*lines, f"Content-Length: {len(content)}", "", ""]).encode() + content


def fixed(data: bytes) -> Behaviour:
    """Always the same bytes, then the end."""

    async def behave(asked: Asked) -> None:
        await asked.write(data)

    return behave


def pages(routes: Mapping[str, bytes | Behaviour]) -> Behaviour:
    """By path, without the query; 404 for any other."""

    async def behave(asked: Asked) -> None:
        found = routes.get(asked.target.partition("?")[0], answer(404))
        await (asked.write(found) if isinstance(found, bytes) else found(asked))

    return behave


@asynccontextmanager
async def serving(
    behaviour: Behaviour, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1", greets: bool = False
) -> AsyncIterator[Server]:
    """A running server; every connection it still holds at the end is cut. One that `greets` waits for no request."""
    tasks: set[asyncio.Task[Any]] = set()
    place = Server(host, 0, "https" if tls else "http")

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        with suppress(OSError, EOFError, asyncio.CancelledError):
            asked = Asked("", "", {}, b"", writer) if greets else await _read(reader, writer)
            place.asked.append(asked)
            await behaviour(asked)
            writer.write_eof() if writer.can_write_eof() else writer.close()
            await reader.read()
        writer.transport.abort()

    server = await asyncio.start_server(connected, host, 0, ssl=tls)
    place.port = server.sockets[0].getsockname()[1]
    try:
        yield place
    finally:
        server.close()
        for task in tuple(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Asked:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.strip().split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Asked(method, target, headers, await reader.readexactly(int(headers.get("content-length", 0))), writer)


async def until(holds: Callable[[], bool], tries: int = 20_000) -> None:
    """Wait till it holds, looking each millisecond. Fails the test where it never does."""
    for _ in range(tries):
        if holds():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("did not hold in time")


def context(
    secrets: Mapping[str, str] | None = None, timeout: float = 10.0, memory: dict[str, Any] | None = None
) -> ProbeContext:
    """What a probe is given: a standing wall clock, the real monotonic one, and these secrets."""

    def secret(name: str) -> str:
        if name not in (secrets or {}):
            raise SecretMissing(name)
        return (secrets or {})[name]

    return ProbeContext(secret, lambda: NOW, time.monotonic, timeout=timeout, memory={} if memory is None else memory)


async def probed(given: ProbeContext | None = None, **settings: Any) -> Finding:
    """Parse the settings of a check, as the plan's loader would, and run it once; timeouts are 5 s unless said."""
    module = kind(settings["kind"])
    parsed = module.Settings.model_validate({"name": "prove", "timeout": "5s", **settings})
    given = given or context()
    given.timeout = parsed.timeout
    return await run(CheckName("prove"), module, parsed, given)
