"""The promise, computed beforehand: the longest time from a fault to an SMS taken by a carrier.

Every term is one the configuration states, so the bound is checked on paper and shown beside what is measured. It
holds for one outage at a time, while the service runs, we can see out (a canary answers) and at least the last of the
SMS routes works; the hours in which the plan reaches nobody are listed as gaps, not averaged away.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.core.calendar import PeriodName
from monitor.core.finding import SystemName
from monitor.core.plan import OWN_LINE, OWN_SYSTEMS, Chain, ChannelName, CheckRule, Plan, Severity, Step
from monitor.core.stretches import Firing, Stretch, firings

LATE_START = 0.1
TICK = 1.0
"""What is not due at once is found by the next turn of the loop over open incidents."""
COMMIT = 5.0
"""One save that takes so long that it is given up, and two of others' just short of slow (`monitor.engine.journal`)."""
ROUTE_COMMIT = 2.0
"""The try is saved before it is made; after a slow save nobody waits for the next ones."""
ROUTE_GRACE = 0.5


@dataclass(frozen=True, slots=True)
class Bound:
    """The longest time for one system and one stretch of the day, term by term (seconds). `total` is their sum.

    `reaches` is False when the plan has nobody with a phone on duty then; the total says nothing in that case.
    """

    system: SystemName
    period: PeriodName
    start: datetime
    end: datetime
    reaches: bool
    detect: float = 0.0
    hold: float = 0.0
    commit: float = 0.0
    step: float = 0.0
    send: float = 0.0

    @property
    def total(self) -> float:
        """Seconds in all."""
        return self.detect + self.hold + self.commit + self.step + self.send


def detection(rule: CheckRule, canaries: Sequence[CheckRule] = ()) -> float:
    """The longest time until a lasting fault is confirmed by one check.

    The fault comes just after a probe that was well, so the next starts `every` later; each of `confirm` failing probes
    lasts at most `timeout` and starts no sooner than `retry_every` after the one before. Meanwhile the canaries are
    asked: one that is being asked already, and then once more.
    """
    retries = (rule.confirm - 1) * max(rule.retry_every, rule.timeout)
    canary = max((2 * (c.timeout + LATE_START) for c in canaries), default=0.0)
    return rule.every + rule.timeout + max(retries, canary) + rule.confirm * LATE_START


def bounds(plan: Plan, start: datetime, days: int = 400) -> Iterator[Bound]:
    """Every care system's bound for every stretch of the calendar, shift by shift, at the stretch's worst instant."""
    end = start + timedelta(days=days)
    edges = _edges(plan, start, end)
    spans = list(zip(edges, [*edges[1:], end], strict=True))
    known: dict[tuple[str, ...], list[float | None]] = {}
    for system in plan.systems.values():
        if system.id in OWN_SYSTEMS or not system.checks:
            continue
        # Systems with the same chains have the same answer at every instant.
        chains = _chains(plan, system.id)
        alike = tuple(chain.id for chain in chains)
        if alike not in known:
            points = _points(edges, chains)
            known[alike] = [_slowest_phone(plan, system.id, span, points) for span in spans]
        detect = _slowest(plan, system.id)
        for span, after in zip(spans, known[alike], strict=True):
            yield _bound(plan, system.id, span, after, detect)


def _slowest(plan: Plan, system: SystemName) -> float:
    rules = [plan.checks[name] for name in plan.systems[system].checks]
    deadly = [rule for rule in rules if rule.fail_means is Severity.DOWN]
    ours = plan.systems[OWN_LINE].checks if OWN_LINE in plan.systems and plan.systems[system].over_own_line else ()
    canaries = [plan.checks[name] for name in ours if plan.checks[name].canary]
    return max((detection(rule, canaries) for rule in deadly), default=float("inf"))


def _bound(
    plan: Plan, system: SystemName, span: tuple[datetime, datetime], after: float | None, detect: float
) -> Bound:
    period = plan.calendar.period_at(span[0])
    routes = [route for route in plan.routes if route.channel is ChannelName.SMS]
    if after is None or not routes or detect == float("inf"):
        return Bound(system, period, *span, reaches=False)
    hold = plan.rules.fresh_within + TICK if plan.systems[system].depends_on else 0.0
    step = after + TICK if after else 0.0
    send = sum(route.timeout + ROUTE_GRACE + ROUTE_COMMIT for route in routes)
    return Bound(system, period, *span, True, detect, hold, COMMIT, step, send)


def first_phone(plan: Plan, system: SystemName, at: datetime) -> float | None:
    """Seconds from the chain's start until the first step that reaches a phone; None when no step does.

    A chain cut short by the end of its period goes on with the next one's, as an unanswered outage does.
    """
    standing = [Stretch("", c, None, at, None) for c in plan.standing_chains(system, Severity.DOWN)]
    found = [_rings(plan, stretch) for stretch in standing]
    begins: datetime | None = at
    while begins is not None:
        ends = plan.calendar.next_change(begins)
        period = plan.calendar.period_at(begins)
        chain = plan.chain_for(period, system, Severity.DOWN)
        rings = _rings(plan, Stretch("", chain, period, begins, ends))
        cut = chain is not None and ends is not None and begins + timedelta(seconds=chain.steps[-1].after) >= ends
        found.append(rings)
        begins = ends if rings is None and cut else None
    return min(((one - at).total_seconds() for one in found if one is not None), default=None)


def _rings(plan: Plan, stretch: Stretch) -> datetime | None:
    for firing in firings(plan, stretch, None):
        if stretch.end is not None and firing.at >= stretch.end:
            return None
        if _reaches_phone(plan, firing):
            return firing.at
    return None


def _reaches_phone(plan: Plan, firing: Firing) -> bool:
    return ChannelName.SMS in firing.step.by and any(plan.people[person].sms for person, _ in firing.people)


def _slowest_phone(
    plan: Plan, system: SystemName, span: tuple[datetime, datetime], points: Sequence[datetime]
) -> float | None:
    """The worst answer within a stretch. None (nobody) is worse than any number.

    With nobody to wait for, the answer is the same all through: who has the duty changes at edges only. Otherwise it
    changes at instants whose steps fall on an edge, and between these it does not grow.
    """
    worst = first_phone(plan, system, span[0])
    if not worst:
        return worst
    for point in points[bisect_right(points, span[0]) : bisect_left(points, span[1])]:
        answer = first_phone(plan, system, point)
        if answer is None:
            return None
        worst = max(worst, answer)
    return worst


def _chains(plan: Plan, system: SystemName) -> list[Chain]:
    return [chain for chain in plan.chains if chain.covers(system, Severity.DOWN)]


def _points(edges: Sequence[datetime], chains: Sequence[Chain]) -> list[datetime]:
    """Instants that lie a step's delay before an edge."""
    delays = {delay for chain in chains for delay in _delays(chain.steps)}
    return sorted({edge - timedelta(seconds=delay) for edge in edges for delay in delays})


def _delays(steps: Sequence[Step]) -> set[float]:
    """Every time after the start at which a step may be due, whichever before it find nobody."""
    pulled, found = {0.0}, set()
    for index, step in enumerate(steps):
        found |= {step.after - p for p in pulled}
        if index + 1 < len(steps):
            pulled |= {p + steps[index + 1].after - step.after for p in pulled}
    return found


def _edges(plan: Plan, start: datetime, end: datetime) -> list[datetime]:
    """Every instant at which the answer may change: a period begins, a shift begins or ends."""
    edges = {start, *(t for t in plan.calendar.changes(start, end) if t < end)}
    for role in plan.roles.values():
        for shift in role.shifts:
            edges.update(t for t in (shift.start, shift.end) if start < t < end)
    return sorted(edges)


def worst(plan: Plan, start: datetime, days: int = 400) -> dict[tuple[SystemName, PeriodName], Bound]:
    """The worst bound for each system and period; one that reaches nobody is worse than any number."""
    found: dict[tuple[SystemName, PeriodName], Bound] = {}
    for bound in bounds(plan, start, days):
        key = (bound.system, bound.period)
        if key not in found or _badness(bound) > _badness(found[key]):
            found[key] = bound
    return found


def _badness(bound: Bound) -> tuple[bool, float]:
    return not bound.reaches, bound.total
