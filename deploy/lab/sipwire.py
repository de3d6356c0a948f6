"""As much of SIP (RFC 3261) as a receiver needs: read a request, write a response to it.

Whatever cannot be read is None, never an exception.
"""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace

_URI = re.compile(r"<([^<>\s]+)>")
_COPIED = ("via", "from", "to", "call-id", "cseq")
_SHORT = {
    "v": "via",
    "f": "from",
    "t": "to",
    "i": "call-id",
    "l": "content-length",
    "c": "content-type",
    "m": "contact",
}


@dataclass(frozen=True, slots=True)
class SipRequest:
    """One message. Header names are lower case and long, in the order they came; a response has the method SIP/2.0."""

    method: str
    uri: str
    headers: tuple[tuple[str, str], ...]
    body: bytes = b""

    def header(self, name: str) -> str:
        """The first value of a header, empty when there is none."""
        return next((value for key, value in self.headers if key == name), "")

    @property
    def length(self) -> int:
        """Content-Length; 0 when absent, -1 when it is no number."""
        text = self.header("content-length") or "0"
        return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1

    def contact(self) -> str:
        """Where a message of our own to the sender goes: its Contact, else its From."""
        found = _URI.search(self.header("contact")) or _URI.search(self.header("from"))
        return found.group(1) if found else "sip:unknown@127.0.0.1"


def parse(packet: bytes) -> SipRequest | None:
    """Read a request (or, with method SIP/2.0, somebody's response to ours); None when it is neither."""
    head, _, body = packet.partition(b"\r\n\r\n")
    try:
        first, *lines = head.decode("utf-8").split("\r\n")
    except UnicodeDecodeError:
        return None
    parts = first.split(" ", 2)
    if len(parts) != 3 or "SIP/2.0" not in (parts[0], parts[2]):
        return None
    headers = []
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            return None
        key = name.strip().lower()
        headers.append((_SHORT.get(key, key), value.strip()))
    return SipRequest(parts[0], parts[1], tuple(headers), body)


def again(request: SipRequest, body: bytes) -> SipRequest:
    """The same request with the body that followed it on a stream."""
    return replace(request, body=body)


def response(
    request: SipRequest,
    status: int,
    phrase: str,
    *,
    extra: Sequence[str] = (),
    body: bytes = b"",
    content_type: str = "",
) -> bytes:
    """A final response: Via, From, To, Call-ID and CSeq as they came, a tag added to To (RFC 3261 §8.2.6)."""
    lines = [f"SIP/2.0 {status} {phrase}"]
    for key, value in request.headers:
        if key in _COPIED:
            tagged = value if key != "to" or ";tag=" in value else f"{value};tag={secrets.token_hex(4)}"
            lines.append(f"{key.title() if key not in ('call-id', 'cseq') else _spelt(key)}: {tagged}")
    lines += extra
    if body:
        lines.append(f"Content-Type: {content_type}")
    lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def _spelt(key: str) -> str:
    return "Call-ID" if key == "call-id" else "CSeq"
