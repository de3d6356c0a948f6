"""What may stand in `plan.yaml` and `systems.yaml`, entry by entry.

Each entry is validated alone, so one wrong entry never hides what is wrong with the next.
"""

import re
from datetime import date, time
from typing import Annotated, Any, Literal

import phonenumbers
from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from monitor.core.plan import ChannelName
from monitor.plan.settings import Seconds, SeverityWord, Strict

FICTIONAL = re.compile(r"\+4500000\d{3}")
"""Numbers no telephone has: Danish numbers never begin with 0, so the plan's examples and tests ring nobody."""

_E164 = re.compile(r"\+[1-9]\d{6,14}")
_MAIL = re.compile(r"[^@\s<>,;]+@[^@\s<>,;]+\.[^@\s<>,;.]+")
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
_RELATIVE = re.compile(r"[A-Za-z0-9æøåÆØÅ_.-]+(?:/[A-Za-z0-9æøåÆØÅ_.-]+)*")


def one_or_more(value: Any) -> Any:
    """A single text counts as a list of one."""
    return [value] if isinstance(value, str) and value else value


def _number(text: str) -> str:
    if not text or FICTIONAL.fullmatch(text):
        return text
    if not _E164.fullmatch(text):
        raise ValueError(f"'{text[:40]}' is not a number in full; write +, country code and number without blanks")
    try:
        possible = phonenumbers.is_possible_number(phonenumbers.parse(text))
    except phonenumbers.NumberParseException:
        possible = False
    if not possible:
        raise ValueError(f"'{text}' has too few or too many digits; a Danish number is +45 and 8 digits")
    return text


def _mail(text: str) -> str:
    if text and not _MAIL.fullmatch(text):
        raise ValueError(f"'{text[:60]}' is not a mail address; write for instance navn@kommune.example")
    return text


def clock(value: Any) -> time:
    """A wall-clock time from `HH:MM`. Raises ValueError naming a right example."""
    text = str(value)
    found = _CLOCK.fullmatch(text)
    if found is None:
        raise ValueError(f"'{text[:40]}' is not a time of day; write hours and minutes, for instance 08:00")
    return time(int(found[1]), int(found[2]))


def day(value: Any) -> date:
    """A date from `YYYY-MM-DD`. Raises ValueError naming a right example."""
    text = str(value)
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        try:
            return date.fromisoformat(text)
        except ValueError as exc:
            raise ValueError(f"'{text}' is no day of the calendar; correct the month or the day") from exc
    raise ValueError(f"'{text[:40]}' is not a date; write year, month and day, for instance 2026-05-15")


def _inside(text: str) -> str:
    if text and (not _RELATIVE.fullmatch(text) or ".." in text.split("/")):
        raise ValueError(f"'{text[:60]}' is not a file below the configuration folder; write for instance cards/x.md")
    return text


Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,47}$")]
Names = Annotated[tuple[str, ...], BeforeValidator(one_or_more), Field(min_length=1, max_length=200)]
Inside = Annotated[str, AfterValidator(_inside)]
Clock = Annotated[time, BeforeValidator(clock)]
Day = Annotated[date, BeforeValidator(day)]
Title = Annotated[str, Field(min_length=1, max_length=80)]


class PersonShape(Strict):
    """Somebody, or a shared duty phone."""

    name: Title
    sms: Annotated[str, AfterValidator(_number)] = ""
    mail: Annotated[str, Field(max_length=254), AfterValidator(_mail)] = ""

    @model_validator(mode="after")
    def _reachable(self) -> "PersonShape":
        if not (self.sms or self.mail):
            raise ValueError("nobody can be told without an address; give sms, mail or both")
        return self


class RoleShape(Strict):
    """`duty` names those who always have the role, `roster` the file that says who has it when."""

    title: Title
    duty: Names | None = None
    roster: Inside = ""

    @model_validator(mode="after")
    def _one(self) -> "RoleShape":
        if (self.duty is None) == (not self.roster):
            raise ValueError("a role has either duty or roster; write duty: <person> or roster: rosters/<file>")
        return self


class StepShape(Strict):
    """One step of a chain."""

    after: Seconds
    tell: Names
    by: Annotated[tuple[ChannelName, ...], BeforeValidator(one_or_more), Field(min_length=1)]
    repeat: Seconds = 0.0
    until: Literal["acknowledged"] | None = None
    if_: Annotated[Literal["unacknowledged"] | None, Field(alias="if")] = None
    task: str = ""


class ChainShape(Strict):
    """A chain without its steps, which are read one by one."""

    period: Annotated[str, Field(min_length=1)]
    systems: Names | None = None
    severities: Annotated[tuple[SeverityWord, ...], BeforeValidator(one_or_more), Field(min_length=1)] | None = None
    steps: Any = ()


class TaskShape(Strict):
    """Something a person must do: the words for the SMS (else the title), the ready text, whom to contact."""

    title: Title
    sms: str = ""
    text: Annotated[str, Field(min_length=1, max_length=10_000)]
    contact: dict[str, str] = Field(default_factory=dict)


class RequirementShape(Strict):
    """What the plan demands for a system."""

    phone_within: Annotated[Seconds, Field(gt=0)]


class RulesShape(Strict):
    """Figures of incident handling; what is left out keeps the figure of `monitor.core.plan.Rules`."""

    rejoin_within: Seconds | None = None
    unstable_after: Annotated[int, Field(ge=2, le=100)] | None = None
    unstable_window: Seconds | None = None
    stable_for: Seconds | None = None
    accept_within: Seconds | None = None
    fresh_within: Seconds | None = None
    receipt_within: Annotated[Seconds, Field(ge=10)] | None = None
    progress_every: Seconds | None = None
    progress_wait: Annotated[Seconds, Field(gt=0)] | None = None
    reminders_per_hour: Annotated[int, Field(ge=1, le=1000)] | None = None


class ClosingShape(Strict):
    """A closing: every year (`12-24`), once (`2026-05-15`), or through `to`, from a time of day on."""

    date: Annotated[str, Field(min_length=1)]
    to: str = ""
    from_: Annotated[Clock, Field(alias="from")] = time(0)
    name: Annotated[str, Field(max_length=60)] = ""


class SystemShape(Strict):
    """A system without its checks, which are read one by one."""

    title: Title
    short: Annotated[str, Field(max_length=20)] = ""
    card: Inside = ""
    depends_on: Names | None = None
    worsened_by: Names | None = None
    over_own_line: bool = True
    critical: bool = False
    checks: Any = ()


class RotationShape(Strict):
    """A roster in turns: `people` one after the other, from `since` on, handed over at `handover` (`fri 14:00`)."""

    people: Names
    handover: str
    since: Day
    weeks: Annotated[int, Field(ge=1, le=52)] = 1
    overrides: Any = ()


class OverrideShape(Strict):
    """Somebody else for a while. `from` and `to` are `YYYY-MM-DD` (midnight) or `YYYY-MM-DD HH:MM`."""

    from_: Annotated[str, Field(alias="from")]
    to: str
    person: str
