"""What becomes of a notice after each try: the next route, a wait, or the end.

Routes are tried in the plan's order, each once a round, those known to be sick last. Nothing here forgets a notice: it
is accepted, waits for a stated instant, or has failed for a stated reason. A try whose outcome is unknown is repeated
by another route.
"""

import zlib
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from monitor.core.bundles import FIRST, kind_of
from monitor.core.plan import ChannelName, RouteInfo, RouteName
from monitor.core.reasons import Kind
from monitor.core.records import Attempt, Incident, Notice, NoticeState

EXPIRES = timedelta(hours=24)
OTHER_ROUTE = "other_route"
"""How the key of a notice ends that stands in, on its own channel, for one without a receipt."""
_FIRST_BACKOFF = 5.0
_LONGEST_BACKOFF = 300.0
_LONE_UNKNOWN = timedelta(seconds=60)
_FIRST = FIRST | {Kind.STRAY_ALARM, Kind.SILENT_DEVICE}
_LAST = frozenset({Kind.REMINDER, Kind.TEST})
_NO_OUTAGE = frozenset({Kind.NOBODY_ON_DUTY, Kind.TEST, Kind.TAKEN, Kind.ANSWER})


class Ended(StrEnum):
    """Why a notice will not be tried again."""

    REJECTED = "rejected_everywhere"
    EXPIRED = "expired"
    NO_ROUTE = "no_route_configured"
    OVERTAKEN = "overtaken"
    TOO_MANY = "too_many_reminders"
    """Its reader has been reminded as often as the plan allows within the hour."""
    DEAD_ADDRESS = "dead_address"
    """The address is flagged: the person's other channel at once."""


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


def next_move(
    notice: Notice,
    attempts: Sequence[Attempt],
    routes: Sequence[RouteInfo],
    now: datetime,
    sick: Set[RouteName] = frozenset(),
) -> Move:
    """The next thing to do for a queued notice, given all its tries so far (oldest first).

    Outcomes are the words of `monitor.ports.SendOutcome`; an attempt without one counts as unknown (we were killed).
    `sick` are routes that have just failed somebody else: the others are tried before them.
    """
    mine = ordered(notice, routes, sick)
    if not mine:
        return GiveUp(Ended.NO_ROUTE)
    # However long we were away, nothing is given up that has not been tried since.
    if attempts and attempts[-1].started - notice.created >= EXPIRES:
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
    repeat = any(perhaps_sent(a) for a in attempts)
    if last is None or any(count > fewest for count in tries.values()) or last.route not in tries:
        return Try(candidate.name, repeat)
    # Every usable route has had its turn: the whole ladder rests before the next round.
    wait = timedelta(seconds=backoff(notice, fewest))
    if len(usable) == 1 and perhaps_sent(last):
        wait = max(wait, _LONE_UNKNOWN)
    since = last.ended or last.started
    # A clock that was set back must not turn a rest of seconds into one of hours.
    return Wait(since + wait) if since <= now < since + wait else Try(candidate.name, repeat)


def ordered(notice: Notice, routes: Sequence[RouteInfo], sick: Set[RouteName] = frozenset()) -> list[RouteInfo]:
    """The channel's routes in the order to try them: independent ones first when we are blind, sick ones last."""
    mine = [route for route in routes if route.channel is notice.channel]
    mine.sort(key=lambda route: (route.name in sick, notice.independent_first and not route.independent))
    return mine


def backoff(notice: Notice, rounds: int) -> float:
    """Seconds between rounds: doubling from 5 s to 5 min, spread by ±20 % that is the notice's own."""
    plain = min(_FIRST_BACKOFF * float(1 << min(rounds - 1, 10)), _LONGEST_BACKOFF)
    spread = (zlib.crc32(f"{notice.id}/{rounds}".encode()) % 401 - 200) / 1000
    return plain * (1 + spread)


def perhaps_sent(attempt: Attempt) -> bool:
    """Whether the text may have left although nobody said so."""
    return attempt.outcome in ("", "unknown")


def by_other_route(notice: Notice) -> bool:
    """Whether the same words were taken by another route before."""
    return notice.key.endswith(f"/{OTHER_ROUTE}")


def rank(notice: Notice) -> tuple[int, datetime]:
    """The order of sending: alarms, then what follows from them, then reminders and tests; each by age.

    A pulse, which takes no time, comes before all: behind a long queue it would say that nothing moves.
    """
    kind = kind_of(notice)
    if kind is Kind.PULSE:
        return -1, notice.created
    return (0 if kind in _FIRST else 2 if kind in _LAST else 1, notice.created)


def must_wait_for(notice: Notice, queued: Iterable[Notice]) -> bool:
    """An all-clear never overtakes the alarm it belongs to on the same channel to the same person."""
    if notice.kind is not Kind.ALL_CLEAR:
        return False
    return any(
        other.incident == notice.incident
        and other.person == notice.person
        and other.channel is notice.channel
        and other.kind is not Kind.ALL_CLEAR
        and not by_other_route(other)
        and other.created <= notice.created
        for other in queued
    )


def overtaken(notice: Notice, incident: Incident | None) -> bool:
    """What is still unsent and says nothing true any more.

    A reminder when the incident is over, answered or told anew; who has it when it is over or begun anew, and so a
    question for news, or when there is some; an all-clear when the outage has come back, be it over again since: its
    end has an all-clear of its own. `incident` is the notice's own while it is open, else None.
    """
    if notice.kind is Kind.ALL_CLEAR:
        # While notices are withheld, those told in the chain's place hear at once that it is back.
        back = incident is not None and incident.known is not None and incident.good_since is not None
        return incident is not None and ((incident.active and not back) or notice.generation < incident.generation)
    if by_other_route(notice) and notice.incident is not None:
        # Words that were taken once already hold up nothing that is true now.
        worse = notice.kind is not Kind.TASK and incident is not None and incident.generation != notice.generation
        return incident is None or not incident.active or worse
    if notice.kind not in (Kind.REMINDER, Kind.TAKEN, Kind.PROGRESS, Kind.EASED) or notice.incident is None:
        return False
    if incident is None or not incident.active or incident.generation != notice.generation:
        return True
    if notice.kind is Kind.PROGRESS:
        return incident.news is not None and incident.news > notice.created
    return notice.kind is Kind.REMINDER and incident.acknowledged is not None


def owed_again(notices: Iterable[Notice], incident: Incident) -> list[Notice]:
    """The last all-clear of each person and channel that have heard nothing of the outage since. Oldest first."""
    last: dict[tuple[str, ChannelName], Notice] = {}
    for notice in notices:
        failed = notice.state is NoticeState.FAILED
        if notice.incident == incident.id and notice.kind not in _NO_OUTAGE and not failed:
            last[notice.person, notice.channel] = notice
    return [notice for notice in last.values() if notice.kind is Kind.ALL_CLEAR]


def owed_all_clear(notices: Iterable[Notice], incident: Incident) -> list[Notice]:
    """One earlier notice for each person and channel owed the all-clear: whoever got, or may yet get, the alarm.

    `notices` are oldest first. Somebody whose latest word was an all-clear already is owed no other; one that never
    left settles nothing, nor one still unsent of a turn that is past.
    """
    owed: dict[tuple[str, ChannelName], Notice] = {}
    for notice in notices:
        past = notice.kind is Kind.ALL_CLEAR and notice.generation < incident.generation
        unsent = notice.state is NoticeState.FAILED or (past and notice.state is NoticeState.QUEUED)
        if notice.incident != incident.id or notice.kind in _NO_OUTAGE or unsent:
            continue
        if notice.kind is Kind.ALL_CLEAR:
            owed.pop((notice.person, notice.channel), None)
        else:
            owed.setdefault((notice.person, notice.channel), notice)
    return list(owed.values())
