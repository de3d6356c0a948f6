"""Whether everything between a probe and a receipt has really turned: only then may the outside hear that we live.

A service that hangs looks alive from within; what counts is what has come out at the other end since the last time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from monitor.core.plan import ChannelName


class Withheld(StrEnum):
    """Why no sign of life is given."""

    PROBE = "probe"
    """No probe has ended for far longer than the fastest one's interval."""
    LOOP = "loop"
    """A loop on the way from finding to phone has not cycled since the last turn."""
    PULSE = "pulse"
    """What was put into the queue has not come out of every channel."""
    STUCK = "stuck"
    """A loop has hung for longer than its patience."""
    AUDIT = "audit"
    """An incident stands still, and waking whoever should move it has not helped."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What has been seen at the end of a turn; seconds. `lasted` is how long the turn took.

    `probe_age` since a probe last ended (infinite: never); `fastest` the shortest interval of any check, 0 where
    nothing is probed; `loops` the age of the last cycle of each loop on the way; `back` for each channel whether this
    turn's pulse has its receipt; `stuck` the loops that hang; `standing` how many complaints of the auditor stand.
    """

    lasted: float
    probe_age: float
    fastest: float
    loops: Mapping[str, float]
    back: Mapping[ChannelName, bool]
    stuck: tuple[str, ...] = ()
    standing: int = 0


_SPARE = 15.0
"""Seconds beyond two intervals a probe may take: its own timeout, and a look at the canaries first."""


def withheld(turn: Turn) -> Withheld | None:
    """The first reason not to give a sign of life; None when everything has turned."""
    if turn.fastest and turn.probe_age > 2 * turn.fastest + _SPARE:
        return Withheld.PROBE
    if any(age > turn.lasted for age in turn.loops.values()):
        return Withheld.LOOP
    if not all(turn.back.values()):
        return Withheld.PULSE
    if turn.stuck:
        return Withheld.STUCK
    return Withheld.AUDIT if turn.standing else None
