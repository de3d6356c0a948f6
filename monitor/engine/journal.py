"""Commits decisions: to the store, and to the working copy in memory.

Context: an alarm must go out although the disk is full or the database gone. Choice: a batch is saved before anybody
acts on it; a save that fails or takes too long is queued in memory (bounded), the work goes on, and what was done is
written when the store answers again. After a save that was slow nobody waits for the next ones, so the time an alarm
spends here is bounded too. Price: what is decided meanwhile is forgotten if the service is killed as well.
"""

import asyncio
from collections.abc import Callable

import structlog

from monitor.core.records import Batch, Kept, Row
from monitor.engine.backlog import Backlog, tidy
from monitor.engine.ledger import Ledger
from monitor.ports import RowStore

log = structlog.get_logger(__name__)

PATIENCE = 3.0
"""Seconds after which a save is given up."""
SLOW = 1.0
"""A save that took longer is followed by `_HURRY` seconds in which nobody waits for one."""
_HURRY = 5.0
_MOST = 100_000
_CHUNK = 1_000


class Journal:
    """The one way to commit. `turn` is held while deciding and committing, so decisions never race.

    Commits that arrive while one is being saved go together in the next: many sendings cost few transactions.
    """

    def __init__(self, store: RowStore, ledger: Ledger, monotonic: Callable[[], float]) -> None:
        self.store = store
        self.monotonic = monotonic
        self.ledger = ledger
        self.turn = asyncio.Lock()
        self.degraded = False
        self.fault = ""
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
        if self._aside:
            self._backlog.keep(batch.rows)
            self.ledger.put(batch.rows)
            return
        self._pending.extend(batch.rows)
        mine = self._pending
        async with self._saving:
            # Whoever had the lock before may have taken these rows along.
            if mine is self._pending:
                self._pending = []
                await self._save(mine)
                self.ledger.put(mine)

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
        while self._backlog:
            if not await self._write_some():
                return kept
        if self.degraded:
            log.info("store_returned", lost_rows=self.lost_rows)
        self.degraded, self.fault = False, ""
        return kept

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
                await self.store.open()
                kept = await self.store.load()
        except Exception as error:
            self._fail(error)
            return None
        self._opened = True
        return kept

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
        self.fault = type(error).__name__
