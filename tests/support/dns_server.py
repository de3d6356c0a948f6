"""A name server on loopback that answers as a test says: rightly, wrongly, twice, from elsewhere, or not at all."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

Reply = Callable[[bytes], Iterable[bytes]]
"""From the question's bytes to the datagrams sent back."""


class _Server(asyncio.DatagramProtocol):
    def __init__(self, reply: Reply, elsewhere: socket.socket | None) -> None:
        self._reply, self._elsewhere = reply, elsewhere
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        for answer in self._reply(data):
            if self._elsewhere is not None:
                self._elsewhere.sendto(answer, addr)
            else:
                self._transport.sendto(answer, addr)


@contextlib.asynccontextmanager
async def datagrams(reply: Reply, *, from_elsewhere: bool = False, port: int = 0) -> AsyncIterator[int]:
    """A UDP server, its port. `from_elsewhere` sends the answers from another port than was asked."""
    loop = asyncio.get_running_loop()
    with contextlib.ExitStack() as stack:
        other = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) if from_elsewhere else None
        transport, _ = await loop.create_datagram_endpoint(lambda: _Server(reply, other), ("127.0.0.1", port))
        try:
            yield transport.get_extra_info("sockname")[1]
        finally:
            transport.abort()
            await asyncio.sleep(0)


def answer(question: bytes, *records: str, rcode: str = "NOERROR", truncated: bool = False) -> bytes:
    """A right answer with these records, each `A 192.0.2.1` or, under another name, `www.example. A 192.0.2.1`."""
    response = dns.message.make_response(dns.message.from_wire(question), recursion_available=True)
    response.set_rcode(dns.rcode.from_text(rcode))
    name = str(response.question[0].name)
    for record in records:
        words = record.split(" ", 2)
        owner, type_, value = words if words[0].endswith(".") else (name, *record.split(" ", 1))
        response.answer.append(dns.rrset.from_text(owner, 300, "IN", type_, value))
    if truncated:
        response.flags |= dns.flags.TC
    return response.to_wire(max_size=65_535)
