"""Shows which announced work of the plan holds at an instant, and who is told of an outage instead.

What users of the service have announced beside the plan is not known here: the running service shows it.
"""

from collections.abc import Iterator
from datetime import datetime

from monitor.core.plan import Plan, RoleId, System
from monitor.core.withhold import holding, until


def windows_notes(plan: Plan, system: System, at: datetime) -> Iterator[str]:
    """A line for each window over the system then, and what becomes of its notices."""
    found = holding(plan, {}, system.id, at)
    for window in found:
        over = plan.calendar.local(window.over)
        yield f"announced work until {over:%Y-%m-%d %H:%M}: {window.reason} ({window.owner})"
    end = until(plan, {}, system.id, at)
    if end is None:
        return
    yield f"the chain waits until {plan.calendar.local(end):%Y-%m-%d %H:%M}; then people hear once what has changed"
    for tell in dict.fromkeys(window.tell for window in found) if system.critical else ():
        role = plan.roles[RoleId(tell) if tell else plan.owner]
        people = [plan.people[person] for person in role.on_duty(at)]
        if any(person.sms for person in people):
            yield f"told at once instead: {role.title}: {', '.join(person.name for person in people)}"
        else:
            yield f"{role.title} has nobody on duty with a phone: the chain runs all the same"
