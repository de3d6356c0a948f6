"""Which notices wait in whose company, which go together, and how often each person was reminded.

Follows the notices in the ledger; all of it can be worked out from rows alone, so a restart loses nothing.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from monitor.core.bundles import Company, company, kind_of
from monitor.core.plan import ChannelName, PersonId
from monitor.core.reasons import Kind
from monitor.core.records import Notice, NoticeId, NoticeState

_HOUR = timedelta(hours=1)
_MOST = 1_000


class Together:
    """`waiting` are the queued notices that are in no bundle, by company; `members` what each bundle holds."""

    def __init__(self) -> None:
        self.waiting: dict[Company, dict[NoticeId, Notice]] = {}
        self.members: dict[NoticeId, dict[NoticeId, None]] = {}
        self._where: dict[NoticeId, Company] = {}
        self._reminded: dict[tuple[PersonId, ChannelName], deque[datetime]] = {}

    def put(self, row: Notice, before: Notice | None, *, drill: bool) -> None:
        """A notice as it is now, and as it was before (None: not known)."""
        if before is not None and before.bundle is not None and before.bundle != row.bundle:
            self._out_of(before.bundle, row.id)
        if row.bundle is not None:
            self.members.setdefault(row.bundle, {})[row.id] = None
        self._wait(row, drill=drill)
        fresh = before is None or before.state is NoticeState.QUEUED
        if fresh and row.state is NoticeState.ACCEPTED and row.bundle is None and kind_of(row) is Kind.REMINDER:
            mine = self._reminded.setdefault((row.person, row.channel), deque(maxlen=_MOST))
            mine.append(row.settled or row.created)

    def _wait(self, row: Notice, *, drill: bool) -> None:
        alone = row.state is not NoticeState.QUEUED or row.bundle is not None
        mine = None if alone else company(row, drill=drill)
        if (where := self._where.pop(row.id, None)) is not None:
            self.waiting[where].pop(row.id, None)
            if not self.waiting[where]:
                del self.waiting[where]
        if mine is not None:
            self._where[row.id] = mine
            self.waiting.setdefault(mine, {})[row.id] = row

    def forget(self, row: Notice) -> NoticeId | None:
        """A notice is kept no longer; gives its bundle when that has nothing left to be kept for."""
        if row.bundle is None:
            return None
        self._out_of(row.bundle, row.id)
        return row.bundle if row.bundle not in self.members else None

    def _out_of(self, bundle: NoticeId, ident: NoticeId) -> None:
        mine = self.members.get(bundle, {})
        mine.pop(ident, None)
        if not mine:
            self.members.pop(bundle, None)

    def groups(self, channel: ChannelName, least: int) -> Iterator[list[Notice]]:
        """What waits in company of at least so many, oldest first in each."""
        for mine, group in self.waiting.items():
            if mine.channel is channel and len(group) >= least:
                yield list(group.values())

    def reminders(self, person: PersonId, channel: ChannelName, now: datetime) -> int:
        """How many messages of reminders a person has been sent by a channel within the last hour."""
        times = self._reminded.get((person, channel), deque())
        while times and not timedelta(0) <= now - times[0] < _HOUR:
            times.popleft()
        return len(times)


def alike(member: Notice, bundle: Notice) -> Notice:
    """A member with what has become of its bundle, which has ended; what only the member can know stays."""
    ended = bundle.reason.partition("/")[2]
    return replace(
        member,
        state=bundle.state,
        settled=bundle.settled,
        route=bundle.route,
        reason=f"{member.reason}/{ended}" if ended and "/" not in member.reason else member.reason,
        delivered=bundle.delivered or member.delivered,
        undelivered=bundle.undelivered or member.undelivered,
        overdue=bundle.overdue or member.overdue,
    )
