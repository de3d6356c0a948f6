"""Where a mailbox is, as configured: `{maildir: /path}` or `{imap: host:port, user: …, password: …}`.

No password crosses a net in clear.
"""

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, FilePath, model_validator

from monitor.plan.settings import Seconds, SecretName, Strict

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_HOST_AND_PORT = re.compile(r"(?:[0-9A-Za-z.-]+|\[[0-9A-Fa-f:.]+\]):([0-9]{1,5})")


def _server(text: str) -> str:
    found = _HOST_AND_PORT.fullmatch(text)
    if not found or not 0 < int(found[1]) < 65536:
        raise ValueError(f"{text!r} is not a host and a port; write for instance imap.kommune.example:993")
    return text


def _whole(path: Path) -> Path:
    if not path.is_absolute() or ".." in path.parts:
        raise ValueError("not a whole path; begin with /")
    return path


class Place(Strict):
    """A folder that is read by us alone: what has been read is marked as seen, nothing is ever deleted."""

    maildir: Annotated[Path, AfterValidator(_whole)] | None = None
    """A folder with `new` and `cur` in it (maildir(5))."""
    imap: Annotated[str, AfterValidator(_server)] | None = None
    security: Literal["tls", "starttls", "none"] = "tls"
    ca_file: FilePath | None = None
    """Trust these certificates only; without it the machine's own store is trusted."""
    user: Annotated[str, Field(pattern=r"^[!-~]{0,200}$")] = ""
    password: SecretName = "imap_password"  # noqa: S105 - the name it is looked up by
    folder: Annotated[str, Field(pattern=r"^[ !#-\[\]-~]{1,200}$")] = "INBOX"
    timeout: Annotated[Seconds, Field(gt=0, le=25)] = 10.0

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.maildir is None) == (self.imap is None):
            raise ValueError("not one of maildir and imap; write for instance maildir: /var/mail/omsorgsvagt")
        return self

    @model_validator(mode="after")
    def _can_be_opened(self) -> Self:
        if self.imap and not self.user:
            raise ValueError("imap without user; write the mailbox's user, and its password's name in password")
        if self.imap and self.security == "none" and self.host not in _LOOPBACK:
            raise ValueError("a password would cross the net in clear; set security to starttls or tls")
        return self

    @property
    def host(self) -> str:
        """The IMAP server's name or address; empty for a Maildir."""
        return (self.imap or "").rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """The IMAP server's port."""
        return int((self.imap or ":0").rpartition(":")[2])
