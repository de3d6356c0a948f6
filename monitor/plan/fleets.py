"""Builds the fleets of `systems.yaml`: devices that report by themselves, and who hears of those that do not.

A deadline leaves room for two reports to be lost: one that is missed is no silence.
"""

from collections.abc import Collection, Iterable
from datetime import time
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from monitor.core.plan import ChannelName, Fleet, FleetName, Plan, RoleId, SingleCall, WorkList
from monitor.plan.faults import meant
from monitor.plan.parse import parse
from monitor.plan.part import Part
from monitor.plan.people import named
from monitor.plan.settings import Seconds, Strict, seconds
from monitor.plan.shapes import Clock, Title, one_or_more

LEARNT = "learnt"
MOST_ATTRIBUTES = 8
_LOST = 3
"""A device whose third report in a row does not come is silent, and not one that missed a single one (DOMAIN §4)."""
_TAKEN = ("id", "device", "cid", "critical", "interval", "fleet")

_Attribute = Annotated[str, Field(pattern=r"^[a-zæøå][a-z0-9æøå_]{0,31}$")]


def _interval(value: object) -> object:
    try:
        return LEARNT if value == LEARNT else seconds(value)
    except ValueError:
        raise ValueError(f"'{str(value)[:40]}' is no interval; write for instance 1h, or learnt") from None


class WorkListShape(Strict):
    """The working day's list, by mail."""

    tell: Annotated[str, Field(min_length=1)]
    at: Clock = time(7, 30)


class SingleCallShape(Strict):
    """Who is told at once of a single device marked critical."""

    tell: Annotated[str, Field(min_length=1)]
    by: Annotated[tuple[ChannelName, ...], BeforeValidator(one_or_more), Field(min_length=1)] = (ChannelName.SMS,)


class FleetShape(Strict):
    """One fleet."""

    title: Title
    interval: Annotated[Literal["learnt"] | Annotated[float, Field(ge=1)], BeforeValidator(_interval)]
    deadline: Annotated[Seconds, Field(gt=0)]
    floor: Annotated[Seconds, Field(ge=1)] = 60.0
    attributes: Annotated[tuple[_Attribute, ...], BeforeValidator(one_or_more), Field(max_length=MOST_ATTRIBUTES)] = ()
    scaip: bool = False
    list_: Annotated[WorkListShape | None, Field(alias="list")] = None
    critical: SingleCallShape | None = None


def fleets(part: Part | None, plan: Plan, known_roles: Collection[str]) -> MappingProxyType[FleetName, Fleet]:
    """Every fleet whose entry is right. `plan` is what has been read of people and roles so far."""
    found: dict[FleetName, Fleet] = {}
    for name, entry in part.entries() if part else ():
        named(entry, name)
        shape = parse(FleetShape, entry)
        if shape is None:
            continue
        _sound(entry, shape)
        _told(entry.at("list", "tell"), shape.list_.tell if shape.list_ else "", (ChannelName.MAIL,), plan, known_roles)
        if shape.critical is not None:
            _told(entry.at("critical", "tell"), shape.critical.tell, shape.critical.by, plan, known_roles)
        found[FleetName(name)] = _fleet(FleetName(name), shape)
    return MappingProxyType(found)


def looked_at(systems: Part | None, names: Collection[str]) -> None:
    """Tell every check that looks at a fleet that is not there."""
    for check in _checks(systems):
        fleet = check.get("fleet")
        if fleet is not None and check.at("kind").text == "fleet" and fleet.text not in names:
            fleet.wrong(f"there is no fleet '{fleet.text[:60]}'", meant(fleet.text, names))


def _checks(systems: Part | None) -> Iterable[Part]:
    for _, system in systems.entries() if systems else ():
        below = system.get("checks")
        yield from below.items() if below else ()


def _sound(entry: Part, shape: FleetShape) -> None:
    interval = shape.floor if shape.interval == LEARNT else shape.interval
    spot = entry.at("floor" if shape.interval == LEARNT else "interval")
    if isinstance(interval, float) and interval * _LOST > shape.deadline:
        wrong = f"{interval:g} s goes into the deadline of {shape.deadline:g} s fewer than {_LOST} times"
        spot.wrong(wrong, "Let the devices report oftener, or give them longer: one lost report is no silence")
    for index, attribute in enumerate(shape.attributes):
        if attribute in _TAKEN:
            wrong = f"'{attribute}' has a meaning of its own in the list of devices"
            entry.at("attributes", index).wrong(wrong, "Choose another name")
        if attribute in shape.attributes[:index]:
            entry.at("attributes", index).wrong(f"'{attribute}' stands there already", "Take one out")


def _told(spot: Part, role: str, by: Iterable[ChannelName], plan: Plan, known: Collection[str]) -> None:
    """Somebody must be reached by each of these ways."""
    if not role:
        return
    if role not in known:
        spot.wrong(f"there is no role '{role[:60]}'", meant(role, known))
        return
    held = plan.roles.get(RoleId(role))
    persons = {*held.always, *(shift.person for shift in held.shifts)} if held else set()
    for channel in by:
        if persons and not any(plan.people[one].address(channel) for one in persons if one in plan.people):
            spot.wrong(f"nobody who has the role '{role}' has an address for {channel}", "Name a role that can be told")


def _fleet(name: FleetName, shape: FleetShape) -> Fleet:
    worklist = WorkList(RoleId(shape.list_.tell), shape.list_.at) if shape.list_ else None
    critical = SingleCall(RoleId(shape.critical.tell), shape.critical.by) if shape.critical else None
    return Fleet(
        name,
        shape.title,
        shape.deadline,
        None if shape.interval == LEARNT else float(shape.interval),
        shape.floor,
        shape.attributes,
        shape.scaip,
        worklist,
        critical,
    )
