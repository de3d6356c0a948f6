"""An SMS gateway in this process that answers as it is told, and routes opened as the plan opens them.

The faults here are those of the wire, the same for every provider; a provider's own answers stand with its test.
"""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from monitor.channels import via
from monitor.ports import Channel, ChannelContext, Message, SecretMissing, SendOutcome
from tests.support.httpserver import Asked, Behaviour, answer, fixed

NOW = datetime(2026, 12, 24, 21, 59, 30, tzinfo=UTC)
PHONE = "+4500000001"
SECRETS = {
    "gatewayapi_token": "token-der-er-hemmelig",
    "kannel_password": "kannel-der-er-hemmelig",
    "cpsms_key": "cpsms-der-er-hemmelig",
    "smtp_password": "smtp-der-er-hemmelig-æ",
}
TEXT = "NEDE Nødkald siden 14:32. Hændelse 26-0007. Svar OK 4711"


def message(**changes: Any) -> Message:
    """An alarm for the phone, with these fields changed."""
    return Message(**{"key": "0193f1a2-7c4e-7d10-8000-00000000002a", "to": PHONE, "text": TEXT, **changes})


def secret(name: str) -> str:
    """The secret of that name. Raises SecretMissing."""
    if name not in SECRETS:
        raise SecretMissing(name)
    return SECRETS[name]


@asynccontextmanager
async def route(name: str, now: Callable[[], datetime] = lambda: NOW, **settings: Any) -> AsyncIterator[Channel]:
    """A route by the registry, its settings parsed as the plan's loader does, closed at the end."""
    module = via(name)
    parsed = module.Settings.model_validate({"via": name, "timeout": "10s", **settings})
    opened: Channel = module.Channel(parsed, ChannelContext(secret=secret, now=now, timeout=parsed.timeout))
    try:
        yield opened
    finally:
        await opened.close()


def says(status: int, document: Any = None, body: str | bytes = b"", **headers: str) -> Behaviour:
    """Always this answer: a JSON document or a body as it is."""
    content = body if document is None else json.dumps(document)
    return fixed(answer(status, content, {"Content-Type": "application/json", **headers}))


async def silence(_asked: Asked) -> None:
    """Take the text and never answer."""
    await asyncio.sleep(3600)


async def drop(asked: Asked) -> None:
    """Take the text and reset the connection."""
    asked.writer.transport.abort()


async def hang_up(asked: Asked) -> None:
    """Take the text and close without a word."""
    asked.writer.close()


def endless(status: int) -> Behaviour:
    """An answer whose body never ends."""

    async def behave(asked: Asked) -> None:
        await asked.write(b"HTTP/1.1 %d Whatever\r\nContent-Type: application/json\r\n\r\n" % status)
        await asked.forever(b'{"ids":[' + b"1," * 32_000)

    return behave


def huge(status: int) -> Behaviour:
    """An answer of 100 megabytes that says so."""

    async def behave(asked: Asked) -> None:
        await asked.write(b"HTTP/1.1 %d Whatever\r\nContent-Length: 104857600\r\n\r\n" % status)
        await asked.forever(b" " * 65_536)

    return behave


def dripping(status: int) -> Behaviour:
    """A right head, then an octet now and then."""

    async def behave(asked: Asked) -> None:
        await asked.write(b"HTTP/1.1 %d Whatever\r\nContent-Length: 100\r\n\r\n{" % status)
        await asked.forever(b" ", 0.02)

    return behave


async def head_without_end(asked: Asked) -> None:
    """Header lines for ever."""
    await asked.write(b"HTTP/1.1 200 OK\r\n")
    await asked.forever(b"X-More: and more\r\n" * 100)


async def head_in_drops(asked: Asked) -> None:
    """A status line, an octet at a time."""
    await asked.forever(b"H", 0.02)


def bomb(status: int) -> Behaviour:
    """Says it is packed; nothing here unpacks."""
    return fixed(answer(status, b"\x1f\x8b\x08" + b"\x00" * 200, {"Content-Encoding": "gzip"}))


UNKNOWN, TEMPORARY, BROKEN = SendOutcome.UNKNOWN, SendOutcome.TEMPORARY, SendOutcome.BROKEN
WIRE: Mapping[str, tuple[Behaviour, SendOutcome]] = {
    "no answer": (silence, UNKNOWN),
    "reset after the text": (drop, UNKNOWN),
    "closed after the text": (hang_up, UNKNOWN),
    "endless success": (endless(200), UNKNOWN),
    "huge success": (huge(202), UNKNOWN),
    "dripping success": (dripping(200), UNKNOWN),
    "dripping refusal": (dripping(401), BROKEN),
    "endless server error": (endless(500), TEMPORARY),
    "garbage": (fixed(b"\x00\xff garbage \r\n\r\n"), UNKNOWN),
    "another protocol": (fixed(b"220 mail.example ESMTP\r\n"), UNKNOWN),
    "head without end": (head_without_end, UNKNOWN),
    "head in drops": (head_in_drops, UNKNOWN),
    "two lengths": (fixed(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}"), UNKNOWN),
    "shorter than said": (fixed(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n{}"), UNKNOWN),
    "packed success": (bomb(200), UNKNOWN),
    "a login page": (says(200, body="<html><title>Log ind</title>", **{"Content-Type": "text/html"}), UNKNOWN),
    "broken JSON": (says(200, body='{"ids":['), UNKNOWN),
    "deep JSON": (says(200, body="[" * 60_000), UNKNOWN),
    "JSON of another kind": (says(200, body="[1,2,3]"), UNKNOWN),
    "nothing": (says(200, body=""), UNKNOWN),
    "no content": (says(204), UNKNOWN),
    "moved": (says(302, Location="http://127.0.0.1:1/"), BROKEN),
    "moved for good": (says(308, Location="/elsewhere"), BROKEN),
    "no such path": (says(404), BROKEN),
    "method refused": (says(405), BROKEN),
    "too slow for them": (says(408), TEMPORARY),
    "too many": (says(429), TEMPORARY),
    "too long": (says(413), SendOutcome.REJECTED),
    "bad gateway": (says(502, body="<html>502"), TEMPORARY),
    "resting": (says(503), TEMPORARY),
    "gateway timed out": (says(504), UNKNOWN),
    "captive portal": (says(511), BROKEN),
    "no status anybody knows": (says(599), TEMPORARY),
}
"""What the wire can do, and what that must be taken for."""

HANGING = frozenset({"no answer", "dripping success", "dripping refusal", "head in drops"})
"""Of these, those that nothing but our own limit of time ends."""


@asynccontextmanager
async def black_hole() -> AsyncIterator[int]:
    """A port that takes connections and never says or reads a word."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


def closed_port() -> int:
    """A port where nobody listens."""
    with socket.socket() as once:
        once.bind(("127.0.0.1", 0))
        port: int = once.getsockname()[1]
    return port
