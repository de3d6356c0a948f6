"""What a nødkald receiver says to a heartbeat, piece by piece, so that a test can say it rightly or wrongly."""

import re
import secrets

from monitor.core import sip
from tests.support.sip_server import answer

_REF = re.compile(rb"<ref>(\w+)</ref>")
OTHER = "0FFFFFFFFFFFFFFF"


def ref_of(request: bytes) -> str:
    """The `ref` of the heartbeat in a MESSAGE."""
    found = _REF.search(request)
    assert found
    return found[1].decode()


def mrs(ref: str, snu: int | str = 0, *, root: str = "mrs") -> bytes:
    """An acknowledgement."""
    return f'<?xml version="1.0"?>\n<{root}>\n <snu>{snu}</snu><ref> {ref} </ref><ste>OK</ste></{root}>'.encode()


def carried(request: bytes, body: bytes = b"", media: str = "application/scaip+xml") -> bytes:
    """The SIP 200, with this body if any."""
    bare = sip.parse(answer(request))
    headers = (*bare.headers, ("Content-Type", media)) if body else bare.headers
    return sip.serialise(sip.Response(200, "OK", headers=headers, body=body))


def apart(request: bytes, body: bytes, *, branch: str = "", method: str = "MESSAGE") -> bytes:
    """A request of the receiver's own, addressed to who asked."""
    asked = sip.parse(request)
    uri = (asked.first("From") or "").partition("<")[2].partition(">")[0]
    headers = (
        (
            "Via",
            f"SIP/2.0/{sip.via(asked).transport} 192.0.2.9:5060;branch=z9hG4bK{branch or secrets.token_hex(8)};rport",
        ),
        ("From", "<sip:modtager@192.0.2.9>;tag=r"),
        ("To", f"<{uri}>"),
        ("Call-ID", secrets.token_hex(8)),
        ("CSeq", f"1 {method}"),
        ("Content-Type", "application/xml"),
    )
    return sip.serialise(sip.Request(method, uri, headers=headers, body=body))


def is_answer(message: bytes) -> bool:
    """Whether this is an answer to a request, not a request."""
    return message.startswith(b"SIP/2.0 ")
