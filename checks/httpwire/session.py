"""A session of several requests: httpx keeps cookies and forms, our own wire carries the bytes.

So a flow has the same bounds, phases and faults as a plain probe, and nothing stays open between two requests.
"""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import httpx

from checks.httpwire.address import parse
from checks.httpwire.follow import Reply
from checks.httpwire.limits import Limits
from checks.httpwire.request import Request
from checks.httpwire.send import Trust, send
from monitor.ports import ProbeContext

# httpx tells each address it asks, queries and the tokens in them included, at INFO.
logging.getLogger("httpx").setLevel(logging.WARNING)

_OURS: Final = frozenset({"host", "connection", "content-length", "transfer-encoding", "accept-encoding"})
_NOT_SHOWN: Final = frozenset({"content-encoding", "content-length", "transfer-encoding", "location"})
"""Framing is undone by then, and httpx raises errors of its own over a bad Location that it is not asked to follow."""


class _OurWire(httpx.AsyncBaseTransport):
    """httpx's way out: each request on its own connection. The last reply is kept for whoever asked."""

    def __init__(self, trust: Trust, limits: Limits, context: ProbeContext) -> None:
        self._trust, self._limits, self._context = trust, limits, context
        self.last: Reply | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        headers = tuple((name, value) for name, value in request.headers.items() if name not in _OURS)
        asked = Request(request.method, parse(str(request.url)), headers, await request.aread())
        self.last = await send(asked, self._trust, self._limits, self._context)
        shown = [header for header in self.last.headers if header[0] not in _NOT_SHOWN]
        return httpx.Response(self.last.status, headers=shown, request=request)


class Session:
    """One visitor: what is asked here carries the cookies that earlier answers set (RFC 6265)."""

    def __init__(self, client: httpx.AsyncClient, wire: _OurWire) -> None:
        self._client, self._wire = client, wire

    async def ask(self, request: Request) -> Reply:
        """One exchange, no redirection followed. Raises what `checks.httpwire.send.send` raises."""
        built = self._client.build_request(
            request.method, str(request.url), headers=list(request.headers), content=request.body or None
        )
        await self._client.send(built)
        if self._wire.last is None:
            raise EOFError
        return self._wire.last

    def cookies(self) -> tuple[tuple[str, str | None], ...]:
        """Names and values held now."""
        return tuple((cookie.name, cookie.value) for cookie in self._client.cookies.jar)


@asynccontextmanager
async def session(trust: Trust, limits: Limits, context: ProbeContext) -> AsyncIterator[Session]:
    """A session without cookies yet. The environment's proxies and its netrc are not looked at."""
    wire = _OurWire(trust, limits, context)
    async with httpx.AsyncClient(transport=wire, trust_env=False, headers={"User-Agent": "Omsorgsvagt"}) as client:
        yield Session(client, wire)
