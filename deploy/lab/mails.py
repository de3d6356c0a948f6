"""A stand-in for the mail server: takes mail by SMTP, keeps it, and can refuse, put off, dawdle or drop.

Speaks STARTTLS with the lab's certificate and AUTH with the lab's known user, and demands neither.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable
from datetime import datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any, ClassVar

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from breaking import How
from door import Closable, Door
from feed import Feed
from known import SECRETS
from standin import Clock, StandIn

_SIZE_LIMIT = 1024 * 1024
_TEXT_KEPT = 20_000


class MailFeed(Feed):
    """Every mail that arrived, by whichever server: `{n, to, from, subject, text, headers, via, at}`."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        super().__init__(1000)
        self._now = now

    def add(self, entry: dict[str, Any]) -> None:
        """Append one mail, stamped."""
        super().add(entry | {"at": self._now().isoformat()})


class _Conversation(SMTP):
    """One connection, which a shut door can cut."""

    def __init__(self, mailbox: "Mailbox", door: Door, tls: ssl.SSLContext) -> None:
        super().__init__(
            mailbox,
            data_size_limit=_SIZE_LIMIT,
            enable_SMTPUTF8=True,
            hostname="mail.lab.example",
            ident="lab",
            tls_context=tls,
            auth_require_tls=False,
            authenticator=mailbox.authenticate,
            loop=asyncio.get_running_loop(),
        )
        self._door = door
        self._way: Closable | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self._way = transport
            self._door.enter(transport)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        if self._way is not None:
            self._door.leave(self._way)
        super().connection_lost(error)


class Mailbox(StandIn):
    """One server; what it takes goes to the feed, with the server's name as `via`."""

    hows: ClassVar = {
        "refuse": How("the port is closed: connections are refused"),
        "4xx": How("recipients are put off with 451"),
        "5xx": How("recipients are refused with 550"),
        "slow": How("each recipient and each mail is answered after so many seconds", {"seconds": 3.0}),
        "hang": How("the greeting to EHLO never comes"),
        "drop": How("the connection is cut when the mail has been handed over"),
        "credentials": How("our user and password are refused"),
    }
    over_the_line: ClassVar = False

    def __init__(self, clock: Clock, name: str, feed: MailFeed, tls: ssl.SSLContext, port: int = 0) -> None:
        super().__init__(clock)
        self._name = name
        self._feed = feed
        self._tls = tls
        self._door = Door(self._opener, port)
        self.doors = [self._door]

    def addresses(self) -> dict[str, str]:
        """Host and port of the SMTP server."""
        return {self._name: self._door.address}

    async def _opener(self, listener: socket.socket) -> asyncio.Server:
        loop = asyncio.get_running_loop()
        return await loop.create_server(lambda: _Conversation(self, self._door, self._tls), sock=listener)

    def authenticate(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, given: Any
    ) -> AuthResult:
        """Check the lab's known user; called by the server."""
        right = (SECRETS["smtp_user"].encode(), SECRETS["smtp_password"].encode())
        known = isinstance(given, LoginPassword) and (given.login, given.password) == right
        return AuthResult(success=known and self.how != "credentials", handled=False)

    async def handle_EHLO(  # noqa: N802 - the server calls its handler by this name
        self, _server: SMTP, session: Session, _envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        """Answer EHLO."""
        if self.how == "hang":
            await asyncio.Event().wait()
        session.host_name = hostname
        return responses

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take, put off or refuse one recipient."""
        if self.how == "4xx":
            return "451 4.7.1 Try again later"
        if self.how == "5xx":
            return "550 5.1.1 No such mailbox"
        await self._dawdle()
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep one mail."""
        await self._dawdle()
        raw = envelope.content if isinstance(envelope.content, bytes) else b""
        self._keep(list(envelope.rcpt_tos), message_from_bytes(raw, policy=default))
        if self.how == "drop" and isinstance(server.transport, asyncio.Transport):
            server.transport.abort()
        return "250 2.0.0 OK"

    async def _dawdle(self) -> None:
        if self.how == "slow":
            await asyncio.sleep(self.number("seconds"))

    def _keep(self, to: list[str], mail: EmailMessage) -> None:
        self.seen["mails"] += 1
        body = mail.get_body(("plain", "html"))
        text = str(body.get_content()).replace("\r\n", "\n")[:_TEXT_KEPT] if body is not None else ""
        headers = {str(name): str(value) for name, value in mail.items()}
        entry = {"to": to, "from": str(mail["From"] or ""), "subject": str(mail["Subject"] or ""), "text": text}
        self._feed.add(entry | {"headers": headers, "via": self._name})
