"""A clock that is set moves every instant of what is going on and nothing else; a break ends what was being counted."""

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from monitor.core.drift import Drift
from monitor.core.finding import CheckName, Finding, Miss, Outcome, Reason, SystemName
from monitor.core.plan import ChannelName, CheckRule, PersonId, RouteName, Severity
from monitor.core.reasons import Kind
from monitor.core.rebase import moved, moved_belief, moved_sight, rested
from monitor.core.records import Attempt, AttemptId, Incident, IncidentId, Notice, NoticeId
from monitor.core.sight import Sight
from monitor.core.state import Belief, Level, State, step

NOW = datetime(2026, 3, 5, 10, 0, tzinfo=UTC)
BY = timedelta(hours=1)
RULE = CheckRule(CheckName("c"), SystemName("s"), "c", confirm=3, recover=2)

ROWS = [
    Incident(IncidentId("i"), "26-0001", SystemName("s"), Severity.DOWN, NOW, NOW, NOW, downs=(NOW, NOW)),
    Notice(NoticeId("n"), "k", None, Kind.ALARM, PersonId("p"), ChannelName.SMS, "", "", NOW),
    Attempt(AttemptId("a"), NoticeId("n"), RouteName("r"), NOW),
]


def full(row: Any) -> Any:
    """The row with an instant in every place where one may stand."""
    return replace(
        row, **{f.name: NOW for f in fields(row) if "datetime" in str(f.type) and "tuple" not in str(f.type)}
    )


@pytest.mark.parametrize("row", ROWS, ids=lambda row: type(row).__name__)
def test_every_instant_moves_and_nothing_else(row: Any) -> None:
    before = full(row)
    after = moved(before, BY)
    for field in fields(before):
        old, new = getattr(before, field.name), getattr(after, field.name)
        if isinstance(old, datetime):
            assert new == old + BY, field.name
        elif isinstance(old, tuple) and old:
            assert new == tuple(each + BY for each in old), field.name
        else:
            assert new == old, field.name
    assert moved(after, -BY) == before


def heard(belief: Belief, *outcomes: Outcome) -> Belief:
    for turn, outcome in enumerate(outcomes):
        misses = () if outcome is Outcome.OK else (Miss(Reason.STATUS),)
        belief = step(belief, Finding(RULE.name, outcome, NOW + timedelta(seconds=turn), misses=misses), RULE)
    return belief


FAIL, OK, UNKNOWN = Outcome.FAIL, Outcome.OK, Outcome.UNKNOWN


def test_a_belief_moves_with_its_runs() -> None:
    belief = heard(Belief(), OK, FAIL, FAIL)
    there = moved_belief(belief, BY)
    assert there.fails.count == 2 and belief.fails.since is not None
    assert there.fails.since == belief.fails.since + BY
    assert moved_belief(there, -BY) == belief


def test_what_the_canaries_saw_moves() -> None:
    sight = Sight(frozenset({RULE.name})).after(Finding(RULE.name, OK, NOW))
    there = moved_sight(sight, BY)
    assert there.clear_at == NOW + BY and there.looks[RULE.name].at == NOW + BY
    assert moved_sight(Sight(), BY) == Sight()


@pytest.mark.parametrize(
    ("before", "then", "state", "level"),
    [
        ((OK, FAIL, FAIL), (FAIL,), State.SUSPECT, Level.UP),
        ((OK, FAIL, FAIL), (FAIL, FAIL, FAIL), State.DOWN, Level.DOWN),
        ((FAIL, FAIL), (FAIL,), State.SUSPECT, None),
        ((FAIL, FAIL, FAIL), (), State.DOWN, Level.DOWN),
        ((FAIL, FAIL, FAIL, OK), (OK,), State.RECOVERING, Level.DOWN),
        ((FAIL, FAIL, FAIL, OK), (OK, OK), State.UP, Level.UP),
        ((OK, UNKNOWN, UNKNOWN), (UNKNOWN,), State.UP, Level.UP),
        ((OK, UNKNOWN, UNKNOWN, UNKNOWN), (), State.UNKNOWN, Level.UP),
    ],
)
def test_after_a_break_what_was_confirmed_stands_and_counting_begins_anew(
    before: tuple[Outcome, ...], then: tuple[Outcome, ...], state: State, level: Level | None
) -> None:
    after = heard(rested(heard(Belief(), *before)), *then)
    assert (after.state, after.level) == (state, level)


def test_drift_counts_what_moved_within_the_hour() -> None:
    drift = Drift()
    for turn in range(100):
        drift = drift.after(0.06, float(turn))
    assert drift.too_much(100.0) and drift.in_an_hour(100.0) == pytest.approx(6.0)
    assert not drift.too_much(3650.0)
    assert not Drift().after(0.01, 0.0).moves
    back = Drift(tuple((float(n), -0.6) for n in range(10)))
    assert back.too_much(10.0)
