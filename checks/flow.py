"""`flow`: several requests as one visitor, such as a form login or OAuth2 client credentials (RFC 6749 section 4.4).

The finding says which step failed and why; what is carried between the steps is told to nobody.
"""

from datetime import datetime
from typing import Literal

from checks.steps import Trail, Walk, judged, walk
from monitor.core.finding import Verdict
from monitor.ports import ProbeContext


class Settings(Walk):
    """A flow is its steps."""

    kind: Literal["flow"]


async def probe(settings: Settings, context: ProbeContext) -> Trail:
    """Take the steps once; what happens in one of them is part of the measurement."""
    return await walk(settings, context)


def judge(settings: Settings, measurement: Trail, now: datetime) -> Verdict:
    """The first step that missed decides. Pure; `now` plays no part."""
    del now
    return judged(settings, measurement)
