"""Whoever has an outage is asked for news; without an answer its chain starts again.

An acknowledgement is a promise that somebody goes on, and without a word for a while it holds no longer. All of it is
worked out from the incident's row at each look, so that a restart asks nobody twice and forgets nobody.
"""

from collections.abc import Mapping, Set
from dataclasses import replace
from datetime import datetime, timedelta

from monitor.core.escalation import Call
from monitor.core.incidents import Change, no_news
from monitor.core.plan import ChannelName, PersonId, Plan, RoleId, Severity
from monitor.core.reasons import HumanState, Kind
from monitor.core.records import Incident
from monitor.core.stretches import Stretch, on_duty, stretches

_FALLBACK_SLOWER = 4
_ADVISORY_SLOWER = 48
"""A warning of what is to come is asked after once a day: nobody works on it all the time."""

Pair = tuple[PersonId, RoleId]


def progress(incident: Incident, plan: Plan, now: datetime) -> Change:
    """What the silence of whoever has it does by `now`: nothing, a question (`asked`), or the chain anew."""
    at = progress_at(incident, plan, now)
    if at is None or at > now:
        return Change(incident)
    if unanswered(incident):
        return no_news(incident, now)
    return Change(replace(incident, asked=now, asks=incident.asks + 1))


def progress_at(incident: Incident, plan: Plan, now: datetime) -> datetime | None:
    """When silence next asks for something, at the earliest; None while it asks for nothing.

    In a period in which the plan calls nobody for this, nobody is asked either: the next period's beginning is given.
    """
    acknowledged, rules = incident.acknowledged, plan.rules
    silent = not incident.active or incident.hold is not None or incident.good_since is not None
    if acknowledged is None or silent or rules.progress_every <= 0:
        return None
    if unanswered(incident) and incident.asked is not None:
        at = incident.asked + timedelta(seconds=rules.progress_wait)
    else:
        at = heard(incident, acknowledged) + timedelta(seconds=rules.progress_every * _slower(incident))
    if at > now or _called(incident, plan, now):
        return at
    return plan.calendar.next_change(now)


def unanswered(incident: Incident) -> bool:
    """True while a question about the outage is open."""
    since = incident.acknowledged
    return incident.asked is not None and since is not None and incident.asked > heard(incident, since)


def heard(incident: Incident, acknowledged: datetime) -> datetime:
    """When people last said anything of it."""
    return max(acknowledged, incident.news or acknowledged)


def questions(
    incident: Incident, plan: Plan, ways: Mapping[PersonId, Set[ChannelName]], told: Set[str]
) -> tuple[Call, ...]:
    """The open question to whoever has it, by the ways (`ways`) each was told; those not asked yet (`told`).

    Whom it goes to follows from the instant of the question, so that nobody else is asked it when the period changes.
    """
    asked = incident.asked
    if asked is None or not unanswered(incident) or not incident.active or incident.hold is not None:
        return ()
    stem = f"{incident.id}/{incident.generation}/progress/{incident.asks}"
    calls = [
        Call(f"{stem}/{person}/{channel}", Kind.PROGRESS, person, channel, role, asked)
        for person, role in whom(incident, plan, asked)
        for channel in _ways(plan, person, ways)
    ]
    return tuple(call for call in calls if call.key not in told)


def whom(incident: Incident, plan: Plan, at: datetime) -> tuple[Pair, ...]:
    """Who is asked at an instant: whoever has it; those told first when that is nobody the plan knows.

    After a change of period whoever is off duty by then is left alone: the new period's first role is asked.
    """
    running = [s for s in stretches(incident, plan, at) if s.end is None or s.end > at]
    holders = _holders(incident, plan, at)
    if not any(stretch.is_handover for stretch in running):
        return holders or _first(running, plan, at)
    called = {person for stretch in running for person in _called_by(stretch, plan, at)}
    still = tuple(pair for pair in holders if pair[0] in called)
    if still:
        return still
    first = _first(running, plan, at)
    return tuple(pair for pair in first if pair[1] == first[0][1])


def _slower(incident: Incident) -> int:
    advisory = (incident.current or incident.severity) is Severity.ADVISORY
    return _ADVISORY_SLOWER if advisory else _FALLBACK_SLOWER if incident.human is HumanState.FALLBACK else 1


def _called(incident: Incident, plan: Plan, now: datetime) -> bool:
    """Whether the plan calls anybody for this now."""
    period = plan.calendar.period_at(now)
    bound = plan.chain_for(period, incident.system, incident.severity)
    return bound is not None or bool(plan.standing_chains(incident.system, incident.severity))


def _holders(incident: Incident, plan: Plan, at: datetime) -> tuple[Pair, ...]:
    """The people meant by what stands as the holder: a person's name or id, or a role's title."""
    wanted = (incident.holder or incident.acknowledged_by).strip().casefold()
    roles = [role for role in plan.roles.values() if role.title.casefold() == wanted]
    meant = {p.id: plan.owner for p in plan.people.values() if wanted in (p.id.casefold(), p.name.casefold())}
    meant |= {person: role.id for role in roles for person in role.on_duty(at)}
    for role in plan.roles.values():
        for person in role.on_duty(at):
            if meant.get(person) == plan.owner:
                meant[person] = role.id
    return tuple(meant.items())


def _first(running: list[Stretch], plan: Plan, at: datetime) -> tuple[Pair, ...]:
    """Those of the first step that reaches anybody, the period's own chain before the standing ones; else the owner."""
    chains = [stretch.chain for stretch in reversed(running) if stretch.chain is not None]
    for step in (step for chain in chains for step in chain.steps if step.task is None):
        found, _ = on_duty(plan, step, at)
        if found:
            return found
    return tuple((person, plan.owner) for person in plan.roles[plan.owner].on_duty(at))


def _called_by(stretch: Stretch, plan: Plan, at: datetime) -> set[PersonId]:
    steps = stretch.chain.steps if stretch.chain else ()
    return {person for step in steps for person, _ in on_duty(plan, step, at)[0]}


def _ways(plan: Plan, person: PersonId, ways: Mapping[PersonId, Set[ChannelName]]) -> list[ChannelName]:
    known = [channel for channel in ChannelName if plan.people[person].address(channel)]
    return [channel for channel in known if channel in ways.get(person, ())] or known
