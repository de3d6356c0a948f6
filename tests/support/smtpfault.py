"""A mail relay in this process that takes, refuses, dawdles or breaks off at any step of the conversation.

The steps are aiosmtpd's; what no relay would say is spoken in raw octets.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any, cast

import trustme
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

SILENCE = "silence"
DROP = "drop"


# Without slots: aiosmtpd reads every attribute of its handler, and Python 3.11.2's slots hold one that cannot be read.
@dataclass
class Relay:
    """Where it listens, how it answers (by step, else it takes all) and what it has taken."""

    port: int = 0
    says: dict[str, str] = field(default_factory=dict)
    user: str = ""
    password: str = ""
    taken: list[tuple[str, list[str], EmailMessage]] = field(default_factory=list)
    secure: list[bool] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)

    @property
    def address(self) -> str:
        """The relay as a route names it."""
        return f"localhost:{self.port}"

    async def _step(self, server: SMTP, name: str, well: str = "250 OK") -> str:
        word = self.says.get(name, well)
        if word == SILENCE:
            await asyncio.sleep(3600)
        if word == DROP:
            cut(server)
            await asyncio.sleep(3600)
        return word

    async def handle_EHLO(  # noqa: N802
        self, server: SMTP, session: Session, _envelope: Envelope, hostname: str, abilities: list[str]
    ) -> list[str]:
        """The greeting."""
        session.host_name = hostname
        return [await self._step(server, "EHLO")] if "EHLO" in self.says else abilities

    async def handle_HELO(self, server: SMTP, session: Session, _envelope: Envelope, hostname: str) -> str:  # noqa: N802
        """The old greeting, which a client tries when the new one is refused."""
        session.host_name = hostname
        return await self._step(server, "EHLO")

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """The sender."""
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return await self._step(server, "MAIL")

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """The recipient."""
        envelope.rcpt_tos.append(address)
        return await self._step(server, "RCPT")

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """The whole message."""
        answer = await self._step(server, "DATA")
        if answer.startswith("250"):
            mail = message_from_bytes(cast(bytes, envelope.content), policy=default)
            self.taken.append((envelope.mail_from or "", envelope.rcpt_tos, mail))
            implicit = server.transport is not None and server.transport.get_extra_info("ssl_object") is not None
            self.secure.append(session.ssl is not None or implicit)
        return answer

    async def handle_QUIT(self, server: SMTP, _session: Session, _envelope: Envelope) -> str:  # noqa: N802
        """The parting."""
        return await self._step(server, "QUIT", "221 Bye")

    def authenticate(self, _server: SMTP, _session: Session, _envelope: Envelope, _how: str, login: Any) -> AuthResult:
        """Whether user and password are the right ones."""
        right = isinstance(login, LoginPassword) and (login.login, login.password) == (
            self.user.encode(),
            self.password.encode(),
        )
        self.logins.append(login.login.decode())
        return AuthResult(success=right, handled=False, message=None if right else self.says.get("AUTH"))


def cut(server: SMTP) -> None:
    """Reset a connection that is still there; Python 3.11.2 cannot reset one over TLS that is closed already."""
    if server.transport is not None and not server.transport.is_closing():
        cast(asyncio.Transport, server.transport).abort()


@asynccontextmanager
async def relay(relay: Relay, tls: ssl.SSLContext | None = None, implicit: bool = False) -> AsyncIterator[Relay]:
    """The relay, running; with `tls` it speaks STARTTLS, or TLS from the first octet when `implicit`."""
    loop = asyncio.get_running_loop()
    conversations: list[SMTP] = []

    def conversation() -> SMTP:
        secure = None if implicit else tls
        one = SMTP(
            relay,
            hostname="relay.example",
            ident="relay",
            loop=loop,
            tls_context=secure,
            require_starttls=bool(secure and relay.says.get("STARTTLS") == "required"),
            auth_require_tls=secure is not None,
            authenticator=relay.authenticate if relay.user else None,
        )
        conversations.append(one)
        return one

    server = await loop.create_server(conversation, "127.0.0.1", 0, ssl=tls if implicit else None)
    relay.port = server.sockets[0].getsockname()[1]
    try:
        yield relay
    finally:
        server.close()
        for one in conversations:
            cut(one)
        await asyncio.sleep(0)


Raw = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def raw(behave: Raw) -> AsyncIterator[int]:
    """A port where each connection is met by `behave`; gives the port."""
    tasks: set[asyncio.Task[Any]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        with suppress(OSError, EOFError, asyncio.CancelledError):
            await behave(reader, writer)
        writer.transport.abort()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tuple(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def script(*lines: bytes, flood: bytes = b"") -> Raw:
    """Say the first line at once and one more after each line heard; then the flood, without end."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for number, line in enumerate(lines):
            if number:
                await reader.readline()
            writer.write(line)
            await writer.drain()
        while flood:
            writer.write(flood)
            await writer.drain()
        await reader.read()

    return behave


def certificate(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    """A server's context with a certificate for these names."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    return context
