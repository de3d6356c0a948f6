"""A stand-in for medico-technical equipment's server: a port that takes data, a portal, and a list behind a token.

It says nothing of any citizen: a banner, PONG to PING, a page, and a count. It stands in the house, so a dead line
leaves it alone.
"""

import asyncio
import secrets
from collections import OrderedDict
from typing import ClassVar

from breaking import ON_THE_WIRE, How
from door import reset, stream_door
from httpd import HttpDoor, Reply, Request, data, page
from known import SECRETS
from standin import Clock, StandIn

BANNER = b"MEDICO 1.0 klar\r\n"
_IDLE = 60.0
_TOKENS_KEPT = 1000


class Medico(StandIn):
    """The line port gives the banner at once; the web port has `/`, `/token` (OAuth2 client credentials), `/status`."""

    hows: ClassVar = ON_THE_WIRE | {
        "down": How("both ports are closed: connections are refused"),
        "silent": How("connections are taken, nothing is ever said"),
        "garbage": How("the banner and the pages are not what they should be"),
        "status-500": How("tokens are given, the list answers 500"),
        "token-401": How("our credentials are refused"),
    }
    over_the_line: ClassVar = False

    def __init__(self, clock: Clock, ports: tuple[int, int] = (0, 0)) -> None:
        super().__init__(clock)
        self._line = stream_door(self._talk, ports[0])
        self._web = HttpDoor(self._answer, self.wire, ports[1])
        self.doors = [self._line, self._web.door]
        self._tokens: OrderedDict[str, None] = OrderedDict()

    def addresses(self) -> dict[str, str]:
        """Where the line port and the web port are."""
        return {"medico": self._line.address, "medico_web": self._web.url}

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.how == "reset":
            reset(writer)
            return
        if self.how in ("silent", "hang"):
            await reader.read()
            return
        writer.write(b"\x00\xff\x00\xff" if self.how == "garbage" else BANNER)
        await writer.drain()
        async with asyncio.timeout(_IDLE):
            while line := await reader.readline():
                writer.write(b"PONG\r\n" if line.strip().upper() == b"PING" else b"?\r\n")
                await writer.drain()

    async def _answer(self, request: Request) -> Reply | None:
        if self.how == "silent":
            return None
        if self.how == "garbage":
            return Reply(500, b"\x00\xff")
        match request.method, request.path:
            case "GET", "/":
                return page("<!doctype html><html lang=da><title>Medico</title><h1>Portal</h1>")
            case "POST", "/token":
                return self._token(request.form())
            case "GET", "/status":
                return self._status(request.headers.get("authorization", "").removeprefix("Bearer "))
            case _:
                return Reply(404)

    def _token(self, form: dict[str, str]) -> Reply:
        who = (form.get("client_id"), form.get("client_secret"))
        if self.how == "token-401" or who != (SECRETS["medico_client_id"], SECRETS["medico_client_secret"]):
            return data({"error": "invalid_client"}, 401)
        token = secrets.token_urlsafe(24)
        self._tokens[token] = None
        if len(self._tokens) > _TOKENS_KEPT:
            self._tokens.popitem(last=False)
        return data({"access_token": token, "expires_in": 300, "token_type": "Bearer"})

    def _status(self, token: str) -> Reply:
        if self.how == "status-500":
            return data({"error": "internal"}, 500)
        if token not in self._tokens:
            return data({"error": "unauthorized"}, 401)
        return data({"receivers": 2})
