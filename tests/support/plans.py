"""A small plan in code, for decisions that need one: the customer's two chains, four systems, our own three."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, time
from typing import Any
from zoneinfo import ZoneInfo

from monitor.core.calendar import Calendar, Closing, PeriodName, Window
from monitor.core.finding import CheckName, SystemName
from monitor.core.plan import (
    Chain,
    ChainId,
    ChannelName,
    CheckRule,
    Person,
    PersonId,
    Plan,
    Role,
    RoleId,
    RouteInfo,
    RouteName,
    Severity,
    Shift,
    Step,
    System,
    Task,
    TaskId,
)

DAY = PeriodName("arbejdstid")
NIGHT = PeriodName("uden_for_arbejdstid")
ZONE = ZoneInfo("Europe/Copenhagen")
SMS, MAIL = ChannelName.SMS, ChannelName.MAIL
CARE = frozenset(SystemName(s) for s in ("omsorgssystem", "phoniro", "noedkald", "medicoteknik"))
OWN = frozenset(SystemName(s) for s in ("egen_linje", "alarmvej", "vagten"))
HOLIDAYS = {date(2026, 4, 2): "Skærtorsdag", date(2026, 4, 3): "Langfredag", date(2026, 4, 6): "2. påskedag"}
HOLIDAYS |= {date(2026, 12, 25): "Juledag", date(2026, 12, 26): "2. juledag", date(2023, 5, 5): "Store Bededag"}


def calendar() -> Calendar:
    """Mon–Thu 08–15, Fri 08–14; 24 December closed, 31 December, 1 May and 5 June from noon."""
    week = {d: (Window(time(8), time(15)),) for d in range(4)} | {4: (Window(time(8), time(14)),)}
    yearly = {(12, 24): Closing("Juleaften")}
    yearly |= {
        (12, 31): Closing("Nytår", time(12)),
        (5, 1): Closing("1. maj", time(12)),
        (6, 5): Closing("Grundlovsdag", time(12)),
    }
    return Calendar(ZONE, {DAY: week}, NIGHT, HOLIDAYS, {}, yearly)


def _role(name: str, *people: str) -> Role:
    return Role(RoleId(name), name.replace("_", " ").capitalize(), tuple(PersonId(p) for p in people))


def _step(after: float, *roles: str, by: tuple[ChannelName, ...] = (SMS,), **more: object) -> Step:
    return replace(Step(after, tuple(RoleId(r) for r in roles), by), **more)  # type: ignore[arg-type]


def _chains() -> tuple[Chain, ...]:
    bad = frozenset({Severity.DOWN})
    lesser = frozenset({Severity.DEGRADED, Severity.ADVISORY})
    return (
        Chain(
            ChainId("nedbrud_dag"),
            DAY,
            CARE,
            bad,
            (
                _step(0, "nexus_support", repeat=300.0),
                _step(600, "afdelingsledelse", unacknowledged_only=True),
                _step(900, "sektionsleder", task=TaskId("region")),
            ),
        ),
        Chain(ChainId("nedbrud_nat"), NIGHT, CARE, bad, (_step(0, "afdelingschef", "brand_og_redning", repeat=300.0),)),
        Chain(ChainId("mindre_dag"), DAY, CARE | OWN, lesser, (_step(0, "nexus_support", by=(MAIL,)),)),
        Chain(ChainId("egne"), None, OWN, bad, (_step(0, "it_drift"),)),
    )


def small_plan() -> Plan:
    """The plan of the stories that build their own; the shipped one has its own tests."""
    names = ("nexus", "leder", "chef", "brand", "sektion", "it")
    people = {
        PersonId(n): Person(PersonId(n), n.capitalize(), f"+450000000{i}", f"{n}@eksempel.example")
        for i, n in enumerate(names, start=1)
    }
    roles = [
        _role("nexus_support", "nexus"),
        _role("afdelingsledelse", "leder"),
        _role("afdelingschef", "chef"),
        _role("brand_og_redning", "brand"),
        _role("sektionsleder", "sektion"),
        _role("it_drift", "it"),
    ]
    systems = [System(s, s.capitalize(), s.capitalize(), checks=(CheckName(f"{s}-1"),)) for s in sorted(CARE)]
    line = System(SystemName("egen_linje"), "Vores linje", "Vores linje", checks=(CheckName("c1"), CheckName("c2")))
    rules = [CheckRule(s.checks[0], s.id, s.title) for s in systems]
    rules += [CheckRule(c, line.id, c, canary=True, confirm=2) for c in line.checks]
    return Plan(
        digest="small",
        municipality="Eksempel",
        owner=RoleId("it_drift"),
        calendar=calendar(),
        people=people,
        roles={r.id: r for r in roles},
        chains=_chains(),
        tasks={TaskId("region"): Task(TaskId("region"), "Kontakt regionen", "Ring.", "Ring til regionen 78412345.")},
        systems={s.id: s for s in [*systems, line]},
        checks={r.name: r for r in rules},
        routes=(
            RouteInfo(RouteName("primary"), SMS),
            RouteInfo(RouteName("modem"), SMS, independent=True),
            RouteInfo(RouteName("relay"), MAIL),
        ),
    )


def with_roles(plan: Plan, **people: Sequence[str] | Sequence[Shift]) -> Plan:
    """The plan with these roles filled anew: by names who always have the duty, or by shifts."""
    roles = dict(plan.roles)
    for name, filled in people.items():
        shifts = tuple(one for one in filled if isinstance(one, Shift))
        always = tuple(PersonId(one) for one in filled if isinstance(one, str))
        roles[RoleId(name)] = Role(RoleId(name), name.replace("_", " ").capitalize(), always, shifts, not always)
    return replace(plan, roles=roles)


def with_steps(plan: Plan, chain: str, *steps: Step) -> Plan:
    """The plan with other steps in one chain."""
    chains = tuple(replace(one, steps=steps) if one.id == chain else one for one in plan.chains)
    return replace(plan, digest=f"{plan.digest}+", chains=chains)


def with_check(plan: Plan, system: str, name: str, **more: Any) -> Plan:
    """The plan with one more check, or another rule for one it has."""
    known = plan.systems[SystemName(system)]
    checks = tuple(dict.fromkeys((*known.checks, CheckName(name))))
    rule = CheckRule(CheckName(name), known.id, name, **more)
    systems = {**plan.systems, known.id: replace(known, checks=checks)}
    return replace(plan, systems=systems, checks={**plan.checks, rule.name: rule})


def with_parent(plan: Plan, child: str, *parents: str) -> Plan:
    """The plan with a system that depends on others."""
    known = plan.systems[SystemName(child)]
    depends = replace(known, depends_on=tuple(SystemName(p) for p in parents))
    return replace(plan, systems={**plan.systems, known.id: depends})


def with_systems(plan: Plan, count: int) -> Plan:
    """The plan with so many more care systems, `s0` and on, each with one check, `s0-1` and on."""
    names = [SystemName(f"s{i}") for i in range(count)]
    systems = {name: System(name, name, name, checks=(CheckName(f"{name}-1"),)) for name in names}
    rules = {CheckName(f"{name}-1"): CheckRule(CheckName(f"{name}-1"), name, name) for name in names}
    chains = tuple(
        replace(one, systems=one.systems | frozenset(names)) if one.systems >= CARE else one for one in plan.chains
    )
    return replace(plan, systems={**plan.systems, **systems}, checks={**plan.checks, **rules}, chains=chains)


def step(after: float, *roles: str, by: tuple[ChannelName, ...] = (SMS,), **more: object) -> Step:
    """One step of a chain."""
    return _step(after, *roles, by=by, **more)
