"""Commits decisions: to the store, and to the working copy in memory.

Context: an alarm must go out although the disk is full or the database gone. Choice: a batch is saved before anybody
acts on it; a save that fails or takes too long is queued in memory (bounded), the work goes on, and what was done is
written when the store answers again. Price: what is decided meanwhile is forgotten if the service is killed too.
"""

import asyncio
from collections import deque

import structlog

from monitor.core.records import Batch, Kept, Row, TimelineLine, TransitionRow
from monitor.engine.ledger import Ledger
from monitor.ports import RowStore, StoreFault

log = structlog.get_logger(__name__)

_PATIENCE = 3.0
_MOST = 100_000


class Journal:
    """The one way to commit. `turn` is held while deciding and committing, so decisions never race."""

    def __init__(self, store: RowStore, ledger: Ledger) -> None:
        self.store = store
        self.ledger = ledger
        self.turn = asyncio.Lock()
        self.degraded = False
        self.fault = ""
        self.lost_rows = 0
        self._backlog: deque[Row] = deque()
        self._opened = False

    async def open(self) -> Kept:
        """Open the store and take in what is still open; an unusable store leaves an empty memory and is said."""
        try:
            async with asyncio.timeout(10 * _PATIENCE):
                await self.store.open()
                kept = await self.store.load()
        except (StoreFault, TimeoutError) as error:
            self._fail(error)
            return Kept()
        self._opened = True
        self.ledger.last_number = kept.last_number
        for rows in (kept.beliefs, kept.incidents, kept.timeline, kept.notices, kept.attempts, kept.tasks):
            self.ledger.put(rows)
        return kept

    async def commit(self, batch: Batch) -> None:
        """Save, then take into memory. Returns when the batch may be acted on, saved or not."""
        if not batch:
            return
        if self.degraded:
            self._keep(batch.rows)
        else:
            await self._save(batch.rows)
        self.ledger.put(batch.rows)

    def later(self, *rows: Row) -> None:
        """Queue rows nobody waits for; they go with the next commit or the next mending."""
        self._keep(rows)

    async def mend(self) -> None:
        """Write what is queued; called every few seconds. Says when the store has come back."""
        if not self.degraded and not self._backlog:
            return
        was_degraded = self.degraded
        await self._save([])
        if was_degraded and not self.degraded:
            log.info("store_returned", lost_rows=self.lost_rows)

    @property
    def numbered(self) -> bool:
        """True when the last incident number is known: the store has been read."""
        return self._opened

    @property
    def waiting(self) -> int:
        """Rows not yet written."""
        return len(self._backlog)

    async def _save(self, rows: list[Row]) -> None:
        held = len(self._backlog)
        everything = [*self._backlog, *rows]
        try:
            async with asyncio.timeout(_PATIENCE):
                if not self._opened:
                    await self.store.open()
                    self._opened = True
                await self.store.save(everything)
        except (StoreFault, TimeoutError) as error:
            self._fail(error)
            self._keep(rows)
            return
        for _ in range(held):
            self._backlog.popleft()
        self.degraded, self.fault = False, ""

    def _fail(self, error: Exception) -> None:
        if not self.degraded:
            log.error("store_failed", error=type(error).__name__, said=str(error).splitlines()[:1])
        self.degraded = True
        self.fault = type(error).__name__

    def _keep(self, rows: "list[Row] | tuple[Row, ...]") -> None:
        self._backlog.extend(rows)
        while len(self._backlog) > _MOST:
            self._drop_one()

    def _drop_one(self) -> None:
        """Room is made at the cost of the least needed: an old transition or timeline line, never a notice."""
        for index, row in enumerate(self._backlog):
            if isinstance(row, TransitionRow | TimelineLine):
                del self._backlog[index]
                break
        else:
            self._backlog.popleft()
        self.lost_rows += 1
