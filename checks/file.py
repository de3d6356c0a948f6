"""Check kind `file`: a file, or the newest of several, is as fresh as it must be (DOMAIN §1: "kørelister").

Only times and sizes are looked at: neither content nor name gets anywhere.

Either `max_age` at all times, or deadlines on working days: once one has passed, what was made before its window is
stale and nothing at all is missing, until somebody makes it late or the next deadline's window opens.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from checks.newest import Look, Newest
from checks.schedule import Deadline, Schedule, WorkingDays
from monitor.core.fault import ProbeFault
from monitor.core.finding import Held, Miss, Outcome, Phase, Reason, Verdict
from monitor.core.plan import Severity
from monitor.plan.settings import CheckSettings, Seconds, SeverityWord
from monitor.ports import ProbeContext

_DAYS = ("mandag", "tirsdag", "onsdag", "torsdag", "fredag", "lørdag", "søndag")
_AHEAD = timedelta(minutes=5)
"""How far another machine's clock may be ahead of ours before its dates are not believed."""


def _absolute(path: Path) -> Path:
    if not path.is_absolute() or "**" in path.parts or ".." in path.parts:
        raise ValueError("path is not a whole path; begin with / and use *, ? and [] only within names")
    return path


class Settings(CheckSettings):
    """`path` may have wildcards; files under `min_size` bytes do not count. Either `max_age` or `working_days`.

    A preparation not made is no outage: it means an advisory unless the plan says otherwise.
    """

    kind: Literal["file"]
    path: Annotated[Path, AfterValidator(_absolute)]
    min_size: Annotated[int, Field(ge=0)] = 1
    max_age: Annotated[Seconds, Field(gt=0)] | None = None
    working_days: WorkingDays | None = None
    fail_means: SeverityWord = Severity.ADVISORY

    @model_validator(mode="after")
    def _one_rule(self) -> "Settings":
        if (self.max_age is None) == (self.working_days is None):
            raise ValueError("choose one of max_age and working_days; write for instance max_age: 1h")
        return self
