"""Looks over the finished chains: who cannot be told, what is never run, and which outage nobody hears of.

No hour, system and way of being down may be left without somebody to tell.
"""

from collections.abc import Iterator, Mapping
from itertools import product

from monitor.core.calendar import Calendar
from monitor.core.finding import SystemName
from monitor.core.plan import Chain, ChannelName, Person, PersonId, Role, RoleId, Severity, Step
from monitor.plan.part import Part


def reachable(
    part: Part, found: tuple[Chain, ...], roles: Mapping[RoleId, Role], people: Mapping[PersonId, Person]
) -> None:
    """Tell every step that names a channel somebody of its roles has no address for."""
    for chain in found:
        for index, step in enumerate(chain.steps):
            _heard(part.at(chain.id, "steps", index, "by"), step, roles, people)


def _heard(spot: Part, step: Step, roles: Mapping[RoleId, Role], people: Mapping[PersonId, Person]) -> None:
    for role_id, channel in product(step.tell, step.by):
        for person in _lacking(roles.get(role_id), channel, people):
            wrong = f"'{person}', who has the role '{role_id}', has no address for {channel}"
            spot.wrong(wrong, f"Give people.{person} {channel}, or leave {channel} out of the step")


def _lacking(role: Role | None, channel: ChannelName, people: Mapping[PersonId, Person]) -> Iterator[PersonId]:
    if role is None:
        return
    for person_id in dict.fromkeys((*role.always, *(shift.person for shift in role.shifts))):
        person = people.get(person_id)
        if person is not None and (person.sms or person.mail) and not person.address(channel):
            yield person_id


def coverage(part: Part, found: tuple[Chain, ...], systems: tuple[SystemName, ...], calendar: Calendar) -> None:
    """Tell chains that never run, and outages no chain covers."""
    for chain in found:
        if chain.period is None:
            continue
        earlier = _earlier(found, chain)
        shadowed = all(any(one.covers(*pair) for one in earlier) for pair in _pairs(chain))
        if shadowed and chain.systems:
            names = ", ".join(f"'{one.id}'" for one in earlier if any(one.covers(*pair) for pair in _pairs(chain)))
            wrong = f"the chain covers no hour: {names} above covers all it covers"
            part.at(chain.id).wrong(wrong, "Give it other systems or severities, or remove it", key=True)
    for system in systems:
        _uncovered(part, found, system, calendar)


def _pairs(chain: Chain) -> Iterator[tuple[SystemName, Severity]]:
    return ((system, severity) for system in sorted(chain.systems) for severity in sorted(chain.severities))


def _earlier(found: tuple[Chain, ...], chain: Chain) -> tuple[Chain, ...]:
    return tuple(one for one in found[: found.index(chain)] if one.period == chain.period)


def _speaks_at_once(chain: Chain) -> bool:
    """A chain beside the periods covers an outage only when it does not wait for it to become a long one."""
    return chain.period is not None or chain.steps[0].after == 0


def _uncovered(part: Part, found: tuple[Chain, ...], system: SystemName, calendar: Calendar) -> None:
    for severity in (Severity.DOWN, Severity.DEGRADED, Severity.ADVISORY):
        covering = {chain.period for chain in found if chain.covers(system, severity) and _speaks_at_once(chain)}
        hours = [period for period in calendar.periods if period == calendar.otherwise or calendar.windows[period]]
        bare = [period for period in hours if period not in covering and None not in covering]
        if severity is Severity.DOWN:
            for period in bare:
                wrong = f"nobody is told when '{system}' is down in the period '{period}'"
                part.wrong(wrong, f"Add '{system}' to a chain of '{period}', or write such a chain", key=True)
        elif severity is Severity.DEGRADED and bare:
            where = ", ".join(f"'{period}'" for period in bare)
            part.warn(f"nobody is told when '{system}' is degraded in {where}", "Add it to a chain", key=True)
        elif bare == hours:
            wrong = f"nobody is ever told of an advisory for '{system}' (a certificate that expires, a refused login)"
            part.warn(wrong, "Add it to a chain with severities: [advisory]", key=True)
