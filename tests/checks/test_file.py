"""`file`: working-day deadlines hour by hour, and real files, folders and a file system that hangs."""

import asyncio
import errno
import os
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from pydantic import ValidationError

from checks import newest as looking
from checks.file import Settings, judge
from checks.newest import Newest
from checks.schedule import Schedule
from monitor.core.finding import Outcome, Reason
from monitor.core.plan import Severity
from tests.support.httpserver import NOW, context, probed

COPENHAGEN = ZoneInfo("Europe/Copenhagen")
LISTS: dict[str, Any] = {
    "path": "/srv/koerelister/*.pdf",
    "saved_by": {"mon-thu": "15:00", "fri": "14:00"},
    "closed": [
        {"date": "12-24"},
        {"date": "12-31", "from": "12:00"},
        {"date": "06-05", "from": "12:00"},
        {"date": "2026-05-15", "name": "Dagen efter Kristi himmelfart"},
    ],
}


def settings(**values: Any) -> Settings:
    return Settings.model_validate({"name": "lister", "kind": "file", "path": "/srv/x", **values})


def at(text: str) -> datetime:
    """`2026-11-27 14:00` in Copenhagen."""
    return datetime.fromisoformat(text).replace(tzinfo=COPENHAGEN).astimezone(UTC)


def reason(now: str, saved: str | None, **values: Any) -> Reason | None:
    found = Newest(at(saved) if saved else None, 1000 if saved else 0)
    verdict = judge(settings(**LISTS | values), found, at(now))
    assert bool(verdict.misses) is (verdict.outcome is Outcome.FAIL)
    return verdict.misses[0].reason if verdict.misses else None


@pytest.mark.parametrize(
    ("now", "saved", "expected"),
    [
        # Tuesday: open until 15:00, then what was made from 07:00 on counts.
        ("2026-11-24 14:59:59", None, None),
        ("2026-11-24 14:59:59", "2026-11-20 12:00", None),
        ("2026-11-24 15:00", None, Reason.MISSING),
        ("2026-11-24 15:00", "2026-11-23 14:30", Reason.STALE),
        ("2026-11-24 15:00", "2026-11-24 06:59", Reason.STALE),
        ("2026-11-24 15:00", "2026-11-24 07:00", None),
        # Late is late but made; until then it stays, through the night, until the next day's window opens.
        ("2026-11-24 23:30", "2026-11-24 16:30", None),
        ("2026-11-25 06:59", None, Reason.MISSING),
        ("2026-11-25 07:00", None, None),
        # Friday at 14:00, and all the weekend.
        ("2026-11-27 13:59", None, None),
        ("2026-11-27 14:00", "2026-11-27 05:59", Reason.STALE),
        ("2026-11-28 12:00", "2026-11-27 06:00", None),
        ("2026-11-29 12:00", None, Reason.MISSING),
        ("2026-11-30 06:59", "2026-11-26 14:59", Reason.STALE),
        ("2026-11-30 07:00", "2026-11-26 14:59", None),
        # Easter: from Wednesday 15:00 to Tuesday 07:00.
        ("2026-04-02 15:00", "2026-04-01 14:00", None),
        ("2026-04-02 15:00", "2026-03-31 14:00", Reason.STALE),
        ("2026-04-06 15:00", "2026-03-31 14:00", Reason.STALE),
        ("2026-04-07 06:59", None, Reason.MISSING),
        ("2026-04-07 07:00", None, None),
        # 24 December and a local closing day have no deadline of their own.
        ("2026-12-24 15:00", "2026-12-23 15:00", None),
        ("2026-05-15 14:00", "2026-05-13 15:00", None),
        ("2026-05-15 14:00", "2026-05-12 15:00", Reason.STALE),
        # Half-days: the deadline is when they close, and the window moves with it.
        ("2026-12-31 11:59", None, None),
        ("2026-12-31 12:00", None, Reason.MISSING),
        ("2026-12-31 12:00", "2026-12-31 04:00", None),
        ("2026-06-05 12:00", "2026-06-05 03:59", Reason.STALE),
        # The former Store Bededag is a working Friday.
        ("2027-04-23 14:00", "2027-04-22 15:00", Reason.STALE),
        # Summer time begins on Sunday 29 March 2026, ends on 25 October.
        ("2026-03-27 14:00", "2026-03-27 06:00", None),
        ("2026-03-30 06:59", "2026-03-26 15:00", Reason.STALE),
        ("2026-03-30 07:00", "2026-03-26 15:00", None),
        ("2026-10-26 06:59", "2026-10-22 15:00", Reason.STALE),
        ("2026-10-26 07:00", "2026-10-22 15:00", None),
    ],
)
def test_deadlines(now: str, saved: str | None, expected: Reason | None) -> None:
    assert reason(now, saved) is expected


@pytest.mark.parametrize(
    ("now", "saved", "expected"),
    [
        ("2026-11-24 15:00", "2026-11-24 11:59", Reason.STALE),
        ("2026-11-24 15:00", "2026-11-24 12:00", None),
        ("2026-11-25 11:59", None, Reason.MISSING),
        ("2026-11-25 12:00", None, None),
        ("2026-12-31 12:00", "2026-12-31 08:59", Reason.STALE),
        ("2026-12-31 12:00", "2026-12-31 09:00", None),
    ],
)
def test_since_an_hour_of_the_day(now: str, saved: str | None, expected: Reason | None) -> None:
    assert reason(now, saved, since="12:00") is expected


def test_the_words_say_until_when_and_how_far() -> None:
    [miss] = judge(settings(**LISTS), Newest(at("2026-03-31 14:31"), 9), at("2026-04-01 15:00")).misses

    assert miss.expected == "gemt 01-04 kl. 07:00-15:00, dækker til og med tirsdag 07-04"
    assert miss.seen == "gemt 31-03-2026 kl. 14:31"


def test_before_christmas_it_reaches_over_the_days_closed() -> None:
    closed = [{"date": "12-24", "to": "12-30"}, {"date": "12-31", "from": "12:00"}]
    deadline = Schedule(settings(**LISTS | {"closed": closed})).last(at("2026-12-26 10:00"))

    assert deadline
    assert (deadline.due, f"{deadline.through}") == (at("2026-12-23 15:00"), "2026-12-31")


def test_a_yearly_closing_may_run_over_new_year() -> None:
    schedule = Schedule(settings(**LISTS | {"closed": [{"date": "12-24", "to": "01-03"}]}))
    last, coming = schedule.last(at("2027-01-02 10:00")), schedule.coming(at("2027-01-02 10:00"))

    assert last
    assert coming
    assert (last.due, coming.due) == (at("2026-12-23 15:00"), at("2027-01-04 15:00"))


def test_hours_that_do_not_exist_or_come_twice() -> None:
    schedule = Schedule(settings(saved_by={"sun": "02:30"}))
    gap, twice = schedule.coming(at("2026-03-28 12:00")), schedule.coming(at("2026-10-24 12:00"))

    assert gap
    assert twice
    assert gap.due == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    assert twice.due == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


@given(st.integers(0, 10 * 365 * 86_400), st.integers(0, 10**6))
@examples(deadline=None)
def test_at_every_instant_it_is_one_or_the_other(ahead: int, ago: int) -> None:
    now = NOW + timedelta(seconds=ahead)
    parsed = settings(**LISTS)
    last, coming = Schedule(parsed).last(now), Schedule(parsed).coming(now)

    assert last
    assert coming
    assert last.since < last.due <= now < coming.due
    assert last.due <= coming.since
    assert judge(parsed, Newest(now, 1), now).outcome is Outcome.OK
    saved = now - timedelta(seconds=ago)
    bad = judge(parsed, Newest(saved, 1), now).outcome is Outcome.FAIL
    assert bad is (saved < last.since and now < coming.since)


@pytest.mark.parametrize(("ago", "expected"), [(3600, None), (3601, Reason.STALE), (-300, None), (-301, Reason.STALE)])
def test_an_age_alone(ago: int, expected: Reason | None) -> None:
    verdict = judge(settings(max_age="1h"), Newest(NOW - timedelta(seconds=ago), 1), NOW)

    assert (verdict.misses[0].reason if verdict.misses else None) is expected


def test_no_file_at_all() -> None:
    [nothing] = judge(settings(max_age="1h"), Newest(), NOW).misses
    [small] = judge(settings(max_age="1h", min_size="100"), Newest(too_small=2), NOW).misses

    assert [(miss.reason, miss.seen) for miss in (nothing, small)] == [
        (Reason.MISSING, "ingen fil"),
        (Reason.MISSING, "kun filer under 100 byte"),
    ]


def test_a_preparation_not_made_is_an_advisory() -> None:
    assert settings(max_age="1h").fail_means is Severity.ADVISORY


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"max_age": "1h", "saved_by": {"mon": "15:00"}},
        {"max_age": "0s"},
        {"saved_by": {"man": "15:00"}},
        {"saved_by": {"fri-mon": "15:00"}},
        {"saved_by": {"mon-": "15:00"}},
        {"saved_by": {"mon-fri": "15:00", "fri": "14:00"}},
        {"saved_by": {"mon": "25:00"}},
        {"saved_by": {"mon": "15:00"}, "since": "15:00"},
        {"saved_by": {"mon": "15:00"}, "since": "12:00", "fresh": "2h"},
        {"saved_by": {"mon": "15:00"}, "fresh": "13h"},
        {"saved_by": {"mon": "15:00"}, "closed": [{"date": "02-30"}]},
        {"saved_by": {"mon": "15:00"}, "closed": [{"date": "12-24", "to": "2026-12-30"}]},
        {"saved_by": {"mon": "15:00"}, "zone": "Europe/Aarhus"},
        {"saved_by": {"mon": "15:00"}, "holidays": "XX"},
        {"max_age": "1h", "path": "lists/x"},
        {"max_age": "1h", "path": "/srv/**/x"},
        {"max_age": "1h", "path": "/srv/../x"},
    ],
)
def test_settings_that_are_wrong(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        settings(**wrong)


def made(path: Path, ago: float, size: int = 10) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    stamp = (NOW - timedelta(seconds=ago)).timestamp()
    os.utime(path, (stamp, stamp))


async def test_the_newest_of_several_counts_and_neither_name_nor_content_is_told(tmp_path: Path) -> None:
    made(tmp_path / "nord" / "borger-liste-1.pdf", 7200)
    made(tmp_path / "syd" / "borger-liste-2.pdf", 600, size=77)
    made(tmp_path / "syd" / "borger-liste-3.pdf", 60, size=5)
    made(tmp_path / "syd" / ".borger-liste-4.pdf", 1)
    made(tmp_path / "syd" / "borger-liste-5.tmp", 1)
    (tmp_path / "syd" / "borger-liste-6.pdf").mkdir()
    (tmp_path / "syd" / "borger-liste-7.pdf").symlink_to(tmp_path / "nowhere")

    finding = await probed(kind="file", path=tmp_path / "*" / "borger-*.pdf", min_size="10", max_age="30m")

    assert finding.outcome is Outcome.OK
    assert finding.facts == {"modified_timestamp_seconds": NOW.timestamp() - 600, "size_bytes": 77}
    assert "borger" not in repr(finding)


@pytest.mark.parametrize("name", ["none.pdf", "*.pdf", "none/*.pdf", "file/below.pdf", "file/*"])
async def test_nothing_there(tmp_path: Path, name: str) -> None:
    made(tmp_path / "file", 0)

    finding = await probed(kind="file", path=tmp_path / name, max_age="30m")

    assert (finding.outcome, finding.reason) == (Outcome.FAIL, Reason.MISSING)


async def test_a_link_to_a_file_is_the_file(tmp_path: Path) -> None:
    made(tmp_path / "real", 60)
    (tmp_path / "link").symlink_to(tmp_path / "real")

    assert (await probed(kind="file", path=tmp_path / "link", max_age="2m")).outcome is Outcome.OK


async def test_dates_no_clock_shows_are_not_believed(tmp_path: Path) -> None:
    made(tmp_path / "x", 0)
    os.utime(tmp_path / "x", (0, 10**11))

    finding = await probed(kind="file", path=tmp_path / "x", max_age="30m")

    assert finding.reason is Reason.STALE


async def test_too_many_files_to_look_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "_ENTRIES", 5)
    for number in range(6):
        made(tmp_path / f"{number}", 0)

    finding = await probed(kind="file", path=tmp_path / "*", max_age="30m")

    assert (finding.outcome, finding.reason) == (Outcome.FAIL, Reason.TOO_LARGE)


@pytest.mark.parametrize(
    ("number", "outcome", "expected", "seen"),
    [
        (errno.EACCES, Outcome.UNKNOWN, Reason.CREDENTIALS, "ingen adgang"),
        (errno.ESTALE, Outcome.FAIL, Reason.MISSING, "filsystemet svarer ESTALE"),
        (errno.EIO, Outcome.FAIL, Reason.MISSING, "filsystemet svarer EIO"),
    ],
)
async def test_a_sick_mount(
    monkeypatch: pytest.MonkeyPatch, number: int, outcome: Outcome, expected: Reason, seen: str
) -> None:
    def broken(_: Path) -> None:
        raise OSError(number, "broken")

    monkeypatch.setattr(looking, "scandir", broken)
    finding = await probed(kind="file", path="/srv/*", max_age="30m")

    assert (finding.outcome, finding.reason, finding.misses[0].seen) == (outcome, expected, seen)


async def test_a_file_system_that_hangs_stops_nothing_but_one_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release, before = threading.Event(), set(threading.enumerate())
    really = looking.newest

    def hangs(pattern: Path, at_least: int) -> Newest:
        release.wait()
        return really(pattern, at_least)

    monkeypatch.setattr(looking, "newest", hangs)
    made(tmp_path / "x", 0)
    memory: dict[str, Any] = {}

    async def look() -> tuple[Outcome, Reason | None]:
        given = context(memory=memory)
        finding = await probed(given, kind="file", path=tmp_path / "x", max_age="30m", timeout="200ms")
        return finding.outcome, finding.reason

    try:
        assert [await look() for _ in range(3)] == [(Outcome.FAIL, Reason.TIMEOUT)] * 3
        # Others' threads may end meanwhile; only the looks of this test are counted.
        assert [thread.name for thread in set(threading.enumerate()) - before].count("look") == 1
        assert await asyncio.to_thread(lambda: 1) == 1
    finally:
        release.set()
    for thread in threading.enumerate():
        if thread.name == "look":
            await asyncio.to_thread(thread.join, 5)
    assert await look() == (Outcome.OK, None)
