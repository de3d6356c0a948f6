"""A mail as it was found in a mailbox, and how much of a mailbox is read at once."""

from dataclasses import dataclass
from datetime import datetime, timedelta

AT_ONCE = 50
"""Mails read in one turn; more wait for the next."""
RECENT = timedelta(days=3)
"""What came before says nothing of what happens now, and is left alone."""


@dataclass(frozen=True, slots=True)
class Letter:
    """`ident` is its own in its mailbox; `raw` are its first octets; `at` when it came (UTC)."""

    ident: str
    raw: bytes
    at: datetime


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a turn is to do: mark those as seen, then read what has come since and is not among `known`."""

    done: tuple[str, ...]
    known: frozenset[str]
    since: datetime
    largest: int
