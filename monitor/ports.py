"""The seams between the engine and the outside: what a check and a channel must offer, and what they are given.

A check kind is a module in `checks/` with `Settings`, `probe` and `judge`; a channel is a module in
`monitor/channels/` with `Settings` and `Channel`. Both are handed what they need and reach for nothing else.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from monitor.core.finding import Verdict
from monitor.core.fleet import FleetSight
from monitor.core.records import Kept, Row


class SecretMissing(LookupError):
    """A secret named in the configuration is in no place secrets come from."""


@dataclass(slots=True)
class ProbeContext:
    """What a probe is given for one run.

    `secret(name)` raises SecretMissing. `memory` lives as long as the check (a kept token, a counter); it is the
    probe's own. `phases` and `facts` are filled as the probe goes, so a probe cut off by its timeout still tells
    how far it came; phases are seconds by `monitor.core.finding.Phase`.
    """

    secret: Callable[[str], str]
    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    timeout: float = 10.0
    memory: dict[str, Any] = field(default_factory=dict)
    phases: dict[str, float] = field(default_factory=dict)
    facts: dict[str, float | str] = field(default_factory=dict)
    fleet: Callable[[str], FleetSight | None] = lambda name: None
    """A fleet as it is now; None where nobody knows of it."""
    canary: Callable[[str], datetime | None] = lambda name: None
    """When the canary of this name last came by webhook; None while it never has."""

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Add the time spent inside to `phases[name]`, also when it ends by an exception."""
        began = self.monotonic()
        try:
            yield
        finally:
            self.phases[name] = self.phases.get(name, 0.0) + self.monotonic() - began


class CheckKind(Protocol):
    """A module in `checks/`: measuring, judging and nothing more.

    `probe` raises OSError, ssl.SSLError, TimeoutError, SecretMissing or `monitor.core.fault.ProbeFault` when it could
    not measure; `checks.run` turns these into a finding in one place. `judge` is pure.
    """

    Settings: type[Any]

    async def probe(self, settings: Any, context: ProbeContext) -> Any:
        """Measure once. Ends within `settings.timeout` because the caller cuts it off there."""

    def judge(self, settings: Any, measurement: Any, now: datetime) -> Verdict:
        """Decide what the measurement means. Pure."""


class SendOutcome(StrEnum):
    """What became of one try on one route."""

    ACCEPTED = "accepted"
    TEMPORARY = "temporary"
    """Not sent; the same route may take it later."""
    REJECTED = "rejected"
    """Not sent; this text or this recipient never will be on this route (a dead number)."""
    BROKEN = "broken"
    """Not sent; this route sends for nobody until somebody mends it (credentials, credit, configuration)."""
    UNKNOWN = "unknown"
    """Perhaps sent (a timeout, a dropped connection after the text was handed over): repeat by another route only."""


@dataclass(frozen=True, slots=True)
class Sent:
    """The outcome of one try: `said` is the provider's own word, short, no secrets; `provider_id` its receipt key."""

    outcome: SendOutcome
    said: str = ""
    provider_id: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """One text on its way out. `key` is unique per notice and stable over repeats (user reference, Message-ID)."""

    key: str
    to: str
    text: str
    subject: str = ""
    html: str = ""
    urgent: bool = True
    thread: str = ""


@dataclass(frozen=True, slots=True)
class Health:
    """How a route is when nothing is sent. `ok` None: this look says nothing either way.

    `said` is short, Danish and without secrets; `credit` is what is left of the account, in its own currency.
    """

    ok: bool | None
    said: str = ""
    credit: float | None = None


class Channel(Protocol):
    """One configured route of a channel."""

    async def send(self, message: Message) -> Sent:
        """Try once. Never raises for what a provider or the network does: that is an outcome."""

    async def health(self) -> Health:
        """Look at the route without sending anything. Never raises for what a provider or the network does."""

    async def close(self) -> None:
        """Let go of connections."""


@dataclass(frozen=True, slots=True)
class ChannelContext:
    """What a route is given when it is built."""

    secret: Callable[[str], str]
    now: Callable[[], datetime]
    timeout: float = 5.0
    here: str = ""
    """Where programs on this machine reach us, `http://127.0.0.1:8424`; empty where nobody listens."""


DeviceRow = tuple[int, str, str, str, bool, int, datetime | None, str]
"""One device as it is kept: its place, id, cid, attributes (JSON), critical, interval (0: the fleet's), muted until
when, and why."""
BlockRow = tuple[str, int, bytes]
"""A stretch of a fleet as it was last heard of: fleet, block, data."""
TokenRow = tuple[str, str, str, datetime, datetime | None, str]
"""SHA-256 in hexadecimal, fleet, device (empty: the whole fleet), when made, when revoked, what it is for."""


class StoreFault(Exception):
    """The database cannot be used now: full, locked, gone or broken."""


class StoreLost(StoreFault):
    """What the database held cannot be had any more: the file is corrupt, removed or another. `renew` begins anew."""


class RowStore(Protocol):
    """Where rows are kept. Each call raises StoreFault; a save that raised has written nothing."""

    async def open(self) -> None:
        """Make the store ready."""

    async def save(self, rows: Sequence[Row]) -> None:
        """Write the rows in one transaction; a later row replaces an earlier one with its key."""

    async def load(self) -> Kept:
        """What deciding needs after a start."""

    async def renew(self, at: datetime) -> str:
        """After StoreLost: set aside what is there and begin anew, empty. Gives what it is called now, "" for none."""

    async def look(self) -> None:
        """See whether what is kept is whole, in bounded time. Raises StoreLost when it is not."""


class FleetRows(Protocol):
    """Where the fleets are kept. Each call raises StoreFault; a write that raised has written nothing."""

    def devices(self, fleet: str) -> AsyncIterator[Sequence[DeviceRow]]:
        """The fleet's devices in the order of their places, in chunks."""

    def blocks(self, fleet: str) -> AsyncIterator[Sequence[BlockRow]]:
        """What was last written of the fleet, in chunks."""

    def tokens(self) -> AsyncIterator[Sequence[tuple[str, str, str]]]:
        """(hash, fleet, device) of every token in force, in chunks."""

    async def put(self, fleet: str, rows: Sequence[DeviceRow]) -> None:
        """Write devices, a later row in place of an earlier one of the same place."""

    async def remove(self, fleet: str, places: Sequence[int]) -> None:
        """Take devices out of the registry."""

    async def write(self, blocks: Sequence[BlockRow]) -> None:
        """Write blocks in one transaction."""

    async def enrol(self, token: TokenRow) -> None:
        """Keep a token's hash."""

    async def enrol_all(self, tokens: Sequence[TokenRow]) -> None:
        """Keep many tokens' hashes, those that are there already too."""

    async def revoke(self, hashes: Sequence[str], at: datetime) -> None:
        """These tokens open nothing any more."""

    async def told(self, stem: str, since: datetime) -> Sequence[str]:
        """The keys of notices that begin so and were made since."""
