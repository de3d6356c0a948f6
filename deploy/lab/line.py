"""Our own line and what shows that it works: two unrelated sites, a resolver and a gateway (DESIGN §3, blind).

Breaking the line makes everything beyond it unreachable at once; what shares nothing with it goes on.
"""

from collections.abc import Sequence
from typing import ClassVar

from dns import exception, flags, message, rcode, rdatatype, rrset

from breaking import ON_THE_WIRE, How
from door import HOST, UdpDoor, stream_door
from httpd import HttpDoor, Reply, Request, page
from standin import Clock, StandIn

_ZONE = ".example."


class Site(StandIn):
    """A web site that has nothing to do with anything."""

    hows: ClassVar = ON_THE_WIRE

    def __init__(self, clock: Clock, name: str, port: int = 0) -> None:
        super().__init__(clock)
        self._name = name
        self._web = HttpDoor(self._answer, self.wire, port)
        self.doors = [self._web.door]

    def addresses(self) -> dict[str, str]:
        """Where it is."""
        return {self._name: self._web.url}

    async def _answer(self, _request: Request) -> Reply:
        return page("<!doctype html><html lang=da><title>Eksempel</title><p>En side ude i verden.")


class Gateway(StandIn):
    """The gateway, as a TCP port: an echo request to the loopback cannot be made to fail."""

    hows: ClassVar = {"refuse": How("connections are refused")}

    def __init__(self, clock: Clock, port: int = 0) -> None:
        super().__init__(clock)

        async def greet(_reader: object, _writer: object) -> None:
            self.seen["connections"] += 1

        self._door = stream_door(greet, port)
        self.doors = [self._door]

    def addresses(self) -> dict[str, str]:
        """Host and port."""
        return {"gateway": self._door.address}


class Resolver(StandIn):
    """Answers A for every name under `example` with the loopback, NXDOMAIN for the rest (RFC 1035 over UDP)."""

    hows: ClassVar = {
        "silent": How("questions are never answered"),
        "refuse": How("the port is closed"),
        "servfail": How("every question is answered SERVFAIL"),
        "nxdomain": How("every name is unknown"),
        "wrong": How("every name is 127.0.0.9"),
    }

    def __init__(self, clock: Clock, port: int = 0) -> None:
        super().__init__(clock)
        self._udp = UdpDoor(self._answer, port)
        self.doors = [self._udp]

    def addresses(self) -> dict[str, str]:
        """Host and port."""
        return {"resolver": self._udp.address}

    async def settle(self) -> None:
        """A resolver beyond a dead line is silent; nothing there says that the port is closed."""
        if self.how == "refuse":
            await self._udp.close()
        else:
            await self._udp.open()

    def _answer(self, packet: bytes, _sender: tuple[str, int]) -> bytes | None:
        if self.cut or self.how == "silent":
            return None
        try:
            asked = message.from_wire(packet)
        except exception.DNSException:
            return None
        if asked.flags & flags.QR or len(asked.question) != 1:
            return None
        self.seen["questions"] += 1
        reply = message.make_response(asked, recursion_available=True)
        if self.how == "servfail":
            reply.set_rcode(rcode.SERVFAIL)
        elif self.how == "nxdomain" or not asked.question[0].name.to_text().lower().endswith(_ZONE):
            reply.set_rcode(rcode.NXDOMAIN)
        elif asked.question[0].rdtype == rdatatype.A:
            address = "127.0.0.9" if self.how == "wrong" else HOST
            reply.answer.append(rrset.from_text(asked.question[0].name, 30, "IN", "A", address))
        return reply.to_wire()


class Line(StandIn):
    """The line itself: `dead` cuts off every stand-in that is reached over it."""

    hows: ClassVar = {"dead": How("everything beyond our own line is unreachable at once (SCENARIOS 7)")}

    def __init__(self, clock: Clock, beyond: Sequence[StandIn]) -> None:
        super().__init__(clock)
        self._beyond = [one for one in beyond if one.over_the_line]

    async def settle(self) -> None:
        """Cut or join everything beyond."""
        for one in self._beyond:
            await one.sever(self.how == "dead")
