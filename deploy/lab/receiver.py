"""A stand-in for a nødkald receiver: SIP over UDP, TCP and TLS, SCAIP in MESSAGE (DOMAIN §4).

A SIP 200 acknowledges nothing: only the `<mrs>` with the request's own `ref` and `snu` 0 does, and that can be broken.
"""

import asyncio
import re
import secrets
import ssl
from collections.abc import Callable
from typing import ClassVar

from breaking import How
from door import UdpDoor, free_for_both, stream_door
from sipwire import SipRequest, again, parse, response
from standin import Clock, StandIn

_REF = re.compile(r"<ref>\s*([0-9A-Za-z]{1,16})\s*</ref>")
_CID = re.compile(r"<cid>\s*([0-9+ ]{1,20})\s*</cid>")
_DTY = re.compile(r"<dty>\s*([0-9]{1,4})\s*</dty>")
_HEAD_LIMIT, _BODY_LIMIT = 8 * 1024, 16 * 1024
_GARBAGE = b"\x00\x01SIP/9.9 pebbles\r\n\x00\r\n\r\n"
_XML = "application/scaip+xml"

Send = Callable[[bytes], None]


class Receiver(StandIn):
    """One port number for UDP and TCP, another for TLS. `mrs-apart` is no fault but the other way to answer."""

    hows: ClassVar = {
        "refuse": How("all ports are closed"),
        "silent": How("requests are taken and never answered"),
        "503": How("every request is answered 503"),
        "no-mrs": How("MESSAGE is answered 200, the acknowledgement never comes; OPTIONS is fine (SCENARIOS 2)"),
        "snu": How("the acknowledgement carries this status number", {"number": 5.0}),
        "wrong-ref": How("the acknowledgement is for another message"),
        "garbage": How("the answer is not SIP"),
        "mrs-apart": How("nothing is broken: the acknowledgement comes in a MESSAGE of its own (RFC 3428)"),
    }

    def __init__(self, clock: Clock, tls: Callable[[], ssl.SSLContext], ports: tuple[int, int] = (0, 0)) -> None:
        super().__init__(clock)
        self._tcp = stream_door(self._talk, ports[0] or free_for_both())
        self._udp = UdpDoor(self._datagram, self._tcp.port)
        self._tls = stream_door(self._talk, ports[1], tls)
        self.doors = [self._tcp, self._udp, self._tls]

    def addresses(self) -> dict[str, str]:
        """One host and port for UDP and TCP, another for TLS."""
        return {"sip": self._tcp.address, "sip_tls": f"localhost:{self._tls.port}"}

    def _datagram(self, packet: bytes, sender: tuple[str, int]) -> bytes | None:
        request = parse(packet)
        if request is not None:
            self._answer(request, "UDP", lambda reply: self._udp.send(reply, sender))
        return None

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            request = parse(head)
            if len(head) > _HEAD_LIMIT or request is None or not 0 <= request.length <= _BODY_LIMIT:
                return
            body = await reader.readexactly(request.length)
            self._answer(again(request, body), "TCP", writer.write)
            await writer.drain()

    def _answer(self, request: SipRequest, transport: str, send: Send) -> None:
        self.seen[request.method] += 1
        if request.method == "SIP/2.0" or self.how == "silent":
            return
        if self.how == "garbage":
            send(_GARBAGE)
        elif self.how == "503":
            send(response(request, 503, "Service Unavailable"))
        elif request.method == "OPTIONS":
            send(response(request, 200, "OK", extra=("Allow: OPTIONS, MESSAGE", f"Accept: {_XML}")))
        elif request.method == "MESSAGE":
            self._acknowledge(request, transport, send)
        else:
            send(response(request, 405, "Method Not Allowed", extra=("Allow: OPTIONS, MESSAGE",)))

    def _acknowledge(self, request: SipRequest, transport: str, send: Send) -> None:
        if "xml" not in request.header("content-type"):
            send(response(request, 415, "Unsupported Media Type", extra=(f"Accept: {_XML}",)))
            return
        mrs = self._mrs(request.body.decode("utf-8", "replace"))
        if self.how == "no-mrs":
            send(response(request, 200, "OK"))
        elif self.how == "mrs-apart":
            send(response(request, 200, "OK"))
            send(self._apart(request, transport, mrs))
        else:
            send(response(request, 200, "OK", body=mrs, content_type=_XML))

    def _mrs(self, xml: str) -> bytes:
        ref = _REF.search(xml)
        whole = ref and _CID.search(xml) and _DTY.search(xml)
        number = int(self.number("number")) if self.how == "snu" else 0
        snu = number if whole else 7
        shown = ref.group(1) if ref else "0"
        if self.how == "wrong-ref":
            shown = "0FFFFFFFFFFFFFFF"
        text = "OK" if snu == 0 else "fejl"
        head = '<?xml version="1.0" encoding="UTF-8"?>'
        return f"{head}<mrs><ref>{shown}</ref><snu>{snu}</snu><ste>{text}</ste></mrs>".encode()

    def _apart(self, request: SipRequest, transport: str, mrs: bytes) -> bytes:
        to = request.contact()
        lines = (
            f"MESSAGE {to} SIP/2.0",
            f"Via: SIP/2.0/{transport} {self._tcp.address};branch=z9hG4bK{secrets.token_hex(8)}",
            "Max-Forwards: 70",
            f"From: <sip:receiver@{self._tcp.address}>;tag={secrets.token_hex(4)}",
            f"To: <{to}>",
            f"Call-ID: {secrets.token_hex(12)}",
            "CSeq: 1 MESSAGE",
            f"Content-Type: {_XML}",
            f"Content-Length: {len(mrs)}",
        )
        return ("\r\n".join(lines) + "\r\n\r\n").encode() + mrs
