"""Whether a child's notices must wait for its parent.

A system that depends on another has its notices held until the parent has been looked at afresh: if the parent is
down too, its incident speaks for both; if it is well, the child's notices go. Checks are never stopped by this.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from monitor.core.finding import CheckName, SystemName
from monitor.core.plan import Plan, Severity
from monitor.core.reasons import Hold
from monitor.core.records import Incident
from monitor.core.state import Belief


def ancestors(plan: Plan, system: SystemName) -> Iterator[SystemName]:
    """Every system this one depends on, nearest first, each once."""
    seen: set[SystemName] = {system}
    queue = list(plan.systems[system].depends_on) if system in plan.systems else []
    while queue:
        parent = queue.pop(0)
        if parent in seen or parent not in plan.systems:
            continue
        seen.add(parent)
        yield parent
        queue.extend(plan.systems[parent].depends_on)


def dependants(plan: Plan, system: SystemName) -> tuple[SystemName, ...]:
    """Every system that depends on this one, however far."""
    return tuple(other for other in plan.systems if system in ancestors(plan, other))


def hold_for(
    incident: Incident,
    plan: Plan,
    by_system: Mapping[SystemName, Incident],
    beliefs: Mapping[CheckName, Belief],
    now: datetime,
) -> tuple[Hold | None, SystemName | None]:
    """Why this incident's notices wait now, and for whom; (None, None) when they may go.

    A hold ends by itself: a parent that cannot be looked at within `rules.fresh_within` of the child's confirmed fault,
    or of its own recovery, holds nobody back any longer.
    """
    # The fault that is to be told now: the first one, or the worsening that started the chain again.
    first = incident.generation == 1
    trouble, confirmed = (incident.began, incident.detected) if first else (incident.chain_from, incident.chain_from)
    patience = timedelta(seconds=plan.rules.fresh_within)
    critical = incident.system in plan.systems and plan.systems[incident.system].critical
    for parent in ancestors(plan, incident.system):
        theirs = by_system.get(parent)
        if critical and theirs is not None and theirs.hold in (Hold.MAINTENANCE, Hold.MUTED):
            # Work announced on the parent says nothing to those who depend on a critical system.
            continue
        if theirs is not None and _down_now(theirs):
            return Hold.PARENT_DOWN, parent
        if theirs is not None and theirs.recovered is not None and now - theirs.recovered < patience:
            return Hold.PARENT_PENDING, parent
        fresh = all(_answered(beliefs, check, trouble) for check in plan.systems[parent].checks)
        if not fresh and now - confirmed < patience:
            return Hold.PARENT_PENDING, parent
    return None, None


def _down_now(theirs: Incident) -> bool:
    """A parent that has eased, or is up for the moment, explains nobody's outage."""
    return theirs.active and theirs.good_since is None and (theirs.current or theirs.severity) is Severity.DOWN


def _answered(beliefs: Mapping[CheckName, Belief], check: CheckName, since: datetime) -> bool:
    belief = beliefs.get(check)
    # A parent that is being confirmed has been looked at, but has not answered the question yet.
    return belief is not None and belief.seen_at is not None and belief.seen_at >= since and belief.settled
