"""Every road between the states of a check, and from checks to a system."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.finding import CheckName, Finding, Miss, Outcome, Reason, SystemName
from monitor.core.plan import CheckRule, Severity
from monitor.core.state import Belief, Level, Run, State, changed, confirmed, step, view

NAME, SYSTEM = CheckName("c"), SystemName("s")
RULE = CheckRule(NAME, SYSTEM, "C", confirm=3, recover=2)
START = datetime(2026, 3, 5, 9, 0, tzinfo=UTC)
LETTERS = {"o": Outcome.OK, "w": Outcome.WARN, "f": Outcome.FAIL, "u": Outcome.UNKNOWN, "b": Outcome.UNKNOWN}
UP, SUSPECT, DEGRADED, DOWN = State.UP, State.SUSPECT, State.DEGRADED, State.DOWN
RECOVERING, UNKNOWN = State.RECOVERING, State.UNKNOWN


def finding(letter: str, turn: int, grade: int = 0) -> Finding:
    reason = {"u": Reason.INTERNAL, "b": Reason.BLIND}.get(letter, Reason.STATUS)
    misses = () if letter == "o" else (Miss(reason, seen=letter),)
    return Finding(NAME, LETTERS[letter], START + timedelta(seconds=turn), misses=misses, grade=grade)


def after(letters: str, rule: CheckRule = RULE, start: Belief | None = None) -> Belief:
    belief = start or Belief()
    for turn, letter in enumerate(letters):
        belief = step(belief, finding(letter, turn), rule)
    return belief


ROADS = [
    # from never seen
    ("o", UP, Level.UP),
    ("f", SUSPECT, None),
    ("ff", SUSPECT, None),
    ("fff", DOWN, Level.DOWN),
    ("w", SUSPECT, None),
    ("www", DEGRADED, Level.DEGRADED),
    ("fwf", DEGRADED, Level.DEGRADED),
    ("fo", UP, Level.UP),
    ("u", UNKNOWN, None),
    ("uuu", UNKNOWN, None),
    # from up
    ("of", SUSPECT, Level.UP),
    ("off", SUSPECT, Level.UP),
    ("offf", DOWN, Level.DOWN),
    ("offo", UP, Level.UP),
    ("ofwf", DEGRADED, Level.DEGRADED),
    ("owww", DEGRADED, Level.DEGRADED),
    ("owwf", DEGRADED, Level.DEGRADED),
    ("offu", SUSPECT, Level.UP),
    ("offuf", DOWN, Level.DOWN),
    ("ofufuf", DOWN, Level.DOWN),
    ("offuuu", UNKNOWN, Level.UP),
    ("offuuuf", SUSPECT, Level.UP),
    ("ouu", UP, Level.UP),
    ("ouuu", UNKNOWN, Level.UP),
    ("ouuuo", UP, Level.UP),
    # from degraded
    ("wwwo", RECOVERING, Level.DEGRADED),
    ("wwwoo", UP, Level.UP),
    ("wwwow", DEGRADED, Level.DEGRADED),
    ("wwwf", DEGRADED, Level.DEGRADED),
    ("wwwff", DEGRADED, Level.DEGRADED),
    ("wwwfff", DOWN, Level.DOWN),
    ("wwwfof", DEGRADED, Level.DEGRADED),
    ("wwwuuu", UNKNOWN, Level.DEGRADED),
    ("wwwuuuoo", UP, Level.UP),
    # from down
    ("fffo", RECOVERING, Level.DOWN),
    ("fffof", DOWN, Level.DOWN),
    ("fffoo", UP, Level.UP),
    ("fffw", RECOVERING, Level.DOWN),
    ("fffww", DEGRADED, Level.DEGRADED),
    ("fffow", DEGRADED, Level.DEGRADED),
    ("fffwo", RECOVERING, Level.DEGRADED),
    ("fffwoo", UP, Level.UP),
    ("fffu", DOWN, Level.DOWN),
    ("fffuuu", UNKNOWN, Level.DOWN),
    ("fffuuuf", DOWN, Level.DOWN),
    ("fffuuuo", RECOVERING, Level.DOWN),
    ("fffouuuo", RECOVERING, Level.DOWN),
    ("fffouuuoo", UP, Level.UP),
    ("fffou", RECOVERING, Level.DOWN),
    # failures seen while blind begin no count, and end the one there was
    ("offb", SUSPECT, Level.UP),
    ("offbf", SUSPECT, Level.UP),
    ("offbfff", DOWN, Level.DOWN),
    ("offbo", UP, Level.UP),
    ("fffb", DOWN, Level.DOWN),
]


@pytest.mark.parametrize(("letters", "state", "level"), ROADS, ids=[road[0] for road in ROADS])
def test_roads(letters: str, state: State, level: Level | None) -> None:
    belief = after(letters)
    assert (belief.state, belief.level) == (state, level)


@pytest.mark.parametrize(
    ("letters", "rests"),
    [
        ("", False),
        ("o", True),
        ("of", False),
        ("offf", True),
        ("fffo", False),
        ("www", True),
        ("wwwf", False),
        ("wwwo", False),
        ("ou", False),
        ("u", False),
        ("uuu", True),
        ("ouuu", True),
        ("ouuuu", True),
        ("ouuuf", False),
    ],
)
def test_the_next_probe_waits_only_when_nothing_is_being_confirmed(letters: str, rests: bool) -> None:
    assert after(letters).settled is rests


@pytest.mark.parametrize(
    ("letters", "since"),
    [("offf", 1), ("offwww", 1), ("fffoo", 3), ("ouuu", 1), ("offof", 4), ("fffof", 4), ("fffwoo", 4), ("fffow", 3)],
)
def test_a_state_is_stamped_with_its_first_finding(letters: str, since: int) -> None:
    assert after(letters).since == START + timedelta(seconds=since)


@pytest.mark.parametrize(
    ("letters", "since"), [("offf", 1), ("offfo", 1), ("offfof", 1), ("offfuuu", 1), ("owwwfff", 4), ("fffww", 3)]
)
def test_a_level_is_stamped_with_the_run_that_confirmed_it(letters: str, since: int) -> None:
    assert after(letters).level_since == START + timedelta(seconds=since)


@pytest.mark.parametrize("confirm", [1, 2, 5])
@pytest.mark.parametrize("recover", [1, 2, 4])
def test_counts_are_the_rule_s(confirm: int, recover: int) -> None:
    rule = CheckRule(NAME, SYSTEM, "C", confirm=confirm, recover=recover)
    assert after("o" + "f" * (confirm - 1), rule).level is Level.UP
    down = after("o" + "f" * confirm, rule)
    assert down.level is Level.DOWN
    assert after("o" * (recover - 1), rule, down).level is Level.DOWN
    assert after("o" * recover, rule, down).level is Level.UP


def test_a_check_that_may_not_be_confirmed_keeps_its_count_until_it_may() -> None:
    belief = after("o")
    for turn in range(4):
        belief = step(belief, finding("f", turn), RULE, may_confirm=False)
    assert (belief.state, belief.level, belief.fails.count) == (SUSPECT, Level.UP, 4)
    settled = confirmed(belief, RULE)
    assert (settled.state, settled.level, settled.since) == (DOWN, Level.DOWN, START)


@pytest.mark.parametrize("letters", ["", "o", "of", "off", "fffo", "ouuu"])
def test_nothing_is_confirmed_that_has_no_full_count(letters: str) -> None:
    assert confirmed(after(letters), RULE) == after(letters)


def test_what_was_seen_last_is_still_said_while_we_cannot_look() -> None:
    belief = after("fffuuu")
    assert [miss.reason for miss in belief.misses] == [Reason.INTERNAL]
    assert [miss.seen for miss in belief.evidence] == ["f"]


def test_the_grade_is_the_latest_finding_s() -> None:
    rule = CheckRule(NAME, SYSTEM, "C", confirm=1, recover=1)
    belief = step(Belief(), finding("w", 0, 2), rule)
    assert belief.grade == 2
    assert step(belief, finding("w", 1, 1), rule).grade == 1
    assert step(belief, finding("o", 1), rule).grade == 0


def test_a_change_carries_when_it_began_and_when_it_was_noticed() -> None:
    before, now = after("off"), START + timedelta(seconds=9)
    moved = changed(NAME, before, step(before, finding("f", 3), RULE), now)
    assert moved is not None
    assert (moved.before, moved.after, moved.began, moved.noticed) == (SUSPECT, DOWN, START + timedelta(seconds=1), now)
    assert changed(NAME, before, before, now) is None


letters = st.text(alphabet="owfub", max_size=60)
rules = st.builds(
    lambda confirm, recover: CheckRule(NAME, SYSTEM, "C", confirm=confirm, recover=recover),
    st.integers(1, 5),
    st.integers(1, 4),
)


@given(letters, rules)
def test_a_level_gets_worse_only_by_confirm_findings_in_a_row(sequence: str, rule: CheckRule) -> None:
    """UNKNOWN ones apart, which say nothing; but those seen while blind break the row."""
    belief, row = Belief(), ""
    for turn, letter in enumerate(sequence):
        before, belief = belief, step(belief, finding(letter, turn), rule)
        row = "" if letter == "b" else row + (letter if letter != "u" else "")
        if (belief.level or Level.UP) <= (before.level or Level.UP):
            continue
        bad = "f" if belief.level is Level.DOWN else "fw"
        assert letter in bad
        assert len(row) >= rule.confirm and all(one in bad for one in row[-rule.confirm :])


@given(letters, rules)
def test_a_level_gets_better_only_by_recover_findings_in_a_row(sequence: str, rule: CheckRule) -> None:
    belief, row = Belief(), ""
    for turn, letter in enumerate(sequence):
        before, belief = belief, step(belief, finding(letter, turn), rule)
        row += letter if letter not in "ub" else ""
        if before.level is None or belief.level is None or belief.level >= before.level:
            continue
        good = "o" if belief.level is Level.UP else "ow"
        assert letter in good
        assert len(row) >= rule.recover and all(one in good for one in row[-rule.recover :])


@given(letters, rules)
def test_a_belief_is_always_whole(sequence: str, rule: CheckRule) -> None:
    belief = Belief()
    for turn, letter in enumerate(sequence):
        belief = step(belief, finding(letter, turn), rule)
        shown = {Level.UP: {UP, SUSPECT}, Level.DEGRADED: {DEGRADED, RECOVERING}, Level.DOWN: {DOWN, RECOVERING}}
        allowed = shown[belief.level] if belief.level is not None else {SUSPECT}
        assert belief.state in allowed | {UNKNOWN}
        if belief.state is not UNKNOWN:
            assert belief.since is not None
        if belief.level:
            assert belief.level_since is not None and belief.evidence
        for run in (belief.fails, belief.bads, belief.goods, belief.bearable, belief.unknowns):
            assert (run.count == 0) == (run.since is None) or run == Run()


A, B = CheckName("a"), CheckName("b")
PAIR = [
    CheckRule(A, SYSTEM, "A"),
    CheckRule(B, SYSTEM, "B", fail_means=Severity.DEGRADED, warn_means=Severity.ADVISORY),
]

VIEWS = [
    ("o", "o", UP, None, True),
    ("o", "", UP, None, True),
    ("", "", UNKNOWN, None, False),
    ("of", "o", SUSPECT, None, True),
    ("fff", "o", DOWN, Severity.DOWN, True),
    ("o", "fff", DEGRADED, Severity.DEGRADED, True),
    ("o", "www", DEGRADED, Severity.ADVISORY, True),
    ("www", "fff", DEGRADED, Severity.DEGRADED, True),
    ("fff", "fff", DOWN, Severity.DOWN, True),
    ("fffo", "o", RECOVERING, Severity.DOWN, True),
    ("fffo", "fff", RECOVERING, Severity.DOWN, True),
    ("fffuuu", "o", DOWN, Severity.DOWN, True),
    ("uuu", "uuu", UNKNOWN, None, False),
    ("uuu", "o", UNKNOWN, None, False),
    ("ouuu", "ouuu", UNKNOWN, None, False),
    ("o", "uuu", UP, None, True),
    # one that is heard for the first time and not yet believed: nothing may be cleared on the others' word
    ("f", "o", SUSPECT, None, False),
    ("u", "o", UNKNOWN, None, False),
]


@pytest.mark.parametrize(("a", "b", "state", "severity", "known"), VIEWS)
def test_a_system_is_as_bad_as_its_worst_check(
    a: str, b: str, state: State, severity: Severity | None, known: bool
) -> None:
    beliefs = {name: after(road) for name, road in ((A, a), (B, b)) if road}
    seen = view(PAIR, beliefs)
    assert (seen.state, seen.severity, seen.known) == (state, severity, known)
    assert (seen.cause is None) == (severity is None)


@pytest.mark.parametrize(
    ("a", "b", "severity"),
    [
        ("fff", "o", None),
        ("fff", "fff", Severity.DOWN),
        ("fff", "", Severity.DOWN),
        ("fff", "uuu", Severity.DOWN),
        ("fff", "ouuu", Severity.DOWN),
        ("fff", "of", None),
        ("o", "o", None),
    ],
)
def test_our_own_line_is_gone_when_every_canary_that_can_look_says_so(
    a: str, b: str, severity: Severity | None
) -> None:
    both = [CheckRule(A, SYSTEM, "A"), CheckRule(B, SYSTEM, "B")]
    beliefs = {name: after(road) for name, road in ((A, a), (B, b)) if road}
    assert view(both, beliefs, needs_all=True).severity is severity


def test_a_system_began_to_fail_with_its_first_bad_check_and_came_back_with_its_last() -> None:
    both = [CheckRule(A, SYSTEM, "A"), CheckRule(B, SYSTEM, "B")]
    assert view(both, {A: after("ooofff"), B: after("offf")}).began == START + timedelta(seconds=1)
    assert view(both, {A: after("fffoo"), B: after("ffffoo")}).back == START + timedelta(seconds=4)
    assert view(both, {A: after("off"), B: after("o")}).began == START + timedelta(seconds=1)
