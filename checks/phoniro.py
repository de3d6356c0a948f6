"""`phoniro`: a flow against the locks' gateway, judged by the hours in which the phones fetch their lists.

The locks open without the network once a phone has its list: an outage is critical while phones synchronise and a
worsening otherwise; a login that fails is critical always, since no phone can begin (DOMAIN section 3).
"""

from dataclasses import dataclass, replace
from datetime import datetime, time
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, PlainValidator

from checks.steps import Trail, Walk, judged, walk
from monitor.core.finding import Outcome, Verdict
from monitor.ports import ProbeContext

_ZONE: Final = ZoneInfo("Europe/Copenhagen")


@dataclass(frozen=True, slots=True)
class Window:
    """From `start` until just before `end` on the wall clock in Denmark; over midnight where `end` is less."""

    start: time
    end: time

    def holds(self, at: time) -> bool:
        """Whether a time of day lies in it."""
        if self.start < self.end:
            return self.start <= at < self.end
        return at >= self.start or at < self.end


def window(value: object) -> Window:
    """From `06:30-07:15`. Raises ValueError with a right example."""
    if isinstance(value, Window):
        return value
    start, _, end = str(value).partition("-")
    try:
        found = Window(time.fromisoformat(start.strip()), time.fromisoformat(end.strip()))
    except ValueError as exc:
        raise ValueError(f"{str(value)[:20]!r} is not a window; write for instance 06:30-07:15") from exc
    if found.start == found.end or found.start.tzinfo or found.end.tzinfo:
        raise ValueError("a window has a beginning and another end, in Danish time; write for instance 06:30-07:15")
    return found


class Settings(Walk):
    """A flow, and the `windows` in which the phones synchronise."""

    kind: Literal["phoniro"]
    windows: Annotated[tuple[Annotated[Window, PlainValidator(window)], ...], Field(max_length=24)] = (
        window("06:30-07:15"),
        window("14:30-15:15"),
        window("22:30-23:15"),
    )


async def probe(settings: Settings, context: ProbeContext) -> Trail:
    """Take the steps once; what happens in one of them is part of the measurement."""
    return await walk(settings, context)


def judge(settings: Settings, measurement: Trail, now: datetime) -> Verdict:
    """As a flow, but a FAIL outside the windows is a WARN unless it was a login step that failed. Pure."""
    verdict = judged(settings, measurement)
    at_login = bool(measurement.steps) and measurement.steps[-1].step.login
    critical = any(window.holds(now.astimezone(_ZONE).time()) for window in settings.windows)
    if verdict.outcome is Outcome.FAIL and not at_login and not critical:
        return replace(verdict, outcome=Outcome.WARN)
    return verdict
