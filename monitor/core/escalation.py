"""Who is to be told now: the plan's chains run over an open incident.

Nothing is remembered but what has been said (`told`): each tick works the whole chain out again from the incident's
rows, the plan and the time, and returns only what has not been said yet. A restart therefore forgets nothing, and a
changed plan tells nobody twice: a notice's key names the person, the turn and the stretch of the day, not the step.
"""

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from monitor.core.calendar import PeriodName
from monitor.core.plan import Chain, ChannelName, PersonId, Plan, RoleId, Step, TaskId
from monitor.core.reasons import Entry, Kind
from monitor.core.records import Incident


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
    others: bool = False
    """Of a role without anybody on duty: the step reaches somebody else."""


@dataclass(frozen=True, slots=True)
class Due:
    """What a tick asks for. `next_at` is the earliest instant at which more may be due, None when none is known."""

    calls: tuple[Call, ...] = ()
    remarks: tuple[Remark, ...] = ()
    next_at: datetime | None = None


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


def due(incident: Incident, plan: Plan, now: datetime, told: Set[str]) -> Due:
    """Everything the plan asks for by `now` that is not in `told` (keys of notices and timeline lines)."""
    if not incident.active or incident.hold is not None:
        return Due()
    calls: dict[str, Call] = {}
    remarks: dict[str, Remark] = {}
    upcoming: list[datetime] = []
    for _, shared in groupby(stretches(incident, plan, now), key=lambda stretch: stretch.key):
        group = tuple(shared)
        for item in (*_entered(incident, group[0]), *_walk(incident, plan, group, now, upcoming)):
            if isinstance(item, Remark):
                remarks.setdefault(item.key, item)
            elif item.key not in calls or item.due < calls[item.key].due:
                calls[item.key] = item
    return Due(
        tuple(c for c in calls.values() if c.key not in told),
        tuple(r for r in remarks.values() if r.key not in told),
        min((t for t in upcoming if t > now), default=None),
    )


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
    incident: Incident, plan: Plan, group: Sequence[Stretch], now: datetime, upcoming: list[datetime]
) -> Iterator[Call | Remark]:
    """The stretches of one key, their steps in the order they are due, so that a person's turns are counted alike at
    every tick."""
    turns: dict[tuple[PersonId, TaskId | None], int] = {}
    steps = [(firing, stretch) for stretch in group for firing in firings(plan, stretch, incident.acknowledged)]
    steps.sort(key=lambda pair: pair[0].at)
    upcoming.extend(stretch.end for stretch in group if stretch.end is not None)
    handed = not group[0].is_handover
    for firing, stretch in steps:
        handover = not handed and bool(firing.people) and firing.step.task is None
        if not handover and _moot(firing.step, firing.at, incident.acknowledged):
            continue
        handed = handed or handover
        over = stretch.end is not None and firing.at >= stretch.end
        if stretch.end is not None and stretch.end <= now:
            # A stretch that is over asks nobody any more: the next one has taken over at the boundary.
            if over:
                yield _dropped(stretch, firing, stretch.end)
        elif over:
            continue
        elif firing.at > now:
            upcoming.append(firing.at)
        else:
            yield from _gaps(stretch, plan, firing)
            yield from _calls(incident, stretch, firing, turns, handover=handover)
            reminders = _reminders(incident, plan, stretch, firing, now, upcoming)
            yield from (call for call in reminders if not _just_told(call, steps, firing.step.repeat / 2))


def _just_told(call: Call, steps: Sequence[tuple[Firing, Stretch]], within: float) -> bool:
    """Whether a step told this person the same within so many seconds before: somebody with two roles hears it once."""
    return any(
        firing.step.task is None
        and 0 <= (call.due - firing.at).total_seconds() < within
        and any(person == call.person for person, _ in firing.people)
        for firing, _ in steps
    )


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
    incident: Incident,
    stretch: Stretch,
    firing: Firing,
    turns: dict[tuple[PersonId, TaskId | None], int],
    *,
    handover: bool,
) -> Iterator[Call]:
    """Everybody the step names. A hand-over goes to its first role that has anybody, by one channel."""
    step = firing.step
    first = firing.people[0][1] if firing.people else None
    people = tuple(pair for pair in firing.people if pair[1] == first) if handover else firing.people
    kind = Kind.TASK if step.task else Kind.HANDOVER if handover else incident.told_as
    for person, role in people:
        turn = turns[person, step.task] = turns.get((person, step.task), -1) + 1
        # A task is handed to a person once in an incident, however often its chain starts again.
        key = f"{incident.id}/task/{step.task}/{person}" if step.task else f"{stretch.key}/{turn}/{person}"
        for channel in step.by[:1] if handover else step.by:
            yield Call(f"{key}/{channel}", kind, person, channel, role, firing.at, step.task)


def _reminders(
    incident: Incident, plan: Plan, stretch: Stretch, firing: Firing, now: datetime, upcoming: list[datetime]
) -> Iterator[Call]:
    """The latest reminder due; those missed while nobody watched are not sent in a heap afterwards.

    Of what comes and goes nobody is reminded: its text has promised silence until it holds, or gets worse.
    """
    step = firing.step
    silent = incident.told_as is Kind.UNSTABLE or (incident.unstable and incident.good_since is not None)
    if not step.repeat or incident.acknowledged is not None or stretch.is_handover or silent:
        return
    count = int((now - firing.at).total_seconds() // step.repeat)
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
        others = bool(firing.people)
        yield Remark(key, Entry.NOBODY_ON_DUTY, firing.at, stretch.period, role, stretch.chain, firing.step, others)
        owners = plan.roles[plan.owner].on_duty(firing.at)
        ways = ((person, channel) for person in owners for channel in ChannelName)
        for person, channel in ways:
            if plan.people[person].address(channel):
                yield Call(f"{key}/{person}/{channel}", Kind.NOBODY_ON_DUTY, person, channel, role, firing.at)


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
