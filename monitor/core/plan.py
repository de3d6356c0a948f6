"""The frozen plan: the customer's plan as values.

Built whole by `monitor.plan.load` or not at all; nothing here is changed after that, a reload swaps the whole.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time
from enum import IntEnum, StrEnum
from typing import NewType

from monitor.core.calendar import Calendar, PeriodName
from monitor.core.finding import CheckName, SystemName
from monitor.core.withholding import Withholding

PersonId = NewType("PersonId", str)
RoleId = NewType("RoleId", str)
ChainId = NewType("ChainId", str)
TaskId = NewType("TaskId", str)
RouteName = NewType("RouteName", str)
FleetName = NewType("FleetName", str)

OWN_LINE = SystemName("egen_linje")
ALARM_PATH = SystemName("alarmvej")
WATCH = SystemName("vagten")
OWN_SYSTEMS = (OWN_LINE, ALARM_PATH, WATCH)


class Severity(IntEnum):
    """How bad an incident is; ordered, so a worsening is a greater one. The name (lower case) is used in the plan."""

    ADVISORY = 1
    DEGRADED = 2
    DOWN = 3

    @property
    def word(self) -> str:
        """The plan's and the metrics' word for it."""
        return self.name.lower()


class ChannelName(StrEnum):
    """A kind of way to a person."""

    SMS = "sms"
    MAIL = "mail"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody, or a shared duty phone. `sms` is E.164; either address may be empty, not both."""

    id: PersonId
    name: str
    sms: str = ""
    mail: str = ""

    def address(self, channel: ChannelName) -> str:
        """The person's address on a channel, empty when there is none."""
        return self.sms if channel is ChannelName.SMS else self.mail


@dataclass(frozen=True, slots=True)
class Shift:
    """A person has a duty from `start` until just before `end` (aware, UTC)."""

    start: datetime
    end: datetime
    person: PersonId


@dataclass(frozen=True, slots=True)
class Role:
    """What the plan names. Either `always` (one or more people who all have it) or shifts, sorted by start."""

    id: RoleId
    title: str
    always: tuple[PersonId, ...] = ()
    shifts: tuple[Shift, ...] = ()
    from_roster: bool = False

    def on_duty(self, at: datetime) -> tuple[PersonId, ...]:
        """Who has the duty at an instant, without repeats, in roster order; empty when nobody has."""
        if not self.from_roster:
            return self.always
        return tuple(dict.fromkeys(s.person for s in self.shifts if s.start <= at < s.end))


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a chain: after how long (seconds), whom, how, until when (DESIGN §1, chain and step).

    `repeat` seconds between reminders (0 none) until acknowledged; `unacknowledged_only` is the plan's
    `if: unacknowledged`; `task` names a task handed over to those told.
    """

    after: float
    tell: tuple[RoleId, ...]
    by: tuple[ChannelName, ...]
    repeat: float = 0.0
    unacknowledged_only: bool = False
    task: TaskId | None = None


@dataclass(frozen=True, slots=True)
class Chain:
    """The plan's escalation for a period of the day.

    A chain without a period (`period: altid` in the plan) stands beside the period's own and runs from the incident's
    start across every change of period: for what counts from the outage itself (eight hours: consider the krisestab).
    """

    id: ChainId
    period: PeriodName | None
    systems: frozenset[SystemName]
    severities: frozenset[Severity]
    steps: tuple[Step, ...]

    def covers(self, system: SystemName, severity: Severity) -> bool:
        """True where the chain speaks of this system at this severity."""
        return system in self.systems and severity in self.severities


@dataclass(frozen=True, slots=True)
class Task:
    """Something a person must do and tick off. `text` is the ready text (Danish); `contact` shown as it stands."""

    id: TaskId
    title: str
    text: str
    sms: str = ""
    """The words for the SMS; short, GSM 03.38."""
    contact: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CheckRule:
    """How a check's findings become a state (DESIGN §3, Probing) and what its badness means for its system."""

    name: CheckName
    system: SystemName
    title: str
    confirm: int = 3
    recover: int = 2
    warn_means: Severity = Severity.DEGRADED
    fail_means: Severity = Severity.DOWN
    canary: bool = False
    every: float = 30.0
    timeout: float = 10.0
    retry_every: float = 5.0
    fleet: FleetName | None = None
    """The fleet it looks at, for a check of kind `fleet`."""


@dataclass(frozen=True, slots=True)
class WorkList:
    """Who gets the working day's list of devices to look after, and when (wall-clock time)."""

    tell: RoleId
    at: time


@dataclass(frozen=True, slots=True)
class SingleCall:
    """Who is told at once of a silent device that is marked critical, and how."""

    tell: RoleId
    by: tuple[ChannelName, ...]


@dataclass(frozen=True, slots=True)
class Fleet:
    """Devices that report by themselves. Seconds: `interval` between reports (None: learnt from each device's own
    rhythm, never under `floor`), `deadline` after the last one heard until it is silent.

    `attributes` are the columns a device is described by; what many silent devices share is found among them.
    """

    id: FleetName
    title: str
    deadline: float
    interval: float | None = None
    floor: float = 60.0
    attributes: tuple[str, ...] = ()
    scaip: bool = False
    worklist: WorkList | None = None
    critical: SingleCall | None = None


@dataclass(frozen=True, slots=True)
class System:
    """What the plan names. `depends_on` are systems looked at afresh before this one's notices go out.

    `line` says whether it is reached over our own internet line, so that blindness there makes its failures unknown.
    """

    id: SystemName
    title: str
    short: str
    """The name in an SMS, at most 20 characters."""
    card: str = ""
    depends_on: tuple[SystemName, ...] = ()
    over_own_line: bool = True
    checks: tuple[CheckName, ...] = ()
    worsened_by: tuple[SystemName, ...] = ()
    """Systems whose outage makes this one's worse; said in the text (Phoniro and nødkald)."""
    critical: bool = False
    """Never silenced wholly: while its notices are withheld somebody is told instead."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """What the plan demands of the alarm: a phone told within so many seconds of the fault."""

    system: SystemName
    phone_within: float


@dataclass(frozen=True, slots=True)
class Rules:
    """Figures of incident handling (DESIGN §3, Incidents and Delivery), seconds."""

    rejoin_within: float = 900.0
    unstable_after: int = 3
    unstable_window: float = 3600.0
    stable_for: float = 900.0
    accept_within: float = 5.0
    fresh_within: float = 20.0
    """How long a child's notices may wait for a fresh look at its parent before they go all the same."""
    receipt_within: float = 60.0
    """Without a receipt by then, somebody told counts as not reached: other ways and the next person at once."""
    progress_every: float = 1800.0
    """Without news for so long, whoever has it is asked; 0: never."""
    progress_wait: float = 600.0
    """Without an answer to that, the chain starts again."""
    reminders_per_hour: int = 30
    """How many reminders one person is sent by one channel within an hour; a first alarm is never among them."""


@dataclass(frozen=True, slots=True)
class RouteInfo:
    """What deciding needs to know of a configured route."""

    name: RouteName
    channel: ChannelName
    independent: bool = False
    timeout: float = 5.0
    replies: bool = False
    """People can answer what came this way."""
    keyword: str = ""
    """What they must write first for it to reach us."""
    receipts: bool = False
    """The carrier tells when a text has arrived."""
    credit_below: float = 0.0
    """Less credit than this is warned of; 0: the account has none to watch."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole plan, frozen. `digest` names this version of it in rows and metrics."""

    digest: str
    municipality: str
    owner: RoleId
    """The role that hears of gaps in the plan itself (nobody on duty, a number that is dead)."""
    calendar: Calendar
    people: Mapping[PersonId, Person]
    roles: Mapping[RoleId, Role]
    chains: tuple[Chain, ...]
    tasks: Mapping[TaskId, Task]
    systems: Mapping[SystemName, System]
    checks: Mapping[CheckName, CheckRule]
    routes: tuple[RouteInfo, ...]
    requirements: tuple[Requirement, ...] = ()
    rules: Rules = field(default_factory=Rules)
    fleets: Mapping[FleetName, Fleet] = field(default_factory=dict)
    windows: Mapping[SystemName, tuple[Withholding, ...]] = field(default_factory=dict)
    """Announced work by system, each system's by start."""

    def chain_for(self, period: PeriodName, system: SystemName, severity: Severity) -> Chain | None:
        """The first chain, in the plan's order, that is bound to this period and covers system and severity."""
        return next((c for c in self.chains if c.period == period and c.covers(system, severity)), None)

    def standing_chains(self, system: SystemName, severity: Severity) -> tuple[Chain, ...]:
        """Every chain without a period that covers system and severity, in the plan's order."""
        return tuple(c for c in self.chains if c.period is None and c.covers(system, severity))
