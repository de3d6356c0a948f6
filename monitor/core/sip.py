"""SIP messages (RFC 3261 §7, §18.3, §20, §25): bytes to frozen values and back; no sockets, no timers.

What parses is whole, unambiguous and within the bounds; what is serialised can carry no line of its own making.

`headers` hold neither compact names nor Content-Length: names are written out while parsing (§7.3.3), the length is
read and written here alone, so that body and length cannot disagree. Folded lines (§7.3.1) are joined by one space.
A bare CR or LF, a control character or bytes that are not UTF-8 make the message Malformed: servers that disagree
on where a line ends can be made to see two messages in one.
"""

import re
from dataclasses import dataclass, field
from typing import Final

MAX_MESSAGE: Final = 65_535
MAX_HEAD: Final = 16_384
MAX_LINES: Final = 128
_MAX_CSEQ: Final = 2**31
_MAX_PORT: Final = 65_535

_WORD = r"[A-Za-z0-9\-.!%*_+`'~]+"
_NAME: Final = re.compile(_WORD)
_REQUEST_LINE: Final = re.compile(rf"({_WORD}) ([!-~]{{1,1024}}) SIP/2\.0", re.ASCII)
_STATUS_LINE: Final = re.compile(r"SIP/2\.0 ([1-6][0-9]{2}) ([^\x00-\x1f\x7f-\x9f\u2028\u2029]{0,256})")
_CSEQ: Final = re.compile(rf"([0-9]{{1,10}})[ \t]+({_WORD})", re.ASCII)
_VIA: Final = re.compile(
    rf"SIP[ \t]*/[ \t]*2\.0[ \t]*/[ \t]*({_WORD})[ \t]+"
    r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._\-]+)(?:[ \t]*:[ \t]*([0-9]{1,5}))?",
    re.ASCII | re.IGNORECASE,
)
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")
_FOLD: Final = re.compile(r"[ \t]*\r\n[ \t]+")

_COMPACT: Final = {
    "a": "Accept-Contact",
    "b": "Referred-By",
    "c": "Content-Type",
    "d": "Request-Disposition",
    "e": "Content-Encoding",
    "f": "From",
    "i": "Call-ID",
    "j": "Reject-Contact",
    "k": "Supported",
    "l": "Content-Length",
    "m": "Contact",
    "o": "Event",
    "r": "Refer-To",
    "s": "Subject",
    "t": "To",
    "u": "Allow-Events",
    "v": "Via",
    "x": "Session-Expires",
}
_ONCE: Final = ("From", "To", "Call-ID", "CSeq")
_WRITTEN: Final = {name.lower(): name for name in (*_COMPACT.values(), *_ONCE, "Max-Forwards")} | _COMPACT


class Malformed(ValueError):
    """These bytes are no SIP message of ours to read; the text says what is wrong and repeats nothing of them."""


@dataclass(frozen=True, slots=True)
class Message:
    """What requests and responses share: headers in order, each (name, value), and the body."""

    headers: tuple[tuple[str, str], ...] = field(kw_only=True)
    body: bytes = field(default=b"", kw_only=True)

    def all(self, name: str) -> tuple[str, ...]:
        """Every value of a header, in order; the name in any case, written out."""
        wanted = name.lower()
        return tuple(value for known, value in self.headers if known.lower() == wanted)

    def first(self, name: str) -> str | None:
        """A header's first value, None when it is absent."""
        return next(iter(self.all(name)), None)


@dataclass(frozen=True, slots=True)
class Request(Message):
    """A request (RFC 3261 §7.1)."""

    method: str
    uri: str


@dataclass(frozen=True, slots=True)
class Response(Message):
    """A response (RFC 3261 §7.2); final from 200 on."""

    status: int
    phrase: str = ""


@dataclass(frozen=True, slots=True)
class Via:
    """The topmost Via (RFC 3261 §20.42). Parameter names are lower case; one without a value is ''."""

    transport: str
    host: str
    port: int | None
    params: tuple[tuple[str, str], ...]

    def param(self, name: str) -> str | None:
        """A parameter's value, None when it is absent."""
        return next((value for known, value in self.params if known == name), None)


@dataclass(frozen=True, slots=True)
class CSeq:
    """The sequence number and its method (RFC 3261 §20.16)."""

    number: int
    method: str


def parse(data: bytes) -> Request | Response:
    """One whole message, as a datagram or `frame` gave it. Bytes beyond Content-Length are dropped (§18.3).

    Raises Malformed.
    """
    data = data.lstrip(b"\r\n")
    head, found, rest = data[: MAX_HEAD + 4].partition(b"\r\n\r\n")
    if not found:
        raise Malformed("no end of headers within bounds" if len(data) > MAX_HEAD else "no end of headers")
    if len(data) > MAX_MESSAGE:
        raise Malformed("message too long")
    start, *lines = _lines(head)
    headers, length = _split_length([_header(line) for line in lines])
    rest = data[len(head) + 4 :]
    if length is not None and length > len(rest):
        raise Malformed("body shorter than its Content-Length")
    message = _start(start, headers, rest if length is None else rest[:length])
    _check_whole(message)
    return message


def frame(buffer: bytes | bytearray) -> int | None:
    """How many bytes at the start of a stream make one message, blank lines before it (§7.5) counted in.

    None while more must come. Raises Malformed beyond the bounds or without Content-Length (§18.3).
    """
    blank = len(buffer) - len(buffer.lstrip(b"\r\n"))
    if blank > MAX_HEAD:
        raise Malformed("nothing but blank lines")
    end = buffer.find(b"\r\n\r\n", blank, blank + MAX_HEAD + 4)
    if end < 0:
        if len(buffer) - blank > MAX_HEAD:
            raise Malformed("no end of headers within bounds")
        return None
    _, length = _split_length([_header(line) for line in _lines(bytes(buffer[blank:end]))[1:]])
    if length is None:
        raise Malformed("no Content-Length on a stream")
    whole = end + 4 + length
    if whole - blank > MAX_MESSAGE:
        raise Malformed("message too long")
    return whole if len(buffer) >= whole else None


def serialise(message: Request | Response) -> bytes:
    """The message as bytes, Content-Length last. Raises ValueError for what `parse` would not read back alike."""
    start = _start_line(message)
    if not all(_carries(name, value) for name, value in message.headers):
        raise ValueError("a header that SIP cannot carry as it stands")
    _check_whole(message)
    lines = [start, *(f"{name}: {value}" for name, value in message.headers), f"Content-Length: {len(message.body)}"]
    head = "\r\n".join(lines).encode()
    if len(head) > MAX_HEAD or len(lines) > MAX_LINES or len(head) + 4 + len(message.body) > MAX_MESSAGE:
        raise ValueError("a message beyond the bounds")
    return head + b"\r\n\r\n" + message.body


def values(message: Message, name: str) -> tuple[str, ...]:
    """The elements of a header that is a comma-separated list (§7.3.1), over all its lines; quotes and <> respected."""
    return tuple(part for line in message.all(name) for part in _split(line, ","))


def via(message: Message) -> Via:
    """The topmost Via. Raises Malformed."""
    listed = values(message, "Via")
    parts = _split(listed[0], ";") if listed else ()
    found = _VIA.fullmatch(parts[0]) if parts else None
    if not found or int(found[3] or 0) > _MAX_PORT:
        raise Malformed("Via")
    params = (part.partition("=") for part in parts[1:])
    read = tuple((name.strip().lower(), value.strip()) for name, _, value in params)
    return Via(found[1].upper(), found[2], int(found[3]) if found[3] else None, read)


def cseq(message: Message) -> CSeq:
    """The CSeq. Raises Malformed."""
    found = _CSEQ.fullmatch(message.first("CSeq") or "")
    if not found or int(found[1]) >= _MAX_CSEQ:
        raise Malformed("CSeq")
    return CSeq(int(found[1]), found[2])


def _lines(head: bytes) -> list[str]:
    """Start line and header lines, unfolded."""
    try:
        text = head.decode()
    except UnicodeDecodeError as exc:
        raise Malformed("not UTF-8") from exc
    first, _, rest = text.partition("\r\n")
    if rest.startswith((" ", "\t")):
        raise Malformed("a folded start line")
    lines = [first, *(_FOLD.sub(" ", rest).split("\r\n") if rest else ())]
    if len(lines) > MAX_LINES:
        raise Malformed("too many headers")
    return lines


def _header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    name = name.rstrip(" \t")
    if not colon or not _NAME.fullmatch(name) or _CONTROL.search(value):
        raise Malformed("a header line")
    return _WRITTEN.get(name.lower(), name), value.strip(" \t")


def _split_length(headers: list[tuple[str, str]]) -> tuple[tuple[tuple[str, str], ...], int | None]:
    """The headers without Content-Length, and its value."""
    stated = {value for name, value in headers if name == "Content-Length"}
    others = tuple(header for header in headers if header[0] != "Content-Length")
    if not stated:
        return others, None
    if len(stated) > 1 or not re.fullmatch("[0-9]{1,5}", min(stated), re.ASCII):
        raise Malformed("Content-Length")
    return others, int(min(stated))


def _carries(name: str, value: str) -> bool:
    """Whether a header comes back from `parse` as it is."""
    if _WRITTEN.get(name.lower(), name) != name or name == "Content-Length" or not _NAME.fullmatch(name):
        return False
    return value == value.strip(" \t") and not _CONTROL.search(value)


def _start_line(message: Request | Response) -> str:
    if isinstance(message, Request):
        line, form = f"{message.method} {message.uri} SIP/2.0", _REQUEST_LINE
    else:
        line, form = f"SIP/2.0 {message.status} {message.phrase}", _STATUS_LINE
    if not form.fullmatch(line):
        raise ValueError("a start line that SIP cannot carry")
    return line


def _start(line: str, headers: tuple[tuple[str, str], ...], body: bytes) -> Request | Response:
    if found := _STATUS_LINE.fullmatch(line):
        return Response(int(found[1]), found[2], headers=headers, body=body)
    if found := _REQUEST_LINE.fullmatch(line):
        return Request(found[1], found[2], headers=headers, body=body)
    raise Malformed("start line")


def _check_whole(message: Request | Response) -> None:
    """What every message must have exactly once or at least once (§8.1.1)."""
    names = [name for name, _ in message.headers]
    filled = {name for name, value in message.headers if value}
    for name in _ONCE:
        if names.count(name) != 1 or name not in filled:
            raise Malformed(f"{name} missing or repeated")
    via(message)
    sequence = cseq(message)
    if isinstance(message, Request) and sequence.method != message.method:
        raise Malformed("CSeq of another method")


def _split(text: str, mark: str) -> tuple[str, ...]:
    """Parts between marks that stand outside "quotes" and <brackets>; empty parts are left out."""
    if '"' not in text and "<" not in text:
        return tuple(part.strip() for part in text.split(mark) if part.strip())
    parts, start, quoted, angled, escaped = [], 0, False, False, False
    for place, sign in enumerate(text):
        if escaped:
            escaped = False
        elif quoted:
            quoted, escaped = sign != '"', sign == "\\"
        elif sign == '"':
            quoted = True
        elif sign in "<>":
            angled = sign == "<"
        elif sign == mark and not angled:
            parts.append(text[start:place])
            start = place + 1
    parts.append(text[start:])
    return tuple(part.strip() for part in parts if part.strip())
