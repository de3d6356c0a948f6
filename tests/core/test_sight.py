"""Whether it is they or we: every answer the canaries can give."""

from datetime import UTC, datetime, timedelta

import pytest

from monitor.core.finding import CheckName, Finding, Miss, Outcome, Reason, SystemName
from monitor.core.plan import CheckRule, Rules
from monitor.core.sight import Answer, Sight, as_canary, as_unknown, patience

START = datetime(2026, 3, 5, 9, 0, tzinfo=UTC)
A, B = CheckName("a"), CheckName("b")


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def look(name: CheckName, outcome: Outcome, seconds: float, reason: Reason = Reason.TIMEOUT) -> Finding:
    return Finding(name, outcome, at(seconds), misses=() if outcome is Outcome.OK else (Miss(reason),))


def seen(*looks: tuple[CheckName, Outcome, float]) -> Sight:
    sight = Sight(frozenset({A, B}))
    for one in looks:
        sight = sight.after(look(*one))
    return sight


OK, WARN, FAIL, UNKNOWN = Outcome.OK, Outcome.WARN, Outcome.FAIL, Outcome.UNKNOWN

ANSWERS = [
    ("nobody has looked", (), Answer.WAIT, Answer.WAIT),
    ("one answered since", ((A, OK, 11),), Answer.CLEAR, Answer.CLEAR),
    ("one answered as it began", ((A, OK, 10),), Answer.CLEAR, Answer.CLEAR),
    ("slow is an answer", ((A, WARN, 11),), Answer.CLEAR, Answer.CLEAR),
    ("one answered before", ((A, OK, 9),), Answer.WAIT, Answer.WAIT),
    ("one gone, the other not asked", ((A, FAIL, 11),), Answer.WAIT, Answer.WAIT),
    ("one gone, the other answers", ((A, FAIL, 11), (B, OK, 12)), Answer.CLEAR, Answer.CLEAR),
    ("both gone", ((A, FAIL, 11), (B, FAIL, 12)), Answer.WAIT, Answer.BLIND),
    ("both gone after answering", ((A, OK, 10), (A, FAIL, 11), (B, FAIL, 12)), Answer.WAIT, Answer.BLIND),
    ("both gone and one back", ((A, FAIL, 11), (B, FAIL, 12), (A, OK, 13)), Answer.CLEAR, Answer.CLEAR),
    ("one gone, one could not look", ((A, FAIL, 11), (B, UNKNOWN, 12)), Answer.WAIT, Answer.BLIND),
    ("neither could look", ((A, UNKNOWN, 11), (B, UNKNOWN, 12)), Answer.WAIT, Answer.WAIT),
]


@pytest.mark.parametrize(("looks", "untold", "told"), [a[1:] for a in ANSWERS], ids=[a[0] for a in ANSWERS])
def test_answers_to_a_trouble_that_began_at_ten(
    looks: tuple[tuple[CheckName, Outcome, float], ...], untold: Answer, told: Answer
) -> None:
    """Nothing is called blind before somebody hears of our own line."""
    assert seen(*looks).answer(at(10), told=False) is untold
    assert seen(*looks).answer(at(10), told=True) is told


def test_without_canaries_everything_is_believed() -> None:
    assert Sight().answer(START, told=False) is Answer.CLEAR
    assert not Sight().blind


def test_an_older_answer_that_comes_late_does_not_set_the_time_back() -> None:
    assert seen((A, OK, 20), (B, OK, 10)).clear_at == at(20)


def test_another_set_of_canaries_keeps_what_the_ones_that_stay_have_seen() -> None:
    sight = seen((A, OK, 11), (B, FAIL, 12))
    assert sight.over(frozenset({A})).answer(at(10), told=False) is Answer.CLEAR
    assert sight.over(frozenset({CheckName("new")})).answer(at(10), told=False) is Answer.WAIT
    assert sight.over(frozenset({B})).blind


@pytest.mark.parametrize("reason", list(Reason))
def test_a_canary_our_own_side_cannot_reach_has_failed(reason: Reason) -> None:
    ours = reason in (Reason.NO_ROUTE, Reason.RESOLVER)
    assert as_canary(look(A, UNKNOWN, 0, reason)).outcome is (FAIL if ours else UNKNOWN)
    assert as_canary(look(A, FAIL, 0, reason)).outcome is FAIL


def test_a_finding_of_somebody_who_is_blind_says_so_first_and_keeps_what_was_seen() -> None:
    blind = as_unknown(look(A, FAIL, 0))
    assert blind.outcome is UNKNOWN
    assert [miss.reason for miss in blind.misses] == [Reason.BLIND, Reason.TIMEOUT]


@pytest.mark.parametrize(
    ("confirm", "timeout", "retry", "seconds"), [(2, 5.0, 5.0, 20.0), (2, 10.0, 5.0, 30.0), (3, 2.0, 30.0, 92.0)]
)
def test_the_wait_is_long_enough_to_confirm_that_all_are_gone(
    confirm: int, timeout: float, retry: float, seconds: float
) -> None:
    rule = CheckRule(A, SystemName("egen_linje"), "A", confirm=confirm, timeout=timeout, retry_every=retry)
    assert patience([rule], Rules()) == seconds
    assert patience([], Rules()) == 20.0
