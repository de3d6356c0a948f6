"""What becomes of a notice after each try: the next route, a wait, or the end.

Routes are tried in the plan's order, each once a round. Nothing here forgets a notice: it is accepted, waits for a
stated instant, or has failed for a stated reason. A try whose outcome is unknown is repeated by another route.
"""

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from monitor.core.plan import ChannelName, RouteInfo, RouteName
from monitor.core.records import Attempt, Incident, Kind, Notice, NoticeState

EXPIRES = timedelta(hours=24)
_FIRST_BACKOFF = 5.0
_LONGEST_BACKOFF = 300.0
_LONE_UNKNOWN = timedelta(seconds=60)
_LATER = frozenset({Kind.REMINDER})


class Ended(StrEnum):
    """Why a notice will not be tried again."""

    REJECTED = "rejected_everywhere"
    EXPIRED = "expired"
    NO_ROUTE = "no_route_configured"
    OVERTAKEN = "overtaken"


@dataclass(frozen=True, slots=True)
class Try:
    """Try this route now. `repeat` is true when an earlier try may have gone through: the receiver is told so."""

    route: RouteName
    repeat: bool = False


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing before this instant."""

    until: datetime


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The notice has failed for good."""

    reason: Ended


Move = Try | Wait | GiveUp


def next_move(notice: Notice, attempts: Sequence[Attempt], routes: Sequence[RouteInfo], now: datetime) -> Move:
    """The next thing to do for a queued notice, given all its tries so far (oldest first).

    Outcomes are the words of `monitor.ports.SendOutcome`; an attempt without one counts as unknown (we were killed).
    """
    mine = ordered(notice, routes)
    if not mine:
        return GiveUp(Ended.NO_ROUTE)
    if now - notice.created >= EXPIRES:
        return GiveUp(Ended.EXPIRED)
    rejected = {a.route for a in attempts if a.outcome == "rejected"}
    usable = [route for route in mine if route.name not in rejected]
    if not usable:
        return GiveUp(Ended.REJECTED)
    return _next_in_round(notice, attempts, usable, now)


def _next_in_round(notice: Notice, attempts: Sequence[Attempt], usable: Sequence[RouteInfo], now: datetime) -> Move:
    tries = {route.name: sum(1 for a in attempts if a.route == route.name) for route in usable}
    fewest = min(tries.values())
    candidate = next(route for route in usable if tries[route.name] == fewest)
    last = attempts[-1] if attempts else None
    repeat = any(_perhaps_sent(a) for a in attempts)
    if last is None or any(count > fewest for count in tries.values()) or last.route not in tries:
        return Try(candidate.name, repeat)
    # Every usable route has had its turn: the whole ladder rests before the next round.
    wait = timedelta(seconds=backoff(notice, fewest))
    if len(usable) == 1 and _perhaps_sent(last):
        wait = max(wait, _LONE_UNKNOWN)
    ready = (last.ended or last.started) + wait
    return Try(candidate.name, repeat) if now >= ready else Wait(ready)


def ordered(notice: Notice, routes: Sequence[RouteInfo]) -> list[RouteInfo]:
    """The channel's routes in the order to try them: the independent ones first when we are blind."""
    mine = [route for route in routes if route.channel is notice.channel]
    if notice.independent_first:
        mine.sort(key=lambda route: not route.independent)
    return mine


def backoff(notice: Notice, rounds: int) -> float:
    """Seconds between rounds: doubling from 5 s to 5 min, spread by ±20 % that is the notice's own."""
    plain = min(_FIRST_BACKOFF * float(1 << min(rounds - 1, 10)), _LONGEST_BACKOFF)
    spread = (zlib.crc32(f"{notice.id}/{rounds}".encode()) % 401 - 200) / 1000
    return plain * (1 + spread)


def _perhaps_sent(attempt: Attempt) -> bool:
    return attempt.outcome in ("", "unknown")


def rank(notice: Notice) -> tuple[int, datetime]:
    """The order of sending: what is new before reminders, then by age."""
    return (1 if notice.kind in _LATER else 0, notice.created)


def must_wait_for(notice: Notice, queued: Sequence[Notice]) -> bool:
    """An all-clear never overtakes the alarm it belongs to on the same channel to the same person."""
    if notice.kind is not Kind.ALL_CLEAR:
        return False
    return any(
        other.incident == notice.incident
        and other.person == notice.person
        and other.channel is notice.channel
        and other.kind is not Kind.ALL_CLEAR
        and other.created <= notice.created
        for other in queued
    )


def overtaken(notice: Notice, incident: Incident | None) -> bool:
    """A reminder still unsent when the incident is over, or answered, says nothing true any more."""
    if notice.kind is not Kind.REMINDER or incident is None:
        return False
    return not incident.active or incident.acknowledged is not None or incident.generation != notice.generation


def owed_all_clear(notices: Iterable[Notice], incident: Incident) -> list[Notice]:
    """One earlier notice per person and channel that is owed the all-clear: everyone who got, or may yet get, the alarm.

    `notices` are oldest first. Somebody whose latest word was an all-clear already is owed no other.
    """
    owed: dict[tuple[str, ChannelName], Notice] = {}
    for notice in notices:
        if notice.incident != incident.id or notice.kind in (Kind.NOBODY_ON_DUTY, Kind.TEST):
            continue
        if notice.kind is Kind.ALL_CLEAR:
            owed.pop((notice.person, notice.channel), None)
        elif notice.state is not NoticeState.FAILED:
            owed.setdefault((notice.person, notice.channel), notice)
    return list(owed.values())
