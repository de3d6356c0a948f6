"""Who is to be told now: the plan's chains run over an open incident.

Nothing is remembered but what has been said (`told`): each tick works the whole chain out again from the incident's
rows, the plan and the time, and returns only what has not been said yet. A restart therefore forgets nothing, and a
changed plan tells nobody twice: a notice's key names the person, the turn and the stretch of the day, not the step.
"""

from collections.abc import Iterator, Set
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.core.calendar import PeriodName
from monitor.core.plan import Chain, ChannelName, PersonId, Plan, RoleId, Step, TaskId
from monitor.core.records import Entry, Incident, Kind

_MANY = 100_000


@dataclass(frozen=True, slots=True)
class Call:
    """One person to be told by one channel, and why. `key` is unique for the incident's whole life."""

    key: str
    kind: Kind
    person: PersonId
    channel: ChannelName
    role: RoleId
    due: datetime
    task: TaskId | None = None


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing for the timeline that is no notice; said once because its key is unique."""

    key: str
    entry: Entry
    at: datetime
    period: PeriodName | None = None
    role: RoleId | None = None
    chain: Chain | None = None
    step: Step | None = None


@dataclass(frozen=True, slots=True)
class Due:
    """What a tick asks for. `next_at` is the earliest instant at which more may be due, None when nothing is planned."""

    calls: tuple[Call, ...] = ()
    remarks: tuple[Remark, ...] = ()
    next_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Stretch:
    """A chain's run over one stretch of the day. `key` names the stretch, not the chain, so that a new plan continues it."""

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


def due(incident: Incident, plan: Plan, now: datetime, told: Set[str]) -> Due:
    """Everything the plan asks for by `now` that is not in `told` (keys of notices and timeline lines)."""
    if not incident.active or incident.hold is not None:
        return Due()
    calls: dict[str, Call] = {}
    remarks: dict[str, Remark] = {}
    upcoming: list[datetime] = []
    for stretch in stretches(incident, plan, now):
        if stretch.end is not None:
            upcoming.append(stretch.end)
        for remark in _entered(incident, stretch):
            remarks.setdefault(remark.key, remark)
        ended = stretch.end is not None and stretch.end <= now
        for item in _walk(incident, plan, stretch, now, upcoming):
            target: dict[str, Call] | dict[str, Remark] = calls if isinstance(item, Call) else remarks
            # A stretch that is over asks for nothing new: what it had not yet said is dropped below, with its reason.
            if not ended or (isinstance(item, Remark) and item.entry is Entry.STEP_DROPPED):
                target.setdefault(item.key, item)  # type: ignore[arg-type]
    return Due(
        tuple(c for c in calls.values() if c.key not in told),
        tuple(r for r in remarks.values() if r.key not in told),
        min((t for t in upcoming if t > now), default=None),
    )


def stretches(incident: Incident, plan: Plan, now: datetime) -> list[Stretch]:
    """The stretches of the incident's present generation up to now, the running one last; standing chains first.

    A change of period begins the new period's chain at the boundary (DESIGN §3, Time of day); the same chain on both
    sides of a boundary goes on.
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
        key = f"{prefix}/{start:%Y%m%dT%H%M%S}"
        found.append(Stretch(key, chain, period, start, end, acknowledged and start > base))
    return found


def firings(plan: Plan, stretch: Stretch, acknowledged: datetime | None) -> Iterator[Firing]:
    """The stretch's steps with their instants. A step that finds nobody hands its time to the next one at once."""
    if stretch.chain is None:
        return
    pulled = 0.0
    steps = stretch.chain.steps
    for index, step in enumerate(steps):
        at = stretch.start + timedelta(seconds=step.after - pulled)
        people, gaps = _on_duty(plan, step, at)
        following = steps[index + 1] if index + 1 < len(steps) else None
        if not people and following is not None and not _moot(step, at, acknowledged):
            pulled += following.after - step.after
        yield Firing(step, index, at, people, gaps)


def _walk(
    incident: Incident, plan: Plan, stretch: Stretch, now: datetime, upcoming: list[datetime]
) -> Iterator[Call | Remark]:
    turns: dict[tuple[PersonId, TaskId | None], int] = {}
    for firing in firings(plan, stretch, incident.acknowledged):
        over = stretch.end is not None and firing.at >= stretch.end
        if _moot(firing.step, firing.at, incident.acknowledged) or (stretch.is_handover and _covered(firing)):
            continue
        if over:
            if stretch.end is not None and stretch.end <= now:
                yield _dropped(stretch, firing, stretch.end)
            continue
        if firing.at > now:
            upcoming.append(firing.at)
            continue
        yield from _gaps(stretch, plan, firing)
        yield from _calls(incident, stretch, firing, turns)
        yield from _reminders(incident, plan, stretch, firing, now, upcoming)


def _covered(firing: Firing) -> bool:
    """In a stretch that begins acknowledged the first step becomes a hand-over; the rest runs unless it waits for an answer."""
    return firing.index > 0 and firing.step.unacknowledged_only


def _moot(step: Step, at: datetime, acknowledged: datetime | None) -> bool:
    return step.unacknowledged_only and acknowledged is not None and acknowledged <= at


def _on_duty(plan: Plan, step: Step, at: datetime) -> tuple[tuple[tuple[PersonId, RoleId], ...], tuple[RoleId, ...]]:
    people: dict[PersonId, RoleId] = {}
    gaps = []
    for role_id in step.tell:
        found = plan.roles[role_id].on_duty(at)
        if not found:
            gaps.append(role_id)
        for person in found:
            people.setdefault(person, role_id)
    return tuple(people.items()), tuple(gaps)


def _calls(
    incident: Incident, stretch: Stretch, firing: Firing, turns: dict[tuple[PersonId, TaskId | None], int]
) -> Iterator[Call]:
    handover = stretch.is_handover and firing.index == 0
    people = firing.people
    if handover:
        first = firing.step.tell[0]
        people = tuple(pair for pair in people if pair[1] == first) or people[:1]
    for person, role in people:
        task = firing.step.task
        turn = turns[person, task] = turns.get((person, task), -1) + 1
        kind = Kind.TASK if task else Kind.HANDOVER if handover else incident.told_as
        # A task is handed to a person once in an incident, however often its chain starts again.
        key = f"{incident.id}/task/{task}/{person}" if task else f"{stretch.key}/{turn}/{person}"
        for channel in firing.step.by[:1] if handover else firing.step.by:
            yield Call(f"{key}/{channel}", kind, person, channel, role, firing.at, task)


def _reminders(
    incident: Incident, plan: Plan, stretch: Stretch, firing: Firing, now: datetime, upcoming: list[datetime]
) -> Iterator[Call]:
    """The latest reminder due; those missed while nobody watched are not sent in a heap afterwards."""
    step = firing.step
    if not step.repeat or incident.acknowledged is not None or stretch.is_handover:
        return
    count = min(int((now - firing.at).total_seconds() // step.repeat), _MANY)
    upcoming.append(firing.at + timedelta(seconds=step.repeat * (count + 1)))
    if count < 1:
        return
    at = firing.at + timedelta(seconds=step.repeat * count)
    people, _ = _on_duty(plan, step, at)
    for person, role in people:
        for channel in step.by:
            key = f"{stretch.key}/r{count}/{person}/{channel}"
            yield Call(key, Kind.REMINDER, person, channel, role, at)


def _gaps(stretch: Stretch, plan: Plan, firing: Firing) -> Iterator[Call | Remark]:
    """A role without anybody on duty: said on the timeline, and to the plan's owner."""
    for role in firing.gaps:
        key = f"{stretch.key}/nobody/{role}"
        yield Remark(key, Entry.NOBODY_ON_DUTY, firing.at, stretch.period, role, stretch.chain, firing.step)
        for person in plan.roles[plan.owner].on_duty(firing.at):
            for channel in ChannelName:
                if plan.people[person].address(channel):
                    at = f"{key}/{person}/{channel}"
                    yield Call(at, Kind.NOBODY_ON_DUTY, person, channel, role, firing.at)


def _entered(incident: Incident, stretch: Stretch) -> Iterator[Remark]:
    if stretch.period is None:
        return
    if stretch.start > incident.chain_from:
        yield Remark(f"{stretch.key}/period", Entry.PERIOD, stretch.start, stretch.period, chain=stretch.chain)
    if stretch.chain is None:
        yield Remark(f"{stretch.key}/no_chain", Entry.WITHHELD, stretch.start, stretch.period)


def _dropped(stretch: Stretch, firing: Firing, at: datetime) -> Remark:
    key = f"{stretch.key}/dropped/{firing.index}"
    return Remark(key, Entry.STEP_DROPPED, at, stretch.period, firing.step.tell[0], stretch.chain, firing.step)
