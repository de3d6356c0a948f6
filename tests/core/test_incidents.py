"""What an incident becomes, for every state it may stand in and every view it may meet."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.finding import SystemName
from monitor.core.incidents import Change, acknowledge, hold, observe, tick
from monitor.core.plan import Rules, Severity
from monitor.core.reasons import Hold, HumanState, Kind
from monitor.core.records import Incident, IncidentId
from monitor.core.state import State, SystemView

START = datetime(2026, 3, 5, 9, 0, tzinfo=UTC)
RULES = Rules()
ADVISORY, DEGRADED, DOWN = Severity.ADVISORY, Severity.DEGRADED, Severity.DOWN


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def incident(severity: Severity = DOWN, **more: object) -> Incident:
    plain = Incident(
        IncidentId("i"), "26-0001", SystemName("s"), severity, START, at(10), at(10), current=severity, downs=(at(10),)
    )
    return replace(plain, **more)  # type: ignore[arg-type]


def bad(severity: Severity = DOWN, grade: int = 0, began: float = 0.0) -> SystemView:
    return SystemView(State.DOWN if severity is DOWN else State.DEGRADED, severity, grade, at(began))


def good(back: float = 0.0) -> SystemView:
    return SystemView(State.UP, back=at(back))


NOTHING = SystemView(State.UNKNOWN, known=False)
RECOVERED = incident(current=None, good_since=at(100), recovered=at(110), human=HumanState.RESOLVED)
UNSTABLE = incident(unstable=True, told_as=Kind.UNSTABLE, generation=3, downs=(at(10), at(60), at(110)))
UNSTABLE_GOOD = replace(UNSTABLE, current=None, good_since=at(130))

TABLE = [
    # what stands, what is seen, what happens, does the chain begin anew
    ("down, still down", incident(), bad(), (), False),
    ("down, nothing known", incident(), NOTHING, (), False),
    ("down, up again", incident(), good(), ("recovered",), False),
    ("down, only limping", incident(), bad(DEGRADED), ("eased",), False),
    ("limping, down", incident(DEGRADED), bad(), ("worsened",), True),
    ("limping, still limping", incident(DEGRADED), bad(DEGRADED), (), False),
    ("limping, worse of its kind", incident(DEGRADED, grade=1), bad(DEGRADED, 2), ("worsened",), True),
    ("limping, better of its kind", incident(DEGRADED, grade=2), bad(DEGRADED, 1), (), False),
    ("advisory, limping", incident(ADVISORY, grade=3), bad(DEGRADED), ("worsened",), True),
    ("eased, as bad as before", incident(current=DEGRADED), bad(), ("back",), False),
    (
        "eased and answered, as bad as before",
        incident(current=DEGRADED, acknowledged=at(50)),
        bad(),
        ("worsened",),
        True,
    ),
    ("answered, still down", incident(acknowledged=at(50)), bad(), (), False),
    ("answered, up again", incident(acknowledged=at(50)), good(), ("recovered",), False),
    ("recovered, still up", RECOVERED, good(), (), False),
    ("recovered, nothing known", RECOVERED, NOTHING, (), False),
    ("recovered, down again", RECOVERED, bad(), ("reopened",), True),
    ("recovered, limping", RECOVERED, bad(DEGRADED), ("reopened",), True),
    ("recovered from limping, down", replace(RECOVERED, severity=DEGRADED), bad(), ("worsened",), True),
    ("recovered, down the third time", replace(RECOVERED, downs=(at(10), at(60))), bad(), ("unstable",), True),
    ("unstable, still down", UNSTABLE, bad(), (), False),
    ("unstable, up for now", UNSTABLE, good(), ("eased",), False),
    ("unstable and up, down again", UNSTABLE_GOOD, bad(), ("back",), False),
    ("unstable and up, limping", UNSTABLE_GOOD, bad(DEGRADED), ("back",), False),
    ("unstable limping, down", replace(UNSTABLE, severity=DEGRADED, current=DEGRADED), bad(), ("worsened",), True),
    ("unstable limping and up, down", replace(UNSTABLE_GOOD, severity=DEGRADED), bad(), ("worsened",), True),
    ("unstable and told to be over", replace(UNSTABLE_GOOD, recovered=at(1000)), bad(), ("unstable",), True),
]


@pytest.mark.parametrize(("stands", "seen", "events", "anew"), [t[1:] for t in TABLE], ids=[t[0] for t in TABLE])
def test_an_incident_meets_its_system_s_state(
    stands: Incident, seen: SystemView, events: tuple[str, ...], anew: bool
) -> None:
    now = at(200)
    change = observe(stands, seen, RULES, now)
    assert tuple(event.value for event in change.events) == events
    after = change.incident
    assert (after.generation == stands.generation + 1) is anew
    assert (after.chain_from == now) is anew
    if anew:
        assert after.acknowledged is None and after.human is HumanState.UNSEEN
    if not events:
        assert after == stands
    assert (after.id, after.number, after.began, after.detected) == (stands.id, stands.number, START, at(10))
    assert after.severity >= stands.severity


def test_recovery_is_stamped_with_the_first_good_look_and_never_before_the_outage() -> None:
    assert observe(incident(), good(150), RULES, at(200)).incident.good_since == at(150)
    assert observe(incident(), good(-900), RULES, at(200)).incident.good_since == at(10)
    assert observe(incident(), good(900), RULES, at(200)).incident.good_since == at(200)


def test_the_time_it_went_down_again_is_when_it_began_and_not_when_it_was_confirmed() -> None:
    again = observe(RECOVERED, bad(began=180), RULES, at(200)).incident
    assert again.downs == (at(10), at(180))
    assert observe(RECOVERED, bad(began=0), RULES, at(200)).incident.downs[-1] == at(100)


def test_only_the_last_hour_s_downs_count_as_coming_and_going() -> None:
    long_ago = replace(RECOVERED, downs=(at(-4000), at(-3700), at(-3500)))
    change = observe(long_ago, bad(began=180), RULES, at(200))
    assert change.events[0].value == "reopened"
    assert change.incident.downs == (at(180),)


def test_what_was_held_back_is_told_as_what_it_is_the_first_time() -> None:
    held = replace(RECOVERED, hold=Hold.PARENT_DOWN, held_by=SystemName("p"))
    assert observe(held, bad(), RULES, at(200)).incident.told_as is Kind.ALARM
    assert observe(RECOVERED, bad(), RULES, at(200)).incident.told_as is Kind.REOPENED
    unstable = replace(held, told_as=Kind.UNSTABLE)
    assert observe(unstable, bad(), RULES, at(200)).incident.told_as is Kind.REOPENED


TICKS = [
    ("an outage goes on", incident(), 10_000, ()),
    ("recovered, may still be rejoined", RECOVERED, 110 + 899, ()),
    ("recovered, too long ago", RECOVERED, 110 + 900, ("closed",)),
    ("unstable, well for a while", UNSTABLE_GOOD, 130 + 899, ()),
    ("unstable, well long enough", UNSTABLE_GOOD, 130 + 900, ("recovered",)),
    ("unstable, away for a while", UNSTABLE, 110 + 899, ()),
    ("unstable, away long enough", UNSTABLE, 110 + 900, ("reopened",)),
    ("closed", replace(RECOVERED, closed=at(900)), 100_000, ()),
]


@pytest.mark.parametrize(("stands", "seconds", "events"), [t[1:] for t in TICKS], ids=[t[0] for t in TICKS])
def test_what_time_alone_does(stands: Incident, seconds: float, events: tuple[str, ...]) -> None:
    change = tick(stands, RULES, at(seconds))
    assert tuple(event.value for event in change.events) == events
    if not events:
        assert change == Change(stands)


def test_unstable_and_away_for_good_is_an_outage_like_any_other() -> None:
    after = tick(UNSTABLE, RULES, at(1010)).incident
    assert (after.unstable, after.told_as, after.generation) == (False, Kind.REOPENED, 4)


def test_an_answer_is_kept_as_the_first_one_and_closes_nothing() -> None:
    once = acknowledge(incident(), "A", HumanState.SEEN, at(50))
    twice = acknowledge(once, "B", HumanState.WORKING, at(60))
    assert (twice.acknowledged, twice.acknowledged_by, twice.first_acknowledged) == (at(50), "A", at(50))
    assert twice.human is HumanState.WORKING
    assert twice.active
    again = acknowledge(
        observe(incident(DEGRADED, acknowledged=at(1), first_acknowledged=at(1)), bad(), RULES, at(70)).incident,
        "C",
        HumanState.SEEN,
        at(80),
    )
    assert (again.acknowledged, again.acknowledged_by, again.first_acknowledged) == (at(80), "C", at(1))


def test_letting_go_begins_the_chain_anew_and_changing_parents_does_not() -> None:
    p, q = SystemName("p"), SystemName("q")
    held = hold(incident(), Hold.PARENT_PENDING, p, at(20))
    assert (held.hold, held.held_by, held.chain_from) == (Hold.PARENT_PENDING, p, at(10))
    assert hold(held, Hold.PARENT_PENDING, p, at(30)) is held
    assert hold(held, Hold.PARENT_PENDING, q, at(30)).held_by == q
    assert hold(held, Hold.PARENT_DOWN, p, at(30)).hold is Hold.PARENT_DOWN
    free = hold(held, None, None, at(40))
    assert (free.hold, free.held_by, free.chain_from) == (None, None, at(40))


views = st.sampled_from([bad(), bad(DEGRADED), bad(ADVISORY, 1), bad(ADVISORY, 2), good(), NOTHING])
acts = st.lists(st.tuples(st.one_of(views, st.just("tick"), st.just("ack")), st.floats(0, 1500)), max_size=60)


@given(acts)
def test_whatever_happens_nobody_is_left_with_the_wrong_last_word(happenings: list[tuple[object, float]]) -> None:
    """After an all-clear, badness is always told anew; an unstable one that lasts is too; nothing closes while bad."""
    one, now, told_well = incident(), START + timedelta(seconds=20), False
    for what, seconds in happenings:
        now += timedelta(seconds=seconds)
        if one.closed is not None:
            break
        if what == "ack":
            one = acknowledge(one, "A", HumanState.SEEN, now) if one.active else one
            continue
        before = one
        change = observe(one, what, RULES, now) if isinstance(what, SystemView) else tick(one, RULES, now)
        one = change.incident
        words = [event.value for event in change.events]
        if told_well and isinstance(what, SystemView) and what.severity is not None:
            assert one.generation == before.generation + 1
        told_well = one.recovered is not None
        assert (one.recovered is not None) == ("recovered" in words) or before.recovered is not None
        assert one.current is None or one.good_since is None
        if one.closed is not None:
            assert before.recovered is not None
        if "reopened" in words or "unstable" in words or "worsened" in words:
            assert one.acknowledged is None and one.active
