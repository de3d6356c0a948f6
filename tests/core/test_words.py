"""The Danish words: none missing, all fit for an SMS, and times as people say them."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core import words
from monitor.core.delivery import Ended
from monitor.core.finding import Miss, Reason
from monitor.core.gsm import is_gsm
from monitor.core.plan import Severity
from monitor.core.reasons import Entry, HumanState, Kind
from monitor.core.state import State
from tests.support.plans import ZONE

NOW = datetime(2026, 3, 5, 10, 0, tzinfo=ZONE)


@pytest.mark.parametrize(
    ("book", "kind"),
    [
        (words.REASONS, Reason),
        (words.STATES, State),
        (words.SEVERITIES, Severity),
        (words.KINDS, Kind),
        (words.ENTRIES, Entry),
        (words.HUMAN, HumanState),
        (words.ENDED, Ended),
    ],
)
def test_every_word_there_is_has_its_danish_one(book: Mapping[Any, str], kind: type[Enum]) -> None:
    assert set(book) == set(kind)
    for word in book.values():
        assert word == word.strip() != ""
        assert is_gsm(word)
        assert len(word) <= 60


@pytest.mark.parametrize(
    ("at", "said"),
    [
        (datetime(2026, 3, 5, 3, 12), "03:12"),
        (datetime(2026, 3, 5, 10, 0), "10:00"),
        (datetime(2026, 3, 4, 23, 50), "ons 23:50"),
        (datetime(2026, 3, 1, 12, 0), "søn 12:00"),
        (datetime(2026, 2, 24, 12, 0), "24/2 12:00"),
        (datetime(2025, 12, 24, 3, 12), "24/12 03:12"),
        (datetime(2026, 3, 6, 8, 0), "fre 08:00"),
    ],
)
def test_times_as_people_say_them(at: datetime, said: str) -> None:
    local = at.replace(tzinfo=ZONE)
    assert words.clock(local, NOW, ZONE) == said
    assert words.clock(local.astimezone(UTC), NOW.astimezone(UTC), ZONE) == said


def test_a_weekday_is_never_said_of_two_days_at_once() -> None:
    """Nearly a week ago is told by its date: `tor 11:00` on a Thursday at ten would be today's."""
    for hours in range(24 * 8):
        at = NOW - timedelta(hours=hours)
        said = words.clock(at, NOW, ZONE)
        assert not said.startswith("tor ") or at.date() == NOW.date()


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 sek"),
        (-5, "0 sek"),
        (40, "40 sek"),
        (59.9, "59 sek"),
        (60, "1 min"),
        (28 * 60 + 59, "28 min"),
        (3600, "1 t"),
        (3900, "1 t 5 min"),
        (86399, "23 t 59 min"),
        (86400, "1 døgn 0 t"),
        (2 * 86400 + 3 * 3600 + 1, "2 døgn 3 t"),
    ],
)
def test_spans_as_people_say_them(seconds: float, said: str) -> None:
    assert words.duration(timedelta(seconds=seconds)) == said


def test_a_cause_is_the_first_miss_with_what_was_seen() -> None:
    assert words.cause(()) == ""
    assert words.cause((Miss(Reason.TIMEOUT),)) == "svarer ikke"
    assert (
        words.cause((Miss(Reason.STATUS, "status 200", "status 503"), Miss(Reason.SLOW)))
        == "svarer med fejl (status 503)"
    )


@pytest.mark.parametrize(
    ("miss", "said"),
    [
        (Miss(Reason.STATUS, "status 200", "status 503"), "svarer med fejl: ventede status 200, så status 503"),
        (Miss(Reason.STATUS, "status 200"), "svarer med fejl: ventede status 200"),
        (Miss(Reason.STATUS, "", "status 503"), "svarer med fejl: status 503"),
        (Miss(Reason.TIMEOUT), "svarer ikke"),
    ],
)
def test_a_miss_in_full(miss: Miss, said: str) -> None:
    assert words.explain(miss) == said


@given(st.sampled_from(list(Reason)), st.text(max_size=80), st.text(max_size=80))
def test_no_miss_upsets_the_wording(reason: Reason, expected: str, seen: str) -> None:
    miss = Miss(reason, expected, seen)
    assert words.REASONS[reason] in words.cause((miss,))
    assert words.explain(miss).startswith(words.REASONS[reason])
