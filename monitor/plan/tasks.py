"""Builds what is only figures and words: tasks, requirements, rules.

A task's words fit into one SMS beside what the SMS says of the outage.
"""

from collections.abc import Mapping
from dataclasses import fields, replace
from types import MappingProxyType

from monitor.core.finding import SystemName
from monitor.core.gsm import septets, transliterate
from monitor.core.plan import Requirement, Rules, Task, TaskId
from monitor.plan.faults import meant
from monitor.plan.parse import parse
from monitor.plan.part import Part
from monitor.plan.people import named
from monitor.plan.shapes import RequirementShape, RulesShape, TaskShape

SMS_ROOM = 76
"""Septets left of one SMS when it has said: drill, task, system, severity, since when, incident number."""


def tasks(part: Part | None) -> dict[TaskId, Task]:
    """Every task whose entry is right; one without words for the SMS has its title there."""
    found: dict[TaskId, Task] = {}
    for name, entry in part.entries() if part else ():
        named(entry, name)
        shape = parse(TaskShape, entry)
        if shape is None:
            continue
        sms = shape.sms or shape.title
        spot = entry.at("sms" if shape.sms else "title")
        if septets(sms) > SMS_ROOM:
            wrong = f"the words for the SMS cost {septets(sms)} characters, there is room for {SMS_ROOM}"
            spot.wrong(wrong, "Shorten them; the mail carries the whole text")
        elif transliterate(sms) != sms:
            spot.warn(f"in an SMS this will read: {transliterate(sms)}", "Write it with plain letters and signs")
        contact = MappingProxyType(dict(shape.contact))
        found[TaskId(name)] = Task(TaskId(name), shape.title, shape.text, sms, contact)
    return found


def requirements(part: Part | None, systems: frozenset[str]) -> tuple[Requirement, ...]:
    """What the plan demands, by system."""
    found = []
    for name, entry in part.entries() if part else ():
        if name not in systems:
            entry.wrong(f"there is no system '{name[:60]}'", meant(name, systems), key=True)
        shape = parse(RequirementShape, entry)
        if shape is not None:
            found.append(Requirement(SystemName(name), shape.phone_within))
    return tuple(found)


def rules(part: Part | None) -> Rules:
    """The figures given, the rest as they are by themselves."""
    shape = parse(RulesShape, part) if part else None
    if shape is None:
        return Rules()
    given: Mapping[str, float | int | None] = shape.model_dump()
    known = {field.name for field in fields(Rules)}
    return replace(Rules(), **{name: value for name, value in given.items() if value is not None and name in known})  # type: ignore[arg-type]
