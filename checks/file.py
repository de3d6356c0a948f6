"""Check kind `file`: a file, or the newest of several, is as fresh as it must be (DOMAIN §1: "kørelister").

Only times and sizes are looked at: neither content nor name gets anywhere.

Either `max_age` at all times, or deadlines on working days: once one has passed, what was made before its window is
stale and nothing at all is missing, until somebody makes it late or the next deadline's window opens.
"""

from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from checks import newest
from checks.newest import Newest, whole
from checks.schedule import Deadline, Schedule, WorkingDays
from monitor.core.fault import ProbeFault
from monitor.core.finding import Held, Miss, Outcome, Phase, Reason, Verdict
from monitor.core.plan import Severity
from monitor.mailbox.aside import Aside
from monitor.plan.settings import CheckSettings, Seconds, SeverityWord
from monitor.ports import ProbeContext

_DAYS = ("mandag", "tirsdag", "onsdag", "torsdag", "fredag", "lørdag", "søndag")
_AHEAD = timedelta(minutes=5)
"""How far another machine's clock may be ahead of ours before its dates are not believed."""


class Settings(CheckSettings, WorkingDays):
    """`path` may have wildcards; files under `min_size` bytes do not count. Either `max_age` or `saved_by`.

    A preparation not made is no outage: it means an advisory unless the plan says otherwise.
    """

    kind: Literal["file"]
    path: Annotated[Path, AfterValidator(whole)]
    min_size: Annotated[int, Field(ge=0)] = 1
    max_age: Annotated[Seconds, Field(gt=0)] | None = None
    fail_means: SeverityWord = Severity.ADVISORY

    @model_validator(mode="after")
    def _one_rule(self) -> "Settings":
        if (self.max_age is None) == (not self.saved_by):
            raise ValueError("not one of max_age and saved_by; write for instance max_age: 1h")
        return self


async def probe(settings: Settings, context: ProbeContext) -> Newest:
    """Look for the newest file. Raises ProbeFault, TIMEOUT while an earlier look still hangs."""
    earlier = context.memory.get("look")
    if isinstance(earlier, Aside) and earlier.hangs:
        raise ProbeFault(Reason.TIMEOUT, "filsystemet svarer", "hænger siden en tidligere måling")
    with context.phase(Phase.PROCESSING):
        look = context.memory["look"] = Aside(partial(newest.newest, settings.path, settings.min_size), "look")
        found: Newest = await look.answer()
    if found.modified:
        context.facts.update(modified_timestamp_seconds=found.modified.timestamp(), size_bytes=found.size)
    return found


def judge(settings: Settings, found: Newest, now: datetime) -> Verdict:
    """FAIL when what had to be made by now is missing or stale. Pure."""
    if found.modified and found.modified > now + _AHEAD:
        seen = f"dateret {_stamp(found.modified, settings)}"
        return Verdict(Outcome.FAIL, (Miss(Reason.STALE, "en dato, der ikke ligger i fremtiden", seen),))
    if settings.max_age is not None:
        since = now - timedelta(seconds=settings.max_age)
        return _verdict(settings, found, since, f"gemt efter {_stamp(since, settings)}")
    schedule = Schedule(settings)
    last, coming = schedule.last(now), schedule.coming(now)
    if last is None or (coming and coming.since <= now):
        title = _title(coming, settings) if coming else "ingen frist"
        return Verdict(Outcome.OK, (), (Held(title, "tiden er ikke gået"),))
    return _verdict(settings, found, last.since, _title(last, settings))


def _verdict(settings: Settings, found: Newest, since: datetime, title: str) -> Verdict:
    if found.modified is None:
        seen = f"kun filer under {settings.min_size} byte" if found.too_small else "ingen fil"
        return Verdict(Outcome.FAIL, (Miss(Reason.MISSING, title, seen),))
    seen = f"gemt {_stamp(found.modified, settings)}"
    if found.modified < since:
        return Verdict(Outcome.FAIL, (Miss(Reason.STALE, title, seen),))
    return Verdict(Outcome.OK, (), (Held(title, seen),))


def _title(deadline: Deadline, settings: Settings) -> str:
    since, due = (at.astimezone(settings.zone) for at in (deadline.since, deadline.due))
    reach = f"{_DAYS[deadline.through.weekday()]} {deadline.through:%d-%m}"
    return f"gemt {due:%d-%m} kl. {since:%H:%M}-{due:%H:%M}, dækker til og med {reach}"


def _stamp(at: datetime, settings: Settings) -> str:
    return f"{at.astimezone(settings.zone):%d-%m-%Y kl. %H:%M}"
