"""The API's shapes, as OpenAPI shows them.

Times are ISO 8601 UTC, durations seconds, states the words of DESIGN §1. Addresses are never whole.
"""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints

from monitor.web.privacy import holds_cpr


class Shape(BaseModel):
    """What is given out; written once and never changed."""

    model_config = ConfigDict(frozen=True)


class CheckShape(Shape):
    """One check. `seen_at` is when its last probe began; `phases` are seconds of that probe."""

    name: str
    title: str
    state: str
    since: datetime | None
    seen_at: datetime | None
    outcome: str | None
    reason: str | None
    words: str
    took: float | None
    phases: dict[str, float]


class SystemShape(Shape):
    """One system. `own` marks our own line, the alarm path and the service itself."""

    name: str
    title: str
    own: bool
    state: str
    severity: str | None
    since: datetime | None
    words: str
    incident: str | None
    checks: list[CheckShape]


class NextStepShape(Shape):
    """What an open incident waits for, and when; `at` is null where no instant is known: `what` is then the reason."""

    what: str
    words: str
    at: datetime | None


class IncidentShape(Shape):
    """One incident in short. `human` is how far people are; `next_step` is null when it is over."""

    number: str
    id: str
    system: str
    severity: str
    current: str | None
    began: datetime
    detected: datetime
    good_since: datetime | None
    recovered: datetime | None
    closed: datetime | None
    open: bool
    active: bool
    unstable: bool
    human: str
    acknowledged: datetime | None
    acknowledged_by: str
    first_acknowledged: datetime | None
    hold: str | None
    held_by: str | None
    cause: str
    drill: bool
    next_step: NextStepShape | None = None


class LineShape(Shape):
    """One line of the timeline; `words` is its head in Danish."""

    at: datetime
    entry: str
    words: str
    text: str
    who: str
    reason: str


class NoticeShape(Shape):
    """One notice; its address is masked and its text left out."""

    id: str
    kind: str
    person: str
    role: str
    channel: str
    to: str
    state: str
    reason: str
    created: datetime
    settled: datetime | None
    route: str | None
    task: str | None
    rung: str
    delivered: datetime | None
    seen: datetime | None
    answered: datetime | None
    overdue: datetime | None
    undelivered: str


class TaskShape(Shape):
    """One task handed out."""

    task: str
    title: str
    given: datetime
    done: datetime | None
    done_by: str


class StoryShape(IncidentShape):
    """One incident in full, oldest first."""

    timeline: list[LineShape]
    notices: list[NoticeShape]
    tasks: list[TaskShape]


class IncidentsShape(Shape):
    """Incidents, newest first. `complete` is false when the database could not be read and only open ones are known."""

    incidents: list[IncidentShape]
    complete: bool


class PeriodShape(Shape):
    """The period of the day, and until when."""

    name: str
    until: datetime | None


class RouteShape(Shape):
    """One way to people's phones or mail. `up` is null until it has been tried."""

    name: str
    channel: str
    independent: bool
    up: bool | None


class PlanShape(Shape):
    """The plan in force. `reload_ok` is false when the last change to it could not be loaded."""

    digest: str
    municipality: str
    reload_ok: bool


class StatusShape(Shape):
    """Everything as it is now. `next_at` is when a chain next asks for something."""

    now: datetime
    version: str
    plan: PlanShape
    healthy: bool
    reasons: list[str]
    blind: bool
    store_degraded: bool
    rows_waiting: int
    period: PeriodShape
    next_at: datetime | None
    systems: list[SystemShape]
    incidents: list[IncidentShape]
    routes: list[RouteShape]


class DoneShape(Shape):
    """What came of an action. `recorded` is false while the database cannot be written: then it stands in memory."""

    answer: Literal["done", "already"]
    recorded: bool
    incident: IncidentShape


class Fault(Shape):
    """Why not, in a sentence."""

    detail: str


class WrongField(Shape):
    """One field that is not as it must be: where it stands, why, and what sort of fault that is."""

    loc: list[str]
    msg: str
    type: str


class Refusal(Shape):
    """Why not, in a sentence, or field by field."""

    detail: str | list[WrongField]


def _no_cpr(text: str) -> str:
    if holds_cpr(text):
        raise ValueError("teksten ligner et CPR-nummer: skriv den uden")
    return text


# Printable text on one line: what is written here is shown to others and sent on.
_ONE_LINE = r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069<>]+$"


def _plain(longest: int) -> StringConstraints:
    return StringConstraints(strip_whitespace=True, min_length=1, max_length=longest, pattern=_ONE_LINE)


Who = Annotated[str, _plain(60), AfterValidator(_no_cpr)]
Text = Annotated[str, _plain(500), AfterValidator(_no_cpr)]


class Asked(BaseModel):
    """What somebody asks for; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid")

    who: Who


class Acknowledge(Asked):
    """Somebody has it, and is so far."""

    state: Literal["seen", "working", "fallback"] = "seen"


class Note(Asked):
    """A line for the timeline."""

    text: Text
