"""A folder on an IMAP server (RFC 9051, RFC 3501): mails without \\Seen are read without setting it, then it is set.

Blocks, within the server's patience; `Line.cut` ends it from outside. What a server sends is bounded, and nothing of
it is repeated: only what went wrong is told.
"""

import imaplib
import re
import socket
import ssl
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from monitor.core.fault import ProbeFault
from monitor.core.finding import Reason
from monitor.mailbox.letters import AT_ONCE, Letter, Wanted
from monitor.mailbox.place import Place

_MOST = 24 * 1024 * 1024
"""Octets a server may send in one turn."""
_ARRIVED = re.compile(rb'INTERNALDATE "([ 0-9A-Za-z:+-]{20,30})"')


class Line:
    """The connection of one turn, as far as others may end it."""

    def __init__(self) -> None:
        self._handle: socket.socket | None = None
        self._over = False

    def made(self, connection: socket.socket) -> None:
        """This is the connection. Raises TimeoutError when the time is up already."""
        self._handle = connection.dup()
        if self._over:
            self.cut()
            raise TimeoutError

    def cut(self) -> None:
        """The time is up: whatever waits for the server is woken."""
        self._over = True
        if self._handle is not None:
            with suppress(OSError):
                self._handle.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """The turn has ended."""
        if self._handle is not None:
            self._handle.close()


class _Server(imaplib.IMAP4):
    """The library's client with a bound on what it reads, and TLS from the first octet where that is asked for."""

    def __init__(self, place: Place, line: Line, trust: ssl.SSLContext | None) -> None:
        self._left = _MOST
        self._line = line
        self._trust = trust if place.security == "tls" else None
        super().__init__(place.host, place.port, place.timeout)

    def _create_socket(self, timeout: float | None) -> socket.socket:
        made = socket.create_connection((self.host, self.port), timeout)
        try:
            self._line.made(made)
            return self._trust.wrap_socket(made, server_hostname=self.host) if self._trust else made
        except BaseException:
            made.close()
            raise

    def read(self, size: int) -> bytes:
        self._spend(size)
        return super().read(size)

    def readline(self) -> bytes:
        found = super().readline()
        self._spend(len(found))
        return found

    def _spend(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise ProbeFault(Reason.TOO_LARGE, f"højst {_MOST // 2**20} MB", "mere")


def turn(place: Place, password: str, wanted: Wanted, line: Line) -> list[Letter]:
    """Mark and read. Raises ProbeFault, OSError, ssl.SSLError; nothing raised holds what the server said."""
    try:
        trust = None if place.security == "none" else ssl.create_default_context(cafile=place.ca_file)
        server = _Server(place, line, trust)
        try:
            if trust is not None and place.security == "starttls":
                server.starttls(trust)
            _login(server, place, password)
            return _read(server, place, wanted)
        finally:
            with suppress(imaplib.IMAP4.error, OSError):
                server.shutdown()
    except ssl.SSLError:
        # A certificate that is refused is a ValueError too.
        raise
    except imaplib.IMAP4.abort:
        raise ProbeFault(Reason.RESET, "IMAP", "afbrudt") from None
    except (imaplib.IMAP4.error, ValueError, LookupError, TypeError):
        # Without a cause: the library's text repeats what the server said.
        raise ProbeFault(Reason.PROTOCOL, "IMAP", "svarer uforståeligt") from None
    finally:
        line.close()


def _login(server: _Server, place: Place, password: str) -> None:
    """By PLAIN where it is offered, since LOGIN carries ASCII alone (RFC 4616)."""
    try:
        if "AUTH=PLAIN" in server.capabilities:
            server.authenticate("PLAIN", lambda _: f"\0{place.user}\0{password}".encode())
        else:
            server.login(place.user, password)
    except imaplib.IMAP4.abort:
        raise
    except (imaplib.IMAP4.error, UnicodeError):
        # Without a cause: the library's text may repeat what was sent.
        raise ProbeFault(Reason.CREDENTIALS, "adgang til postkassen", "login afvist") from None


def _read(server: _Server, place: Place, wanted: Wanted) -> list[Letter]:
    said, _ = server.select(f'"{place.folder}"')
    if said != "OK":
        raise ProbeFault(Reason.MISSING, "postkassen", "mappen mangler")
    # A number is its mail's own only as long as this one stays (RFC 9051 §2.3.1.1).
    reign = (server.response("UIDVALIDITY")[1] or [b""])[0] or b"0"
    prefix = reign.decode("ascii") + "."
    mine = [ident.removeprefix(prefix) for ident in wanted.done if ident.startswith(prefix)]
    if mine:
        server.uid("STORE", ",".join(mine), "+FLAGS.SILENT", r"(\Seen)")
    # By day, in the server's own zone.
    day = imaplib.Time2Internaldate(wanted.since - timedelta(days=1))[1:12].strip()
    _, found = server.uid("SEARCH", "UNSEEN", "SINCE", day)
    numbers = [number.decode("ascii") for number in (found[0] or b"").split() if number.isdigit()]
    fresh = [number for number in numbers if prefix + number not in wanted.known][:AT_ONCE]
    letters = (_fetch(server, number, prefix, wanted) for number in fresh)
    return [letter for letter in letters if letter is not None]


def _fetch(server: _Server, number: str, prefix: str, wanted: Wanted) -> Letter | None:
    """None for a mail that is gone, or that came before what is wanted."""
    _, found = server.uid("FETCH", number, f"(INTERNALDATE BODY.PEEK[]<0.{wanted.largest}>)")
    whole = next((one for one in found if isinstance(one, tuple)), None)
    if whole is None:
        return None
    around = b" ".join(one for part in found for one in (part if isinstance(part, tuple) else (part,))[::2] if one)
    arrived = _ARRIVED.search(around)
    at = datetime.strptime(arrived[1].decode("ascii").strip(), "%d-%b-%Y %H:%M:%S %z") if arrived else None
    at = at.astimezone(UTC) if at else wanted.since
    return Letter(prefix + number, whole[1][: wanted.largest], at) if at >= wanted.since else None
