"""Who is to be told, worked out from rows: tables, and what holds for every plan, hour and spacing of ticks."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.escalation import Call, Due, due
from monitor.core.finding import SystemName
from monitor.core.plan import Chain, ChainId, PersonId, Plan, RoleId, Severity, Shift, Step, TaskId
from monitor.core.reasons import Entry, Hold, Kind
from monitor.core.records import Incident, IncidentId
from monitor.core.stretches import firings, stretches
from tests.support.plans import CARE, MAIL, SMS, ZONE, small_plan, step, with_roles, with_steps

THURSDAY = datetime(2026, 3, 5, 10, 0, tzinfo=ZONE).astimezone(UTC)
PLAN = small_plan()


def incident(at: datetime = THURSDAY, **more: Any) -> Incident:
    plain = Incident(
        IncidentId("i"), "26-0001", SystemName("noedkald"), Severity.DOWN, at, at, at, current=Severity.DOWN
    )
    return replace(plain, **more)


def wall(hour: int, minute: int = 0, day: int = 5) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=ZONE).astimezone(UTC)


def said(found: Due) -> list[str]:
    return [f"{call.kind}/{call.person}/{call.channel}" for call in found.calls]


def ticked(one: Incident, plan: Plan, ticks: Iterable[datetime]) -> tuple[list[Call], set[str]]:
    """Every call over these ticks, each tick told of what the ones before it said."""
    told: set[str] = set()
    calls: list[Call] = []
    for now in ticks:
        if one.acknowledged is not None and now < one.acknowledged:
            found = due(replace(one, acknowledged=None), plan, now, told)
        else:
            found = due(one, plan, now, told)
        calls += found.calls
        told |= {c.key for c in found.calls} | {r.key for r in found.remarks}
    return calls, told


TABLE = [
    ("at once", 0, {}, ["alarm/nexus/sms"]),
    ("before the first reminder", 299, {}, ["alarm/nexus/sms"]),
    ("at the first reminder", 300, {}, ["alarm/nexus/sms", "reminder/nexus/sms"]),
    ("at ten minutes", 600, {}, ["alarm/nexus/sms", "reminder/nexus/sms", "alarm/leder/sms"]),
    ("at a quarter", 900, {}, ["alarm/nexus/sms", "reminder/nexus/sms", "alarm/leder/sms", "task/sektion/sms"]),
    ("answered", 900, {"acknowledged": THURSDAY + timedelta(seconds=60)}, ["alarm/nexus/sms", "task/sektion/sms"]),
    (
        "answered too late for the second step",
        900,
        {"acknowledged": THURSDAY + timedelta(seconds=601)},
        ["alarm/nexus/sms", "alarm/leder/sms", "task/sektion/sms"],
    ),
    ("worsened", 0, {"told_as": Kind.WORSENED, "generation": 2}, ["worsened/nexus/sms"]),
    ("unstable is not reminded of", 600, {"told_as": Kind.UNSTABLE}, ["unstable/nexus/sms", "unstable/leder/sms"]),
    (
        "nor is what is up for now",
        300,
        {"told_as": Kind.WORSENED, "unstable": True, "good_since": THURSDAY},
        ["worsened/nexus/sms"],
    ),
    ("held", 900, {"hold": Hold.PARENT_DOWN}, []),
    ("recovered", 900, {"recovered": THURSDAY}, []),
    ("closed", 900, {"closed": THURSDAY}, []),
]


@pytest.mark.parametrize(("seconds", "more", "calls"), [t[1:] for t in TABLE], ids=[t[0] for t in TABLE])
def test_one_look_at_an_incident_of_the_day(seconds: float, more: dict[str, Any], calls: list[str]) -> None:
    assert said(due(incident(**more), PLAN, THURSDAY + timedelta(seconds=seconds), frozenset())) == calls


@pytest.mark.parametrize(
    ("seconds", "more", "next_at"),
    [
        (0, {}, 300),
        (300, {}, 600),
        (601, {}, 900),
        (901, {}, 1200),
        (0, {"acknowledged": THURSDAY}, 900),
        (901, {"acknowledged": THURSDAY}, 5 * 3600),
        (0, {"hold": Hold.PARENT_DOWN}, None),
    ],
)
def test_when_more_is_asked_for(seconds: float, more: dict[str, Any], next_at: float | None) -> None:
    found = due(incident(**more), PLAN, THURSDAY + timedelta(seconds=seconds), frozenset()).next_at
    assert found == (None if next_at is None else THURSDAY + timedelta(seconds=next_at))


def test_what_was_missed_is_reminded_of_once() -> None:
    calls, _ = ticked(incident(), PLAN, [THURSDAY, THURSDAY + timedelta(hours=2)])
    assert [c.kind for c in calls].count(Kind.REMINDER) == 1


def test_stretches_of_a_long_outage() -> None:
    found = stretches(incident(wall(14, 55)), PLAN, wall(9, day=6))
    assert [(s.period, s.start, s.end) for s in found] == [
        ("arbejdstid", wall(14, 55), wall(15)),
        ("uden_for_arbejdstid", wall(15), wall(8, day=6)),
        ("arbejdstid", wall(8, day=6), wall(14, day=6)),
    ]
    assert [s.is_handover for s in found] == [False, False, False]
    answered = stretches(incident(wall(14, 55), acknowledged=wall(15)), PLAN, wall(9, day=6))
    assert [s.is_handover for s in answered] == [False, True, True]


def test_a_step_that_finds_nobody_hands_its_time_to_the_next_and_the_rest_moves_up() -> None:
    plan = with_roles(PLAN, nexus_support=(), afdelingsledelse=())
    stretch = stretches(incident(), plan, THURSDAY)[0]
    offsets = [(f.at - THURSDAY).total_seconds() for f in firings(plan, stretch, None)]
    assert offsets == [0, 0, 0]
    plan = with_roles(PLAN, afdelingsledelse=())
    offsets = [(f.at - THURSDAY).total_seconds() for f in firings(plan, stretch, None)]
    assert offsets == [0, 600, 600]


def test_a_task_is_handed_to_a_person_once_however_often_the_chain_begins_anew() -> None:
    late = THURSDAY + timedelta(seconds=900)
    first = due(incident(), PLAN, late, frozenset())
    told = {call.key for call in first.calls}
    again = due(incident(THURSDAY, generation=2, told_as=Kind.REOPENED), PLAN, late, told)
    assert "task/sektion/sms" in said(first)
    assert "task/sektion/sms" not in said(again)
    assert "reopened/nexus/sms" in said(again)


def test_a_hand_over_is_one_channel_of_the_first_role_and_hides_no_task() -> None:
    plan = with_steps(
        PLAN,
        "nedbrud_nat",
        step(0, "afdelingschef", "brand_og_redning", by=(SMS, MAIL)),
        step(60, "it_drift", task=TaskId("region")),
        step(600, "afdelingsledelse", unacknowledged_only=True),
        step(1200, "sektionsleder"),
    )
    one = incident(wall(14, 55), acknowledged=wall(14, 57))
    found = due(one, plan, wall(16), frozenset(ticked(one, plan, [wall(14, 59)])[1]))
    assert said(found) == ["handover/chef/sms", "task/it/sms", "alarm/sektion/sms"]


def test_the_owner_hears_of_an_empty_role_once_in_a_stretch() -> None:
    plan = with_roles(
        with_steps(PLAN, "nedbrud_dag", step(0, "tom"), step(60, "tom"), step(60, "nexus_support")), tom=()
    )
    calls, _ = ticked(incident(), plan, [THURSDAY + timedelta(seconds=s) for s in (0, 1, 60, 120)])
    assert [f"{c.kind}/{c.person}/{c.channel}" for c in calls] == [
        "nobody_on_duty/it/sms",
        "nobody_on_duty/it/mail",
        "alarm/nexus/sms",
    ]


# What holds for every plan, hour and spacing of ticks.

ROLES = ("r0", "r1", "r2")
WEEK = datetime(2026, 3, 25, 0, 0, tzinfo=UTC)
"""A week with a short day, a week-end and the night of 23 hours."""


@st.composite
def shifts(draw: st.DrawFn) -> tuple[Shift, ...] | tuple[str, ...]:
    people = ("nexus", "leder", "chef", "brand")
    if draw(st.booleans()):
        return tuple(draw(st.lists(st.sampled_from(people), min_size=1, max_size=2, unique=True)))
    found, at = [], WEEK - timedelta(days=1)
    for hours, gap, who in draw(
        st.lists(st.tuples(st.integers(1, 30), st.integers(0, 6), st.sampled_from(people)), max_size=8)
    ):
        at += timedelta(hours=gap)
        found.append(Shift(at, at + timedelta(hours=hours), PersonId(who)))
        at += timedelta(hours=hours)
    return tuple(found)


@st.composite
def chain_steps(draw: st.DrawFn) -> tuple[Step, ...]:
    delays = sorted(draw(st.lists(st.sampled_from([0, 30, 60, 600, 900, 3600, 30_000]), min_size=1, max_size=5)))
    return tuple(
        Step(
            float(after),
            tuple(RoleId(r) for r in draw(st.lists(st.sampled_from(ROLES), min_size=1, max_size=2, unique=True))),
            draw(st.sampled_from([(SMS,), (MAIL,), (SMS, MAIL)])),
            repeat=draw(st.sampled_from([0.0, 0.0, 300.0])),
            unacknowledged_only=draw(st.booleans()),
            task=draw(st.sampled_from([None, None, TaskId("region")])),
        )
        for after in delays
    )


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    plan = with_roles(PLAN, **{role: draw(shifts()) for role in ROLES})
    bad = frozenset({Severity.DOWN})
    chains = [
        Chain(ChainId("dag"), plan.chains[0].period, CARE, bad, draw(chain_steps())),
        Chain(ChainId("nat"), plan.chains[1].period, CARE, bad, draw(chain_steps())),
    ]
    chains = [chain for chain in chains if draw(st.integers(0, 9))]
    count = draw(st.integers(0, 2))
    chains += [Chain(ChainId(f"altid{i}"), None, CARE, bad, draw(chain_steps())) for i in range(count)]
    return replace(plan, chains=tuple(chains))


starts = st.integers(0, 6 * 86_400).map(lambda seconds: WEEK + timedelta(seconds=seconds))
spans = st.lists(st.floats(0.001, 40_000), max_size=12)
answers = st.one_of(st.none(), st.floats(1, 60_000))


def outage(start: datetime, answered: float | None) -> Incident:
    return incident(start, acknowledged=None if answered is None else start + timedelta(seconds=answered))


def ticks_of(one: Incident, plan: Plan, spacing: list[float]) -> list[datetime]:
    """Ticks at these distances, besides one just before each change of period and one at the end: the loop looks every
    second, so no stretch passes without a look."""
    end = one.chain_from + timedelta(days=2)
    ticks, at = {one.chain_from, end}, one.chain_from
    for span in spacing:
        at += timedelta(seconds=span)
        ticks.add(min(at, end))
    for edge in plan.calendar.changes(one.chain_from, end):
        ticks |= {max(edge - timedelta(microseconds=1), one.chain_from), edge}
    return sorted(ticks)


def plain(calls: Iterable[Call]) -> set[tuple[object, ...]]:
    return {(c.key, c.kind, c.person, c.channel, c.due, c.task) for c in calls if c.kind is not Kind.REMINDER}


@given(plans(), starts, answers, spans, spans)
def test_any_spacing_of_ticks_tells_the_same(
    plan: Plan, start: datetime, answered: float | None, one: list[float], other: list[float]
) -> None:
    """Apart from reminders, of which only the latest is sent."""
    out = outage(start, answered)
    first, first_told = ticked(out, plan, ticks_of(out, plan, one))
    second, second_told = ticked(out, plan, ticks_of(out, plan, one + other))
    assert plain(first) == plain(second)
    lines = {key for key in first_told ^ second_told if "/r" not in key}
    assert lines == set()


@given(plans(), starts, answers, spans)
def test_nobody_is_told_twice_under_one_key(
    plan: Plan, start: datetime, answered: float | None, spacing: list[float]
) -> None:
    out = outage(start, answered)
    calls, _ = ticked(out, plan, ticks_of(out, plan, spacing))
    assert len({c.key for c in calls}) == len(calls)
    assert len({(c.kind, c.person, c.channel, c.task) for c in calls if c.task}) == len([c for c in calls if c.task])


@given(plans(), starts, answers, spans, st.floats(0, 1))
def test_next_at_lies_ahead_and_nothing_becomes_due_before_it(
    plan: Plan, start: datetime, answered: float | None, spacing: list[float], part: float
) -> None:
    out = outage(start, answered)
    told: set[str] = set()
    for now in ticks_of(out, plan, spacing):
        # The row as it stands at the tick: an answer that is still to come is another row.
        row = out if out.acknowledged is None or out.acknowledged <= now else replace(out, acknowledged=None)
        found = due(row, plan, now, told)
        told |= {c.key for c in found.calls} | {r.key for r in found.remarks}
        assert due(row, plan, now, told) == Due(next_at=found.next_at)
        if found.next_at is None:
            assert due(row, plan, now + timedelta(days=300), told).calls == ()
            continue
        assert found.next_at > now
        between = now + (found.next_at - now) * part
        if between < found.next_at:
            assert due(row, plan, between, told).calls == ()
            assert due(row, plan, between, told).remarks == ()


@given(plans(), starts, answers, spans)
def test_a_step_with_somebody_always_there_is_told_by_its_time(
    plan: Plan, start: datetime, answered: float | None, spacing: list[float]
) -> None:
    """Whoever else is missing: an empty step before it only makes it earlier."""
    out = outage(start, answered)
    calls, _ = ticked(out, plan, ticks_of(out, plan, spacing))
    alarms = sorted((c for c in calls if c.kind is not Kind.NOBODY_ON_DUTY), key=lambda c: c.due, reverse=True)
    told = {(c.person, c.channel): c.due for c in alarms}
    stretch = next(s for s in stretches(out, plan, start) if s.period is not None)
    for each in stretch.chain.steps if stretch.chain else ():
        at = start + timedelta(seconds=each.after)
        moot = each.unacknowledged_only and answered is not None and start + timedelta(seconds=answered) <= at
        if moot or (stretch.end is not None and at >= stretch.end):
            continue
        people = [person for role in each.tell for person in plan.roles[role].always]
        assert all(told[person, channel] <= at for person in people for channel in each.by)


@given(plans(), starts, answers, spans)
def test_every_step_not_reached_before_the_period_ended_is_dropped_with_a_line(
    plan: Plan, start: datetime, answered: float | None, spacing: list[float]
) -> None:
    out = outage(start, answered)
    _, told = ticked(out, plan, ticks_of(out, plan, spacing))
    first = next(s for s in stretches(out, plan, start) if s.period is not None)
    later = [f for f in firings(plan, first, out.acknowledged) if first.end is not None and f.at >= first.end]
    for firing in later:
        assert first.end is not None
        moot = firing.step.unacknowledged_only and out.acknowledged is not None and out.acknowledged <= first.end
        assert (f"{first.key}/dropped/{firing.index}" in told) is not moot


@given(plans(), plans(), starts, answers, spans, spans)
def test_a_new_plan_tells_nobody_twice_and_a_restart_forgets_nothing(
    old: Plan, new: Plan, start: datetime, answered: float | None, before: list[float], after: list[float]
) -> None:
    """The keys are all that is remembered, as after a restart; the plan is swapped in the middle."""
    out = outage(start, answered)
    told: set[str] = set()
    calls: list[Call] = []
    half = start + timedelta(days=1)
    for now in ticks_of(out, old, before + after):
        found = due(out, old if now < half else new, now, frozenset(told))
        calls += found.calls
        told |= {c.key for c in found.calls} | {r.key for r in found.remarks}
    assert len({c.key for c in calls}) == len(calls)


@given(plans(), starts, spans)
def test_a_gap_in_the_duty_is_always_said(plan: Plan, start: datetime, spacing: list[float]) -> None:
    out = outage(start, None)
    ticks = ticks_of(out, plan, spacing)
    remarks = [r for now in ticks for r in due(out, plan, now, frozenset()).remarks]
    for stretch in stretches(out, plan, ticks[-1]):
        for firing in firings(plan, stretch, None):
            if firing.at > ticks[-1] or (stretch.end is not None and firing.at >= stretch.end):
                continue
            for role in firing.gaps:
                assert any(r.entry is Entry.NOBODY_ON_DUTY and r.role == role for r in remarks)
