"""When the clock is set: the instants of what is going on move along, so that what has passed stays as long as it was.

History is not touched: a line of the timeline says what the clock said when it was written.
"""

from dataclasses import fields, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from monitor.core.records import Attempt, Incident, Notice
from monitor.core.sight import Sight
from monitor.core.state import Belief, Run, State

Live = TypeVar("Live", Incident, Notice, Attempt)


def moved(row: Live, by: timedelta) -> Live:
    """The row with every instant moved by so much."""
    return replace(row, **_instants(row, by))


def moved_belief(belief: Belief, by: timedelta) -> Belief:
    """The belief, its runs of findings among it, moved by so much."""
    return replace(belief, **_instants(belief, by))


def moved_sight(sight: Sight, by: timedelta) -> Sight:
    """What the canaries have seen, moved by so much."""
    looks = {name: replace(look, at=look.at + by) for name, look in sight.looks.items()}
    return replace(sight, looks=looks, clear_at=sight.clear_at + by if sight.clear_at else None)


def rested(belief: Belief) -> Belief:
    """The belief after a time in which nobody watched: what was confirmed stands, what was being counted is not.

    A failure seen before and one seen after are no run of failures: the machine's own line is the first to be gone
    when it wakes.
    """
    if belief.level is None or belief.state is State.SUSPECT:
        state = State.UNKNOWN if belief.level is None else State.UP
        return Belief(belief.level, state, belief.level_since, seen_at=belief.seen_at, level_since=belief.level_since)
    none = Run()
    return replace(belief, fails=none, bads=none, goods=none, bearable=none, unknowns=none)


def _instants(row: Any, by: timedelta) -> dict[str, Any]:
    found = {field.name: getattr(row, field.name) for field in fields(row)}
    return {name: moved for name, value in found.items() if (moved := _later(value, by)) is not None}


def _later(value: Any, by: timedelta) -> Any:
    """The value moved where it is an instant, a row of instants or a run that began at one; else None."""
    if isinstance(value, datetime):
        return value + by
    if isinstance(value, Run) and value.since is not None:
        return Run(value.count, value.since + by)
    if isinstance(value, tuple) and value and all(isinstance(each, datetime) for each in value):
        return tuple(each + by for each in value)
    return None
