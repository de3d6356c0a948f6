"""One conversation with a mail relay, and what its end means.

Accepted is the relay's 250 after the whole message: from then on it answers for it (RFC 5321 §6.1). What failed before
DATA was begun is surely not sent; what was cut off after it is unknown.
"""

import asyncio
import re
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import cast

from aiosmtplib import SMTP, SMTPException, SMTPHeloError, SMTPResponseException

from monitor.channels.answer import excerpt, unanswered
from monitor.ports import Health, SendOutcome, Sent

_QUEUED = (
    re.compile(r"queued as <?([0-9A-Za-z._-]{4,64})", re.IGNORECASE),
    re.compile(r"\bid=([0-9A-Za-z._-]{4,64})", re.IGNORECASE),
    re.compile(r"([0-9A-Za-z._-]{4,64}) message accepted", re.IGNORECASE),
)
"""What relays call a mail they have taken: Postfix, Exim, OpenSMTPD and sendmail."""
_GOODBYE = 1.0
"""Seconds a relay has to part politely once the mail is its own."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """Whose mail for whom. `ident` is what bounces will call it (RFC 3461 §4.4); plain letters and digits.

    `confirmed`: the relay is to say also when it has arrived.
    """

    sender: str
    to: str
    ident: str
    confirmed: bool = False


class _Stage(StrEnum):
    """How far a conversation came."""

    OPENING = "opening"
    RECIPIENT = "recipient"
    DATA = "data"


class Talk:
    """One message's conversation over a client that is not yet connected."""

    def __init__(self, client: SMTP) -> None:
        self._client = client
        self._transport: asyncio.BaseTransport | None = None
        self._stage = _Stage.OPENING
        self._accepted = ""

    async def begin(self, user: str, password: str) -> None:
        """Connect, secure and log in. Raises SMTPException, OSError or ValueError."""
        await self._client.connect()
        self._transport = self._client.transport
        if user:
            await self._client.login(user.encode(), password.encode())

    async def deliver(self, envelope: Envelope, letter: bytes) -> None:
        """Hand the message over. Raises SMTPException, OSError or ValueError, perhaps even when it was taken."""
        await self._greet()
        # RFC 3461: asked only where it is offered, since others refuse what they do not know.
        tells = self._client.supports_extension("dsn")
        named = ["RET=HDRS", f"ENVID={envelope.ident}"] if tells else None
        await self._client.mail(envelope.sender, options=named)
        self._stage = _Stage.RECIPIENT
        notify = "NOTIFY=SUCCESS,FAILURE,DELAY" if envelope.confirmed else "NOTIFY=FAILURE,DELAY"
        await self._client.rcpt(envelope.to, options=[notify] if tells else None)
        self._stage = _Stage.DATA
        answer = await self._client.data(letter)
        self._accepted = f"{answer.code} {answer.message}"
        # The mail is theirs now: a relay that will not part politely changes nothing.
        await self._part()

    async def look(self) -> None:
        """Greet and part; nothing is sent. Raises SMTPException, OSError or ValueError."""
        await self._greet()
        await self._client.noop()
        await self._part()

    async def _greet(self) -> None:
        if self._client.is_ehlo_or_helo_needed:
            try:
                await self._client.ehlo()
            except SMTPHeloError:
                if not self._client.is_connected:
                    raise
                await self._client.helo()

    async def _part(self) -> None:
        with suppress(SMTPException, OSError):
            await self._client.quit(timeout=_GOODBYE)

    def hang_up(self) -> None:
        """Leave no connection behind, whatever the relay does."""
        self._client.close()
        if self._transport is not None:
            cast(asyncio.Transport, self._transport).abort()

    def outcome(self, fault: Exception | None, hidden: tuple[str, ...]) -> Sent:
        """What became of the message, given the fault the conversation ended by."""
        if self._accepted or fault is None:
            return Sent(SendOutcome.ACCEPTED, excerpt(self._accepted, *hidden), _queue_id(self._accepted))
        handed_over = self._stage is _Stage.DATA
        if isinstance(fault, SMTPResponseException) and 400 <= fault.code < 600:
            return Sent(self._refusal(fault), excerpt(f"{fault.code} {fault.message}", *hidden))
        if isinstance(fault, SMTPException) and not isinstance(fault, OSError):
            outcome = SendOutcome.UNKNOWN if handed_over else SendOutcome.BROKEN
            return Sent(outcome, excerpt(f"mailserveren svarer ikke, som den skal: {fault}", *hidden))
        return unanswered(fault, handed_over)

    def found(self, fault: Exception | None, user: str, hidden: tuple[str, ...]) -> Health:
        """How a relay is that was looked at. Without a login it says nothing of whether it would take our mail."""
        if fault is not None:
            return Health(False, self.outcome(fault, hidden).said)
        return Health(True, "lukker os ind") if user else Health(None, "svarer")

    def _refusal(self, refusal: SMTPResponseException) -> SendOutcome:
        """A 4xx passes; a 5xx is for this recipient or text, or for all we send by this relay (RFC 5321 §4.2.1)."""
        if refusal.code < 500:
            return SendOutcome.TEMPORARY
        about_us = refusal.code == 530 or "relay" in refusal.message.lower()
        return SendOutcome.BROKEN if self._stage is _Stage.OPENING or about_us else SendOutcome.REJECTED


def _queue_id(accepted: str) -> str:
    """What the relay calls the mail, for whoever looks for it there; empty where it does not say."""
    return next((match[1] for pattern in _QUEUED if (match := pattern.search(accepted[:500]))), "")
