"""Loads a configuration folder into a frozen plan.

The plan is built whole or not at all: every fault is found before any is raised.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from monitor.core.calendar import Calendar, PeriodName
from monitor.core.finding import CheckName, SystemName
from monitor.core.plan import OWN_SYSTEMS, Plan, RoleId
from monitor.plan.chains import Names, chains
from monitor.plan.coverage import coverage, reachable
from monitor.plan.dead_man import DeadMan, dead_man
from monitor.plan.faults import Fault, Faults, PlanFaults, meant
from monitor.plan.files import Files, Unreadable
from monitor.plan.fleets import fleets, looked_at
from monitor.plan.hours import calendar
from monitor.plan.maintenance import Announcing, maintenance
from monitor.plan.part import Part
from monitor.plan.people import ANYTHING, declared, people, roles
from monitor.plan.rosters import Rosters
from monitor.plan.routes import Vias, infos, routes, ways_out
from monitor.plan.settings import CheckSettings, RouteSettings
from monitor.plan.source import Node
from monitor.plan.systems import Kinds, Offer, Systems, systems
from monitor.plan.tasks import requirements, rules, tasks

if TYPE_CHECKING:
    from monitor.plan.texts import Texts

PLAN = "plan.yaml"
SYSTEMS = "systems.yaml"
TEXTS = "texts"
LONGEST_NAME = 60
_NO_CALENDAR = Calendar(ZoneInfo("Europe/Copenhagen"), {}, PeriodName("otherwise"))
"""Stands in while a calendar that is wrong is told of, so that rosters are still looked at."""
_KEYS = (
    "municipality", "owner", "calendar", "people", "roles", "tasks", "chains", "requirements", "rules", "routes",
    "dead_man",
    "maintenance",
)  # fmt: skip

Prove = Callable[[Plan, Mapping[CheckName, CheckSettings]], Iterable[tuple[SystemName, str]]]
"""Systems whose `phone_within` cannot be kept, with the reason; run on a plan that has no other fault."""


@dataclass(frozen=True, slots=True)
class Aids:
    """What else a load can be given: the names there are to choose from, and the proof of `phone_within`.

    Who wants the plan alone reads it without `texts`, the templates of what people get.
    """

    kinds: tuple[str, ...] = ()
    vias: tuple[str, ...] = ()
    prove: Prove | None = None
    texts: bool = True


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration, parsed. `cards`: the action cards' Markdown by path; `texts`: None when not asked for."""

    folder: Path
    plan: Plan
    checks: Mapping[CheckName, CheckSettings]
    routes: tuple[RouteSettings, ...]
    cards: Mapping[str, str]
    texts: "Texts | None"
    today: date
    warnings: tuple[Fault, ...] = ()
    dead_man: DeadMan | None = None

    @property
    def digest(self) -> str:
        """The plan's: SHA-256 over every file read."""
        return self.plan.digest


def load(folder: Path, kinds: Kinds, vias: Vias, today: date, aids: Aids | None = None) -> Loaded:
    """The configuration in `folder`. Raises PlanFaults with everything that is wrong.

    `kinds` gives a check kind's settings, `vias` a way's channel and settings; both raise KeyError for an unknown
    name. Public holidays and rosters are worked out around `today`, a day in the plan's zone.
    """
    aids = aids or Aids()
    faults, files = Faults(), Files(folder)
    top, below = files.yaml(PLAN, faults), files.yaml(SYSTEMS, faults)
    if below is not None:
        below.known("systems", "fleets")
    hours = _hours(top, today)
    offer = Offer(kinds, aids.kinds, _shared(top) if hours else {})
    care = systems(_section(below, "systems") if below else None, files, offer)
    ways = routes(top.get("routes") if top else None, vias, aids.vias)
    rosters = Rosters(files, {}, hours or _NO_CALENDAR, today)
    draft = _draft(top, care, rosters) if top and below else None
    texts = _texts(files, faults) if aids.texts else None
    if top is None or below is None or draft is None:
        raise PlanFaults(sorted(faults.found))
    devices = fleets(below.get("fleets"), draft, declared(top.get("roles")))
    looked_at(below.get("systems"), declared(below.get("fleets")) if below.get("fleets") else ())
    announced = maintenance(top.get("maintenance"), Announcing(draft, rosters, care.names, declared(top.get("roles"))))
    ways_out(top, infos(ways), draft.chains)
    watcher = dead_man(top.get("dead_man"))
    faults.settle()
    plan = replace(draft, digest=files.digest(), routes=infos(ways), fleets=devices, windows=announced)
    for system, wrong in aids.prove(plan, care.checks) if aids.prove else ():
        top.at("requirements", system, "phone_within").wrong(wrong, "Probe or escalate sooner, or allow more time")
    settings = tuple(each for _, each in ways)
    checks, cards = MappingProxyType(care.checks), MappingProxyType(care.cards)
    return Loaded(folder, plan, checks, settings, cards, texts, today, faults.settle(), watcher)


def _draft(top: Part, care: Systems, rosters: Rosters) -> Plan:
    """The plan without digest and routes, of whatever could be read; it is used only when nothing was wrong."""
    top.known(*_KEYS)
    section = partial(_section, top)
    hours = section("calendar")
    persons = people(section("people"))
    held = roles(section("roles"), replace(rosters, people=persons))
    known = Names(
        declared(hours.get("periods") if hours else None),
        declared(top.get("roles")),
        declared(top.get("tasks")),
        care.names,
        care.names - set(OWN_SYSTEMS),
    )
    steps = section("chains")
    found = chains(steps, known)
    if steps is not None:
        reachable(steps, found, held, persons)
        names = declared(steps)
        if rosters.calendar is not _NO_CALENDAR and names is not ANYTHING and len(found) == len(names):
            coverage(steps, found, tuple(care.systems), rosters.calendar)
    return Plan(
        digest="",
        municipality=_municipality(top),
        owner=_owner(top, known.roles),
        calendar=rosters.calendar,
        people=MappingProxyType(persons),
        roles=MappingProxyType(held),
        chains=found,
        tasks=MappingProxyType(tasks(top.get("tasks"))),
        systems=MappingProxyType(care.systems),
        checks=MappingProxyType(care.rules),
        routes=(),
        requirements=requirements(top.get("requirements"), care.names),
        rules=rules(top.get("rules")),
    )


def _section(top: Part, key: str) -> Part | None:
    """A section of plan.yaml; one that is missing is a fault."""
    below = top.get(key)
    if below is None:
        top.wrong(f"the key '{key}' is missing", f"Write '{key}:' and what belongs to it")
    return below


def _hours(top: Part | None, today: date) -> Calendar | None:
    """The calendar; None also where only a part of it is wrong."""
    below = top.get("calendar") if top else None
    if below is None:
        return None
    before = len(below.faults.found)
    found = calendar(below, today)
    return found if len(below.faults.found) == before else None


def _shared(top: Part | None) -> dict[str, Node]:
    """What a check that knows working days takes from the plan's calendar, unless it says otherwise itself."""
    found = {key: top.at("calendar").get(key) for key in ("zone", "holidays", "closed")} if top else {}
    return {key: part.node for key, part in found.items() if part is not None}


def _municipality(top: Part) -> str:
    below = _section(top, "municipality")
    if below is not None and not 0 < len(below.text) <= LONGEST_NAME:
        below.wrong(f"a municipality's name has 1 to {LONGEST_NAME} letters", "Write for instance Eksempel Kommune")
    return below.text if below else ""


def _owner(top: Part, known: frozenset[str]) -> RoleId:
    below = _section(top, "owner")
    if below is not None and below.text not in known:
        below.wrong(f"there is no role '{below.text[:60]}'", meant(below.text, known))
    return RoleId(below.text if below else "")


def _texts(files: Files, faults: Faults) -> "Texts | None":
    """The templates of what people get, with every fault told."""
    folder = files.folder / TEXTS
    if not folder.is_dir():
        faults.add(Fault(str(folder), 0, 0, "", "the folder is not there", "Copy it from the configuration as shipped"))
        return None
    unreadable = [fault for path in sorted(folder.iterdir()) if (fault := _unreadable(files, path))]
    for fault in unreadable:
        faults.add(fault)
    if unreadable:
        return None
    # The template library is imported here alone: who reads the plan without texts need not carry it.
    from monitor.plan.texts import load_texts

    texts, found = load_texts(folder)
    for each in found:
        faults.add(Fault(str(each.path), each.line, 1, "", each.wrong, each.mend))
    return texts


def _unreadable(files: Files, path: Path) -> Fault | None:
    """Reads a text for the digest; one that is no plain file must not be opened by anybody."""
    try:
        files.data(f"{TEXTS}/{path.name}")
    except Unreadable as exc:
        return Fault(str(path), 0, 0, "", f"the file {exc.wrong}", exc.mend)
    return None
