"""A message as a mail: text and HTML beside each other, threaded by incident, marked as sent by a machine.

Nothing in a message can add a header or a recipient: line breaks and control characters never reach a header.
"""

import re
import unicodedata
from datetime import datetime
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime, parseaddr
from typing import Annotated

from pydantic import AfterValidator

from monitor.channels.number import reference
from monitor.ports import Message

_LONGEST_SUBJECT = 200
_ATOM = r"[0-9A-Za-z!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[0-9A-Za-z](?:[0-9A-Za-z-]{0,61}[0-9A-Za-z])?"
_MAILBOX = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@{_LABEL}(?:\.{_LABEL})*")


def mailbox(text: str) -> str:
    """The address as it goes on the wire, its domain in ASCII (RFC 5890); empty when it is not one address.

    A local part outside ASCII is refused: few relays speak SMTPUTF8 (RFC 6531).
    """
    local, _, domain = text.rpartition("@")
    try:
        address = f"{local}@{domain.encode('idna').decode()}"
    except UnicodeError:
        return ""
    return address if len(address) <= 254 and len(local) <= 64 and _MAILBOX.fullmatch(address) else ""


def _correspondent(text: str) -> str:
    _, address = parseaddr(text)
    if not mailbox(address) or not text.isprintable():
        raise ValueError(f"{text!r} is not a mail address; write for instance Omsorgsvagt <vagt@kommune.example>")
    return text


Correspondent = Annotated[str, AfterValidator(_correspondent)]
"""An address, with or without a name before it."""


def address(correspondent: str) -> Address:
    """Its name and its address."""
    name, bare = parseaddr(correspondent)
    return Address(name, addr_spec=mailbox(bare))


class _Policy(EmailPolicy):
    """SMTP's policy with another way to write a subject.

    Context: the library mixes plain words with encoded ones and folds between them, and a reader that keeps both
    blanks shows two. Choice: a subject is plain on one line (at most 998 octets, RFC 5322 §2.1.1), or encoded words
    alone, between which every blank is left out (RFC 2047 §6.2). Price: a long plain subject is a long line.
    """

    def fold_binary(self, name: str, value: str) -> bytes:
        """The header's octets, with CRLF."""
        if name != "Subject":
            return super().fold_binary(name, value)
        text = str(value)
        coded = (
            text if text.isascii() else Header(text, "utf-8", header_name=name, maxlinelen=75).encode(linesep="\r\n")
        )
        return f"{name}: {coded}\r\n".encode("ascii")


_SEVEN_BIT = _Policy(linesep="\r\n", cte_type="7bit")


def write(message: Message, sender: str, reply_to: str | None, now: datetime) -> bytes:
    """The mail, seven-bit clean with CRLF line ends (RFC 5322, RFC 2045); `message.to` must be a mailbox.

    The Message-ID follows from the message's key, so a repeat has the same one and mail programs show it once. A thread
    is held together by an id no mail has (RFC 5322 §3.6.4). `Auto-Submitted` keeps absence replies away (RFC 3834 §5).
    """
    origin = address(sender)
    mail = EmailMessage(_SEVEN_BIT)
    mail["From"] = origin
    mail["To"] = Address(addr_spec=mailbox(message.to))
    if reply_to:
        mail["Reply-To"] = address(reply_to)
    mail["Subject"] = " ".join(_clean(message.subject).split())[:_LONGEST_SUBJECT]
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = f"<{reference(message.key)}@{origin.domain}>"
    if message.thread:
        thread = f"<{reference(message.thread)}@{origin.domain}>"
        mail["In-Reply-To"] = thread
        mail["References"] = thread
    mail["Auto-Submitted"] = "auto-generated"
    if message.urgent:
        mail["X-Priority"] = "1"
        mail["Importance"] = "high"
    mail.set_content(_clean(message.text), cte="quoted-printable")
    if message.html:
        mail.add_alternative(_clean(message.html), subtype="html", cte="quoted-printable")
    return mail.as_bytes()


def _clean(text: str) -> str:
    """Without control characters (save line feed and tab) and lone surrogates."""
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in {"Cc", "Cs"})
