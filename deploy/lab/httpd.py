"""A small HTTP/1.1 server whose every answer can be delayed, withheld, reset or replaced.

Requests are bounded in size and time; each connection carries one request, so a fault meets each request afresh.
"""

import asyncio
import base64
import binascii
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from breaking import HEALTHY, Act, Wire
from door import Door, reset, stream_door

_HEAD_LIMIT = 16 * 1024
_BODY_LIMIT = 1024 * 1024
_READ_WITHIN = 30.0


class BadRequest(ValueError):
    """What came is not a request this server reads."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request. `path` is unquoted, header names are lower case, a repeated name keeps its last value."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def form(self) -> dict[str, str]:
        """The body as a submitted form; empty when it is none."""
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))

    def json(self) -> Any:
        """The body as JSON, or None when it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def cookie(self, name: str) -> str:
        """A cookie's value, empty when it was not sent."""
        for part in self.headers.get("cookie", "").split(";"):
            key, _, value = part.strip().partition("=")
            if key == name:
                return value
        return ""

    def basic(self) -> tuple[str, str]:
        """User and password of HTTP Basic (RFC 7617); empty when there are none."""
        scheme, _, coded = self.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return "", ""
        try:
            user, _, password = base64.b64decode(coded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return "", ""
        return user, password


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer; `stream`, when given, follows the head until it ends or the client leaves."""

    status: int = 200
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()
    stream: AsyncIterator[bytes] | None = None


def page(html: str, status: int = 200, headers: tuple[tuple[str, str], ...] = ()) -> Reply:
    """A web page."""
    return Reply(status, html.encode(), "text/html; charset=utf-8", headers)


def data(value: Any, status: int = 200) -> Reply:
    """A JSON answer."""
    return Reply(status, json.dumps(value, ensure_ascii=False).encode(), "application/json")


def redirect(location: str, headers: tuple[tuple[str, str], ...] = ()) -> Reply:
    """302 to `location`."""
    return Reply(302, headers=(("Location", location), *headers))


Answer = Callable[[Request], Awaitable[Reply | None]]
"""Answers a request; None means never."""


class HttpDoor:
    """One HTTP port. `wire` is asked anew for every request."""

    def __init__(
        self,
        answer: Answer,
        wire: Callable[[], Wire] = lambda: HEALTHY,
        port: int = 0,
        tls: Callable[[], ssl.SSLContext] | None = None,
    ) -> None:
        self._answer = answer
        self._wire = wire
        self._errors = 0.0
        self.door: Door = stream_door(self._serve, port, tls)

    @property
    def url(self) -> str:
        """`http://127.0.0.1:port`, without a slash at the end."""
        return f"http://{self.door.address}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_READ_WITHIN):
                request = await read_request(reader)
        except BadRequest as fault:
            await _write(writer, Reply(400, str(fault).encode()))
            return
        wire = self._wire()
        if wire.delay:
            await asyncio.sleep(wire.delay)
        reply = await self._reply(wire, request, writer)
        if reply is not None:
            await _write(writer, reply)
        elif not writer.is_closing():
            # Held until the client gives up: its end of the stream is the only thing that can come.
            await reader.read(1)

    async def _reply(self, wire: Wire, request: Request, writer: asyncio.StreamWriter) -> Reply | None:
        if wire.act is Act.RESET:
            reset(writer)
            return None
        if wire.act is Act.HANG:
            return None
        if wire.act is Act.UNAVAILABLE:
            return Reply(503, b"Service Unavailable")
        if self._errs(wire.errors):
            return Reply(500, b"Internal Server Error")
        return await self._answer(request)

    def _errs(self, share: float) -> bool:
        """Whether this request is one of the share that errs: spread evenly, never by chance."""
        self._errors = self._errors + min(share, 1.0) if share else 0.0
        if self._errors < 1.0:
            return False
        self._errors -= 1.0
        return True


async def read_request(reader: asyncio.StreamReader) -> Request:
    """Read one request. Raises BadRequest, or what a connection that ends raises."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError as too_long:
        raise BadRequest("head too large") from too_long
    if len(head) > _HEAD_LIMIT:
        raise BadRequest("head too large")
    first, *lines = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    parts = first.split(" ")
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
        raise BadRequest("no HTTP/1 request line")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    target = urlsplit(parts[1])
    body = await reader.readexactly(_length(headers))
    return Request(parts[0], unquote(target.path), dict(parse_qsl(target.query, True)), headers, body)


def _length(headers: Mapping[str, str]) -> int:
    if "transfer-encoding" in headers:
        raise BadRequest("only bodies with a length are read")
    text = headers.get("content-length", "0")
    if not text.isascii() or not text.isdigit() or int(text) > _BODY_LIMIT:
        raise BadRequest("no usable length")
    return int(text)


async def _write(writer: asyncio.StreamWriter, reply: Reply) -> None:
    phrase = HTTPStatus(reply.status).phrase
    lines = [f"HTTP/1.1 {reply.status} {phrase}", f"Content-Type: {reply.content_type}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in reply.headers]
    if reply.stream is None:
        lines.append(f"Content-Length: {len(reply.body)}")
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + reply.body)
    await writer.drain()
    if reply.stream is not None:
        async for piece in reply.stream:
            writer.write(piece)
            await writer.drain()
