"""Silence after an acknowledgement: when it asks, whom, and when it starts the chain again."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.finding import SystemName
from monitor.core.incidents import acknowledge, news, tick
from monitor.core.plan import PersonId, Rules, Severity
from monitor.core.progress import progress, progress_at, questions, unanswered, whom
from monitor.core.reasons import Entry, Hold, HumanState, Kind
from monitor.core.records import Incident, IncidentId
from tests.support.plans import MAIL, SMS, ZONE, small_plan, step, with_steps

START = datetime(2026, 3, 5, 10, 0, tzinfo=ZONE).astimezone(UTC)
PLAN = replace(small_plan(), rules=Rules(progress_every=1800.0, progress_wait=600.0))
EVERY, WAIT = timedelta(seconds=1800), timedelta(seconds=600)


def outage(**more: object) -> Incident:
    plain = Incident(
        IncidentId("i"), "26-0001", SystemName("noedkald"), Severity.DOWN, START, START, START, current=Severity.DOWN
    )
    return replace(plain, **more)  # type: ignore[arg-type]


def taken(who: str = "Nexus", human: HumanState = HumanState.SEEN, **more: object) -> Incident:
    return acknowledge(outage(**more), who, human, START)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


QUIET = {
    "nobody has it": outage(),
    "up again": taken(good_since=START, recovered=START),
    "seems up": taken(unstable=True, good_since=START),
    "closed": taken(closed=START),
    "held": taken(hold=Hold.MAINTENANCE),
}


@pytest.mark.parametrize("one", QUIET.values(), ids=QUIET.keys())
def test_nothing_is_asked_of(one: Incident) -> None:
    assert progress_at(one, PLAN, at(9_000)) is None
    assert progress(one, PLAN, at(9_000)).incident == one


def test_never_where_the_plan_says_so() -> None:
    assert progress_at(taken(), replace(PLAN, rules=Rules(progress_every=0.0)), at(9_000)) is None


def test_asked_once_then_given_time_then_begun_anew() -> None:
    one = taken()
    assert progress(one, PLAN, at(1799)).incident == one
    asked = progress(one, PLAN, at(1800)).incident
    assert (asked.asked, asked.asks) == (at(1800), 1)
    assert progress(asked, PLAN, at(2399)).incident == asked
    again = progress(asked, PLAN, at(2400))
    assert again.events == (Entry.NO_NEWS,)
    assert again.incident.told_as is Kind.NO_NEWS
    assert (again.incident.acknowledged, again.incident.holder) == (None, "Nexus")
    assert (again.incident.generation, again.incident.chain_from) == (2, at(2400))


def test_an_answer_begins_the_time_anew() -> None:
    asked = progress(taken(), PLAN, at(1800)).incident
    answered = news(asked, at(1900))
    assert not unanswered(answered)
    assert progress_at(answered, PLAN, at(1900)) == at(3700)


@pytest.mark.parametrize(("human", "severity", "times"), [("fallback", "DOWN", 4), ("seen", "ADVISORY", 48)])
def test_some_are_asked_at_a_slower_pace(human: str, severity: str, times: int) -> None:
    worst = Severity[severity]
    one = taken(human=HumanState(human), severity=worst, current=worst)
    assert progress_at(one, PLAN, START) == START + times * EVERY


def test_a_question_is_one_call_for_each_way_and_is_not_put_twice() -> None:
    asked = progress(taken(), PLAN, at(1800)).incident
    calls = questions(asked, PLAN, {}, set())
    assert [(c.kind, c.person, c.channel) for c in calls] == [
        (Kind.PROGRESS, "nexus", SMS),
        (Kind.PROGRESS, "nexus", MAIL),
    ]
    assert [c.channel for c in questions(asked, PLAN, {PersonId("nexus"): {SMS}}, set())] == [SMS]
    assert not questions(asked, PLAN, {}, {c.key for c in calls})
    assert not questions(news(asked, at(1801)), PLAN, {}, set())


@pytest.mark.parametrize("holder", ["Nexus", "nexus", " NEXUS ", "Nexus support"])
def test_a_holder_is_known_by_name_id_or_role(holder: str) -> None:
    assert whom(taken(holder), PLAN, at(1800)) == (("nexus", "nexus_support"),)


def test_an_unknown_holder_is_asked_through_those_told_first() -> None:
    task = step(0, "sektionsleder", task="region")
    both = with_steps(PLAN, "nedbrud_dag", task, step(0, "it_drift", "nexus_support"))
    assert whom(taken("En vikar"), both, at(1800)) == (("it", "it_drift"), ("nexus", "nexus_support"))


def test_after_a_change_of_period_the_first_role_on_duty_is_asked() -> None:
    evening = at(5 * 3600 + 1800)
    assert whom(taken(), PLAN, evening) == (("chef", "afdelingschef"),)
    assert whom(taken("Brand"), PLAN, evening) == (("brand", "brand_og_redning"),)


steps = st.lists(
    st.tuples(st.integers(1, 5_000), st.sampled_from(["nothing", "news", "take", "fallback"])), min_size=1, max_size=40
)


def lived(begins: datetime, acts: list[tuple[int, str]]) -> list[tuple[datetime, Incident]]:
    """An outage somebody has at once, looked at every minute while these are said of it so many seconds apart."""
    one = acknowledge(outage(began=begins, detected=begins, chain_from=begins), "Brand", HumanState.SEEN, begins)
    now, seen = begins, [(begins, one)]
    for seconds, what in acts:
        for _ in range(seconds // 60 + 1):
            now += timedelta(seconds=60)
            older = tick(one, PLAN.rules, now)
            one = older.incident if older.events else progress(older.incident, PLAN, now).incident
            seen.append((now, one))
        if what == "news":
            one = news(one, now)
        elif what != "nothing":
            one = acknowledge(one, "Brand", HumanState.FALLBACK if what == "fallback" else HumanState.SEEN, now)
        seen.append((now, one))
    return seen


@settings(max_examples=60, deadline=None)
@given(steps, st.sampled_from(["2026-03-28T20:00", "2026-10-24T20:00", "2026-12-24T01:00", "2026-03-05T10:00"]))
def test_whoever_has_it_is_asked_or_the_chain_begins_anew_in_bounded_time(
    acts: list[tuple[int, str]], when: str
) -> None:
    begins = datetime.fromisoformat(when).replace(tzinfo=ZONE).astimezone(UTC)
    told: set[str] = set()
    seen = lived(begins, acts)
    for now, one in seen:
        calls = questions(one, PLAN, {}, told)
        assert len({call.key for call in calls}) == len(calls)
        told |= {call.key for call in calls}
        if one.acknowledged is not None:
            last = max(one.acknowledged, one.news or one.acknowledged, one.asked or one.acknowledged)
            slower = 4 if one.human is HumanState.FALLBACK else 1
            assert now - last <= (WAIT if unanswered(one) else slower * EVERY) + timedelta(seconds=60)
    people = [key.split("/progress/")[1] for key in told]
    assert len(people) == len(set(people)), "nobody is asked twice for one reason"
    assert len({one.split("/")[0] for one in people}) == max(one.asks for _, one in seen)
