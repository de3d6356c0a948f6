"""Time of day: SCENARIOS 10 and 12, and that exactly one period holds at every instant, over DST as well."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.calendar import Calendar, Closing, PeriodName, Window

ZONE = ZoneInfo("Europe/Copenhagen")
WORK, REST, NIGHT = PeriodName("arbejdstid"), PeriodName("ellers"), PeriodName("nat")
DAY, SHORT = (Window(time(8), time(15)),), (Window(time(8), time(14)),)
EASTER = {date(2026, 4, 2): "Skærtorsdag", date(2026, 4, 3): "Langfredag", date(2026, 4, 6): "Anden påskedag"}
CALENDAR = Calendar(
    ZONE,
    {WORK: {0: DAY, 1: DAY, 2: DAY, 3: DAY, 4: SHORT}},
    REST,
    holidays=EASTER,
    dated={date(2026, 5, 15): Closing("Lukkedag")},
    yearly={(12, 24): Closing("Juleaften"), (6, 5): Closing("Grundlovsdag", time(12))},
)
NIGHTS = Calendar(ZONE, {NIGHT: dict.fromkeys(range(7), (Window(time(22), time(6)),))}, REST)


def local(text: str, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE, fold=fold)


@pytest.mark.parametrize(
    ("at", "period"),
    [
        ("2026-03-05T14:59:30", WORK),
        ("2026-03-05T15:00:00", REST),
        ("2026-03-05T15:00:30", REST),
        ("2026-03-05T07:59:59", REST),
        ("2026-03-05T08:00:00", WORK),
        ("2026-03-06T13:59:59", WORK),
        ("2026-03-06T14:00:00", REST),
        ("2026-03-07T10:00:00", REST),
        ("2026-12-24T10:00:00", REST),
        ("2027-12-24T10:00:00", REST),
        ("2026-06-05T11:59:59", WORK),
        ("2026-06-05T12:00:00", REST),
        ("2026-04-01T10:00:00", WORK),
        ("2026-04-02T10:00:00", REST),
        ("2026-04-06T10:00:00", REST),
        ("2026-04-07T10:00:00", WORK),
        ("2026-05-01T10:00:00", WORK),
        ("2026-05-15T10:00:00", REST),
        ("2027-05-14T10:00:00", WORK),
    ],
)
def test_the_period_of_an_instant(at: str, period: PeriodName) -> None:
    assert CALENDAR.period_at(local(at)) == period


@pytest.mark.parametrize(
    ("at", "period"),
    [
        ("2026-03-28T22:00", NIGHT),
        ("2026-03-29T01:59", NIGHT),
        ("2026-03-29T03:00", NIGHT),
        ("2026-03-29T05:59", NIGHT),
        ("2026-03-29T06:00", REST),
        ("2026-10-25T02:30", NIGHT),
        ("2026-10-25T06:00", REST),
    ],
)
def test_a_window_over_midnight_on_a_night_of_another_length(at: str, period: PeriodName) -> None:
    assert NIGHTS.period_at(local(at)) == period
    assert NIGHTS.period_at(local(at, fold=1)) == period


def test_a_night_is_23_or_25_hours_of_change_but_one_stretch() -> None:
    spring = NIGHTS.changes(local("2026-03-28T12:00"), local("2026-03-29T12:00"))
    autumn = NIGHTS.changes(local("2026-10-24T12:00"), local("2026-10-25T12:00"))

    assert [b - a for a, b in (spring, autumn)] == [timedelta(hours=7), timedelta(hours=9)]


def test_a_time_that_does_not_exist_moves_forward_and_one_that_comes_twice_counts_first() -> None:
    assert CALENDAR.instant(date(2026, 3, 29), time(2, 30)) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    assert CALENDAR.instant(date(2026, 10, 25), time(2, 30)) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_a_window_over_midnight_belongs_to_the_day_it_starts_on() -> None:
    friday_night = Calendar(
        ZONE, {NIGHT: {4: (Window(time(22), time(6)),)}}, REST, dated={date(2026, 3, 7): Closing("lukket")}
    )

    assert friday_night.period_at(local("2026-03-07T05:59")) == NIGHT
    assert friday_night.period_at(local("2026-03-07T22:30")) == REST


def test_the_earliest_of_several_closings_counts() -> None:
    both = Calendar(
        ZONE,
        {WORK: {4: DAY}},
        REST,
        holidays={date(2026, 6, 5): "Helligdag"},
        yearly={(6, 5): Closing("Grundlovsdag", time(12))},
    )

    assert both.closing(date(2026, 6, 5)) == Closing("Helligdag")
    assert not both.is_working_day(date(2026, 6, 5))
    assert both.is_working_day(date(2026, 6, 12))


def test_the_window_of_an_instant_is_cut_by_closings() -> None:
    window = CALENDAR.window_at(local("2026-06-05T11:00"))

    assert window is not None
    assert CALENDAR.local(window[1]) == local("2026-06-05T12:00")
    assert CALENDAR.window_at(local("2026-06-05T12:00")) is None


def test_no_change_ahead_where_nothing_ever_changes() -> None:
    assert Calendar(ZONE, {}, REST).next_change(local("2026-01-01T00:00")) is None


def test_the_names_of_all_periods() -> None:
    assert CALENDAR.periods == (WORK, REST)


GAPS = (date(2026, 3, 29), date(2027, 3, 28))
NIGHTS_OF_CHANGE = [datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC)]
instants = st.datetimes(
    min_value=datetime.fromisoformat("2025-12-01"),
    max_value=datetime.fromisoformat("2027-12-31"),
    timezones=st.just(UTC),
) | st.builds(
    lambda night, seconds: night + timedelta(seconds=seconds),
    st.sampled_from(NIGHTS_OF_CHANGE),
    st.integers(-7200, 14400),
)


@st.composite
def calendars(draw: st.DrawFn) -> Calendar:
    """Two named periods whose windows never overlap; with nights, one runs from 22 to 06 and the others lie between."""
    week: dict[PeriodName, dict[int, tuple[Window, ...]]] = {WORK: {}, NIGHT: {}}
    nights = draw(st.sets(st.integers(0, 6)))
    first, last = (24, 87) if nights else (0, 95)
    for weekday in range(7):
        cuts = sorted(draw(st.sets(st.integers(first, last), max_size=4)))
        edges = [time(cut // 4, cut % 4 * 15) for cut in cuts]
        windows = [Window(start, end) for start, end in zip(edges[::2], edges[1::2], strict=False)]
        week[WORK][weekday] = tuple(windows[::2])
        night = (Window(time(22), time(6)),) if weekday in nights else ()
        week[NIGHT][weekday] = (*windows[1::2], *night)
    closed = draw(st.dictionaries(st.dates(date(2026, 1, 1), date(2026, 12, 31)), st.integers(0, 23), max_size=5))
    return Calendar(ZONE, week, REST, dated={day: Closing("x", time(hour)) for day, hour in closed.items()})


@given(calendar=calendars(), at=instants)
def test_exactly_one_period_holds_and_next_change_is_where_it_ends(calendar: Calendar, at: datetime) -> None:
    period, today = calendar.period_at(at), calendar.local(at).date()
    holding = sorted(
        (calendar.instant(day, window.start), name)
        for name, week in calendar.windows.items()
        for day in (today - timedelta(days=1), today)
        for window in week.get(day.weekday(), ())
        if _holds(calendar, day, window, at)
    )
    # A window that ends within the hour spring leaves out ends an hour late and may reach into the next: first wins.
    assert len(holding) <= (2 if today in GAPS else 1)
    assert period == (holding[0][1] if holding else REST)

    change = calendar.next_change(at)
    if change is None:
        return
    assert change > at
    assert calendar.period_at(change) != period
    assert calendar.period_at(change - timedelta(microseconds=1)) == period
    assert {calendar.period_at(at + (change - at) * part / 8) for part in range(8)} == {period}


def _holds(calendar: Calendar, day: date, window: Window, at: datetime) -> bool:
    """The definition itself, without spans and caches."""
    last = day + timedelta(days=window.end <= window.start)
    start, end = calendar.instant(day, window.start), calendar.instant(last, window.end)
    closing = calendar.closing(day)
    return start <= at < (min(end, calendar.instant(day, closing.start)) if closing else end)
