"""Builds the systems and their checks.

A check's kind is loaded when the first check of that kind is read; its settings are its own, and so are their faults.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from monitor.core.finding import CheckName, SystemName
from monitor.core.gsm import transliterate
from monitor.core.plan import ALARM_PATH, OWN_LINE, OWN_SYSTEMS, WATCH, CheckRule, System
from monitor.plan.faults import meant
from monitor.plan.files import Files, Unreadable
from monitor.plan.parse import parse
from monitor.plan.part import Part
from monitor.plan.people import ANYTHING, declared, named, referenced
from monitor.plan.secretive import in_clear
from monitor.plan.settings import CheckSettings
from monitor.plan.shapes import SystemShape
from monitor.plan.source import Node

Kinds = Callable[[str], type[CheckSettings]]

SHORT = 20
_OWN = {
    OWN_LINE: System(OWN_LINE, "Vores egen linje", "Egen linje"),
    ALARM_PATH: System(ALARM_PATH, "Alarmvejen (SMS og mail)", "Alarmvej", over_own_line=False),
    WATCH: System(WATCH, "Omsorgsvagt selv", "Omsorgsvagt", over_own_line=False),
}
"""What stands for our own systems where `systems.yaml` says nothing of them."""


@dataclass(frozen=True, slots=True)
class Offer:
    """The kinds of check there are, and the plan's calendar for those that know working days."""

    kinds: Kinds
    names: tuple[str, ...] = ()
    calendar: Mapping[str, Node] = field(default_factory=dict)


@dataclass(slots=True)
class Systems:
    """What `systems.yaml` came to. `names` are all that may be named; `cards` the action cards' Markdown by path."""

    names: frozenset[str] = frozenset(OWN_SYSTEMS)
    systems: dict[SystemName, System] = field(default_factory=dict)
    rules: dict[CheckName, CheckRule] = field(default_factory=dict)
    checks: dict[CheckName, CheckSettings] = field(default_factory=dict)
    cards: dict[str, str] = field(default_factory=dict)


def systems(part: Part | None, files: Files, offer: Offer) -> Systems:
    """Every system and check whose entry is right; our own systems are there in any case."""
    names = declared(part)
    found = Systems(names if names is ANYTHING else names | frozenset(OWN_SYSTEMS))
    seen: dict[str, Part] = {}
    for name, entry in part.entries() if part else ():
        named(entry, name)
        shape = parse(SystemShape, entry)
        for item in _items(entry):
            settings = _check(item, name, offer)
            spot = seen.setdefault(item.at("name").text, item) if item.get("name") else item
            if spot is not item:
                item.at("name").wrong(
                    f"there is a check '{item.at('name').text}' already, on line {spot.at('name').node.line}",
                    "Give each check a name of its own",
                )
            elif settings is not None:
                _keep(found, settings, SystemName(name))
        if shape is not None:
            checks = tuple(check for check, rule in found.rules.items() if rule.system == name)
            system = replace(_system(entry, name, shape, found.names), checks=checks)
            found.systems[system.id] = system
            _card(entry, system, files, found.cards)
    for own, default in _OWN.items():
        found.systems.setdefault(own, default)
    if part is not None:
        _cycles(part, found.systems)
        _remarks(part, found)
    return found


def _items(entry: Part) -> list[Part]:
    below = entry.get("checks")
    return list(below.items()) if below else []


def _check(item: Part, system: str, offer: Offer) -> CheckSettings | None:
    in_clear(item)
    kind = item.get("kind")
    if kind is None or not kind.text:
        spot = kind or item
        spot.wrong(
            "the check has no kind", f"Write for instance kind: http. {meant('', offer.names)}".strip(), key=True
        )
        return None
    try:
        model = offer.kinds(kind.text)
    except KeyError:
        kind.wrong(f"there is no kind of check '{kind.text[:40]}'", meant(kind.text, offer.names))
        return None
    settings = parse(model, _with_calendar(item, model, offer.calendar))
    if settings is not None and settings.canary and system != OWN_LINE:
        item.at("canary").wrong(f"a canary belongs under '{OWN_LINE}' only", "Move the check there, or remove canary")
    return settings


def _with_calendar(item: Part, model: type[CheckSettings], calendar: Mapping[str, Node]) -> Part:
    """The check with the plan's zone, holidays and closing days where its kind has them and it gives none itself."""
    value = item.node.value
    wanted = {key: node for key, node in calendar.items() if key in model.model_fields and isinstance(value, dict)}
    if not wanted or not isinstance(value, dict):
        return item
    return replace(item, node=replace(item.node, value={**wanted, **value}))


def _keep(found: Systems, settings: CheckSettings, system: SystemName) -> None:
    name = CheckName(settings.name)
    found.checks[name] = settings
    found.rules[name] = CheckRule(
        name,
        system,
        settings.title or settings.name,
        settings.confirm,
        settings.recover,
        settings.warn_means,
        settings.fail_means,
        settings.canary,
        settings.every,
        settings.timeout,
        settings.retry_every,
        settings.looks_at,
    )


def _system(entry: Part, name: str, shape: SystemShape, known: frozenset[str]) -> System:
    for key, names in (("depends_on", shape.depends_on), ("worsened_by", shape.worsened_by)):
        referenced(entry.at(key), names or (), known, "system")
    if name in (shape.worsened_by or ()):
        entry.at("worsened_by").wrong("a system cannot be worsened by itself", "Name the other system")
    short = shape.short or shape.title.partition(" (")[0]
    if len(short) > SHORT:
        wrong = f"the title is longer than the {SHORT} characters an SMS has for it"
        entry.at("title").wrong(wrong, "Give the system a 'short' name besides")
    if transliterate(short) != short:
        entry.at("short").warn(f"in an SMS this will read: {transliterate(short)}", "Write it with plain letters")
    return System(
        SystemName(name),
        shape.title,
        short[:SHORT],
        shape.card,
        depends_on=tuple(SystemName(each) for each in dict.fromkeys(shape.depends_on or ())),
        over_own_line=shape.over_own_line,
        critical=shape.critical,
        worsened_by=tuple(SystemName(each) for each in dict.fromkeys(shape.worsened_by or ())),
    )


def _card(entry: Part, system: System, files: Files, cards: dict[str, str]) -> None:
    if not system.card:
        if system.id not in OWN_SYSTEMS:
            entry.warn("the system has no action card", "Add card: cards/<file>.md", key=True)
        return
    try:
        cards[system.card] = files.text(system.card)
    except Unreadable as exc:
        entry.at("card").wrong(f"the action card {files.shown(system.card)} {exc.wrong}", exc.mend)


def _cycles(part: Part, found: Mapping[SystemName, System]) -> None:
    """Tell each circle of `depends_on` once, at its alphabetically first member."""
    for name in sorted(found):
        trail = _circle(found, name)
        if trail and name == min(trail):
            wrong = f"the systems depend on each other in a circle: {' → '.join((*trail, name))}"
            part.at(name, "depends_on").wrong(wrong, "Take one of them out", key=True)


def _circle(found: Mapping[SystemName, System], start: SystemName) -> tuple[SystemName, ...]:
    """The shortest way from a system back to itself, empty when there is none."""
    trails: list[tuple[SystemName, ...]] = [(start,)]
    seen: set[SystemName] = set()
    for trail in trails:
        system = found.get(trail[-1])
        for parent in system.depends_on if system else ():
            if parent == start:
                return trail
            if parent not in seen:
                seen.add(parent)
                trails.append((*trail, parent))
    return ()


def _remarks(part: Part, found: Systems) -> None:
    for system in found.systems.values():
        if not system.checks and system.id not in (ALARM_PATH, WATCH):
            where = part.at(system.id)
            where.warn(f"nothing looks at '{system.id}': it has no checks", "Add a check", key=True)
    line = found.systems[OWN_LINE]
    if line.checks and sum(found.rules[name].canary for name in line.checks) < 2:
        wrong = f"'{OWN_LINE}' has fewer than two canaries: one that fails cannot tell our line from its own"
        part.at(OWN_LINE).warn(wrong, "Mark looks at unrelated sites outside with canary: yes", key=True)
