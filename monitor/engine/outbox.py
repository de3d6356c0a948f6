"""The order of one channel's queue: what may be tried now, the first alarms first.

Holds only names of notices; what a notice is and whether it may go is asked of the ledger when its turn comes, and
the whole order is worked out anew every half minute, so nothing queued can be forgotten here.
"""

import heapq
from collections.abc import Callable
from datetime import datetime

from monitor.core.delivery import must_wait_for, rank
from monitor.core.plan import ChannelName
from monitor.core.records import Notice, NoticeId
from monitor.engine.ledger import Before, Ledger, before

_ANEW = 30.0


class Outbox:
    """`ready_at(notice, now)` says from when a notice may be tried; not later than `now` means now."""

    def __init__(self, ledger: Ledger, channel: ChannelName, ready_at: Callable[[Notice, datetime], datetime]) -> None:
        self.ledger = ledger
        self.channel = channel
        self.ready_at = ready_at
        self._ready: list[tuple[tuple[int, datetime], NoticeId]] = []
        self._later: list[tuple[datetime, NoticeId]] = []
        self._behind: dict[Before, list[NoticeId]] = {}
        self._anew_at = float("-inf")

    def anew(self) -> None:
        """Work the order out anew at the next look: the routes or the clock may have changed."""
        self._anew_at = float("-inf")

    def take(self, now: datetime, monotonic: float, taken: Callable[[NoticeId], bool]) -> Notice | None:
        """The next notice to try, None when none may be tried now. `taken` tells what is being tried already."""
        self._gather(monotonic)
        while self._later and self._later[0][0] <= now:
            self._line_up(heapq.heappop(self._later)[1])
        while self._ready:
            ident = heapq.heappop(self._ready)[1]
            notice = self.ledger.queue.get(ident)
            # What is in a bundle goes with it; should that ever be gone, it goes by itself again.
            if notice is None or taken(ident) or notice.bundle in self.ledger.queue:
                continue
            if self._may_go(notice, now):
                return notice
        return None

    def ended(self, notice: Notice, rests_until: datetime | None = None) -> None:
        """A turn has ended: a notice that is still queued waits for its next one, and what waited behind it goes on."""
        if rests_until is None:
            self._line_up(notice.id)
        else:
            heapq.heappush(self._later, (rests_until, notice.id))
        for part in self.ledger.parts(notice):
            for ident in self._behind.pop(before(part), ()):
                self._line_up(ident)

    def _gather(self, monotonic: float) -> None:
        fresh = self.ledger.fresh[self.channel]
        if monotonic >= self._anew_at:
            self._anew_at = monotonic + _ANEW
            self._ready, self._later, self._behind = [], [], {}
            fresh[:] = [n.id for n in self.ledger.queue.values() if n.channel is self.channel]
        for ident in fresh:
            self._line_up(ident)
        fresh.clear()
        # A receipt may have settled what they wait behind, and then no try of it ends here.
        for gone in [key for key in self._behind if key not in self.ledger.unsent]:
            for ident in self._behind.pop(gone):
                self._line_up(ident)

    def _line_up(self, ident: NoticeId) -> None:
        notice = self.ledger.queue.get(ident)
        if notice is not None:
            heapq.heappush(self._ready, (rank(notice), ident))

    def _may_go(self, notice: Notice, now: datetime) -> bool:
        if must_wait_for(notice, self.ledger.unsent.get(before(notice), {}).values()):
            self._behind.setdefault(before(notice), []).append(notice.id)
            return False
        at = self.ready_at(notice, now)
        if at > now:
            heapq.heappush(self._later, (at, notice.id))
            return False
        return True
