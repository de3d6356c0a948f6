"""The bound on paper: term by term, at the edges of shifts and periods, and held against the chain's own arithmetic."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.escalation import due
from monitor.core.finding import SystemName
from monitor.core.plan import CheckRule, PersonId, Plan, RouteInfo, RouteName, Severity, Shift
from monitor.core.proof import COMMIT, ROUTE_COMMIT, TICK, Bound, bounds, detection, first_phone, worst
from monitor.core.reasons import Kind
from monitor.core.records import Incident, IncidentId
from monitor.engine.journal import PATIENCE, SLOW
from tests.core.test_escalation import plans, starts
from tests.support.plans import (
    DAY,
    MAIL,
    NIGHT,
    SMS,
    ZONE,
    small_plan,
    step,
    with_check,
    with_parent,
    with_roles,
    with_steps,
)

THURSDAY = datetime(2026, 3, 5, 0, 0, tzinfo=ZONE).astimezone(UTC)
SYSTEM = SystemName("noedkald")


def wall(hour: float, day: int = 0) -> datetime:
    return THURSDAY + timedelta(days=day, hours=hour)


def of(plan: Plan, days: int = 1) -> list[Bound]:
    return [bound for bound in bounds(plan, THURSDAY, days) if bound.system == SYSTEM]


@pytest.mark.parametrize(
    ("every", "confirm", "timeout", "retry", "canary", "seconds"),
    [
        (30, 3, 10, 5, None, 30 + 10 + 2 * 10 + 0.3),
        (30, 3, 2, 5, None, 30 + 2 + 2 * 5 + 0.3),
        (30, 1, 10, 5, None, 30 + 10 + 0.1),
        # a slow canary: one look under way, and then the one that was asked for
        (30, 3, 2, 5, 10, 30 + 2 + 2 * 10.1 + 0.3),
        (30, 3, 10, 5, 2, 30 + 10 + 2 * 10 + 0.3),
    ],
)
def test_the_longest_time_to_confirm(
    every: float, confirm: int, timeout: float, retry: float, canary: float | None, seconds: float
) -> None:
    rule = CheckRule(SYSTEM, SYSTEM, "", confirm, every=every, timeout=timeout, retry_every=retry)  # type: ignore[arg-type]
    canaries = [] if canary is None else [replace(rule, timeout=canary)]
    assert detection(rule, canaries) == pytest.approx(seconds)


def test_the_terms_of_an_ordinary_night() -> None:
    bound = next(b for b in of(small_plan()) if b.period == NIGHT)
    assert bound.reaches
    assert (bound.hold, bound.commit, bound.step) == (0.0, COMMIT, 0.0)
    assert bound.detect == pytest.approx(30 + 10 + 2 * 10.1 + 0.3)
    assert bound.send == 2 * (5.0 + 0.5 + ROUTE_COMMIT)
    assert bound.total == bound.detect + bound.commit + bound.send


def test_a_save_never_takes_longer_than_the_bound_says() -> None:
    assert COMMIT >= PATIENCE + 2 * SLOW
    assert ROUTE_COMMIT >= 2 * SLOW


def test_a_child_waits_for_its_parent_and_the_slowest_deadly_check_counts() -> None:
    plan = with_parent(small_plan(), "noedkald", "phoniro")
    assert of(plan)[0].hold == plan.rules.fresh_within + TICK
    plan = with_check(small_plan(), "noedkald", "slow", every=300.0)
    assert of(plan)[0].detect > 300
    plan = with_check(small_plan(), "noedkald", "slow", every=3000.0, fail_means=Severity.DEGRADED)
    assert of(plan)[0].detect < 300


def test_who_is_not_reached_is_a_gap_and_no_number() -> None:
    nobody = with_roles(small_plan(), afdelingschef=(), brand_og_redning=())
    assert {b.period: b.reaches for b in of(nobody)} == {NIGHT: False, DAY: True}
    mail = with_steps(small_plan(), "nedbrud_nat", step(0, "afdelingschef", by=(MAIL,)))
    assert {b.period: b.reaches for b in of(mail)} == {NIGHT: False, DAY: True}
    routes = replace(small_plan(), routes=(RouteInfo(RouteName("relay"), MAIL),))
    assert not any(b.reaches for b in of(routes))
    people = {name: replace(p, sms="") for name, p in small_plan().people.items()}
    assert not any(b.reaches for b in of(replace(small_plan(), people=people)))


def test_shifts_cut_the_day_and_their_gaps_are_found() -> None:
    shifts = (Shift(wall(0), wall(3), PersonId("chef")), Shift(wall(4), wall(24), PersonId("chef")))
    plan = with_roles(small_plan(), afdelingschef=shifts, brand_og_redning=())
    found = [(b.start, b.end, b.reaches) for b in of(plan)][:3]
    assert found == [(wall(0), wall(3), True), (wall(3), wall(4), False), (wall(4), wall(8), True)]


def test_a_late_step_counts_with_what_the_end_of_its_period_makes_of_it() -> None:
    """Ten minutes by day, and an outage nine minutes before three hears of it ten minutes into the evening's chain."""
    plan = with_steps(small_plan(), "nedbrud_dag", step(0, "nexus_support", by=(MAIL,)), step(600, "afdelingsledelse"))
    plan = with_steps(plan, "nedbrud_nat", step(0, "afdelingschef", by=(MAIL,)), step(600, "brand_og_redning"))
    assert first_phone(plan, SYSTEM, wall(10)) == 600
    assert first_phone(plan, SYSTEM, wall(15) - timedelta(seconds=600)) == 1200
    assert first_phone(plan, SYSTEM, wall(15) - timedelta(seconds=601)) == 600
    day = next(b for b in of(plan) if b.period == DAY)
    assert day.step == 1200 + TICK


def test_a_shift_that_ends_before_the_step_is_due_is_found_though_it_has_not_ended_when_the_outage_begins() -> None:
    shifts = (Shift(wall(0), wall(12), PersonId("leder")), Shift(wall(13), wall(24), PersonId("leder")))
    plan = with_steps(small_plan(), "nedbrud_dag", step(0, "nexus_support", by=(MAIL,)), step(600, "afdelingsledelse"))
    plan = with_roles(plan, afdelingsledelse=shifts)
    found = {(b.start, b.end): b.reaches for b in of(plan)}
    assert found[wall(8), wall(12)] is False
    assert found[wall(13), wall(15)] is True


def test_an_empty_first_step_makes_the_second_the_first() -> None:
    plan = with_steps(small_plan(), "nedbrud_dag", step(0, "tom"), step(600, "afdelingsledelse"))
    assert first_phone(with_roles(plan, tom=()), SYSTEM, wall(10)) == 0.0


def test_a_standing_chain_counts_where_it_is_the_first_to_ring() -> None:
    plan = with_steps(small_plan(), "nedbrud_nat", step(900, "afdelingschef"))
    standing = replace(plan.chains[0], id=plan.chains[0].id, period=None, steps=(step(60, "it_drift"),))
    plan = replace(plan, chains=(*plan.chains, standing))
    assert first_phone(plan, SYSTEM, wall(2)) == 60


def test_the_worst_of_each_period_is_shown_and_nobody_is_worse_than_any_number() -> None:
    shifts = (Shift(wall(0), wall(3), PersonId("chef")), Shift(wall(4), wall(240), PersonId("chef")))
    plan = with_roles(small_plan(), afdelingschef=shifts, brand_og_redning=())
    found = worst(plan, THURSDAY, 3)
    assert not found[SYSTEM, NIGHT].reaches
    assert found[SYSTEM, NIGHT].start == wall(3)
    assert found[SYSTEM, DAY].reaches
    assert {system for system, _ in found} == {"noedkald", "omsorgssystem", "phoniro", "medicoteknik"}


def rung(plan: Plan, start: datetime, ticks: Sequence[datetime]) -> datetime | None:
    """When the first SMS of an unanswered outage is due, by the chain itself."""
    out = Incident(IncidentId("i"), "26-0001", SYSTEM, Severity.DOWN, start, start, start, current=Severity.DOWN)
    told: set[str] = set()
    for now in ticks:
        found = due(out, plan, now, told)
        told |= {c.key for c in found.calls}
        kinds = (Kind.NOBODY_ON_DUTY, Kind.REMINDER)
        rings = [c.due for c in found.calls if c.channel is SMS and c.kind not in kinds]
        if rings:
            return min(rings)
    return None


@settings(max_examples=60)
@given(plans(), starts, st.integers(0, 10_000))
def test_no_outage_anywhere_in_a_stretch_rings_later_than_its_bound(plan: Plan, start: datetime, part: int) -> None:
    for bound in (b for b in bounds(plan, start, 2) if b.system == SYSTEM):
        at = bound.start + (bound.end - bound.start) * (part / 10_001)
        edges = plan.calendar.changes(at, at + timedelta(days=2))
        before = [edge - timedelta(microseconds=1) for edge in edges]
        ticks = sorted({at, *(at + timedelta(seconds=s) for s in range(0, 40_000, 600)), *before, *edges})
        answer = first_phone(plan, SYSTEM, at)
        if bound.reaches:
            assert answer is not None and answer <= bound.step
        if answer is not None:
            found = rung(plan, at, ticks)
            assert found is not None and (found - at).total_seconds() == answer
