"""Receipts that are faster than the answer to their own try: held until that has ended.

Bounded in number and in time; what nobody asks for is forgotten.
"""

from collections import deque
from datetime import datetime, timedelta

from monitor.core.receipts import Receipt
from monitor.core.records import Attempt
from monitor.engine.underway import LONGEST_ID

MOST = 1_000
KEPT = timedelta(minutes=2)


class Early:
    """In the order they came; the oldest make room."""

    def __init__(self) -> None:
        self._held: deque[tuple[datetime, Receipt]] = deque(maxlen=MOST)

    def __len__(self) -> int:
        return len(self._held)

    def keep(self, receipt: Receipt, now: datetime) -> None:
        """Hold a receipt."""
        while self._held and abs(now - self._held[0][0]) > KEPT:
            self._held.popleft()
        self._held.append((now, receipt))

    def of(self, attempt: Attempt) -> list[Receipt]:
        """Those for this try, by the carrier's id or our own reference; they are taken out."""
        if not self._held:
            return []
        names = {attempt.notice, attempt.provider_id[:LONGEST_ID]}
        mine = [r for _, r in self._held if r.route == attempt.route and r.provider_id[:LONGEST_ID] in names]
        if mine:
            rest = [held for held in self._held if held[1] not in mine]
            self._held.clear()
            self._held.extend(rest)
        return mine
