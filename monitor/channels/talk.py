"""One conversation with a mail relay, and what its end means.

Accepted is the relay's 250 after the whole message: from then on it answers for it (RFC 5321 §6.1). What failed before
DATA was begun is surely not sent; what was cut off after it is unknown.
"""

import asyncio
from contextlib import suppress
from enum import StrEnum
from typing import cast

from aiosmtplib import SMTP, SMTPException, SMTPResponseException

from monitor.channels.answer import excerpt, unanswered
from monitor.ports import SendOutcome, Sent

_GOODBYE = 1.0
"""Seconds a relay has to part politely once the mail is its own."""


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

    async def deliver(self, sender: str, to: str, letter: bytes) -> None:
        """Hand the message over. Raises SMTPException, OSError or ValueError, perhaps even when it was taken."""
        await self._client.mail(sender)
        self._stage = _Stage.RECIPIENT
        await self._client.rcpt(to)
        self._stage = _Stage.DATA
        answer = await self._client.data(letter)
        self._accepted = f"{answer.code} {answer.message}"
        # The mail is theirs now: a relay that will not part politely changes nothing.
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
            return Sent(SendOutcome.ACCEPTED, excerpt(self._accepted, *hidden))
        handed_over = self._stage is _Stage.DATA
        if isinstance(fault, SMTPResponseException) and 400 <= fault.code < 600:
            return Sent(self._refusal(fault), excerpt(f"{fault.code} {fault.message}", *hidden))
        if isinstance(fault, SMTPException) and not isinstance(fault, OSError):
            outcome = SendOutcome.UNKNOWN if handed_over else SendOutcome.BROKEN
            return Sent(outcome, excerpt(f"mailserveren svarer ikke, som den skal: {fault}", *hidden))
        return unanswered(fault, handed_over)

    def _refusal(self, refusal: SMTPResponseException) -> SendOutcome:
        """A 4xx passes; a 5xx is for this recipient or text, or for all we send by this relay (RFC 5321 §4.2.1)."""
        if refusal.code < 500:
            return SendOutcome.TEMPORARY
        about_us = refusal.code == 530 or "relay" in refusal.message.lower()
        return SendOutcome.BROKEN if self._stage is _Stage.OPENING or about_us else SendOutcome.REJECTED
