"""A store that has lost what it held is begun anew, and gets everything that deciding needs."""

from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime

from monitor.core.plan import ChannelName, PersonId
from monitor.core.records import AddressRow, Batch, CanaryRow, IncidentId, Kept, Row, WatchRow
from monitor.core.withholding import Sort, Withholding
from monitor.engine.backlog import key_of
from monitor.engine.journal import LOOK_EVERY, Anew, Journal
from monitor.engine.ledger import Ledger
from monitor.engine.remembered import remembered
from monitor.ports import StoreFault, StoreLost
from tests.store.rows import (
    a_belief,
    a_line,
    a_notice,
    a_task,
    a_transition,
    an_attempt,
    an_incident,
)

START = datetime(2026, 3, 5, 9, 0, tzinfo=UTC)


class Losing:
    """A store that loses what it holds when it is told to."""

    def __init__(self) -> None:
        self.rows: dict[tuple[type, str], Row] = {}
        self.damaged = self.stubborn = False
        self.looks = 0
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def damage(self) -> None:
        self.damaged = True
        self.rows.clear()

    def _whole(self) -> None:
        if self.damaged:
            raise StoreLost("malformed")

    async def open(self) -> None:
        self._whole()

    async def look(self) -> None:
        self.looks += 1
        self._whole()

    async def save(self, rows: Sequence[Row]) -> None:
        self._whole()
        self.rows.update({(type(row), key_of(row)): row for row in rows})

    async def load(self) -> Kept:
        self._whole()
        return Kept(last_number="26-0041")

    async def renew(self, at: datetime) -> str:
        if self.stubborn:
            raise StoreFault("read-only")
        self.damaged = False
        return f"kept.db.corrupt-{at:%H%M}"


async def opened(store: Losing) -> Journal:
    journal = Journal(store, Ledger(), store.monotonic, lambda: START)
    await journal.open()
    return journal


def _kept() -> Kept:
    """One row and more of each sort that is loaded at a start."""
    waiting = a_notice("n2", None)
    return Kept(
        incidents=(an_incident(), an_incident("0196a1", "26-0002", acknowledged_by="x")),
        timeline=(a_line(), a_line("l2", "0196a1")),
        notices=(a_notice(), waiting),
        attempts=(an_attempt(), replace(an_attempt("a2", "n2"), outcome="temporary")),
        tasks=(a_task(), a_task("t2", "0196a1")),
        addresses=(AddressRow("k", PersonId("nexus_support"), ChannelName.SMS, "+4500000001", START, START),),
        withholdings=(Withholding("w", Sort.MUTE, "phoniro", START, START, "it", "flytning"),),
        beliefs=(a_belief(), a_belief("phoniro-1", "down")),
        canaries=(CanaryRow("modtager", START),),
    )


def test_what_is_loaded_at_a_start_can_be_written_again() -> None:
    """Whoever adds to what is loaded adds it here and to `remembered`; the last watch and number are no rows of it."""
    kept, ledger = _kept(), Ledger()
    for field in fields(Kept):
        rows = getattr(kept, field.name)
        if isinstance(rows, tuple):
            assert rows, f"give {field.name} a row"
            ledger.put(rows)

    out = {(type(row), key_of(row)): row for row in remembered(ledger)}

    expected = [row for field in fields(kept) if isinstance(rows := getattr(kept, field.name), tuple) for row in rows]
    assert out == {(type(row), key_of(row)): row for row in expected}


async def test_memory_is_written_to_the_new_one() -> None:
    store = Losing()
    journal = await opened(store)
    await journal.commit(Batch([an_incident(), a_line(), a_notice()]))
    store.damage()

    await journal.commit(Batch([a_task(), a_transition()]))
    assert journal.degraded and journal.lost and list(journal.ledger.tasks[IncidentId("0196a0")]) == ["t1"]
    await journal.mend()

    assert not journal.waiting
    assert (journal.degraded, journal.lost) == (False, False)
    assert journal.anew == Anew("kept.db.corrupt-0900", was_read=True)
    assert {key for _, key in store.rows} == {"0196a0", "l1", "key-n1", "t1", "x1"}


async def test_it_is_looked_at_now_and_then() -> None:
    store = Losing()
    journal = await opened(store)
    await journal.mend()
    assert store.looks == 0, "opening was a look"
    store.now += LOOK_EVERY
    await journal.mend()
    await journal.mend()
    assert store.looks == 1
    store.damage()
    store.now += LOOK_EVERY
    journal.later(WatchRow("w", START, START))
    await journal.mend()
    assert journal.anew is not None and {key for _, key in store.rows} == {"w"}


async def test_what_cannot_be_begun_anew_yet_is_tried_again() -> None:
    store = Losing()
    journal = await opened(store)
    store.damage()
    store.stubborn = True
    await journal.commit(Batch([an_incident()]))
    for _ in range(3):
        await journal.mend()
        assert journal.degraded and journal.anew is None and list(journal.ledger.incidents) == ["0196a0"]
        assert not journal.lost, "by now it is said that nothing can be written"
    store.stubborn = False
    await journal.mend()
    assert not journal.degraded and journal.anew is not None and {key for _, key in store.rows} == {"0196a0"}


async def test_damaged_at_a_start_it_is_begun_anew_at_once() -> None:
    store = Losing()
    store.damage()
    journal = await opened(store)
    assert journal.anew == Anew("kept.db.corrupt-0900", was_read=False)
    assert journal.numbered and not journal.degraded


async def test_damaged_at_a_start_and_stubborn_it_is_begun_anew_later_with_what_was_done_meanwhile() -> None:
    store = Losing()
    store.damage()
    store.stubborn = True
    journal = await opened(store)
    assert journal.degraded and not journal.numbered
    await journal.commit(Batch([an_incident(number="26-M1F"), a_transition()]))
    store.stubborn = False
    await journal.mend()
    assert {key for _, key in store.rows} == {"0196a0", "x1"} and journal.anew is not None
