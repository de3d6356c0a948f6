"""A stand-in for medico-technical equipment's server: a line protocol with a banner, and a status page.

It says nothing of any citizen: a banner, PONG to PING, and `OK`.
"""

import asyncio
from typing import ClassVar

from breaking import How
from door import stream_door
from httpd import HttpDoor, Reply, Request
from standin import Clock, StandIn

BANNER = b"MEDICO 1.0 klar\r\n"
_IDLE = 60.0


class Medico(StandIn):
    """The line port gives the banner at once; the web port answers `GET /status`."""

    hows: ClassVar = {
        "down": How("both ports are closed: connections are refused"),
        "silent": How("connections are taken, nothing is ever said"),
        "garbage": How("the banner is not the one expected"),
    }

    def __init__(self, clock: Clock, ports: tuple[int, int] = (0, 0)) -> None:
        super().__init__(clock)
        self._line = stream_door(self._talk, ports[0])
        self._web = HttpDoor(self._answer, port=ports[1])
        self.doors = [self._line, self._web.door]

    def addresses(self) -> dict[str, str]:
        """Where the line port and the status page are."""
        return {"medico": self._line.address, "medico_web": self._web.url}

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.how == "silent":
            await reader.read()
            return
        writer.write(b"\x00\xff\x00\xff" if self.how == "garbage" else BANNER)
        await writer.drain()
        async with asyncio.timeout(_IDLE):
            while line := await reader.readline():
                writer.write(b"PONG\r\n" if line.strip().upper() == b"PING" else b"?\r\n")
                await writer.drain()

    async def _answer(self, _request: Request) -> Reply | None:
        if self.how == "silent":
            return None
        return Reply(body=b"\x00" if self.how == "garbage" else b"OK\n")
