"""What announced work does to an incident, decided: which windows hold, until when, and what is owed at the end."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.announcing import Refused, refused
from monitor.core.finding import SystemName
from monitor.core.incidents import tick
from monitor.core.plan import PersonId, Plan, Severity
from monitor.core.reasons import Entry, Hold, Kind
from monitor.core.records import Incident, IncidentId
from monitor.core.state import State, SystemView
from monitor.core.withhold import holding, is_sure, known_of, meanwhile, released, until, withhold
from monitor.core.withholding import Sort, Source, Withholding
from tests.support.plans import small_plan

AT = datetime(2026, 3, 5, 9, tzinfo=UTC)
PHONIRO = SystemName("phoniro")
PLAN = small_plan()
RULES = PLAN.rules
HOUR = timedelta(hours=1)


def window(name: str = "w", start: float = 0.0, end: float = 1.0, **more: object) -> Withholding:
    """From so many hours after AT to so many."""
    hours = (AT + start * HOUR, AT + end * HOUR)
    made = Withholding(name, Sort.MAINTENANCE, "phoniro", *hours, "Leverandøren", "Servicevindue")
    return replace(made, **more)  # type: ignore[arg-type]


def planned(*windows: Withholding) -> Plan:
    return replace(PLAN, windows={PHONIRO: tuple(sorted(windows, key=lambda w: w.start))})


def outage(severity: Severity = Severity.DOWN, **more: object) -> Incident:
    made = Incident(IncidentId("i"), "26-0001", PHONIRO, severity, AT, AT, AT, current=severity, downs=(AT,))
    return replace(made, **more)  # type: ignore[arg-type]


def seen(severity: Severity | None, at: datetime = AT) -> SystemView:
    state = {None: State.UP, Severity.DOWN: State.DOWN}.get(severity, State.DEGRADED)
    return SystemView(state, severity, began=at if severity else None, back=None if severity else at)


def test_a_window_holds_from_its_start_until_just_before_its_end() -> None:
    plan = planned(window())
    ends = [AT - timedelta(seconds=1), AT, AT + HOUR - timedelta(seconds=1), AT + HOUR]

    assert [bool(holding(plan, {}, PHONIRO, at)) for at in ends] == [False, True, True, False]
    assert holding(plan, {}, SystemName("noedkald"), AT) == ()


def test_work_is_named_before_a_mute_and_the_longest_first() -> None:
    plan = planned(window("mute", end=9, kind=Sort.MUTE), window("short"), window("long", end=2))

    assert [one.id for one in holding(plan, {}, PHONIRO, AT)] == ["long", "short", "mute"]


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(1, 8)), max_size=12))
def test_windows_that_overlap_or_abut_are_one(spans: list[tuple[int, int]]) -> None:
    plan = planned(*(window(f"w{n}", start, start + length) for n, (start, length) in enumerate(spans)))
    hours = {hour for start, length in spans for hour in range(start, start + length)}
    first_free = next(hour for hour in range(40) if hour not in hours)

    assert until(plan, {}, PHONIRO, AT) == (AT + first_free * HOUR if first_free else None)


def test_what_users_change_stands_in_for_the_plans_own() -> None:
    mine, theirs = window("plan-1", source=Source.PLAN), window("theirs", start=2, end=3, source=Source.CLI)
    ended = {"plan-1": replace(mine, cancelled=AT + HOUR / 2), "theirs": theirs}

    assert until(planned(mine), ended, PHONIRO, AT) == AT + HOUR / 2
    assert holding(planned(mine), ended, PHONIRO, AT + 2 * HOUR) == (theirs,)
    assert holding(PLAN, ended, PHONIRO, AT) == (), "a window the plan no longer has does not come back"


def test_what_is_called_off_before_it_begins_never_holds() -> None:
    off = window(start=1, end=2, cancelled=AT)

    assert not any(off.holds(AT + n * HOUR / 4) for n in range(12))


def test_our_own_systems_are_never_withheld() -> None:
    name = SystemName("alarmvej")
    mute = window("m", systems="alarmvej", source=Source.API)

    assert holding(replace(PLAN, windows={name: (mute,)}), {"m": mute}, name, AT) == ()


def test_a_window_over_a_window_leaves_what_people_knew() -> None:
    first = withhold(outage(), window("a"), Severity.DOWN, AT)
    second = withhold(first, window("b", kind=Sort.MUTE), None, AT + HOUR)

    assert (second.known, second.held_since, second.hold, second.window) == (Severity.DOWN, AT, Hold.MUTED, "b")


@pytest.mark.parametrize(
    ("incident", "told", "begun", "known"),
    [
        (outage(), False, False, None),
        (outage(), True, True, Severity.DOWN),
        (outage(), True, False, Severity.ADVISORY),
        (outage(current=Severity.DEGRADED), True, True, Severity.DOWN),
        (outage(current=Severity.DEGRADED, acknowledged=AT), True, True, Severity.DEGRADED),
        (outage(current=Severity.DEGRADED, eased=Severity.DEGRADED), True, True, Severity.DEGRADED),
    ],
)
def test_what_people_know_when_it_begins(incident: Incident, told: bool, begun: bool, known: Severity | None) -> None:
    assert known_of(incident, told=told, begun=begun) is known


def test_meanwhile_every_turn_is_noted_and_nothing_begins_again() -> None:
    held = withhold(outage(Severity.DEGRADED), window(), Severity.DEGRADED, AT)
    said: list[Entry] = []
    for severity in (Severity.DEGRADED, None, None, Severity.DOWN, Severity.ADVISORY, Severity.DOWN):
        change = meanwhile(held, seen(severity), AT)
        held = change.incident
        said += change.events

    assert said == [Entry.EASED, Entry.BACK, Entry.EASED, Entry.WORSENED]
    assert (held.generation, held.severity, held.recovered) == (1, Severity.DEGRADED, None)
    assert tick(replace(held, good_since=AT), RULES, AT + 99 * HOUR).events == ()


@given(
    known=st.sampled_from([None, *Severity]),
    after=st.sampled_from([None, *Severity]),
    acknowledged=st.booleans(),
    told=st.booleans(),
)
def test_at_the_end_the_difference_is_owed_and_nothing_else(
    known: Severity | None, after: Severity | None, acknowledged: bool, told: bool
) -> None:
    before = outage(known or Severity.DOWN, acknowledged=AT if acknowledged else None)
    held = withhold(before, window(), known, AT)
    change = released(held, seen(after, AT + HOUR), RULES, AT + HOUR, told=told)
    now = change.incident

    assert (now.hold, now.known, now.held_since) == (None, None, None)
    assert Entry.RELEASED in change.events
    assert (Entry.RECOVERED in change.events) == (after is None)
    begins = after is not None and (known is None or after > known)
    assert (now.generation > before.generation) == begins
    if begins:
        anew = Kind.WORSENED if known is not None else Kind.REOPENED if told else Kind.ALARM
        assert (now.told_as, now.severity, now.chain_from, now.acknowledged) == (anew, after, AT + HOUR, None)
    else:
        assert now.acknowledged == before.acknowledged
    assert (Entry.EASED in change.events) == (known is not None and after is not None and after < known)


def test_a_state_is_compared_once_it_is_sure() -> None:
    late, end = RULES.fresh_within, AT
    after = [end + timedelta(seconds=s) for s in (0, late - 1, late, 3 * late)]
    suspect, unknown = SystemView(State.SUSPECT), SystemView(State.UNKNOWN, known=False)

    assert [is_sure(seen(None), end, end, RULES, now) for now in after] == [True] * 4
    assert [is_sure(seen(None), end, end - HOUR, RULES, now) for now in after] == [False, False, True, True]
    assert [is_sure(seen(None), end, None, RULES, now) for now in after] == [False, False, True, True]
    assert [is_sure(suspect, end, end, RULES, now) for now in after] == [False, False, False, True]
    assert [is_sure(unknown, end, end, RULES, now + 99 * HOUR) for now in after] == [False] * 4


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (window(), None),
        (window(systems=""), Refused.NO_SYSTEM),
        (window(systems="phoniro findes_ikke"), Refused.NO_SYSTEM),
        (window(systems="phoniro vagten"), Refused.NO_SYSTEM),
        (window(systems="egen_linje"), Refused.OWN_SYSTEM),
        (window(systems="phoniro noedkald", kind=Sort.MUTE), Refused.ONE_SYSTEM),
        (window(owner=" "), Refused.NO_OWNER),
        (window(reason=""), Refused.NO_REASON),
        (window(start=1, end=1), Refused.BACKWARDS),
        (window(start=-2, end=-1), Refused.PAST),
        (window(end=7 * 24 + 1, kind=Sort.MUTE), Refused.TOO_LONG),
        (window(end=31 * 24 + 1), Refused.TOO_LONG),
        (window(start=24 * 400, end=24 * 400 + 1), Refused.TOO_FAR),
        (window(tell="ingen"), Refused.NO_ROLE),
    ],
)
def test_nothing_without_owner_end_and_reason(asked: Withholding, why: Refused | None) -> None:
    assert refused(asked, PLAN, AT) is why


def test_a_critical_system_needs_somebody_with_a_phone() -> None:
    system = replace(PLAN.systems[PHONIRO], critical=True)
    people = {**PLAN.people, PersonId("it"): replace(PLAN.people[PersonId("it")], sms="")}
    plan = replace(PLAN, systems={**PLAN.systems, PHONIRO: system}, people=people)

    assert refused(window(), plan, AT) is Refused.NO_PHONE
    assert refused(window(tell="sektionsleder"), plan, AT) is None
