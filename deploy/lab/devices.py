"""The devices of the lab at work: each reports in its own second of a short rhythm, the way its vendor's do.

Nothing is sent before they are told where, nor to any other machine than this one. Vendor A and B report by SCAIP over
UDP (root `mrq` and `scaip`), vendor C's own server for its units over HTTP, the equipment one by one over HTTP.
"""

import asyncio
import json
import secrets
from collections.abc import Mapping, Set
from pathlib import Path
from typing import ClassVar

from breaking import How
from door import HOST
from homes import EQUIPMENT, OPERATOR, UNITS, Home, equipment, listed, units
from standin import Clock, StandIn

RHYTHM = 5.0
_STEPS = 50
_WITHIN = 5.0
_PATH = "/api/v1/heartbeats"
_HTTP_VENDOR = "Leverandør C"
_SCAIP_ROOT = {"Leverandør A": "mrq", "Leverandør B": "scaip"}


class Devices(StandIn, asyncio.DatagramProtocol):
    """Both fleets. `seen` counts what was sent and what was acknowledged; the lists lie in `folder`."""

    hows: ClassVar = {
        "operator": How(
            f"the units with operator {OPERATOR} are silent, and so many others, as on any day", {"others": 15.0}
        ),
    }

    def __init__(self, clock: Clock, folder: Path, rhythm: float = RHYTHM) -> None:
        super().__init__(clock)
        self._rhythm = rhythm
        self._units, self._equipment = units(), equipment()
        self._lists = {homes[0].fleet: str(listed(folder, homes)) for homes in (self._units, self._equipment)}
        self._tokens: dict[str, str] = {}
        self._scaip = self._http = (HOST, 1)
        self._out: asyncio.DatagramTransport | None = None
        self._waiting: list[Home] = []
        self._told = asyncio.Event()

    def addresses(self) -> dict[str, str]:
        """The list of each fleet, for `omsorgsvagt devices import`, and how often its devices report (seconds)."""
        return {f"{fleet}_csv": path for fleet, path in self._lists.items()} | {"rhythm": f"{self._rhythm:g}"}

    def report(self, where: Mapping[str, str]) -> None:
        """Report from now on: `scaip` and `http` are host:port, each fleet's name its token. Raises ValueError."""
        scaip, http = _here(where, "scaip"), _here(where, "http")
        missing = [fleet for fleet in self._lists if not where.get(fleet)]
        if missing:
            raise ValueError(f"no token for {', '.join(missing)}")
        self._scaip, self._http = scaip, http
        self._tokens = {fleet: where[fleet] for fleet in self._lists}
        self._told.set()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """An answer of the service's."""
        self.seen["acknowledged" if b"<snu>0</snu>" in data else "refused"] += 1

    async def mend(self) -> None:
        """Back again: whoever was silent has something to send at once, as after a real outage."""
        if self.how == "operator":
            self._waiting = [home for home in self._units if self._silent(home)]
        await super().mend()

    async def turn(self) -> None:
        """Report, again and again, without end."""
        await self._told.wait()
        loop = asyncio.get_running_loop()
        self._out, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(HOST, 0))
        step, turn, at = self._rhythm / _STEPS, 0, self.clock()
        while True:
            # Late turns are made up for, and never more than one round of them.
            turns = min(int((self.clock() - at) / step), _STEPS)
            at = self.clock() if turns == _STEPS else at + turns * step
            await self._report({one % _STEPS for one in range(turn, turn + turns)})
            turn += turns
            await asyncio.sleep(step)

    async def stop(self) -> None:
        """Say no more."""
        if self._out is not None:
            self._out.abort()
            self._out = None

    async def _report(self, due: Set[int]) -> None:
        """Everybody whose turn it is, and who has waited to be heard again."""
        waiting, self._waiting = self._waiting, []
        mine = [home for home in self._units if _step(home) in due and not self._silent(home)]
        await self._beat([*waiting, *mine])
        calls = [f"{_PATH}/{EQUIPMENT}/{home.id}" for home in self._equipment if _step(home) in due]
        await self._post([(path, b'{"status":"ok"}') for path in calls], EQUIPMENT, 1)

    def _silent(self, home: Home) -> bool:
        if self.cut:
            return True
        others = home.number % 100 == 99 and home.number // 100 < self.number("others")
        return self.how == "operator" and (home.shared["operator"] == OPERATOR or others)

    async def _beat(self, homes: list[Home]) -> None:
        for home in homes:
            root = _SCAIP_ROOT.get(home.shared["vendor"])
            if root and self._out is not None:
                self.seen["sent"] += 1
                self._out.sendto(message(home, root, secrets.token_hex(8)), self._scaip)
        posted = [home.id for home in homes if home.shared["vendor"] == _HTTP_VENDOR]
        calls = [(f"{_PATH}/{UNITS}", json.dumps(posted).encode())] if posted else []
        await self._post(calls, UNITS, len(posted))

    async def _post(self, calls: list[tuple[str, bytes]], fleet: str, each: int) -> None:
        """Some calls over one connection; what fails is counted, and made good by the next report."""
        if not calls:
            return
        self.seen["sent"] += len(calls) * each
        try:
            async with asyncio.timeout(_WITHIN):
                taken = await self._exchange(calls, fleet)
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            taken = 0
        self.seen["acknowledged"] += taken * each
        self.seen["refused"] += (len(calls) - taken) * each

    async def _exchange(self, calls: list[tuple[str, bytes]], fleet: str) -> int:
        """How many of the calls were answered with a 2xx."""
        reader, writer = await asyncio.open_connection(*self._http)
        taken = 0
        try:
            for path, body in calls:
                writer.write(
                    f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {self._tokens[fleet]}\r\n"
                    f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
                    + body
                )
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                size = head.partition(b"content-length: ")[2].partition(b"\r\n")[0]
                await reader.readexactly(int(size or 0))
                taken += head[9:10] == b"2"
        finally:
            writer.close()
        return taken


def _step(home: Home) -> int:
    """When in the rhythm its turn is: spread, and the same each time."""
    return home.number * 37 % _STEPS


def _here(where: Mapping[str, str], name: str) -> tuple[str, int]:
    host, _, port = where.get(name, "").rpartition(":")
    if host not in (HOST, "localhost") or not (port.isdecimal() and 0 < int(port) < 65536):
        raise ValueError(f"{name} must be a port on this machine, for instance {HOST}:5060")
    return HOST, int(port)


def message(home: Home, root: str, ref: str) -> bytes:
    """A heartbeat as the unit writes it: SCAIP (SS 91100:2014) in a SIP MESSAGE (RFC 3428)."""
    # Vendor B pads its fields and says its number with a plus.
    cid = home.cid if root == "mrq" else f"\n  +{home.cid}\n"
    body = (
        f'<?xml version="1.0" encoding="UTF-8"?><{root}><ref>{ref}</ref><ver>01.00</ver><mty>PI</mty><cid>{cid}</cid>'
        f"<dty>0031</dty><did>01</did><crd>no-voice:</crd><stc>0102</stc></{root}>"
    ).encode()
    head = (
        f"MESSAGE sip:vagt@{HOST} SIP/2.0\r\nVia: SIP/2.0/UDP {HOST};branch=z9hG4bK{ref};rport\r\nMax-Forwards: 70\r\n"
        f"From: <sip:{home.cid}@{HOST}>;tag={ref[:8]}\r\nTo: <sip:vagt@{HOST}>\r\nCall-ID: {ref}@{HOST}\r\n"
        f"CSeq: 1 MESSAGE\r\nContent-Type: application/scaip+xml\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
