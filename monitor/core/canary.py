"""A test unit's message on its way through systems of others: what is in the air, what came out, what is missing.

Pure. A message answers for its own time only: one that came too late is told as late, and one that never came as gone
since it was sent.

Context: where the other end does not show which message came out, one that is late looks like the next one in time.
Choice: after one has been missing, whatever comes out first counts as late, from when the first missing one was sent;
the next alone can show that all is well. Price: after an outage the path counts as slow for one interval more.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds: a message leaves each `interval` and must be out `within`. `ours`: we send, not the unit by itself."""

    interval: float
    within: float
    ours: bool


@dataclass(frozen=True, slots=True)
class Course:
    """What is known since `began`. `flying`: what was last sent has not come out; `lost` when the first missing left.

    `took` is how many seconds the last that came out was under way, of a unit that sends by itself beyond its interval.
    """

    began: datetime
    sent: datetime | None = None
    ref: str = ""
    flying: bool = False
    lost: datetime | None = None
    last: datetime | None = None
    took: float = 0.0
    late: bool = False


class Stand(StrEnum):
    """How the path stands."""

    AWAITED = "awaited"
    """Nothing has come out yet, and its time is not up."""
    WELL = "well"
    LATE = "late"
    GONE = "gone"


def due(course: Course, pace: Pace, now: datetime) -> bool:
    """Whether we are to send one now."""
    return pace.ours and (course.sent is None or (now - course.sent).total_seconds() >= pace.interval)


def launched(course: Course, now: datetime, ref: str) -> Course:
    """One was sent and taken; what was in the air until now is missing."""
    lost = (course.lost or course.sent) if course.flying else course.lost
    return replace(course, sent=now, ref=ref, flying=True, lost=lost)


def landed(course: Course, pace: Pace, at: datetime) -> Course:
    """One came out."""
    if not pace.ours:
        late = _late(course.last, pace.interval, at) if course.last is not None else 0.0
        return replace(course, last=at, took=late, late=late > pace.within)
    if not course.flying:
        # Another's, or one that was given up: it says nothing of the next.
        return replace(course, last=at)
    took = max(0.0, _late(course.lost or course.sent, 0.0, at))
    return replace(course, last=at, took=took, late=took > pace.within, flying=False, lost=None)


def missing(course: Course, pace: Pace, now: datetime) -> datetime | None:
    """Since when one that should be out is not; None while none is."""
    if pace.ours:
        overdue = course.flying and _late(course.sent, 0.0, now) > pace.within
        return course.lost or (course.sent if overdue else None)
    # While nobody listened, one may have come unheard.
    since = max(course.began, course.last or course.began)
    return since + timedelta(seconds=pace.interval) if _late(since, pace.interval, now) > pace.within else None


def stand(course: Course, pace: Pace, now: datetime) -> Stand:
    """How the path stands now."""
    if missing(course, pace, now) is not None:
        return Stand.GONE
    if course.last is None:
        return Stand.AWAITED
    return Stand.LATE if course.late else Stand.WELL


def _late(since: datetime | None, allowed: float, at: datetime) -> float:
    """Seconds beyond those allowed."""
    return max(0.0, (at - since).total_seconds() - allowed) if since is not None else 0.0
