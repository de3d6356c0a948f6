"""What a taken text still needs, and who counts as not reached: tables, and what holds for every course of events."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.escalation import Call, due
from monitor.core.ladder import matters, missed_since, other_routes, overdue_at, root, rung, unreached, unsent
from monitor.core.plan import PersonId, Plan, RouteName
from monitor.core.reasons import Entry, Hold, Kind
from monitor.core.records import Incident, IncidentId, Notice, NoticeId, NoticeState
from monitor.core.stretches import firings, stretches
from tests.core.test_escalation import THURSDAY, incident, plans, starts
from tests.support.carriers import telling
from tests.support.plans import MAIL, SMS, small_plan, step, with_steps

PLAN = telling(small_plan(), "primary")
STRETCH = stretches(incident(), PLAN, THURSDAY)[0]


def after(seconds: float) -> datetime:
    return THURSDAY + timedelta(seconds=seconds)


def notice(who: str = "nexus", **more: Any) -> Notice:
    """One that the gateway took at once."""
    plain = Notice(
        NoticeId(f"n-{who}"),
        f"{STRETCH.key}/0/{who}/{more.get('channel', SMS)}",
        IncidentId("i"),
        Kind.ALARM,
        PersonId(who),
        SMS,
        "+4500000001",
        "text",
        THURSDAY,
        state=NoticeState.ACCEPTED,
        settled=THURSDAY,
        route=RouteName("primary"),
    )
    return replace(plain, **more)


@pytest.mark.parametrize(
    ("more", "seconds"),
    [
        ({}, 60),
        ({"settled": THURSDAY + timedelta(seconds=5)}, 65),
        ({"route": RouteName("modem")}, None),
        ({"route": RouteName("gone")}, None),
        ({"state": NoticeState.QUEUED, "settled": None, "route": None}, None),
        ({"state": NoticeState.FAILED}, None),
        ({"delivered": THURSDAY}, None),
        ({"seen": THURSDAY}, None),
        ({"overdue": THURSDAY}, None),
        ({"kind": Kind.REMINDER}, None),
        ({"kind": Kind.TASK}, 60),
        ({"kind": Kind.ALL_CLEAR}, 60),
        ({"kind": Kind.BUNDLE}, 60),
        ({"kind": Kind.TEST}, None),
    ],
)
def test_when_a_receipt_is_overdue(more: dict[str, Any], seconds: float | None) -> None:
    assert overdue_at(notice(**more), PLAN) == (None if seconds is None else after(seconds))


@pytest.mark.parametrize(
    ("kind", "more", "mended"),
    [
        (Kind.ALARM, {}, True),
        (Kind.ALARM, {"recovered": THURSDAY}, False),
        (Kind.ALARM, {"generation": 2}, False),
        (Kind.ALARM, {"hold": Hold.MUTED}, False),
        (Kind.TASK, {"generation": 2}, True),
        (Kind.TASK, {"recovered": THURSDAY}, False),
        (Kind.ALL_CLEAR, {"recovered": THURSDAY}, True),
        (Kind.ALL_CLEAR, {}, False),
        (Kind.REMINDER, {}, False),
        (Kind.TEST, {}, False),
    ],
)
def test_what_is_mended(kind: Kind, more: dict[str, Any], mended: bool) -> None:
    assert matters(notice(kind=kind), incident(**more)) is mended
    assert not matters(notice(kind=kind), None)


def test_the_other_routes_are_those_of_the_channel_that_have_not_taken_it() -> None:
    first = notice()
    assert other_routes(first, [], PLAN.routes) == ["modem"]
    second = replace(unsent(first, NoticeId("m"), f"{first.key}/other_route", THURSDAY), route=RouteName("modem"))
    assert other_routes(second, [first], PLAN.routes) == []
    assert root(second) == root(first) == root(replace(first, key=f"{first.key}/in_place/mail"))


def test_the_same_words_anew_have_no_history() -> None:
    old = notice(delivered=THURSDAY, seen=THURSDAY, answered=THURSDAY, overdue=THURSDAY, undelivered="no", code="4711")
    new = unsent(old, NoticeId("new"), "key", after(60))
    assert (rung(old), rung(new)) == ("acknowledged", "queued")
    assert (new.text, new.to, new.code) == (old.text, old.to, old.code)
    assert (new.delivered, new.seen, new.answered, new.overdue, new.undelivered) == (None, None, None, None, "")


KEY = f"{STRETCH.key}/nexus"
MAILED = {"channel": MAIL, "route": RouteName("relay"), "id": NoticeId("mail")}


@pytest.mark.parametrize(
    ("sent", "missed"),
    [
        ([notice()], None),
        ([notice(overdue=after(60))], 60),
        ([notice(overdue=after(60), delivered=after(61))], 60),
        ([notice(overdue=after(60), seen=after(59))], None),
        ([notice(overdue=after(60)), notice(**MAILED)], 60),
        ([notice(overdue=after(60)), notice(**MAILED, delivered=after(20))], None),
        ([notice(overdue=after(60)), notice(**MAILED, delivered=after(61))], 60),
        ([notice(), notice(**MAILED, overdue=after(5))], None),
        ([notice(**MAILED)], None),
        ([notice(**MAILED, overdue=after(5))], 5),
        ([notice(overdue=after(60)), notice(id=NoticeId("2"), after=NoticeId("n-nexus"))], 60),
        ([notice(overdue=after(60), kind=Kind.TASK)], None),
        ([notice(overdue=after(60), kind=Kind.ALL_CLEAR, key="i/1/clear/1/nexus/sms")], None),
        ([notice(overdue=after(60), key=f"{STRETCH.key}/r1/nexus/sms")], None),
        ([notice(overdue=after(60), key="short")], None),
    ],
)
def test_who_was_not_reached(sent: list[Notice], missed: float | None) -> None:
    assert unreached(sent) == ({} if missed is None else {KEY: (after(missed),)})


def test_everybody_called_must_have_been_missed_and_since_the_call() -> None:
    found = {"s/a": (after(10), after(100)), "s/b": (after(50),)}
    assert missed_since("s", ["a", "b"], after(0), found) == after(50)
    assert missed_since("s", ["a"], after(11), found) == after(100)
    assert missed_since("s", ["a", "b"], after(60), found) is None
    assert missed_since("s", ["a", "c"], after(0), found) is None
    assert missed_since("s", [], after(0), found) is None


CHAIN = with_steps(
    PLAN,
    "nedbrud_dag",
    step(0, "nexus_support"),
    step(600, "afdelingsledelse", unacknowledged_only=True),
    step(900, "sektionsleder"),
)


def offsets(missed: dict[str, float], answered: float | None = None) -> list[float]:
    found = {f"{STRETCH.key}/{who}": (after(seconds),) for who, seconds in missed.items()}
    acknowledged = None if answered is None else after(answered)
    stretch = replace(STRETCH, chain=CHAIN.chains[0])
    return [(f.at - THURSDAY).total_seconds() for f in firings(CHAIN, stretch, acknowledged, found)]


@pytest.mark.parametrize(
    ("missed", "answered", "at"),
    [
        ({}, None, [0, 600, 900]),
        ({"nexus": 60}, None, [0, 60, 360]),
        ({"nexus": 60, "leder": 120}, None, [0, 60, 120]),
        ({"leder": 660}, None, [0, 600, 660]),
        ({"nexus": 60}, 30, [0, 600, 900]),
        ({"nexus": 60}, 61, [0, 60, 360]),
        ({"nexus": 700}, None, [0, 600, 900]),
        ({"nexus": 60, "leder": 59}, None, [0, 60, 360]),
        ({"somebody": 60}, None, [0, 600, 900]),
    ],
)
def test_when_each_step_is_due(missed: dict[str, float], answered: float | None, at: list[float]) -> None:
    assert offsets(missed, answered) == at


def test_the_timeline_says_why_and_the_next_person_is_called_then() -> None:
    found = {KEY: (after(60),)}
    before = due(incident(), CHAIN, after(60) - timedelta(microseconds=1), frozenset(), found)
    then = due(incident(), CHAIN, after(60), frozenset(), found)
    assert [c.person for c in before.calls] == ["nexus"]
    assert before.next_at == after(60)
    assert [c.person for c in then.calls] == ["nexus", "leder"]
    assert [(r.entry, r.at, r.role) for r in then.remarks if r.entry is Entry.OVERDUE] == [
        (Entry.OVERDUE, after(60), "nexus_support")
    ]


def test_a_task_that_did_not_arrive_calls_nobody_else() -> None:
    plan = with_steps(PLAN, "nedbrud_dag", step(0, "nexus_support", task="region"), step(600, "afdelingsledelse"))
    found = due(incident(), plan, after(60), frozenset(), {KEY: (after(60),)})
    assert [c.person for c in found.calls] == ["nexus"]


# What holds for every plan, hour and carrier.

TICK = timedelta(seconds=30)


@dataclass
class Course:
    """A day of an outage under carriers: each call is taken at once, and confirmed or missed a minute later."""

    plan: Plan
    out: Incident
    silent: st.DataObject | None
    calls: list[Call]
    sent: dict[str, Notice]
    told: set[str]

    def tick(self, now: datetime) -> None:
        for key, one in self.sent.items():
            waits = one.overdue is None and one.delivered is None and one.channel is SMS
            if waits and now - one.created >= timedelta(seconds=60):
                lost = self.silent is None or self.silent.draw(st.booleans())
                self.sent[key] = replace(one, overdue=now) if lost else replace(one, delivered=now)
        found = due(self.out, self.plan, now, self.told, unreached(self.sent.values()))
        self.calls += found.calls
        self.told |= {c.key for c in found.calls} | {r.key for r in found.remarks}
        for call in found.calls:
            row = notice(call.person, kind=call.kind, key=call.key, channel=call.channel, created=now)
            self.sent[call.key] = replace(row, id=NoticeId(call.key))


def course(plan: Plan, start: datetime, silent: st.DataObject | None, ticks: int) -> Course:
    told = Course(plan, incident(start), silent, [], {}, set())
    for turn in range(ticks):
        told.tick(start + TICK * turn)
    return told


@settings(max_examples=40)
@given(plans(), starts, st.data())
def test_nobody_is_told_twice_for_one_reason(plan: Plan, start: datetime, data: st.DataObject) -> None:
    told = course(plan, start, data, 60)
    assert len({c.key for c in told.calls}) == len(told.calls)


@settings(max_examples=40)
@given(plans(), starts, st.data())
def test_what_was_asked_for_stays_asked_for_whatever_is_missed_later(
    plan: Plan, start: datetime, data: st.DataObject
) -> None:
    told = Course(plan, incident(start), data, [], {}, set())
    before: set[str] = set()
    for turn in range(40):
        now = start + TICK * turn
        told.tick(now)
        asked = due(told.out, plan, now, frozenset(), unreached(told.sent.values()))
        keys = {c.key for c in asked.calls if c.kind is not Kind.REMINDER}
        # A stretch that is over asks for nothing any more.
        gone = {key for key in before - keys if any(key.startswith(s.key) for s in _running(told.out, plan, now))}
        assert gone == set()
        before = keys


def _running(out: Incident, plan: Plan, now: datetime) -> Sequence[Any]:
    return [s for s in stretches(out, plan, now) if s.end is None or s.end > now]


@settings(max_examples=60)
@given(plans(), starts)
def test_with_carriers_that_stay_silent_a_chain_reaches_its_last_person_in_bounded_time(
    plan: Plan, start: datetime
) -> None:
    """A minute and a tick for each step before, once each has been called; a task calls nobody else."""
    told = course(plan, start, None, 40)
    stretch = next(s for s in stretches(told.out, plan, start) if s.period is not None)
    steps = stretch.chain.steps if stretch.chain else ()
    if any(step.task or SMS not in step.by for step in steps):
        return
    last = start
    for firing in firings(plan, stretch, None, unreached(told.sent.values())):
        limit = min(start + timedelta(seconds=firing.step.after), last + timedelta(seconds=60) + 2 * TICK)
        if firing.index:
            assert firing.at <= limit
        if firing.at > start + 15 * 2 * TICK:
            # Later than the course was followed.
            break
        last = max(last, firing.at)
