"""The rows: what is kept of what happened, as values.

A row is written whole and never changed in place: a new value with the same key replaces it. Everything deciding
needs after a restart stands here, nothing lives in a timer.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NewType

from monitor.core.finding import CheckName, SystemName
from monitor.core.plan import ChannelName, PersonId, RouteName, Severity, TaskId
from monitor.core.reasons import Entry, Hold, HumanState, Kind
from monitor.core.withholding import Withholding

IncidentId = NewType("IncidentId", str)
NoticeId = NewType("NoticeId", str)
AttemptId = NewType("AttemptId", str)


@dataclass(frozen=True, slots=True)
class Incident:
    """One outage of one system as people handle it.

    `began` is the first bad finding, `detected` when it was confirmed. `chain_from` and `generation` are the base of
    the chain now running: a worsening, a reopening or a release starts it again. `severity` is the worst it has been,
    `current` what it is now (None while up). `good_since` is when the system was last seen to come back, `recovered`
    when that was told, `closed` when it can no longer be rejoined.
    """

    id: IncidentId
    number: str
    system: SystemName
    severity: Severity
    began: datetime
    detected: datetime
    chain_from: datetime
    grade: int = 0
    generation: int = 1
    told_as: Kind = Kind.ALARM
    """Why the chain now running was started."""
    current: Severity | None = None
    hold: Hold | None = None
    held_by: SystemName | None = None
    good_since: datetime | None = None
    recovered: datetime | None = None
    closed: datetime | None = None
    downs: tuple[datetime, ...] = ()
    unstable: bool = False
    human: HumanState = HumanState.UNSEEN
    acknowledged: datetime | None = None
    acknowledged_by: str = ""
    first_acknowledged: datetime | None = None
    cause: str = ""
    drill: bool = False
    news: datetime | None = None
    """When people last said anything of it since it was acknowledged."""
    asked: datetime | None = None
    """When whoever has it was last asked for news."""
    asks: int = 0
    """How often whoever has it was asked."""
    holder: str = ""
    """Who last had it, also after the chain has started again."""
    releases: int = 0
    """How often its notices were held and let go again: each time the chain starts anew."""
    held_since: datetime | None = None
    """Since when its notices have been held."""
    window: str = ""
    """The withholding (`monitor.core.withholding`) that holds them, or last did."""
    known: Severity | None = None
    """While a withholding holds them: what people knew of it when that began; None: nothing, or that it was well."""
    let_go: datetime | None = None
    """When the withholding that last held them ended; None once the chain has started anew for another cause."""
    eased: Severity | None = None
    """What people were told it had eased to, since the chain last started."""

    @property
    def open(self) -> bool:
        """True until the incident can no longer be rejoined."""
        return self.closed is None

    @property
    def active(self) -> bool:
        """True while people are to be told: open and not recovered."""
        return self.closed is None and self.recovered is None


@dataclass(frozen=True, slots=True)
class TimelineLine:
    """One line of an incident's timeline. `key` is unique, so that saying it twice says it once."""

    key: str
    incident: IncidentId
    at: datetime
    entry: Entry
    text: str
    who: str = ""
    reason: str = ""


class NoticeState(StrEnum):
    """Where a notice stands on its way out; the ladder's higher rungs are receipts."""

    QUEUED = "queued"
    ACCEPTED = "accepted"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Notice:
    """One text for one person by one channel, as it was decided. `key` is unique: nobody is told twice for a reason."""

    id: NoticeId
    key: str
    incident: IncidentId | None
    kind: Kind
    person: PersonId
    channel: ChannelName
    to: str
    text: str
    created: datetime
    reason: str = ""
    subject: str = ""
    html: str = ""
    thread: str = ""
    task: TaskId | None = None
    generation: int = 1
    state: NoticeState = NoticeState.QUEUED
    settled: datetime | None = None
    route: RouteName | None = None
    independent_first: bool = False
    fault_at: datetime | None = None
    """When the fault began; only in an incident's first alarms: the base of fault-to-accepted."""
    code: str = ""
    """What the person writes to answer this by SMS; empty where no answer is asked for."""
    delivered: datetime | None = None
    """When the carrier's receipt said that it had arrived."""
    seen: datetime | None = None
    """When its reader first showed that it was read: any reply, a button pressed."""
    answered: datetime | None = None
    """When its reader acknowledged the incident."""
    undelivered: str = ""
    """The carrier's word for why it never will arrive; empty while it may."""
    overdue: datetime | None = None
    """When no receipt had come in time, once and for good: from then on its reader counts as not reached."""
    bundle: NoticeId | None = None
    """The notice it was put into with others; it goes, and is settled, with that one."""
    after: NoticeId | None = None
    """The notice it stands in for: the same words by another route, or by the person's other channel."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try on one route. Written before the try; without an outcome after a restart it is unknown."""

    id: AttemptId
    notice: NoticeId
    route: RouteName
    started: datetime
    repeat: bool = False
    ended: datetime | None = None
    outcome: str = ""
    said: str = ""
    provider_id: str = ""


@dataclass(frozen=True, slots=True)
class TaskItem:
    """A task handed to people in an incident, and who ticked it off."""

    key: str
    incident: IncidentId
    task: TaskId
    given: datetime
    done: datetime | None = None
    done_by: str = ""


@dataclass(frozen=True, slots=True)
class AddressRow:
    """An address that is no more, as a carrier says. `route` is empty when every route of the channel refused it."""

    key: str
    person: PersonId
    channel: ChannelName
    address: str
    since: datetime
    last: datetime
    """When it was last refused."""
    said: str = ""
    route: str = ""
    cleared: datetime | None = None
    """When something reached it after all, or the plan no longer has it."""


@dataclass(frozen=True, slots=True)
class TransitionRow:
    """A check's change of state."""

    id: str
    check: CheckName
    system: SystemName
    before: str
    after: str
    began: datetime
    noticed: datetime
    reason: str = ""
    said: str = ""


@dataclass(frozen=True, slots=True)
class BeliefRow:
    """What we last believed of a check, so that a restart resumes instead of finding out anew."""

    check: CheckName
    level: int
    state: str
    since: datetime
    grade: int = 0


@dataclass(frozen=True, slots=True)
class CanaryRow:
    """When a canary that comes by webhook last came; `id` is its name in the webhook's address."""

    id: str
    last: datetime


@dataclass(frozen=True, slots=True)
class WatchRow:
    """A stretch of time in which the service watched; between two of them nobody did."""

    id: str
    started: datetime
    last: datetime


Row = (
    Incident
    | TimelineLine
    | Notice
    | Attempt
    | TaskItem
    | AddressRow
    | Withholding
    | TransitionRow
    | BeliefRow
    | CanaryRow
    | WatchRow
)


@dataclass(slots=True)
class Batch:
    """Rows that belong in one transaction, in the order they are to be written."""

    rows: list[Row] = field(default_factory=list)

    def add(self, *rows: Row) -> None:
        """Put more rows in."""
        self.rows.extend(rows)

    def __bool__(self) -> bool:
        return bool(self.rows)


@dataclass(frozen=True, slots=True)
class Kept:
    """What deciding needs after a start: everything still open, and what was last believed."""

    incidents: tuple[Incident, ...] = ()
    timeline: tuple[TimelineLine, ...] = ()
    notices: tuple[Notice, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    tasks: tuple[TaskItem, ...] = ()
    addresses: tuple[AddressRow, ...] = ()
    """Those flagged now."""
    beliefs: tuple[BeliefRow, ...] = ()
    withholdings: tuple[Withholding, ...] = ()
    canaries: tuple[CanaryRow, ...] = ()
    last_watch: WatchRow | None = None
    last_number: str = ""
