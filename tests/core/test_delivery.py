"""What becomes of a notice: every outcome, alone and after another, on one route, two and three."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.delivery import (
    EXPIRES,
    Ended,
    GiveUp,
    Move,
    Try,
    Wait,
    backoff,
    must_wait_for,
    next_move,
    ordered,
    overtaken,
    owed_all_clear,
    rank,
)
from monitor.core.finding import SystemName
from monitor.core.plan import ChannelName, PersonId, RouteInfo, RouteName, Severity
from monitor.core.reasons import Kind
from monitor.core.records import Attempt, AttemptId, Incident, IncidentId, Notice, NoticeId, NoticeState

START = datetime(2026, 3, 5, 9, 0, tzinfo=UTC)
SMS, MAIL = ChannelName.SMS, ChannelName.MAIL
ONE = (RouteInfo(RouteName("a"), SMS),)
TWO = (*ONE, RouteInfo(RouteName("b"), SMS, independent=True))
THREE = (*TWO, RouteInfo(RouteName("c"), SMS))
OUTCOMES = ("temporary", "broken", "rejected", "unknown", "")


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def notice(kind: Kind = Kind.ALARM, person: str = "p", channel: ChannelName = SMS, **more: object) -> Notice:
    key = f"{kind}/{person}/{channel}"
    plain = Notice(NoticeId(key), key, IncidentId("i"), kind, PersonId(person), channel, "to", "text", START)
    return replace(plain, **more)  # type: ignore[arg-type]


def tries(letters: str, every: float = 1.0) -> list[Attempt]:
    """Attempts written as `at bb cu`: a route and the first letter of its outcome, `-` for none."""
    words = {word[0] if word else "-": word for word in OUTCOMES}
    return [
        Attempt(
            AttemptId(str(i)),
            NoticeId("n"),
            RouteName(two[0]),
            at(i * every),
            ended=at(i * every),
            outcome=words[two[1]],
        )
        for i, two in enumerate(letters.split())
    ]


A, B, C = (RouteName(name) for name in "abc")
WAIT = "wait"

TABLE: list[tuple[str, tuple[RouteInfo, ...], Move | str]] = [
    # nothing tried yet
    ("", ONE, Try(A)),
    ("", THREE, Try(A)),
    ("", (), GiveUp(Ended.NO_ROUTE)),
    # once on the first of two: whatever it was, the other at once
    ("at", TWO, Try(B)),
    ("ab", TWO, Try(B)),
    ("ar", TWO, Try(B)),
    ("au", TWO, Try(B, repeat=True)),
    ("a-", TWO, Try(B, repeat=True)),
    # both tried: the whole ladder rests, then from the top
    ("at bt", TWO, WAIT),
    ("at bu", TWO, WAIT),
    ("ab bb", TWO, WAIT),
    ("ar br", TWO, GiveUp(Ended.REJECTED)),
    ("ar bt", TWO, WAIT),
    ("at br", TWO, Try(A)),
    ("au br", TWO, Try(A, repeat=True)),
    ("at bt at", TWO, Try(B)),
    ("at bt at bt", TWO, WAIT),
    # one alone
    ("at", ONE, WAIT),
    ("au", ONE, WAIT),
    ("ar", ONE, GiveUp(Ended.REJECTED)),
    # three
    ("at bt", THREE, Try(C)),
    ("at br", THREE, Try(C)),
    ("ar br", THREE, Try(C)),
    ("ar br cr", THREE, GiveUp(Ended.REJECTED)),
    ("at bu ct", THREE, WAIT),
    ("at bu", THREE, Try(C, repeat=True)),
    # a route that is no more in the plan
    ("xt", ONE, Try(A)),
    ("xu", ONE, Try(A, repeat=True)),
    ("xr", ONE, Try(A)),
    ("xt at", ONE, WAIT),
]


@pytest.mark.parametrize(("done", "routes", "move"), TABLE, ids=[f"{t[0] or 'nothing'} of {len(t[1])}" for t in TABLE])
def test_what_comes_next(done: str, routes: tuple[RouteInfo, ...], move: Move | str) -> None:
    attempts = tries(done)
    now = attempts[-1].started if attempts else START
    found = next_move(notice(), attempts, routes, now)
    assert isinstance(found, Wait) if move == WAIT else found == move


def test_the_ladder_rests_longer_each_round_and_then_begins_with_the_first_route() -> None:
    found = next_move(notice(), tries("at bt"), TWO, at(1))
    assert isinstance(found, Wait)
    assert 4.0 <= (found.until - at(1)).total_seconds() <= 6.0
    assert next_move(notice(), tries("at bt"), TWO, found.until) == Try(A)
    later = next_move(notice(), tries("at bt at bt"), TWO, at(3))
    assert isinstance(later, Wait)
    assert 8.0 <= (later.until - at(3)).total_seconds() <= 12.0


def test_what_may_have_gone_out_on_the_only_route_is_not_repeated_within_a_minute() -> None:
    assert next_move(notice(), tries("au"), ONE, at(59)) == Wait(at(60))
    assert next_move(notice(), tries("au"), ONE, at(60)) == Try(A, repeat=True)


def test_a_clock_that_is_set_back_turns_no_rest_into_hours() -> None:
    attempts = tries("at bt")
    assert next_move(notice(), attempts, TWO, at(-3600)) == Try(A)
    assert next_move(notice(), tries("au"), ONE, at(-1)) == Try(A, repeat=True)


def test_it_is_given_up_after_a_day_and_only_when_tried_since() -> None:
    day = EXPIRES.total_seconds()
    assert isinstance(next_move(notice(), tries("at bt"), TWO, at(2 * day)), Try)
    late = [*tries("at"), replace(tries("bt")[0], started=at(day), ended=at(day))]
    assert next_move(notice(), late, TWO, at(day)) == GiveUp(Ended.EXPIRED)
    assert isinstance(next_move(notice(), [], TWO, at(10 * day)), Try)


@pytest.mark.parametrize(
    ("sick", "blind", "order"),
    [
        ((), False, "abc"),
        ((), True, "bac"),
        ("a", False, "bca"),
        ("ab", False, "cab"),
        ("b", True, "acb"),
        ("abc", False, "abc"),
    ],
)
def test_the_order_of_routes(sick: str, blind: bool, order: str) -> None:
    names = [r.name for r in ordered(notice(independent_first=blind), THREE, {RouteName(s) for s in sick})]
    assert "".join(names) == order


def test_a_route_of_another_channel_is_no_route() -> None:
    assert ordered(notice(channel=MAIL), THREE) == []


@given(st.lists(st.sampled_from(OUTCOMES), max_size=20), st.integers(1, 3), st.sets(st.sampled_from([A, B, C])))
def test_a_notice_is_tried_or_waits_for_a_stated_instant_or_has_failed_for_a_reason(
    outcomes: list[str], count: int, sick: set[RouteName]
) -> None:
    routes, attempts, now = THREE[:count], list[Attempt](), START
    for turn, outcome in enumerate(outcomes):
        move = next_move(notice(), attempts, routes, now, sick)
        if isinstance(move, Wait):
            assert now < move.until <= now + timedelta(seconds=360)
            now = move.until
            move = next_move(notice(), attempts, routes, now, sick)
        usable = {route.name for route in routes} - {a.route for a in attempts if a.outcome == "rejected"}
        if isinstance(move, GiveUp):
            assert (move.reason, usable) == (Ended.REJECTED, set())
            return
        assert isinstance(move, Try) and move.route in usable
        assert move.repeat == any(a.outcome in ("", "unknown") for a in attempts)
        if attempts and attempts[-1].outcome in ("", "unknown") and len(usable) > 1:
            assert move.route != attempts[-1].route
        ended = now if outcome else None
        attempts.append(Attempt(AttemptId(str(turn)), NoticeId("n"), move.route, now, ended=ended, outcome=outcome))
        tried = [sum(1 for a in attempts if a.route == name) for name in usable - {move.route}]
        mine = sum(1 for a in attempts if a.route == move.route)
        assert all(mine - 1 <= other for other in tried), "each once a round"


@given(st.text(max_size=20), st.integers(1, 40))
def test_the_rest_doubles_from_five_seconds_to_five_minutes(ident: str, rounds: int) -> None:
    seconds = backoff(notice(id=NoticeId(ident)), rounds)
    plain = min(5.0 * 2 ** min(rounds - 1, 10), 300.0)
    assert plain * 0.8 <= seconds <= plain * 1.2
    assert backoff(notice(id=NoticeId(ident)), rounds) == seconds


def test_alarms_go_before_what_follows_from_them_and_reminders_last() -> None:
    kinds = (Kind.ALARM, Kind.TASK, Kind.REMINDER)
    for order in permutations(kinds):
        queue = [notice(kind, created=at(10 - kinds.index(kind))) for kind in order]
        assert [n.kind for n in sorted(queue, key=rank)] == list(kinds)
    outage = {Kind.ALARM, Kind.WORSENED, Kind.REOPENED, Kind.UNSTABLE, Kind.NO_NEWS, Kind.REROUTED}
    first = outage | {Kind.STRAY_ALARM, Kind.SILENT_DEVICE}
    assert {kind for kind in Kind if rank(notice(kind))[0] == 0} == first
    assert rank(notice(created=at(1))) < rank(notice(created=at(2)))


@pytest.mark.parametrize(
    ("before", "waits"),
    [
        (notice(), True),
        (notice(Kind.REMINDER), True),
        (notice(created=at(20)), False),
        (notice(person="q"), False),
        (notice(channel=MAIL), False),
        (notice(incident=IncidentId("j")), False),
        (notice(Kind.ALL_CLEAR), False),
    ],
)
def test_an_all_clear_does_not_overtake_its_own_alarm(before: Notice, waits: bool) -> None:
    clear = notice(Kind.ALL_CLEAR, created=at(10))
    assert must_wait_for(clear, [before, clear]) is waits
    assert not must_wait_for(notice(created=at(10)), [before])


OPEN = Incident(IncidentId("i"), "26-0001", SystemName("s"), Severity.DOWN, START, START, START)
OVER = replace(OPEN, recovered=at(5), good_since=at(5))


@pytest.mark.parametrize(
    ("kind", "incident", "over"),
    [
        (Kind.REMINDER, OPEN, False),
        (Kind.REMINDER, OVER, True),
        (Kind.REMINDER, replace(OPEN, acknowledged=at(5)), True),
        (Kind.REMINDER, replace(OPEN, generation=2), True),
        (Kind.REMINDER, None, True),
        (Kind.ALL_CLEAR, OPEN, True),
        (Kind.ALL_CLEAR, replace(OPEN, generation=2), True),
        (Kind.ALL_CLEAR, OVER, False),
        (Kind.ALL_CLEAR, replace(OVER, generation=2), True),
        (Kind.ALL_CLEAR, None, False),
        *((kind, OVER, False) for kind in (Kind.ALARM, Kind.WORSENED, Kind.REOPENED, Kind.TASK, Kind.HANDOVER)),
        *((kind, None, False) for kind in (Kind.ALARM, Kind.WORSENED, Kind.REOPENED, Kind.TASK, Kind.HANDOVER)),
        (Kind.ALARM, replace(OPEN, generation=2, acknowledged=at(5)), False),
    ],
)
def test_what_is_overtaken_by_the_event(kind: Kind, incident: Incident | None, over: bool) -> None:
    assert overtaken(notice(kind), incident) is over


def test_a_test_alarm_is_never_overtaken() -> None:
    assert not overtaken(notice(Kind.TEST, incident=None), None)


FAILED, ACCEPTED = NoticeState.FAILED, NoticeState.ACCEPTED


@pytest.mark.parametrize(
    ("said", "owed"),
    [
        ([], []),
        ([notice()], ["p/sms"]),
        ([notice(state=ACCEPTED)], ["p/sms"]),
        ([notice(state=FAILED)], []),
        ([notice(state=FAILED), notice(channel=MAIL, state=ACCEPTED)], ["p/mail"]),
        ([notice(state=ACCEPTED), notice(Kind.REMINDER, state=FAILED)], ["p/sms"]),
        ([notice(state=ACCEPTED), notice(Kind.ALL_CLEAR, state=ACCEPTED)], []),
        ([notice(state=ACCEPTED), notice(Kind.ALL_CLEAR)], []),
        ([notice(state=ACCEPTED), notice(Kind.ALL_CLEAR, state=FAILED)], ["p/sms"]),
        ([notice(state=ACCEPTED), notice(Kind.ALL_CLEAR, state=ACCEPTED), notice(Kind.REOPENED)], ["p/sms"]),
        ([notice(), notice(person="q", channel=MAIL), notice(Kind.TASK, person="r")], ["p/sms", "q/mail", "r/sms"]),
        ([notice(Kind.NOBODY_ON_DUTY), notice(Kind.TEST)], []),
        ([notice(Kind.HANDOVER)], ["p/sms"]),
        ([notice(incident=IncidentId("j"))], []),
    ],
)
def test_who_is_owed_the_all_clear(said: list[Notice], owed: list[str]) -> None:
    assert [f"{n.person}/{n.channel}" for n in owed_all_clear(said, OPEN)] == owed


def test_an_all_clear_of_a_turn_that_is_past_and_never_left_settles_nothing() -> None:
    told, clear, again = notice(state=ACCEPTED), notice(Kind.ALL_CLEAR), replace(OVER, generation=2)
    assert owed_all_clear([told, clear], again) == [told]
    assert owed_all_clear([told, replace(clear, state=ACCEPTED)], again) == []
