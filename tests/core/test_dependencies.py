"""Whether a child's notices wait for its parent: what the parent may be, and when it was looked at."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from monitor.core.dependencies import ancestors, dependants, hold_for
from monitor.core.finding import CheckName, SystemName
from monitor.core.plan import Severity
from monitor.core.reasons import Hold
from monitor.core.records import Incident, IncidentId
from monitor.core.state import Belief, Level, Run, State
from tests.support.plans import small_plan, with_parent

START = datetime(2026, 3, 5, 9, 0, tzinfo=UTC)
CHILD, PARENT, GRAND = (SystemName(name) for name in ("noedkald", "phoniro", "omsorgssystem"))
PLAN = with_parent(small_plan(), "noedkald", "phoniro")
FAMILY = with_parent(PLAN, "phoniro", "omsorgssystem")


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def incident(system: SystemName = CHILD, **more: object) -> Incident:
    plain = Incident(IncidentId(system), "26-0001", system, Severity.DOWN, START, at(10), at(10), current=Severity.DOWN)
    return replace(plain, **more)  # type: ignore[arg-type]


def belief(state: State, seen: float, **more: object) -> Belief:
    level = {State.UP: Level.UP, State.SUSPECT: Level.UP, State.DOWN: Level.DOWN}.get(state)
    return replace(Belief(level, state, at(-100), seen_at=at(seen)), **more)  # type: ignore[arg-type]


DOWN = incident(PARENT)
PENDING, HELD = (Hold.PARENT_PENDING, PARENT), (Hold.PARENT_DOWN, PARENT)
FREE = (None, None)

TABLE = [
    # what is known of the parent, its incident, seconds since the child's fault, what becomes of the child
    ("never looked at", None, None, 10, PENDING),
    ("never looked at, for long", None, None, 31, FREE),
    ("well, looked at before", belief(State.UP, -1), None, 10, PENDING),
    ("well, looked at before, for long", belief(State.UP, -1), None, 30, FREE),
    ("well, looked at since", belief(State.UP, 0), None, 10, FREE),
    ("being confirmed", belief(State.SUSPECT, 5, bads=Run(1, at(5))), None, 10, PENDING),
    ("cannot be looked at, and that is known", belief(State.UNKNOWN, 5), None, 10, FREE),
    ("could not be looked at just now", belief(State.UP, 5, unknowns=Run(1, at(5))), None, 10, PENDING),
    ("down", belief(State.DOWN, 5), DOWN, 10, HELD),
    ("down, for long", belief(State.DOWN, 5), DOWN, 10_000, HELD),
    ("degraded", belief(State.UP, 5), replace(DOWN, severity=Severity.DEGRADED, current=Severity.DEGRADED), 10, FREE),
    ("eased to degraded", belief(State.UP, 5), replace(DOWN, current=Severity.DEGRADED), 10, FREE),
    (
        "unstable and up for now",
        belief(State.UP, 5),
        replace(DOWN, unstable=True, good_since=at(6), current=None),
        10,
        FREE,
    ),
    ("just back", belief(State.UP, 100), replace(DOWN, good_since=at(95), recovered=at(100)), 110, PENDING),
    ("back for a while", belief(State.UP, 100), replace(DOWN, good_since=at(95), recovered=at(100)), 120, FREE),
]


@pytest.mark.parametrize(("known", "theirs", "seconds", "held"), [t[1:] for t in TABLE], ids=[t[0] for t in TABLE])
def test_a_child_and_its_parent(
    known: Belief | None, theirs: Incident | None, seconds: float, held: tuple[Hold | None, SystemName | None]
) -> None:
    by_system = {PARENT: theirs} if theirs else {}
    beliefs = {CheckName("phoniro-1"): known} if known else {}
    assert hold_for(incident(), PLAN, by_system, beliefs, at(seconds)) == held


def test_a_grandparent_counts_like_a_parent() -> None:
    beliefs = {CheckName(c): belief(State.UP, 5) for c in ("phoniro-1", "omsorgssystem-1")}
    assert hold_for(incident(), FAMILY, {}, beliefs, at(10)) == FREE
    held = hold_for(incident(), FAMILY, {GRAND: incident(GRAND)}, beliefs, at(10))
    assert held == (Hold.PARENT_DOWN, GRAND)


def test_a_worsening_asks_for_a_look_after_itself_and_not_after_the_first_fault() -> None:
    worse = incident(generation=2, chain_from=at(500))
    beliefs = {CheckName("phoniro-1"): belief(State.UP, 499)}
    assert hold_for(worse, PLAN, {}, beliefs, at(501)) == PENDING
    assert hold_for(worse, PLAN, {}, beliefs, at(520)) == FREE
    assert hold_for(worse, PLAN, {}, {CheckName("phoniro-1"): belief(State.UP, 500)}, at(501)) == FREE


def test_who_has_no_parent_waits_for_nobody() -> None:
    assert hold_for(incident(), small_plan(), {PARENT: DOWN}, {}, at(10)) == FREE


def test_a_system_the_plan_no_longer_has_waits_for_nobody() -> None:
    assert hold_for(incident(SystemName("gone")), PLAN, {PARENT: DOWN}, {}, at(10)) == FREE


def test_ancestors_and_dependants_each_once_and_also_in_a_ring() -> None:
    assert list(ancestors(FAMILY, CHILD)) == [PARENT, GRAND]
    assert set(dependants(FAMILY, GRAND)) == {PARENT, CHILD}
    ring = with_parent(FAMILY, "omsorgssystem", "noedkald")
    assert list(ancestors(ring, CHILD)) == [PARENT, GRAND]
    assert list(ancestors(with_parent(PLAN, "phoniro", "nowhere"), CHILD)) == [PARENT]
