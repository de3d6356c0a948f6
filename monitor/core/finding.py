"""What a check saw once.

A failure is data with a named reason: the reason becomes the timeline's line and the metric's label.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NewType

CheckName = NewType("CheckName", str)
SystemName = NewType("SystemName", str)


class Outcome(StrEnum):
    """How one probe ended; UNKNOWN is neither good nor bad: we could not look."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    UNKNOWN = "unknown"


class Phase(StrEnum):
    """The parts of a probe's time, in the order they happen."""

    RESOLVE = "resolve"
    CONNECT = "connect"
    TLS = "tls"
    PROCESSING = "processing"
    TRANSFER = "transfer"


class Reason(StrEnum):
    """Why a probe did not end well; the wording lies in `monitor.core.words`."""

    TIMEOUT = "timeout"
    REFUSED = "refused"
    RESET = "reset"
    NAME_UNKNOWN = "name_unknown"
    TLS = "tls"
    PROTOCOL = "protocol"
    STATUS = "status"
    HEADER = "header"
    BODY = "body"
    JSON = "json"
    SLOW = "slow"
    REDIRECTS = "redirects"
    TOO_LARGE = "too_large"
    CONTENT = "content"
    REPLY = "reply"
    CERTIFICATE_EXPIRED = "certificate_expired"
    CERTIFICATE_EXPIRES = "certificate_expires"
    CERTIFICATE_UNTRUSTED = "certificate_untrusted"
    CERTIFICATE_NAME = "certificate_name"
    RECORDS = "records"
    LOSS = "loss"
    MISSING = "missing"
    STALE = "stale"
    SICK = "sick"
    SILENT = "silent"
    EARLY = "early"
    WORN = "worn"
    NOT_OUT = "not_out"
    LATE_OUT = "late_out"
    # Ours: these make a finding UNKNOWN.
    NO_ROUTE = "no_route"
    RESOLVER = "resolver"
    CREDENTIALS = "credentials"
    PROBE_REFUSED = "probe_refused"
    SECRET = "secret"
    INTERNAL = "internal"
    BLIND = "blind"
    EMPTY = "empty"
    AWAITED = "awaited"
    # The service's own (systems `vagten` and `alarmvej`).
    PLAN = "plan"
    STORE = "store"
    STORE_LOST = "store_lost"
    LOOP = "loop"
    ROUTE = "route"
    CREDIT = "credit"
    COVERAGE = "coverage"
    ROSTER = "roster"
    CLOCK = "clock"
    STANDSTILL = "standstill"
    SIGN_OF_LIFE = "sign_of_life"


OURS = frozenset(
    {
        Reason.NO_ROUTE,
        Reason.RESOLVER,
        Reason.CREDENTIALS,
        Reason.PROBE_REFUSED,
        Reason.SECRET,
        Reason.INTERNAL,
        Reason.BLIND,
        Reason.EMPTY,
        Reason.AWAITED,
    }
)
"""Reasons on our own side of the wire: a probe that met one says nothing of the system."""


@dataclass(frozen=True, slots=True)
class Miss:
    """One expectation that did not hold: what was expected and what was seen, both short and free of personal data."""

    reason: Reason
    expected: str = ""
    seen: str = ""


@dataclass(frozen=True, slots=True)
class Held:
    """One expectation that did hold; shown by `omsorgsvagt check`."""

    expected: str
    seen: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What `judge` makes of a measurement. `misses` is empty exactly when the outcome is OK.

    `grade` orders worsenings within one outcome (a certificate at 21, 7, 1 days is 1, 2, 3).
    """

    outcome: Outcome
    misses: tuple[Miss, ...] = ()
    held: tuple[Held, ...] = ()
    grade: int = 0
    began: datetime | None = None
    """When what was seen began, where that is known to be earlier than the look."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check saw once. `at` is when the probe began (UTC), `took` and `phases` are seconds.

    `began` is when what it saw had begun, for a check that knows (a silence is older than the look that finds it).
    """

    check: CheckName
    outcome: Outcome
    at: datetime
    took: float = 0.0
    misses: tuple[Miss, ...] = ()
    held: tuple[Held, ...] = ()
    phases: Mapping[str, float] = field(default_factory=dict)
    facts: Mapping[str, float | str] = field(default_factory=dict)
    grade: int = 0
    began: datetime | None = None

    @property
    def reason(self) -> Reason | None:
        """The first miss's reason, or None when all held."""
        return self.misses[0].reason if self.misses else None
