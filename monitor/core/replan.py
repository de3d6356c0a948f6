"""What a new plan means for an outage that is under way: which steps still to come are no more."""

from datetime import datetime

from monitor.core.escalation import firings, stretches
from monitor.core.plan import Plan, RoleId, Step
from monitor.core.records import Incident


def removed_steps(incident: Incident, old: Plan, new: Plan, now: datetime) -> list[tuple[RoleId, Step]]:
    """The steps of the running chains that were still to come under the old plan and are not in the new one."""
    kept = {_what(step) for step in _to_come(incident, new, now)}
    return [(step.tell[0], step) for step in _to_come(incident, old, now) if _what(step) not in kept]


def _to_come(incident: Incident, plan: Plan, now: datetime) -> list[Step]:
    if not incident.active:
        return []
    running = [s for s in stretches(incident, plan, now) if s.end is None or s.end > now]
    return [f.step for stretch in running for f in firings(plan, stretch, incident.acknowledged) if f.at > now]


def _what(step: Step) -> tuple[object, ...]:
    return (step.after, step.tell, step.task)
