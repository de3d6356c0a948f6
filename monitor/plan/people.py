"""Builds the people and the roles: who can be reached where, and who has which duty when.

Nobody is in the plan who cannot be told, and no role is there that nobody ever has.
"""

from collections.abc import Collection, Iterable

import phonenumbers

from monitor.core.plan import Person, PersonId, Role, RoleId
from monitor.plan.faults import meant
from monitor.plan.parse import parse
from monitor.plan.part import Part
from monitor.plan.rosters import Rosters
from monitor.plan.shapes import FICTIONAL, PersonShape, RoleShape


class _Anything(frozenset[str]):
    """The names of a section that cannot be read: whatever is named may be there, so nothing is told twice."""

    def __contains__(self, name: object) -> bool:
        return True


ANYTHING = _Anything()


def declared(part: Part | None) -> frozenset[str]:
    """The names declared in a section, also those whose entry is wrong: a wrong entry is told once, where it stands."""
    if part is None or not isinstance(part.node.value, dict):
        return ANYTHING
    return frozenset(part.node.value)


def people(part: Part | None) -> dict[PersonId, Person]:
    """Everybody; one whose entry is wrong is there without an address, so that nobody else's entry is wrong for it."""
    found: dict[PersonId, Person] = {}
    numbers: dict[str, str] = {}
    for name, entry in part.entries() if part else ():
        named(entry, name)
        shape = parse(PersonShape, entry)
        if shape is None:
            found[PersonId(name)] = Person(PersonId(name), name)
            continue
        owner = numbers.setdefault(shape.sms, name) if shape.sms else name
        if owner != name:
            mend = "Give each a number of their own, or make them one person"
            entry.at("sms").wrong(f"'{owner}' has this number already", mend)
        elif shape.sms and not FICTIONAL.fullmatch(shape.sms) and not _in_use(shape.sms):
            entry.at("sms").warn("this is no number in use in its country", "Call it to make sure")
        found[PersonId(name)] = Person(PersonId(name), shape.name, shape.sms, shape.mail)
    return found


def named(entry: Part, name: str) -> None:
    """Tell a name that cannot be used in rows, metrics and addresses."""
    plain = name.replace("_", "a")
    if not (plain.isascii() and plain.isalnum() and plain == plain.lower() and name[0].isalpha() and len(name) <= 48):
        entry.wrong(f"'{name[:48]}' cannot be a name here", "Use small letters a-z, digits and _", key=True)


def roles(part: Part | None, rosters: Rosters) -> dict[RoleId, Role]:
    """Every role whose entry is right, rosters worked out."""
    found: dict[RoleId, Role] = {}
    for name, entry in part.entries() if part else ():
        named(entry, name)
        shape = parse(RoleShape, entry)
        if shape is None:
            continue
        if shape.duty is not None:
            if referenced(entry.at("duty"), shape.duty, rosters.people, "person"):
                always = tuple(PersonId(person) for person in dict.fromkeys(shape.duty))
                found[RoleId(name)] = Role(RoleId(name), shape.title, always)
            continue
        shifts = rosters.shifts(entry.at("roster"))
        if shifts:
            found[RoleId(name)] = Role(RoleId(name), shape.title, (), shifts, from_roster=True)
        elif shifts is not None:
            first, last = (rosters.calendar.local(at).date() for at in (rosters.start, rosters.end))
            wrong = f"nobody ever has this role: the roster holds no shift from {first} to {last}"
            entry.at("roster").wrong(wrong, f"Write shifts into {shape.roster}")
    return found


def referenced(part: Part, given: Iterable[str], known: Collection[str], kind: str) -> bool:
    """Whether every name given is known; each that is not is told where it stands."""
    good = True
    for index, name in enumerate(given):
        if name not in known:
            part.at(index).wrong(f"there is no {kind} '{name[:60]}'", meant(name, known))
            good = False
    return good


def _in_use(number: str) -> bool:
    return bool(phonenumbers.is_valid_number(phonenumbers.parse(number)))
