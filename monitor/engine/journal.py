"""Commits decisions: to the store, and to the working copy in memory.

Context: an alarm must go out although the disk is full or the database gone. Choice: a batch is saved before anybody
acts on it; a save that fails or takes too long is queued in memory (bounded), the work goes on, and what was done is
written when the store answers again. After a save that was slow nobody waits for the next ones, so the time an alarm
spends here is bounded too. A store that has lost what it held is begun anew, and what is in memory written to it.
Price: what is decided meanwhile is forgotten if the service is killed as well.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from monitor.core.records import Batch, Kept, Row
from monitor.engine.backlog import Backlog, tidy
from monitor.engine.ledger import Ledger
from monitor.engine.remembered import remembered
from monitor.ports import RowStore, StoreLost

log = structlog.get_logger(__name__)

PATIENCE = 3.0
"""Seconds after which a save is given up."""
SLOW = 1.0
"""A save that took longer is followed by `_HURRY` seconds in which nobody waits for one."""
LOOK_EVERY = 60.0
"""Seconds between two looks at whether the store is whole; what is damaged is found before it is needed."""
_HURRY = 5.0
_MOST = 100_000
_CHUNK = 1_000


@dataclass(frozen=True, slots=True)
class Anew:
    """The store was begun anew: under what name the damaged one is kept ("": it was gone), whether it had been read."""

    kept_as: str
    was_read: bool


class Journal:
    """The one way to commit. `turn` is held while deciding and committing, so decisions never race.

    Commits that arrive while one is being saved go together in the next: many sendings cost few transactions.
    """

    def __init__(
        self, store: RowStore, ledger: Ledger, monotonic: Callable[[], float], now: Callable[[], datetime]
    ) -> None:
        self.store = store
        self.monotonic = monotonic
        self.now = now
        self.ledger = ledger
        self.turn = asyncio.Lock()
        self.degraded = False
        self.anew: Anew | None = None
        """Set when the store was begun anew; whoever tells of it clears it."""
        self.renewed = False
        """True until whoever keeps rows of his own in the store has written them to the new one."""
        self._lost: StoreLost | None = None
        self._refused = False
        self._look_at = float("-inf")
        self._backlog = Backlog(_MOST)
        self._pending: list[Row] = []
        self._saving = asyncio.Lock()
        self._opened = False
        self._hurry_until = float("-inf")

    async def open(self) -> Kept:
        """Open the store and read what is still open; an unusable store gives nothing, and is said."""
        return await self._load(10 * PATIENCE) or Kept()

    async def commit(self, batch: Batch) -> None:
        """Save, then take into memory. Returns when the batch may be acted on, saved or not."""
        if not batch:
            return
        rows = self.ledger.carried(batch.rows)
        self.ledger.underway.expect(rows)
        if self._aside:
            self._backlog.keep(rows)
            self.ledger.put(rows)
            return
        self._pending.extend(rows)
        mine = self._pending
        async with self._saving:
            # Whoever had the lock before may have taken these rows along.
            if mine is self._pending:
                self._pending = []
                await self._save(mine)
                self.ledger.put(mine)

    async def between(self, work: Callable[[], Sequence[Row]]) -> None:
        """Run `work` while nothing is being decided or saved; its rows are in memory at once, and written soon."""
        async with self.turn, self._saving:
            while self._pending:
                mine, self._pending = self._pending, []
                await self._save(mine)
                self.ledger.put(mine)
            rows = work()
            self.ledger.put(rows)
            self._backlog.keep(rows)
        if rows and not self._aside:
            await self._write_some()

    def later(self, *rows: Row) -> None:
        """Queue rows nobody waits for; they go with the next mending."""
        self._backlog.keep(rows)

    async def mend(self) -> Kept | None:
        """Write what is queued; called every few seconds. Says when the store has come back.

        Gives what a former run left when it can only be read now: the store was unusable at the start.
        """
        kept = None
        if not self._opened:
            kept = await self._load(PATIENCE)
            if kept is None:
                return None
        elif not await self._whole():
            return None
        while self._backlog:
            if not await self._write_some():
                return kept
        if self.degraded:
            log.info("store_returned", lost_rows=self.lost_rows)
        self.degraded = False
        return kept

    @property
    def lost(self) -> bool:
        """True between finding that the store has lost what it held and the first try at beginning it anew."""
        return self._lost is not None and not self._refused

    @property
    def numbered(self) -> bool:
        """True when the last incident number is known: the store has been read."""
        return self._opened

    @property
    def waiting(self) -> int:
        """Rows not yet written."""
        return len(self._backlog)

    @property
    def lost_rows(self) -> int:
        """Rows given up because too many waited."""
        return self._backlog.lost

    @property
    def _aside(self) -> bool:
        """True while commits do not wait for the store."""
        return self.degraded or self.monotonic() < self._hurry_until

    async def _load(self, limit: float) -> Kept | None:
        try:
            async with asyncio.timeout(limit):
                kept = await self._read()
        except Exception as error:
            self._fail(error)
            return None
        self._opened = True
        self._look_at = self.monotonic() + LOOK_EVERY
        return kept

    async def _read(self) -> Kept:
        try:
            await self.store.open()
            return await self.store.load()
        except StoreLost as lost:
            await self._renew(lost)
            return await self.store.load()

    async def _renew(self, lost: StoreLost) -> None:
        kept_as = await self.store.renew(self.now())
        self.anew, self.renewed = Anew(kept_as, was_read=self._opened), True
        self._backlog.keep(remembered(self.ledger))
        log.error("store_begun_anew", why=str(lost), damaged_one=kept_as or "gone", rows=len(self._backlog))

    async def _whole(self) -> bool:
        """Look now and then; begin anew where it is lost. False when it is and that cannot be done yet."""
        if self._lost is None and self.monotonic() >= self._look_at:
            self._look_at = self.monotonic() + LOOK_EVERY
            await self._limited(self.store.look())
        if self._lost is None:
            return True
        async with self._saving:
            self._refused = not await self._limited(self._renew(self._lost))
            if not self._refused:
                self._lost = None
        return self._lost is None

    async def _limited(self, work: Coroutine[None, None, None]) -> bool:
        """True when the work was done in time."""
        try:
            async with asyncio.timeout(PATIENCE):
                await work
        except Exception as error:
            self._fail(error)
            return False
        return True

    async def _save(self, rows: list[Row]) -> None:
        if self._aside:
            self._backlog.keep(rows)
        elif await self._write(rows):
            self._backlog.settled(rows)
        else:
            self._backlog.keep(rows)

    async def _write_some(self) -> bool:
        async with self._saving:
            rows = self._backlog.take(_CHUNK)
            written = await self._write(rows)
            if not written:
                self._backlog.put_back(rows)
        return written

    async def _write(self, rows: list[Row]) -> bool:
        began = self.monotonic()
        try:
            async with asyncio.timeout(PATIENCE):
                await self.store.save(tidy(rows))
        except Exception as error:
            self._fail(error)
            return False
        except asyncio.CancelledError:
            self._backlog.put_back(rows)
            raise
        ended = self.monotonic()
        if ended - began > SLOW:
            self._hurry_until = ended + _HURRY
        return True

    def _fail(self, error: Exception) -> None:
        if not self.degraded:
            log.error("store_failed", error=type(error).__name__, said=str(error).splitlines()[:1])
        self.degraded = True
        if isinstance(error, StoreLost) and self._opened:
            self._lost = error
