"""Mail by SMTP to one relay; several relays are several routes.

Each message has a connection of its own; nothing is tried twice, and no password crosses a net in clear.
"""

import asyncio
import re
import socket
import ssl
from typing import Annotated, Literal, Self

from aiosmtplib import SMTP, SMTPException
from pydantic import AfterValidator, Field, FilePath, model_validator

from monitor.channels.answer import lacking
from monitor.channels.letter import Correspondent, address, mailbox, write
from monitor.channels.look import without_secret
from monitor.channels.number import reference
from monitor.channels.talk import Envelope, Talk
from monitor.mailbox.place import Place
from monitor.plan.settings import RouteSettings, Seconds, SecretName
from monitor.ports import ChannelContext, Health, Message, SecretMissing, SendOutcome, Sent

_AT_ONCE = 8
"""Connections to one relay; more wait. Relays refuse a client that opens dozens."""
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_HOST_AND_PORT = re.compile(r"(?:[0-9A-Za-z.-]+|\[[0-9A-Fa-f:.]+\]):([0-9]{1,5})")


def _relay(text: str) -> str:
    found = _HOST_AND_PORT.fullmatch(text)
    if not found or not 0 < int(found[1]) < 65536:
        raise ValueError(f"{text!r} is not a host and a port; write for instance smtp.example:587")
    return text


class Settings(RouteSettings):
    """A relay. Without `user` it must take our mail by knowing where we are."""

    via: Literal["smtp"] = "smtp"
    timeout: Annotated[Seconds, Field(gt=0, le=60)] = 30.0
    smtp: Annotated[str, AfterValidator(_relay)]
    security: Literal["none", "starttls", "tls"] = "starttls"
    ca_file: FilePath | None = None
    """Trust these certificates only; without it the machine's own store is trusted."""
    user: Annotated[str, Field(max_length=200)] = ""
    password: SecretName = "smtp_password"  # noqa: S105 - the name it is looked up by
    sender: Correspondent
    reply_to: Correspondent | None = None
    helo: Annotated[str, Field(pattern=r"^[0-9A-Za-z.:\[\]-]{0,255}$")] = ""
    """The name we greet with; without it the machine's."""
    bounces: Place | None = None
    """The mailbox of `sender`, where what could not be delivered comes back."""
    receipts: bool = False
    """The relay says of each mail that it has arrived (RFC 3461); without that in time its reader was not reached."""

    @model_validator(mode="after")
    def _receipts_come_somewhere(self) -> Self:
        if self.receipts and self.bounces is None:
            raise ValueError("receipts: yes without bounces; name the mailbox the receipts come to")
        return self

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


class Channel:
    """One route by a relay."""

    def __init__(self, settings: Settings, context: ChannelContext) -> None:
        self._settings = settings
        self._context = context
        self._room = asyncio.Semaphore(_AT_ONCE)
        self._trust = ssl.create_default_context(cafile=settings.ca_file) if settings.security != "none" else None

    async def send(self, message: Message) -> Sent:
        """Send one message."""
        to = mailbox(message.to)
        if not to:
            return Sent(SendOutcome.REJECTED, "ikke en mailadresse")
        settings = self._settings
        try:
            password = self._context.secret(settings.password) if settings.user else ""
        except SecretMissing as missing:
            return lacking(missing)
        letter = write(message, settings.sender, settings.reply_to, self._context.now())
        sender = address(settings.sender).addr_spec
        envelope = Envelope(sender, to, reference(message.key), settings.receipts)
        talk = Talk(self._client())
        fault: Exception | None = None
        try:
            async with asyncio.timeout(settings.timeout), self._room:
                await talk.begin(settings.user, password)
                await talk.deliver(envelope, letter)
        except (SMTPException, OSError, ValueError) as error:
            fault = error
        finally:
            talk.hang_up()
        return talk.outcome(fault, (password, to))

    async def health(self) -> Health:
        """Connect, secure, log in and part; nothing is sent."""
        settings = self._settings
        try:
            password = self._context.secret(settings.password) if settings.user else ""
        except SecretMissing as missing:
            return without_secret(missing)
        talk = Talk(self._client())
        fault: Exception | None = None
        try:
            async with asyncio.timeout(settings.timeout):
                await talk.begin(settings.user, password)
                await talk.look()
        except (SMTPException, OSError, ValueError) as error:
            fault = error
        finally:
            talk.hang_up()
        return talk.found(fault, settings.user, (password,))

    async def close(self) -> None:
        """Nothing is held open."""

    def _client(self) -> SMTP:
        settings = self._settings
        return SMTP(
            hostname=settings.host,
            port=settings.port,
            local_hostname=settings.helo or socket.gethostname(),
            timeout=settings.timeout,
            use_tls=settings.security == "tls",
            start_tls=settings.security == "starttls",
            tls_context=self._trust,
        )
