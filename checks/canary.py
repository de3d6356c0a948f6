"""Check kind `canary`: a test unit's message goes the whole way and must come out at the other end in time.

Green probes say that each part answers; only this says that an alarm would have been seen. What cannot be looked at is
unknown, and which part of the way failed is told: the receiver did not take it, or nothing came out behind it.
"""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from checks import canary_outlet, scaip
from checks.canary_outlet import REF, Outlet
from checks.failure import miss_of
from checks.run import run
from monitor.core.canary import Course, Pace, Stand, due, landed, launched, missing, stand
from monitor.core.fault import ProbeFault
from monitor.core.finding import CheckName, Finding, Held, Miss, Outcome, Phase, Reason, Verdict
from monitor.core.words import duration
from monitor.plan.settings import CheckSettings, Seconds
from monitor.ports import ProbeContext, SecretMissing

_SHARE = 0.45
"""Of the timeout, for the look and for the sending each: neither may take the other's time."""


def _sender(given: Any) -> Any:
    """The fields of `scaip` but for those every check has, which are this check's own."""
    if not isinstance(given, dict):
        return given
    if own := sorted(set(given) & set(CheckSettings.model_fields)):
        raise ValueError(f"{own[0]} does not belong in send; write it beside send")
    return {**given, "name": "send", "kind": "scaip"}


class Settings(CheckSettings):
    """With `send` (as kind `scaip` has it) we send each `interval`; without it the unit does so by itself."""

    kind: Literal["canary"]
    send: Annotated[scaip.Settings, BeforeValidator(_sender)] | None = None
    arrives: Outlet
    interval: Annotated[Seconds, Field(ge=10)] = 900.0
    within: Annotated[Seconds, Field(gt=0)] = 300.0
    there: Annotated[str, Field(pattern=r"^[^\x00-\x1f]{1,30}$")] = "alarmcentralen"
    """Who is at the other end, as people are told."""
    confirm: Annotated[int, Field(ge=1, le=100)] = 1
    recover: Annotated[int, Field(ge=1, le=100)] = 1

    @model_validator(mode="after")
    def _one_at_a_time(self) -> Self:
        if self.send and self.interval <= self.within:
            raise ValueError("interval is not longer than within; one message must be out before the next is sent")
        if REF in self.arrives.marker and (not self.send or self.arrives.webhook):
            raise ValueError("{ref} in the marker is of a message we send; write what the unit's own lines hold")
        if not self.marker and not self.arrives.webhook:
            raise ValueError("no marker in arrives; write what only the test unit's lines hold")
        return self

    @property
    def marker(self) -> str:
        """What shows a message at the other end."""
        return self.arrives.marker or (self.send.cid if self.send else "")

    @property
    def pace(self) -> Pace:
        """How often, and how fast."""
        return Pace(self.interval, self.within, self.send is not None)


@dataclass(frozen=True, slots=True)
class Seen:
    """The course so far; what our sending came to, where we have just sent; why the other end could not be seen."""

    course: Course
    sending: Finding | None = None
    unseen: Miss | None = None


async def probe(settings: Settings, context: ProbeContext) -> Seen:
    """Look at the other end, then send when it is time."""
    memory, now = context.memory, context.now()
    course = memory.setdefault("course", Course(now))
    unseen: Miss | None = None
    try:
        with context.phase(Phase.TRANSFER):
            async with asyncio.timeout(_SHARE * settings.timeout):
                came = await canary_outlet.look(settings.arrives, settings.marker, course, context)
        course = memory["course"] = landed(course, settings.pace, came) if came else course
    except (ProbeFault, OSError, SecretMissing) as fault:
        unseen = miss_of(fault)
    sending = None
    if settings.send and unseen is None and due(course, settings.pace, now):
        sending = await _sent(settings, settings.send, context)
        if sending.outcome in (Outcome.OK, Outcome.WARN):
            course = memory["course"] = launched(course, now, str(sending.facts.get("ref", "")))
    for name, at in (("sent", course.sent), ("out", course.last)):
        context.facts |= {f"{name}_timestamp_seconds": at.timestamp()} if at else {}
    return Seen(course, sending, unseen)


async def _sent(settings: Settings, send: scaip.Settings, context: ProbeContext) -> Finding:
    limited = send.model_copy(update={"timeout": _SHARE * settings.timeout})
    inner = replace(context, timeout=limited.timeout, memory={}, phases={}, facts={})
    with context.phase(Phase.PROCESSING):
        return await run(CheckName(settings.name), scaip, limited, inner)


def judge(settings: Settings, seen: Seen, now: datetime) -> Verdict:
    """FAIL when what should be out is not, WARN when it came late, UNKNOWN while nothing can be said. Pure."""
    sending, course, pace = seen.sending, seen.course, settings.pace
    if sending and sending.outcome not in (Outcome.OK, Outcome.WARN):
        return Verdict(sending.outcome, sending.misses, sending.held)
    if seen.unseen:
        return Verdict(Outcome.UNKNOWN, (seen.unseen,))
    expected = f"ude inden {_span(pace.within)}"
    match stand(course, pace, now):
        case Stand.GONE:
            since = missing(course, pace, now) or now
            return Verdict(Outcome.FAIL, (Miss(Reason.NOT_OUT, expected, _gone(settings, since, now)),), began=since)
        case Stand.LATE:
            return Verdict(Outcome.WARN, (Miss(Reason.LATE_OUT, expected, f"efter {_span(course.took)}"),))
        case Stand.AWAITED:
            held = (Held("modtageren kvitterer prøvebeskeden"),) if course.sent else ()
            return Verdict(Outcome.UNKNOWN, (Miss(Reason.AWAITED, expected),), held)
    return Verdict(Outcome.OK, (), (Held(expected, f"sidst efter {_span(course.took)}"),))


def _gone(settings: Settings, since: datetime, now: datetime) -> str:
    """Which part of the way failed, and for how long nothing has come out."""
    silent = (now - since).total_seconds()
    if settings.send:
        return f"modtageren kvitterede, men {settings.there} viste intet i {_span(silent)}"
    return f"{settings.there} viste intet i {_span(silent + settings.interval)}"


def _span(seconds: float) -> str:
    return duration(timedelta(seconds=seconds))
