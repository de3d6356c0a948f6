"""A test message's course: in time, late, missing, and what a restart or a mix-up must not make of it."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.canary import Course, Pace, Stand, due, landed, launched, missing, stand

START = datetime(2026, 3, 5, 2, 0, tzinfo=UTC)
OURS = Pace(900, 300, ours=True)
ITS_OWN = Pace(900, 300, ours=False)


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def flown(*events: tuple[str, float], pace: Pace = OURS) -> Course:
    """A course by its events, `sent` and `out`, each at so many minutes."""
    course = Course(START)
    for what, minute in events:
        course = launched(course, at(minute), "A1") if what == "sent" else landed(course, pace, at(minute))
    return course


@pytest.mark.parametrize(
    ("events", "now", "expected"),
    [
        ((), 0, Stand.AWAITED),
        ((("sent", 0),), 5, Stand.AWAITED),
        ((("sent", 0),), 5.1, Stand.GONE),
        ((("sent", 0), ("out", 1)), 14, Stand.WELL),
        ((("sent", 0), ("out", 5)), 14, Stand.WELL),
        ((("sent", 0), ("out", 6)), 14, Stand.LATE),
        ((("sent", 0), ("out", 1), ("sent", 15)), 19, Stand.WELL),
        ((("sent", 0), ("out", 1), ("sent", 15)), 21, Stand.GONE),
        ((("sent", 0), ("sent", 15)), 16, Stand.GONE),
        ((("sent", 0), ("sent", 15), ("out", 16)), 17, Stand.LATE),
        ((("sent", 0), ("sent", 15), ("out", 16), ("sent", 30), ("out", 31)), 32, Stand.WELL),
        ((("out", 3),), 4, Stand.WELL),
        ((("sent", 0), ("out", 1), ("out", 2)), 3, Stand.WELL),
    ],
)
def test_what_we_send(events: tuple[tuple[str, float], ...], now: float, expected: Stand) -> None:
    assert stand(flown(*events), OURS, at(now)) is expected


@pytest.mark.parametrize(
    ("events", "now", "expected"),
    [
        ((), 20, Stand.AWAITED),
        ((), 20.1, Stand.GONE),
        ((("out", 3),), 23, Stand.WELL),
        ((("out", 3),), 23.1, Stand.GONE),
        ((("out", 3), ("out", 18)), 20, Stand.WELL),
        ((("out", 3), ("out", 23)), 24, Stand.WELL),
        ((("out", 3), ("out", 24)), 25, Stand.LATE),
        ((("out", 3), ("out", 24), ("out", 39)), 40, Stand.WELL),
        ((("out", -600),), 19, Stand.WELL),
        ((("out", -600),), 21, Stand.GONE),
    ],
)
def test_what_the_unit_sends_by_itself(events: tuple[tuple[str, float], ...], now: float, expected: Stand) -> None:
    assert stand(flown(*events, pace=ITS_OWN), ITS_OWN, at(now)) is expected


def test_an_outage_is_as_old_as_the_first_that_is_missing() -> None:
    course = flown(("sent", 0), ("out", 1), ("sent", 15), ("sent", 30), ("sent", 45))

    assert missing(course, OURS, at(46)) == at(15)
    assert landed(course, OURS, at(46)).took == 31 * 60
    assert missing(flown(("out", 3), pace=ITS_OWN), ITS_OWN, at(30)) == at(18)


@pytest.mark.parametrize(
    ("events", "now", "expected"), [((), 0, True), ((("sent", 0),), 14, False), ((("sent", 0),), 15, True)]
)
def test_one_is_sent_each_interval(events: tuple[tuple[str, float], ...], now: float, expected: bool) -> None:
    assert due(flown(*events), OURS, at(now)) is expected
    assert not due(flown(*events), ITS_OWN, at(now))


EVENTS = st.lists(st.tuples(st.sampled_from(["sent", "out", "look"]), st.floats(0.1, 40)), max_size=30)


@given(EVENTS, st.booleans())
def test_it_is_never_well_while_one_is_missing_nor_gone_when_none_is(
    events: list[tuple[str, float]], ours: bool
) -> None:
    """Held against the plain rule: what left and was not out in time is told until something comes out."""
    pace, course, now, open_since = (OURS if ours else ITS_OWN), Course(START), 0.0, None
    for what, passed in events:
        now += passed
        if what == "sent" and ours:
            course = launched(course, at(now), "A1")
            open_since = now if open_since is None else open_since
        elif what == "out":
            course, open_since = landed(course, pace, at(now)), None
        found = stand(course, pace, at(now))
        if ours:
            overdue = open_since is not None and now - open_since > 5
            assert found is not Stand.WELL or not overdue
            assert found is Stand.GONE or not overdue
        assert (found is Stand.GONE) == (missing(course, pace, at(now)) is not None)
        assert course.took >= 0
