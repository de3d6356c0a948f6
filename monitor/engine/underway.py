"""What is with a carrier: which text a receipt speaks of, who still waits for one, who was not reached.

Follows the notices and tries in the ledger and leaves with them, but for a short memory of what has left, so that its
late receipts are told from strange ones.
"""

from collections import OrderedDict
from collections.abc import Iterable

from monitor.core.ladder import CLIMBS, Unreached, unreached
from monitor.core.plan import RouteName
from monitor.core.records import Attempt, AttemptId, IncidentId, Notice, NoticeId, NoticeState, Row

LONGEST_ID = 100
_PAST = 2_000
_NOBODY: Unreached = {}

Track = tuple[str, str]
"""A route and the id its carrier gave."""


class Underway:
    """`waiting` are notices a carrier has taken and nobody has confirmed; `trying` the tries without an outcome."""

    def __init__(self) -> None:
        self.waiting: dict[NoticeId, None] = {}
        self.trying: dict[AttemptId, RouteName] = {}
        self._coming: dict[NoticeId, Notice] = {}
        self._by_track: dict[Track, NoticeId] = {}
        self._tracks: dict[NoticeId, dict[Track, None]] = {}
        self._tries: dict[NoticeId, dict[AttemptId, None]] = {}
        self._stale: set[IncidentId] = set()
        self._unreached: dict[IncidentId, Unreached] = {}
        self._past: OrderedDict[Track, None] = OrderedDict()

    def expect(self, rows: Iterable[Row]) -> None:
        """These are being committed: whoever decides meanwhile goes on from them."""
        self._coming.update({row.id: row for row in rows if isinstance(row, Notice)})

    def newest(self, ident: NoticeId, known: Notice | None) -> Notice | None:
        """The notice as last decided, be it committed yet or not; `known` is what the ledger has."""
        return self._coming.get(ident, known)

    def took(self, notice: Notice) -> None:
        """The ledger has taken this row."""
        if self._coming.get(notice.id) is notice:
            del self._coming[notice.id]
        heard = notice.delivered or notice.overdue or notice.seen or notice.answered
        # What became of a bundle is known of the bundle, and its parts follow it.
        wanted = notice.kind in CLIMBS and notice.bundle is None
        if wanted and notice.state is NoticeState.ACCEPTED and heard is None:
            self.waiting[notice.id] = None
        else:
            self.waiting.pop(notice.id, None)
        if notice.incident is not None and (notice.overdue is not None or notice.incident in self._unreached):
            self._stale.add(notice.incident)

    def tried(self, attempt: Attempt) -> None:
        """A try has begun or ended."""
        if not attempt.outcome:
            self.trying[attempt.id] = attempt.route
            self._tries.setdefault(attempt.notice, {})[attempt.id] = None
            return
        self.trying.pop(attempt.id, None)
        if attempt.provider_id:
            track = (str(attempt.route), attempt.provider_id[:LONGEST_ID])
            self._by_track[track] = attempt.notice
            self._tracks.setdefault(attempt.notice, {})[track] = None

    def settled(self, notice: NoticeId) -> None:
        """What was tried of it before we were killed is under way no more."""
        for attempt in self._tries.pop(notice, ()):
            self.trying.pop(attempt, None)

    def forget(self, notice: NoticeId) -> None:
        """It has left the ledger."""
        self.waiting.pop(notice, None)
        self.settled(notice)
        for track in self._tracks.pop(notice, ()):
            if self._by_track.get(track) == notice:
                del self._by_track[track]
            self._past[track] = None
            self._past.move_to_end(track)
        while len(self._past) > _PAST:
            self._past.popitem(last=False)

    def closed(self, incident: IncidentId) -> None:
        """An incident has left the ledger."""
        self._unreached.pop(incident, None)
        self._stale.discard(incident)

    def find(self, route: str, provider_id: str) -> NoticeId | None:
        """The notice a route's carrier knows by this id."""
        return self._by_track.get((route, provider_id[:LONGEST_ID]))

    def past(self, route: str, provider_id: str) -> bool:
        """Whether it was of something that is over."""
        return (route, provider_id[:LONGEST_ID]) in self._past

    def unreached(self, incident: IncidentId, notices: Iterable[Notice]) -> Unreached:
        """Who was not reached in an incident with these notices; the same object as long as nothing has changed."""
        if incident in self._stale:
            self._stale.discard(incident)
            found = unreached(notices)
            if found != self._unreached.get(incident):
                self._unreached[incident] = found
        return self._unreached.get(incident, _NOBODY)
