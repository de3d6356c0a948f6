"""Mail by SMTP to one relay; several relays are several routes.

Accepted is the relay's 250 after the whole message (RFC 5321 §6.1: from then on it answers for it). What failed before
DATA was begun is surely not sent; what was cut off after it is unknown.
"""

import re
import socket
import ssl
from contextlib import suppress
from enum import IntEnum
from typing import Annotated, Literal, Self

import asyncio
from aiosmtplib import SMTP, SMTPException, SMTPResponseException
from pydantic import AfterValidator, Field, FilePath, model_validator

from monitor.channels.answer import excerpt, lacking, tls_refused, unanswered
from monitor.channels.letter import Letterhead, is_mailbox, write
from monitor.plan.settings import RouteSettings, Seconds, SecretName
from monitor.ports import ChannelContext, Message, SecretMissing, SendOutcome, Sent

_GOODBYE = 1.0
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_HOST_AND_PORT = re.compile(r"(?P<host>[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]):(?P<port>[0-9]{1,5})")


def _relay(text: str) -> str:
    found = _HOST_AND_PORT.fullmatch(text)
    if not found or not 0 < int(found["port"]) < 65536:
        raise ValueError(f"{text!r} is not a host and a port; write for instance smtp.example:587")
    return text


class Settings(RouteSettings):
    """A relay. Without `user` it must take mail from our address by itself."""

    via: Literal["smtp"] = "smtp"
    timeout: Annotated[Seconds, Field(gt=0, le=60)] = 30.0
    smtp: Annotated[str, AfterValidator(_relay)]
    security: Literal["none", "starttls", "tls"] = "starttls"
    ca_file: FilePath | None = None
    """Trust these certificates only; without it the machine's own store is trusted."""
    user: Annotated[str, Field(max_length=200)] = ""
    password: SecretName = "smtp_password"  # noqa: S105 - the name it is looked up by
    sender: Letterhead
    reply_to: Letterhead | None = None
    helo: Annotated[str, Field(pattern=r"^[A-Za-z0-9.:\[\]-]{0,255}$")] = ""
    """The name we greet with; without it the machine's."""

    @model_validator(mode="after")
    def _no_password_in_clear(self) -> Self:
        if self.user and self.security == "none" and self.host not in _LOOPBACK:
            raise ValueError("a password would cross the net in clear; set security to starttls or tls")
        return self

    @property
    def host(self) -> str:
        """The relay's name or address."""
        return self.smtp.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """The relay's port."""
        return int(self.smtp.rpartition(":")[2])


class _Stage(IntEnum):
    """How far a conversation came."""

    CONNECT = 1
    LOGIN = 2
    SENDER = 3
    RECIPIENT = 4
    DATA = 5


class Channel:
    """One route by a relay; each message has its own connection."""

    def __init__(self, settings: Settings, context: ChannelContext) -> None:
        self._settings = settings
        self._context = context
        self._trust = ssl.create_default_context(cafile=settings.ca_file) if settings.security != "none" else None

    async def send(self, message: Message) -> Sent:
        """Send one message."""
        if not is_mailbox(message.to):
            return Sent(SendOutcome.REJECTED, "ikke en mailadresse")
        try:
            password = self._context.secret(self._settings.password) if self._settings.user else ""
        except SecretMissing as missing:
            return lacking(missing)
        letter = write(message, self._settings.sender, self._settings.reply_to, self._context.now())
        talk = _Talk(self._settings, self._trust, password)
        try:
            async with asyncio.timeout(self._settings.timeout):
                said = await talk.deliver(message.to, letter)
        except SMTPResponseException as refusal:
            said = excerpt(f"{refusal.code} {refusal.message}", password, message.to)
            return Sent(_refused(talk.stage, refusal), said)
        except (SMTPException, OSError, ValueError) as fault:
            return self._failed(talk.stage, fault)
        finally:
            talk.hang_up()
        return Sent(SendOutcome.ACCEPTED, excerpt(said, password, message.to))

    async def close(self) -> None:
        """Nothing is held open."""

    ...
