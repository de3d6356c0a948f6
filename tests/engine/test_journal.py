"""Committing: together where many come at once, past a store that is slow or gone, and in order when it returns."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.finding import CheckName, SystemName
from monitor.core.plan import ChannelName, PersonId, Severity
from monitor.core.reasons import Entry, Kind
from monitor.core.records import (
    Batch,
    BeliefRow,
    Incident,
    IncidentId,
    Kept,
    Notice,
    NoticeId,
    Row,
    TimelineLine,
    TransitionRow,
)
from monitor.engine.backlog import Backlog, key_of, tidy
from monitor.engine.journal import SLOW, Journal
from monitor.engine.ledger import Ledger
from monitor.ports import StoreFault, StoreLost

START = datetime(2026, 3, 5, 9, 0, tzinfo=UTC)


def belief(check: str, level: int = 0) -> BeliefRow:
    return BeliefRow(CheckName(check), level, "up", START)


def transition(ident: int) -> TransitionRow:
    return TransitionRow(str(ident), CheckName("c"), SystemName("s"), "up", "down", START, START)


def line(key: str) -> TimelineLine:
    return TimelineLine(key, IncidentId("i"), START, Entry.NOTE, "")


def incident(number: str = "26-0001", ident: str = "i") -> Incident:
    return Incident(IncidentId(ident), number, SystemName("s"), Severity.DOWN, START, START, START)


def notice(key: str) -> Notice:
    return Notice(NoticeId(key), key, IncidentId("i"), Kind.ALARM, PersonId("p"), ChannelName.SMS, "to", "text", START)


class Fake:
    """A store that can be told to fail, to wait, and how long a save seems to take."""

    def __init__(self) -> None:
        self.saved: list[list[Row]] = []
        self.fails = False
        self.faults: list[Exception] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.now = 0.0
        self.takes = 0.0
        self.damage = False
        self.renewed: list[datetime] = []

    def monotonic(self) -> float:
        return self.now

    async def open(self) -> None:
        if self.fails:
            raise StoreFault("gone")

    async def save(self, rows: Sequence[Row]) -> None:
        await self.gate.wait()
        self.now += self.takes
        if self.fails:
            raise StoreFault("gone")
        if self.faults:
            raise self.faults.pop()
        self.saved.append(list(rows))

    async def look(self) -> None:
        if self.damage:
            raise StoreLost("damaged")

    async def renew(self, at: datetime) -> str:
        if self.fails:
            raise StoreFault("read-only")
        self.damage = False
        self.renewed.append(at)
        return "kept.db.corrupt-1"

    async def load(self) -> Kept:
        return Kept(last_number="26-0041")

    @property
    def rows(self) -> list[str]:
        return [key_of(row) for rows in self.saved for row in rows]


async def opened(store: Fake) -> Journal:
    journal = Journal(store, Ledger(), store.monotonic, lambda: START)
    await journal.open()
    return journal


async def test_what_is_committed_is_saved_before_it_is_in_memory() -> None:
    store = Fake()
    journal = await opened(store)
    store.gate.clear()
    commit = asyncio.ensure_future(journal.commit(Batch([incident()])))
    await asyncio.sleep(0)
    assert not journal.ledger.incidents
    store.gate.set()
    await commit
    assert store.rows == ["i"] and list(journal.ledger.incidents) == ["i"]


async def test_commits_that_come_while_one_is_saved_go_together_in_the_next() -> None:
    store = Fake()
    journal = await opened(store)
    store.gate.clear()
    commits = [asyncio.ensure_future(journal.commit(Batch([notice(f"n{i}")]))) for i in range(20)]
    await asyncio.sleep(0.01)
    store.gate.set()
    await asyncio.gather(*commits)
    assert [len(rows) for rows in store.saved] == [20] or [len(rows) for rows in store.saved] == [1, 19]
    assert len(journal.ledger.queue) == 20


async def test_of_two_values_of_one_row_in_a_save_the_later_is_written_once() -> None:
    store = Fake()
    journal = await opened(store)
    await journal.commit(Batch([incident("26-0001"), line("a"), incident("26-0002")]))
    assert [getattr(row, "number", "") for row in store.saved[0]] == ["26-0002", ""]


async def test_a_store_that_fails_stops_nothing_and_is_written_when_it_returns() -> None:
    store = Fake()
    journal = await opened(store)
    store.fails = True
    await journal.commit(Batch([incident()]))
    assert journal.degraded
    await journal.commit(Batch([notice("n")]))
    journal.later(belief("c"))
    assert list(journal.ledger.incidents) == ["i"] and list(journal.ledger.queue) == ["n"]
    assert journal.waiting == 3
    assert await journal.mend() is None
    assert journal.degraded
    store.fails = False
    await journal.mend()
    assert (journal.degraded, journal.waiting) == (False, 0)
    assert store.rows == ["i", "n", "c"]


async def test_nobody_waits_for_a_store_known_to_be_sick() -> None:
    store = Fake()
    journal = await opened(store)
    store.fails = True
    await journal.commit(Batch([incident()]))
    store.gate.clear()
    async with asyncio.timeout(1):
        await journal.commit(Batch([notice("n")]))


async def test_after_a_slow_save_nobody_waits_for_the_next_ones_for_a_while() -> None:
    store = Fake()
    journal = await opened(store)
    store.takes = SLOW + 0.1
    await journal.commit(Batch([incident()]))
    assert store.rows == ["i"]
    store.gate.clear()
    async with asyncio.timeout(1):
        await journal.commit(Batch([notice("n")]))
    assert not journal.degraded, "slow is not broken: nobody is alarmed of it"
    assert journal.waiting == 1
    store.gate.set()
    store.takes = 0.0
    store.now += 10
    await journal.commit(Batch([notice("m")]))
    await journal.mend()
    assert sorted(store.rows) == ["i", "m", "n"]


async def test_an_older_value_that_waits_is_not_written_over_a_newer_one() -> None:
    store = Fake()
    journal = await opened(store)
    store.takes = SLOW + 0.1
    await journal.commit(Batch([notice("x")]))
    await journal.commit(Batch([incident("26-0001")]))
    store.takes = 0.0
    store.now += 10
    await journal.commit(Batch([incident("26-0002")]))
    await journal.mend()
    numbers = [row.number for rows in store.saved for row in rows if isinstance(row, Incident)]
    assert numbers == ["26-0002"]


async def test_a_commit_cut_off_in_the_middle_is_not_forgotten() -> None:
    store = Fake()
    journal = await opened(store)
    store.gate.clear()
    commit = asyncio.ensure_future(journal.commit(Batch([notice("n")])))
    await asyncio.sleep(0.01)
    commit.cancel()
    await asyncio.gather(commit, return_exceptions=True)
    store.gate.set()
    await journal.mend()
    assert store.rows == ["n"]


async def test_a_store_that_can_be_read_only_later_gives_what_a_former_run_left() -> None:
    store = Fake()
    store.fails = True
    journal = await opened(store)
    assert journal.degraded and not journal.numbered
    await journal.commit(Batch([incident("26-MFFF")]))
    assert await journal.mend() is None
    store.fails = False
    kept = await journal.mend()
    assert kept is not None and kept.last_number == "26-0041"
    assert (journal.numbered, journal.degraded, store.rows) == (True, False, ["i"])
    assert await journal.mend() is None


async def test_a_long_backlog_is_written_a_piece_at_a_time_and_commits_go_between() -> None:
    store = Fake()
    journal = await opened(store)
    journal.later(*(transition(i) for i in range(2500)))
    await journal.mend()
    assert [len(rows) for rows in store.saved] == [1000, 1000, 500]


def test_room_is_made_at_the_cost_of_what_is_least_needed() -> None:
    backlog = Backlog(100)
    backlog.keep([notice(f"n{i}") for i in range(50)])
    backlog.keep([transition(i) for i in range(49)])
    backlog.keep([line("a"), incident()])
    assert len(backlog) <= 100 and backlog.lost >= 1
    kinds = [type(row) for row in backlog.take(1000)]
    assert kinds.count(Notice) == 50 and kinds.count(Incident) == 1 and kinds.count(TimelineLine) == 1
    assert kinds.count(TransitionRow) == 49 - backlog.lost


def test_only_when_nothing_else_is_left_a_notice_is_given_up() -> None:
    backlog = Backlog(10)
    backlog.keep([notice(f"n{i}") for i in range(12)])
    assert len(backlog) == 10
    backlog.keep([belief("c")])
    assert [type(row) for row in backlog.take(100)].count(Notice) == 10


def test_a_hundred_thousand_rows_are_kept_and_taken_without_going_over_them_again_and_again() -> None:
    backlog = Backlog(100_000)
    backlog.keep(transition(i) for i in range(150_000))
    assert len(backlog) <= 100_000
    taken = 0
    while backlog:
        taken += len(backlog.take(1000))
    assert taken + backlog.lost == 150_000


names = st.text("abc", min_size=1, max_size=2)
rows = st.one_of(
    names.map(belief),
    names.map(line),
    names.map(notice),
    names.map(lambda n: incident(n, n)),
    st.integers(0, 9).map(transition),
)


@given(st.lists(st.one_of(rows, st.integers(1, 5), st.just("back"), st.just("settled")), max_size=60))
def test_a_backlog_holds_the_newest_value_of_each_row_and_counts_right(acts: list[Row | int | str]) -> None:
    backlog, expected, out = Backlog(1000), dict[tuple[type, str], Row](), list[Row]()
    for act in acts:
        if isinstance(act, int):
            out = backlog.take(act)
            for row in out:
                assert expected.pop((type(row), key_of(row))) == row
        elif act == "back":
            backlog.put_back(out)
            expected = {(type(row), key_of(row)): row for row in out} | expected
        elif act == "settled":
            backlog.settled(out)
            settled = {(type(row), key_of(row)) for row in out}
            expected = {key: row for key, row in expected.items() if key not in settled}
        elif not isinstance(act, str):
            backlog.keep([act])
            expected[type(act), key_of(act)] = act
        assert len(backlog) == len(expected)
    assert {(type(row), key_of(row)): row for row in backlog.take(10_000)} == expected


@given(st.lists(rows, max_size=40))
def test_tidy_keeps_the_last_of_each_and_sorts_by_kind(many: list[Row]) -> None:
    tidied = tidy(many)
    last = {(type(row), key_of(row)): row for row in many}
    assert {(type(row), key_of(row)): row for row in tidied} == last
    kinds = [type(row) for row in tidied]
    assert kinds == sorted(kinds, key=lambda kind: list(dict.fromkeys(kinds)).index(kind))


@pytest.mark.parametrize("fault", [StoreFault("x"), ValueError("x"), TimeoutError(), OSError("x")])
async def test_whatever_the_store_raises_the_work_goes_on(fault: Exception) -> None:
    store = Fake()
    journal = await opened(store)

    store.faults = [fault]
    await journal.commit(Batch([incident()]))
    assert journal.degraded and list(journal.ledger.incidents) == ["i"]
