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
from monitor.core.ladder import Unreached
from monitor.core.plan import Chain, ChannelName, PersonId, Plan, RoleId, Step, TaskId
from monitor.core.reasons import Entry, Kind
from monitor.core.records import Incident
from monitor.core.stretches import ALL_REACHED, Firing, Stretch, firings, moot, on_duty, stretches


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


def due(incident: Incident, plan: Plan, now: datetime, told: Set[str], unreached: Unreached = ALL_REACHED) -> Due:
    """Everything the plan asks for by `now` that is not in `told` (keys of notices and timeline lines).

    `unreached` are the calls that reached nobody (`monitor.core.ladder.unreached`): the next step does not wait.
    """
    if not incident.active or incident.hold is not None:
        return Due()
    calls: dict[str, Call] = {}
    remarks: dict[str, Remark] = {}
    upcoming: list[datetime] = []
    for _, shared in groupby(stretches(incident, plan, now), key=lambda stretch: stretch.key):
        group = tuple(shared)
        for item in (*_entered(incident, group[0]), *_walk(incident, plan, group, now, upcoming, unreached)):
            if isinstance(item, Remark):
                remarks.setdefault(item.key, item)
            elif item.key not in calls or item.due < calls[item.key].due:
                calls[item.key] = item
    return Due(
        tuple(c for c in calls.values() if c.key not in told),
        tuple(r for r in remarks.values() if r.key not in told),
        min((t for t in upcoming if t > now), default=None),
    )


def _walk(
    incident: Incident,
    plan: Plan,
    group: Sequence[Stretch],
    now: datetime,
    upcoming: list[datetime],
    unreached: Unreached,
) -> Iterator[Call | Remark]:
    """The stretches of one key, their steps in the order they are due, so that a person's turns are counted alike at
    every tick."""
    turns: dict[tuple[PersonId, TaskId | None], int] = {}
    steps = [(f, stretch) for stretch in group for f in firings(plan, stretch, incident.acknowledged, unreached)]
    steps.sort(key=lambda pair: pair[0].at)
    upcoming.extend(stretch.end for stretch in group if stretch.end is not None)
    for firing, stretch in steps:
        if not firing.handover and moot(firing.step, firing.at, incident.acknowledged):
            continue
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
            yield from _calls(incident, stretch, firing, turns)
            yield from _missed(stretch, firing)
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


def _calls(
    incident: Incident,
    stretch: Stretch,
    firing: Firing,
    turns: dict[tuple[PersonId, TaskId | None], int],
) -> Iterator[Call]:
    """Everybody the step names; a hand-over goes by one channel."""
    step = firing.step
    kind = Kind.TASK if step.task else Kind.HANDOVER if firing.handover else incident.told_as
    for person, role in firing.told:
        turn = turns[person, step.task] = turns.get((person, step.task), -1) + 1
        # A task is handed to a person once in an incident, however often its chain starts again.
        key = f"{incident.id}/task/{step.task}/{person}" if step.task else f"{stretch.key}/{turn}/{person}"
        for channel in step.by[:1] if firing.handover else step.by:
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
    people, _ = on_duty(plan, step, at)
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


def _missed(stretch: Stretch, firing: Firing) -> Iterator[Remark]:
    """Nobody the step told was reached: the next one is called without waiting."""
    if firing.missed is not None:
        key = f"{stretch.key}/missed/{firing.index}"
        yield Remark(key, Entry.OVERDUE, firing.missed, stretch.period, firing.told[0][1], stretch.chain, firing.step)


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
