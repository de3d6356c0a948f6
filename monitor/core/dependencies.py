"""Whether a child's notices must wait for its parent.

A system that depends on another has its notices held until the parent has been looked at afresh: if the parent is
down too, its incident speaks for both; if it is well, the child's notices go. Checks are never stopped by this.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from monitor.core.finding import CheckName, SystemName
from monitor.core.plan import Plan, Severity
from monitor.core.records import Hold, Incident
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
    patience = timedelta(seconds=plan.rules.fresh_within)
    for parent in ancestors(plan, incident.system):
        theirs = by_system.get(parent)
        if theirs is not None and theirs.active and theirs.severity is Severity.DOWN:
            return Hold.PARENT_DOWN, parent
        if theirs is not None and theirs.recovered is not None and now - theirs.recovered < patience:
            return Hold.PARENT_PENDING, parent
        fresh = all(_seen_since(beliefs, check, incident.began) for check in plan.systems[parent].checks)
        if not fresh and now - incident.detected < patience:
            return Hold.PARENT_PENDING, parent
    return None, None


def _seen_since(beliefs: Mapping[CheckName, Belief], check: CheckName, began: datetime) -> bool:
    belief = beliefs.get(check)
    # A parent that is being confirmed has been looked at, but has not answered the question yet.
    return belief is not None and belief.seen_at is not None and belief.seen_at >= began and belief.settled
