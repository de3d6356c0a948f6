"""A chain's run over the day: its stretches, and each step of them with its instant and whom it finds.

Worked out from the incident's row and the plan alone, so every look at them gives the same.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from monitor.core.calendar import PeriodName
from monitor.core.ladder import Unreached, missed_since
from monitor.core.plan import Chain, PersonId, Plan, RoleId, Step
from monitor.core.records import Incident

ALL_REACHED: Unreached = {}


@dataclass(frozen=True, slots=True)
class Stretch:
    """A chain's run over one stretch of the day. `key` names the stretch, not the chain: a new plan continues it."""

    key: str
    chain: Chain | None
    period: PeriodName | None
    start: datetime
    end: datetime | None
    is_handover: bool = False


@dataclass(frozen=True, slots=True)
class Firing:
    """A step of a stretch with the instant it is due and who has the duty then."""

    step: Step
    index: int
    at: datetime
    people: tuple[tuple[PersonId, RoleId], ...]
    gaps: tuple[RoleId, ...]
    handover: bool = False
    """It tells those of its first role that an outage somebody has is theirs now."""
    missed: datetime | None = None
    """When nobody it told counted as reached any more, so that the next step took its turn."""

    @property
    def told(self) -> tuple[tuple[PersonId, RoleId], ...]:
        """Whom it tells: a hand-over goes to its first role that has anybody."""
        return tuple(pair for pair in self.people if pair[1] == self.people[0][1]) if self.handover else self.people


def stretches(incident: Incident, plan: Plan, now: datetime) -> list[Stretch]:
    """The stretches of the incident's present generation up to now, the running one last; standing chains first.

    A change of period begins the new period's chain at the boundary (DESIGN §3, Time of day). Standing chains share one
    key: who stands in two of them is told as often as they ask, each time once.
    """
    base = incident.chain_from
    prefix = f"{incident.id}/{incident.generation}"
    found = [
        Stretch(f"{prefix}/altid", chain, None, base, None)
        for chain in plan.standing_chains(incident.system, incident.severity)
    ]
    edges = [base, *plan.calendar.changes(base, now)]
    ends: list[datetime | None] = [*edges[1:], plan.calendar.next_change(max(now, base))]
    for start, end in zip(edges, ends, strict=True):
        period = plan.calendar.period_at(start)
        chain = plan.chain_for(period, incident.system, incident.severity)
        acknowledged = incident.acknowledged is not None and incident.acknowledged <= start
        # The first one's start moves when the clock is set, a boundary's does not.
        key = f"{prefix}/start{incident.releases or ''}" if start == base else f"{prefix}/{start:%Y%m%dT%H%M%S}"
        found.append(Stretch(key, chain, period, start, end, acknowledged and start > base))
    return found


def firings(
    plan: Plan, stretch: Stretch, acknowledged: datetime | None, unreached: Unreached = ALL_REACHED
) -> Iterator[Firing]:
    """The stretch's steps with their instants.

    A step that finds nobody hands its time to the next one at once; one that reaches nobody calls the next one then.
    """
    if stretch.chain is None:
        return
    pulled = 0.0
    steps = stretch.chain.steps
    handed = not stretch.is_handover
    for index, step in enumerate(steps):
        at = stretch.start + timedelta(seconds=step.after - pulled)
        people, gaps = on_duty(plan, step, at)
        firing = Firing(step, index, at, people, gaps, not handed and bool(people) and step.task is None)
        handed = handed or firing.handover
        if index + 1 < len(steps):
            planned = stretch.start + timedelta(seconds=steps[index + 1].after - pulled)
            turn = _next_turn(stretch, firing, acknowledged, unreached)
            if turn is not None and turn < planned:
                pulled += (planned - turn).total_seconds()
                firing = replace(firing, missed=turn if people else None)
        yield firing


def _next_turn(
    stretch: Stretch, firing: Firing, acknowledged: datetime | None, unreached: Unreached
) -> datetime | None:
    """From when the next step need not wait for its time; None: it waits."""
    if not firing.handover and moot(firing.step, firing.at, acknowledged):
        return None
    if not firing.people:
        return firing.at
    if firing.step.task is not None:
        return None
    missed = missed_since(stretch.key, [person for person, _ in firing.told], firing.at, unreached)
    answered = missed is not None and acknowledged is not None and acknowledged <= missed
    return None if answered and not firing.handover else missed


def moot(step: Step, at: datetime, acknowledged: datetime | None) -> bool:
    """Whether the step is for an outage nobody has, and somebody has it by then."""
    return step.unacknowledged_only and acknowledged is not None and acknowledged <= at


def on_duty(plan: Plan, step: Step, at: datetime) -> tuple[tuple[tuple[PersonId, RoleId], ...], tuple[RoleId, ...]]:
    """Whom a step finds, each with the first role that names them, and the roles that find nobody."""
    people: dict[PersonId, RoleId] = {}
    gaps = []
    for role_id in step.tell:
        found = plan.roles[role_id].on_duty(at)
        if not found:
            gaps.append(role_id)
        for person in found:
            people.setdefault(person, role_id)
    return tuple(people.items()), tuple(gaps)
