"""What is promised of any outage, judged from what the carriers took and from the rows.

Each promise is written down a second time here, from the plan and the field's rules, and shares as little as it can
with what it judges. A promise gives every breach of it in words; none is the only good answer.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise

from monitor.core.delivery import OTHER_ROUTE
from monitor.core.ladder import CHAIN
from monitor.core.plan import ALARM_PATH, ChannelName, PersonId, Plan, RouteInfo, RouteName, Step
from monitor.core.reasons import Entry, Kind
from monitor.core.records import Incident, IncidentId, Notice, NoticeState
from monitor.ports import SendOutcome
from tests.support.world import SLACK, Landed, World

BOUND = timedelta(seconds=5 * 60 * 1.2 + 60 + SLACK)
"""The longest rest between two rounds of the routes, spread by a fifth; a round; and that we look so seldom."""
_BY_PLAN = CHAIN | {Kind.REMINDER, Kind.TASK}
_OWNERS = frozenset({Kind.NOBODY_ON_DUTY, Kind.DEAD_ADDRESS})
_NO_OUTAGE = frozenset({Kind.NOBODY_ON_DUTY, Kind.DEAD_ADDRESS, Kind.TAKEN, Kind.ANSWER, Kind.TEST, Kind.PULSE})
_COULD_NOT = frozenset({Entry.WITHHELD, Entry.NOBODY_ON_DUTY, Entry.GAVE_UP})


def breaches(world: World) -> list[str]:
    """Every promise that holds at any instant."""
    found = [*queued_for_long(world), *untold(world), *twice(world), *too_often(world), *out_of_turn(world)]
    found += clears_astray(world)
    if world.engine.desk.sick:
        found.append(f"fell: {sorted(world.engine.desk.sick)}")
    return found


def at_the_end(world: World) -> list[str]:
    """What holds besides, once everything has long been well; whether a carrier is, only its next text shows."""
    found = [
        f"still queued: {one.key}" for one in world.engine.desk.ledger.queue.values() if one.kind is not Kind.PULSE
    ]
    active = [one for one in world.incidents() if one.active and one.system != ALARM_PATH]
    return [*found, *(f"still active: {one.number} {one.system}" for one in active), *not_cleared(world)]


def queued_for_long(world: World) -> Iterator[str]:
    """A notice waits although a route that may take it has been well for long."""
    ledger, now = world.engine.desk.ledger, world.clock.at
    for notice in ledger.queue.values():
        if notice.kind is Kind.PULSE or notice.bundle is not None:
            continue
        well = [since for route in _usable(world, notice) if (since := world.ways[route].well_since) is not None]
        patience = 3 * BOUND if notice.kind is Kind.ALL_CLEAR else BOUND
        if well and now - max(notice.created, world.up_since, min(well)) > patience:
            yield f"queued since {notice.created:%H:%M:%S}, now {now:%H:%M:%S}: {notice.key}"


def _usable(world: World, notice: Notice) -> list[RouteName]:
    """The routes that may take it: where one is barred, they count once all of them take texts."""
    routes = [route.name for route in _routes(world, notice.channel)]
    tries = world.engine.desk.ledger.attempts.get(notice.id, ())
    barred = any(attempt.outcome == "rejected" for attempt in tries) or notice.key.endswith(OTHER_ROUTE)
    if barred and not all(world.ways[route].takes for route in routes):
        return []
    return routes


def _routes(world: World, channel: ChannelName) -> list[RouteInfo]:
    return [route for route in world.engine.desk.plan.routes if route.channel is channel]


def untold(world: World) -> Iterator[str]:
    """A chain has run for long, every route is well, and nobody was reached, nor does anything say why."""
    ledger, now = world.engine.desk.ledger, world.clock.at
    since = [world.ways[route.name].well_since for route in world.engine.desk.plan.routes]
    if any(one is None for one in since):
        return
    well = max((one for one in since if one is not None), default=now)
    for incident in ledger.incidents.values():
        turn = world.turns.get((incident.id, incident.generation, incident.releases))
        if turn is None or not incident.active or incident.hold is not None:
            continue
        if now - max(turn.since, well, world.up_since) > BOUND and not _told(world, incident):
            yield f"nobody told of {incident.number}/{incident.generation} since {turn.since:%H:%M:%S}"


def _told(world: World, incident: Incident) -> bool:
    ledger = world.engine.desk.ledger
    mine = [n for n in ledger.notices_of(incident.id) if n.generation == incident.generation]
    if any(n.state is NoticeState.ACCEPTED and n.kind in _BY_PLAN for n in mine):
        return True
    return any(line.entry in _COULD_NOT and line.at >= incident.chain_from for line in ledger.lines_of(incident.id))


def twice(world: World) -> Iterator[str]:
    """The same word, alone or in a bundle, more than once without a reason for it, or without saying so.

    A carrier has taken it and said so: then only a kill before that was written brings it again, and once.
    """
    if world.forgot:
        return
    copies: dict[str, list[Landed]] = defaultdict(list)
    for one in world.landed:
        for part in one.parts:
            copies[part.key].append(one)
    for key, each in copies.items():
        if sum(not one.repeated for one in each) > 1 and each[0].notice.kind is not Kind.ALL_CLEAR:
            yield f"twice, unmarked: {key}"
        for before, after in pairwise(each):
            if before.heard is SendOutcome.ACCEPTED and before.kills == after.kills:
                yield f"twice, and nobody was killed: {key} at {after.at:%H:%M:%S}"
    keys = Counter(notice.key for notice in world.known())
    yield from (f"one key, two notices: {key}" for key, count in keys.items() if count > 1)


def too_often(world: World) -> Iterator[str]:
    """One person called more often in a stretch of one chain's run than any plan has steps that could name them."""
    if world.forgot:
        return
    calls: Counter[tuple[str, int, str, PersonId, ChannelName]] = Counter()
    for notice in world.known():
        parts = notice.key.split("/")
        if notice.kind in CHAIN and notice.after is None and len(parts) == 6 and parts[3].isdigit():
            calls[parts[0], notice.generation, parts[2], notice.person, notice.channel] += 1
    yield from (f"called {count} times: {call}" for call, count in calls.items() if count > _most(world, call[3]))


def _most(world: World, person: PersonId) -> int:
    """In how many steps of one chain this person may be named, by whichever plan asks for most of them."""
    chains = [(plan, chain) for _, plan in world.plans for chain in plan.chains]
    return max(sum(_names(plan, step, person) for step in chain.steps) for plan, chain in chains)


def _names(plan: Plan, step: Step, person: PersonId) -> bool:
    roles = [plan.roles[role] for role in step.tell]
    return any(person in role.always or any(shift.person == person for shift in role.shifts) for role in roles)


def out_of_turn(world: World) -> Iterator[str]:
    """Somebody called who did not have the duty when it was due."""
    for notice in world.known():
        if notice.after is not None or notice.incident is None or "/again/" in notice.key:
            continue
        if notice.created < world.judged_to:
            continue
        if notice.kind in _BY_PLAN and notice.kind is not Kind.REROUTED and not _had_duty(world, notice):
            yield f"had no duty: {notice.key} ({notice.kind}) at {notice.created:%d %H:%M:%S}"
        if notice.kind in _OWNERS and notice.person not in _owners(world, notice.created):
            yield f"is no owner: {notice.key}"
    world.judged_to = world.clock.at


def _plans_at(world: World, at: datetime) -> list[Plan]:
    """The plan in force then; all of them, where one followed the other at that instant."""
    ends = [since for since, _ in world.plans[1:]] + [world.clock.at]
    return [plan for (since, plan), end in zip(world.plans, ends, strict=True) if since <= at <= end]


def _owners(world: World, at: datetime) -> set[PersonId]:
    return {person for plan in _plans_at(world, at) for person in plan.roles[plan.owner].on_duty(at)}


def _had_duty(world: World, notice: Notice) -> bool:
    return any(
        notice.person in _on_duty(plan, at)
        for plan in _plans_at(world, notice.created)
        for at in _instants(world, notice.created)
    )


def _instants(world: World, at: datetime) -> Iterator[datetime]:
    """From the last look before it was made on, every half minute: what fell due meanwhile is made then.

    What another plan has asked for all the while is made when it is read.
    """
    if any(timedelta(0) <= at - since <= timedelta(seconds=SLACK) for since, _ in world.plans[1:]):
        yield from (at - timedelta(minutes=5 * number) for number in range(12 * 24))
    earlier = [looked for looked in world.looked if looked < at - timedelta(seconds=1)]
    first = (earlier[-1] if earlier else at) - timedelta(seconds=1)
    while at >= first:
        yield at
        at -= timedelta(seconds=30)
    yield first


def _on_duty(plan: Plan, at: datetime) -> set[PersonId]:
    period = plan.calendar.period_at(at)
    steps = (step for chain in plan.chains if chain.period in (None, period) for step in chain.steps)
    return {person for step in steps for role in step.tell for person in plan.roles[role].on_duty(at)}


def clears_astray(world: World) -> Iterator[str]:
    """An all-clear to somebody who heard of no outage, or one more when nothing was said since the last.

    By each channel for itself, but for what stands in for another channel's.
    """
    if world.forgot:
        return
    said: dict[tuple[IncidentId, PersonId], set[str]] = {}
    heard: set[tuple[IncidentId, PersonId, ChannelName]] = set()
    for one in world.landed:
        for part in one.parts:
            if part.incident is None or part.kind in _NO_OUTAGE:
                continue
            who = (part.incident, part.person)
            if part.kind is not Kind.ALL_CLEAR:
                said[who] = set()
                heard.add((*who, part.channel))
                continue
            stem = "/".join(part.key.split("/")[:4])
            if (*who, part.channel) not in heard and part.after is None:
                yield f"an all-clear before any alarm: {part.key}"
            elif said.get(who, set()) - {stem}:
                yield f"an all-clear after the all-clear: {part.key}"
            said.setdefault(who, set()).add(stem)


def not_cleared(world: World) -> Iterator[str]:
    """Somebody a carrier took an alarm for, whom nothing tells that it is over."""
    if world.forgot:
        return
    last: dict[tuple[IncidentId, PersonId, ChannelName], Notice] = {}
    over = {one.id: one for one in world.incidents() if one.recovered is not None}
    for notice in world.known():
        sent = notice.state is NoticeState.ACCEPTED or notice.kind is Kind.ALL_CLEAR
        if notice.incident in over and notice.kind not in _NO_OUTAGE and sent:
            last[notice.incident, notice.person, notice.channel] = notice
    for (incident, person, channel), notice in last.items():
        if notice.kind is not Kind.ALL_CLEAR:
            yield f"never told that {over[incident].number} is over: {person} by {channel}, last {notice.kind}"
