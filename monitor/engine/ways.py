"""By which route a notice goes next: the plan's order, what fails or is silent last, what has been tried not again.

The rule itself is `monitor.core.delivery.next_move`; here is what it is told of the routes.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from monitor.core import words
from monitor.core.delivery import GiveUp, Try, Wait, by_other_route, next_move
from monitor.core.finding import CheckName, Finding, Miss, Outcome, Reason
from monitor.core.plan import ALARM_PATH, RouteInfo, RouteName
from monitor.core.records import Notice
from monitor.core.state import Level
from monitor.engine.desk import Desk
from monitor.engine.instead import routes_left
from monitor.ports import SendOutcome, Sent

_SICK_FOR = timedelta(seconds=30)
"""How long a route that has just failed is tried after the others, before it gets another chance."""


def move(desk: Desk, notice: Notice, now: datetime) -> Try | Wait | GiveUp:
    """What to do with a queued notice now."""
    sick, doubted = _trouble(desk, now)
    routes = desk.plan.routes
    incident = desk.ledger.incidents.get(notice.incident) if notice.incident else None
    if incident is not None and incident.system == ALARM_PATH:
        # What tells of a route that failed is also the way to see whether it still does.
        routes = tuple(sorted(routes, key=lambda route: route.name not in doubted))
    else:
        sick |= desk.silence.silent()
    found = next_move(notice, desk.ledger.attempts.get(notice.id, []), open_to(desk, notice, routes), now, sick)
    return replace(found, repeat=True) if isinstance(found, Try) and by_other_route(notice) else found


def open_to(desk: Desk, notice: Notice, routes: Sequence[RouteInfo]) -> Sequence[RouteInfo]:
    """What stands in for a text without a receipt goes by none of the routes that have taken that one."""
    if not by_other_route(notice):
        return routes
    left = routes_left(desk, notice)
    return [route for route in routes if route.name in left]


def _trouble(desk: Desk, now: datetime) -> tuple[set[RouteName], set[RouteName]]:
    """The routes whose last try failed: those just now, and those that have had their rest since."""
    sick: set[RouteName] = set()
    doubted: set[RouteName] = set()
    for route in desk.plan.routes:
        belief = desk.ledger.beliefs.get(CheckName(f"alarmvej-{route.name}"))
        if belief is not None and belief.level is Level.DOWN:
            just_now = belief.seen_at is not None and now - belief.seen_at < _SICK_FOR
            (sick if just_now else doubted).add(route.name)
    return sick, doubted


def route_finding(route: RouteName, sent: Sent, at: datetime) -> Finding:
    """What a try says of the route itself: a refused recipient says nothing against it."""
    name = CheckName(f"alarmvej-{route}")
    if sent.outcome in (SendOutcome.ACCEPTED, SendOutcome.REJECTED):
        return Finding(name, Outcome.OK, at)
    return Finding(
        name, Outcome.FAIL, at, misses=(Miss(Reason.ROUTE, seen=f"{route}: {words.OUTCOMES[sent.outcome]}"),)
    )
