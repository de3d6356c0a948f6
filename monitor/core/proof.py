"""The promise, computed beforehand: the longest time from a fault to an SMS taken by a carrier.

Every term is one the configuration states, so the bound is checked on paper and shown beside what is measured. It
holds while the service runs and at least the last of the SMS routes works; the hours in which the plan reaches nobody
are listed as gaps, not averaged away.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.core.calendar import PeriodName
from monitor.core.finding import SystemName
from monitor.core.plan import OWN_SYSTEMS, ChannelName, CheckRule, Plan, Severity, Step

LATE_START = 0.1
COMMIT = 3.0
"""A save that takes longer than this is given up and made good later (`monitor.engine.journal`)."""
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


def detection(rule: CheckRule) -> float:
    """The longest time until a lasting fault is confirmed by one check.

    The fault comes just after a probe that was well, so the next starts `every` later; each of `confirm` failing probes
    lasts at most `timeout` and starts no sooner than `retry_every` after the one before.
    """
    between = max(rule.retry_every, rule.timeout)
    return rule.every + (rule.confirm - 1) * between + rule.timeout + rule.confirm * LATE_START


def bounds(plan: Plan, start: datetime, days: int = 400) -> Iterator[Bound]:
    """Every care system's bound for every stretch of the calendar, shift by shift."""
    end = start + timedelta(days=days)
    edges = _edges(plan, start, end)
    for system in plan.systems.values():
        if system.id in OWN_SYSTEMS or not system.checks:
            continue
        detect = _slowest(plan, system.id)
        hold = plan.rules.fresh_within if system.depends_on else 0.0
        for begins, ends in zip(edges, [*edges[1:], end], strict=True):
            yield _bound(plan, system.id, (begins, ends), detect, hold)


def _slowest(plan: Plan, system: SystemName) -> float:
    rules = [plan.checks[name] for name in plan.systems[system].checks]
    deadly = [rule for rule in rules if rule.fail_means is Severity.DOWN]
    return max((detection(rule) for rule in deadly), default=float("inf"))


def _bound(plan: Plan, system: SystemName, span: tuple[datetime, datetime], detect: float, hold: float) -> Bound:
    period = plan.calendar.period_at(span[0])
    after = first_phone(plan, system, span[0])
    routes = [route for route in plan.routes if route.channel is ChannelName.SMS]
    if after is None or not routes or detect == float("inf"):
        return Bound(system, period, *span, reaches=False)
    # The try is saved before it is made, so each route costs a commit besides its own limit.
    send = sum(route.timeout + ROUTE_GRACE + COMMIT for route in routes)
    return Bound(system, period, *span, True, detect, hold, COMMIT, after, send)


def first_phone(plan: Plan, system: SystemName, at: datetime) -> float | None:
    """Seconds from the chain's start until the first step that reaches a phone; None when no step does."""
    chain = plan.chain_for(plan.calendar.period_at(at), system, Severity.DOWN)
    pulled = 0.0
    for index, step in enumerate(chain.steps if chain else ()):
        if _reaches_phone(plan, step, at):
            return step.after - pulled
        following = chain.steps[index + 1] if chain and index + 1 < len(chain.steps) else None
        if following is not None and not any(plan.roles[role].on_duty(at) for role in step.tell):
            pulled += following.after - step.after
    return None


def _reaches_phone(plan: Plan, step: Step, at: datetime) -> bool:
    if ChannelName.SMS not in step.by:
        return False
    return any(plan.people[person].sms for role in step.tell for person in plan.roles[role].on_duty(at))


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
