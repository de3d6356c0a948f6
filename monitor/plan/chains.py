"""Builds the chains: the plan's escalation, step by step.

A chain is taken whole or not at all, and names only what the plan declares.
"""

from dataclasses import dataclass

from monitor.core.calendar import PeriodName
from monitor.core.finding import SystemName
from monitor.core.plan import Chain, ChainId, RoleId, Severity, Step, TaskId
from monitor.plan.faults import meant
from monitor.plan.hours import ALWAYS
from monitor.plan.parse import parse
from monitor.plan.part import Part
from monitor.plan.people import named, referenced
from monitor.plan.shapes import ChainShape, StepShape


@dataclass(frozen=True, slots=True)
class Names:
    """What a chain may name: everything declared, right or wrong. `care` are the systems a chain means by itself."""

    periods: frozenset[str]
    roles: frozenset[str]
    tasks: frozenset[str]
    systems: frozenset[str]
    care: frozenset[str]


def chains(part: Part | None, known: Names) -> tuple[Chain, ...]:
    """Every chain whose entry and steps are right, in the plan's order."""
    found = []
    for name, entry in part.entries() if part else ():
        named(entry, name)
        chain = _chain(ChainId(name), entry, known)
        if chain is not None:
            found.append(chain)
    return tuple(found)


def _chain(chain_id: ChainId, entry: Part, known: Names) -> Chain | None:
    shape = parse(ChainShape, entry)
    steps = _steps(entry, known)
    if shape is None:
        return None
    good = steps is not None
    if shape.period != ALWAYS and shape.period not in known.periods:
        mend = meant(shape.period, (*known.periods, ALWAYS))
        entry.at("period").wrong(f"there is no period '{shape.period[:60]}'", mend)
        good = False
    if shape.systems is not None:
        good &= referenced(entry.at("systems"), shape.systems, known.systems, "system")
    if not good or steps is None:
        return None
    period = None if shape.period == ALWAYS else PeriodName(shape.period)
    systems = frozenset(SystemName(system) for system in (known.care if shape.systems is None else shape.systems))
    severities = frozenset((Severity.DOWN,) if shape.severities is None else shape.severities)
    return Chain(chain_id, period, systems, severities, steps)


def _steps(entry: Part, known: Names) -> tuple[Step, ...] | None:
    below = entry.get("steps")
    items = list(below.items()) if below else []
    found: list[Step] = []
    for item in items:
        step = _step(item, known)
        if step is None:
            continue
        if found and step.after < found[-1].after:
            item.at("after").wrong("comes before the step above it", "Write the steps in the order they happen")
        found.append(step)
    if not items:
        entry.at("steps").wrong("the chain has no steps", "Write one: - {after: 0s, tell: …, by: sms}", key=True)
    return tuple(found) if items and len(found) == len(items) else None


def _step(item: Part, known: Names) -> Step | None:
    shape = parse(StepShape, item)
    if shape is None:
        return None
    good = referenced(item.at("tell"), shape.tell, known.roles, "role")
    if shape.repeat and shape.until is None:
        item.at("repeat").wrong("repeats without an end", "Add until: acknowledged", key=True)
        good = False
    if shape.until is not None and not shape.repeat:
        item.at("until").wrong("ends what never repeats", "Add for instance repeat: 5m, or remove until", key=True)
        good = False
    if shape.repeat and shape.repeat < 60:
        item.at("repeat").wrong("repeats within a minute", "Give at least 1m: a phone that never stops is put away")
        good = False
    if shape.task and shape.task not in known.tasks:
        item.at("task").wrong(f"there is no task '{shape.task[:60]}'", meant(shape.task, known.tasks))
        good = False
    tell = tuple(RoleId(role) for role in dict.fromkeys(shape.tell))
    by = tuple(dict.fromkeys(shape.by))
    task = TaskId(shape.task) if shape.task else None
    return Step(shape.after, tell, by, shape.repeat, shape.if_ is not None, task) if good else None
