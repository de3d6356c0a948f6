"""What a mail system says of a mail of ours that it has taken: a delivery status notification (RFC 3464), or less.

Anybody may write to the mailbox these come to, so a bounce only names what our mail may have been called, and whoever
reads it asks whether there is such a notice: its id holds 74 random bits and stands in nothing but that mail.

Context: a report says which mail and why; some systems send but a text with the mail in it. Choice: such a text counts
when it comes from a mail system and holds our Message-ID, and then only as not arrived: no address is flagged on a
guess. Price: a dead address behind such a system is tried again each time.
"""

import binascii
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from monitor.core.receipts import Delivery

LARGEST = 256 * 1024
"""Octets of a mail that are read: the report and the headers of what came back stand before the rest."""
_HEAD = 32 * 1024
_LINES = 400
_PARTS = 30
_DEEPEST = 3
_NAMES = 20
_NAME = re.compile(r"<([0-9A-Za-z._-]{1,64})@[0-9A-Za-z.-]{1,253}>")
_ENVELOPE = re.compile(r"[0-9A-Za-z._-]{1,64}")
_BOUNDARY = re.compile(r'boundary\s*=\s*(?:"([^"]{1,200})"|([^\s;"]{1,200}))', re.IGNORECASE)
_STATUS = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")
_REPLY = re.compile(r"(?<![\d.])([245])\d\d(?![\d.])")
_FROM_A_SYSTEM = re.compile(r"(?:^|<|\s)(?:mailer-daemon|mail-daemon|mdaemon|postmaster)@", re.IGNORECASE)
_ONLY_LATE = re.compile(r"\b(?:delay|warning|forsink)", re.IGNORECASE)
_RETURNED = frozenset(
    {"message/rfc822", "message/global", "text/rfc822-headers", "message/rfc822-headers", "message/global-headers"}
)
_REPORT = frozenset({"message/delivery-status", "message/global-delivery-status"})
_GIVEN_UP = frozenset({("4", "7"), ("2", "2")})
"""Of a status' last two numbers, those that say nothing of the address: the time ran out, the mailbox is full."""
_RANK = (Delivery.DELIVERED, Delivery.REFUSED, Delivery.EXPIRED, Delivery.UNDERWAY)
"""Of several recipients behind one address, what counts first."""


@dataclass(frozen=True, slots=True)
class Bounce:
    """`names` are what our mail may be called, the surest first; `status` is the enhanced code (RFC 3463), or empty."""

    delivery: Delivery
    names: tuple[str, ...]
    status: str = ""


@dataclass(frozen=True, slots=True)
class _Part:
    kind: str
    headers: Mapping[str, str]
    body: bytes


def parse(mail: bytes) -> Bounce | None:
    """What a mail says became of one of ours; None when it says nothing of the sort. Never raises; linear in `mail`."""
    top = _part(mail[:LARGEST].replace(b"\r\n", b"\n"))
    parts = list(_leaves(top))
    report = next((part for part in parts if part.kind in _REPORT), None)
    if report is not None:
        return _reported(top, parts, report)
    return _guessed(top, parts)


def readable(mail: bytes) -> bytes:
    """The words of a mail, subject and all that is text, as far as it is read; never raises."""
    top = _part(mail[:LARGEST].replace(b"\r\n", b"\n"))
    parts = (_decoded(part) for part in _leaves(top) if part.kind.startswith(("text/", "message/")))
    return b"\n".join((top.headers.get("subject", "").encode("latin-1", "replace"), *parts))


def _reported(top: _Part, parts: list[_Part], report: _Part) -> Bounce | None:
    groups = [_fields(group) for group in _groups(_decoded(report))]
    found = [one for one in map(_of_recipient, groups) if one is not None]
    if not found:
        return None
    delivery, status = min(found, key=lambda one: _RANK.index(one[0]))
    names: dict[str, None] = {}
    for group in groups:
        envelope = group.get("original-envelope-id", "").strip()
        if _ENVELOPE.fullmatch(envelope):
            names[envelope] = None
    for part in parts:
        if part.kind in _RETURNED:
            names |= dict.fromkeys(_named(_part(_decoded(part)).headers.get("message-id", "")))
    names |= dict.fromkeys(_answered(top))
    return Bounce(delivery, tuple(names)[:_NAMES], status)


def _of_recipient(fields: Mapping[str, str]) -> tuple[Delivery, str] | None:
    """RFC 3464 §2.3.3 and §2.3.4; without a Status the remote's own reply counts (§2.3.6)."""
    action = fields.get("action", "").partition(" ")[0].lower()
    found = _STATUS.search(fields.get("status", "")) or _STATUS.search(fields.get("diagnostic-code", ""))
    status = found[0] if found else ""
    match action:
        case "delivered" | "relayed":
            return Delivery.DELIVERED, status
        case "delayed" | "expanded":
            return Delivery.UNDERWAY, status
        case "failed":
            return _failed(found, fields.get("diagnostic-code", "")), status
    return None


def _failed(status: re.Match[str] | None, diagnostic: str) -> Delivery:
    if status is None:
        reply = _REPLY.search(diagnostic)
        return Delivery.REFUSED if reply and reply[1] == "5" else Delivery.EXPIRED
    lasting = status[1] == "5" and (status[2], status[3]) not in _GIVEN_UP
    return Delivery.REFUSED if lasting else Delivery.EXPIRED


def _guessed(top: _Part, parts: list[_Part]) -> Bounce | None:
    """A text from a mail system about a mail of ours. People who answer, and their absence replies, are none."""
    sender = top.headers.get("from", "")
    if not _FROM_A_SYSTEM.search(sender) and "x-failed-recipients" not in top.headers:
        return None
    text = "\n".join(_decoded(part).decode("latin-1") for part in parts if part.kind.startswith(("text/", "message/")))
    names = tuple(dict.fromkeys((*_answered(top), *_named(text))))[:_NAMES]
    if not names:
        return None
    if _ONLY_LATE.search(top.headers.get("subject", "")):
        return Bounce(Delivery.UNDERWAY, names)
    status = _STATUS.search(text)
    return Bounce(Delivery.EXPIRED, names, status[0] if status else "")


def _answered(top: _Part) -> list[str]:
    """The mails a mail says it answers (RFC 5322 §3.6.4)."""
    return _named(top.headers.get("in-reply-to", "") + top.headers.get("references", ""))


def _named(text: str) -> list[str]:
    found: dict[str, None] = {}
    for match in _NAME.finditer(text):
        found[match[1]] = None
        if len(found) == _NAMES:
            break
    return list(found)


def _part(raw: bytes) -> _Part:
    """A mail, or a part of one, with LF line ends: its headers and its body."""
    head, body = (b"", raw[1:]) if raw.startswith(b"\n") else raw.partition(b"\n\n")[::2]
    headers = _fields(head[:_HEAD])
    kind = headers.get("content-type", "text/plain").partition(";")[0].strip().lower()
    return _Part(kind, headers, body)


def _leaves(top: _Part) -> Iterator[_Part]:
    """The parts that hold no others, at most so many and so deep (RFC 2046 §5.1)."""
    waiting, given = [(top, 0)], 0
    while waiting and given < _PARTS:
        part, depth = waiting.pop()
        boundary = (
            _BOUNDARY.search(part.headers.get("content-type", "")) if part.kind.startswith("multipart/") else None
        )
        if boundary is None or depth == _DEEPEST:
            given += 1
            yield part
            continue
        line = re.escape((boundary[1] or boundary[2]).encode("latin-1"))
        inner = re.split(rb"(?m)^--" + line + rb"(?:--)?[ \t]*$\n?", part.body, maxsplit=_PARTS)[1:]
        waiting += [(_part(one), depth + 1) for one in reversed(inner) if one.strip()]


def _groups(report: bytes) -> list[bytes]:
    return re.split(rb"\n[ \t]*\n", report.replace(b"\r\n", b"\n"), maxsplit=_PARTS)[:_PARTS]


def _fields(head: bytes) -> dict[str, str]:
    """Header fields by their names in small letters, unfolded; of one that is there twice the first counts."""
    found: dict[str, str] = {}
    text = re.sub(r"\n[ \t]+", " ", head[:_HEAD].decode("latin-1"))
    for line in text.split("\n", _LINES)[:_LINES]:
        name, colon, value = line.partition(":")
        if colon and name.strip():
            found.setdefault(name.strip().lower(), value.strip())
    return found


def _decoded(part: _Part) -> bytes:
    """The body as it was before it was made fit for mail (RFC 2045 §6); as it is where that cannot be undone."""
    coded = part.headers.get("content-transfer-encoding", "").strip().lower()
    try:
        if coded == "base64":
            return binascii.a2b_base64(part.body).replace(b"\r\n", b"\n")
        if coded == "quoted-printable":
            return binascii.a2b_qp(part.body).replace(b"\r\n", b"\n")
    except binascii.Error:
        return part.body
    return part.body
