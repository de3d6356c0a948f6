"""What a new plan means for an outage that is under way: which steps still to come are no more."""

from datetime import datetime

from monitor.core.ladder import Unreached
from monitor.core.plan import Plan, RoleId, Step
from monitor.core.records import Incident
from monitor.core.stretches import ALL_REACHED, firings, stretches


def removed_steps(
    incident: Incident, old: Plan, new: Plan, now: datetime, unreached: Unreached = ALL_REACHED
) -> list[tuple[RoleId, Step]]:
    """The steps of the running chains that were still to come under the old plan and are not in the new one."""
    kept = {_what(step) for step in _to_come(incident, new, now, unreached)}
    return [(step.tell[0], step) for step in _to_come(incident, old, now, unreached) if _what(step) not in kept]


def _to_come(incident: Incident, plan: Plan, now: datetime, unreached: Unreached) -> list[Step]:
    if not incident.active:
        return []
    running = [s for s in stretches(incident, plan, now) if s.end is None or s.end > now]
    found = (f for stretch in running for f in firings(plan, stretch, incident.acknowledged, unreached))
    return [firing.step for firing in found if firing.at > now]


def _what(step: Step) -> tuple[object, ...]:
    return (step.after, step.tell, step.task)
