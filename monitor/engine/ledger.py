"""What is open, in memory: the working copy of the rows that deciding reads.

Only rows that were committed (or, with the store gone, queued for it) are put in, and everything about an incident
leaves when it is closed, so the cost does not grow with history.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime

from monitor.core.finding import CheckName, SystemName
from monitor.core.plan import ChannelName, PersonId
from monitor.core.reasons import Entry, Kind
from monitor.core.records import (
    Attempt,
    BeliefRow,
    Incident,
    IncidentId,
    Notice,
    NoticeId,
    NoticeState,
    Row,
    TaskItem,
    TimelineLine,
)
from monitor.core.state import Belief, Level, State
from monitor.engine.asked import Asked

_NUMBER = re.compile(r"(\d\d)-(\d{1,9})")
Before = tuple[IncidentId | None, PersonId, ChannelName]
"""Whose word on what: an all-clear waits for what stands before it."""


class Ledger:
    """Open incidents with their timeline, notices, attempts and tasks; beliefs; the queue to be sent.

    `fresh` holds, for each channel, what has come into the queue since its sender last looked; `unsent` what each
    person has still to get on each channel before an all-clear; `begun` the newest generation anybody was told of.
    """

    def __init__(self) -> None:
        self.incidents: dict[IncidentId, Incident] = {}
        self.by_system: dict[SystemName, Incident] = {}
        self.beliefs: dict[CheckName, Belief] = {}
        self.told: dict[IncidentId, set[str]] = {}
        self.lines: dict[IncidentId, list[TimelineLine]] = {}
        self.notices: dict[NoticeId, Notice] = {}
        self.of_incident: dict[IncidentId, dict[NoticeId, None]] = {}
        self.queue: dict[NoticeId, Notice] = {}
        self.fresh: dict[ChannelName, list[NoticeId]] = {channel: [] for channel in ChannelName}
        self.unsent: dict[Before, dict[NoticeId, Notice]] = {}
        self.begun: dict[IncidentId, int] = {}
        self.attempts: dict[NoticeId, list[Attempt]] = {}
        self.tasks: dict[IncidentId, dict[str, TaskItem]] = {}
        self.last_number = ""
        self.asked = Asked()

    def put(self, rows: Iterable[Row]) -> None:
        """Take committed rows in."""
        for row in rows:
            match row:
                case Incident():
                    self._incident(row)
                case TimelineLine():
                    self._line(row)
                case Notice():
                    self._notice(row)
                case Attempt():
                    self._attempt(row)
                case TaskItem():
                    self._task(row)
                case BeliefRow():
                    self._belief(row)
                case _:
                    continue

    def _incident(self, row: Incident) -> None:
        if row.open:
            self.incidents[row.id] = self.by_system[row.system] = row
            self.told.setdefault(row.id, set())
            self.know_number(row.number)
            return
        self.incidents.pop(row.id, None)
        self.asked.closed(row.id, row.number)
        if (mine := self.by_system.get(row.system)) is not None and mine.id == row.id:
            del self.by_system[row.system]
        for notice in self.of_incident.pop(row.id, {}):
            if notice not in self.queue:
                self._forget(notice)
        for book in (self.told, self.lines, self.tasks, self.begun):
            book.pop(row.id, None)

    def _line(self, row: TimelineLine) -> None:
        if row.incident not in self.incidents:
            return
        known = self.told.setdefault(row.incident, set())
        if row.key not in known:
            known.add(row.key)
            self.lines.setdefault(row.incident, []).append(row)

    def _task(self, row: TaskItem) -> None:
        if row.incident in self.incidents:
            self.tasks.setdefault(row.incident, {})[row.key] = row

    def _notice(self, row: Notice) -> None:
        self.notices[row.id] = row
        if row.incident is not None and row.incident in self.incidents:
            self.told.setdefault(row.incident, set()).add(row.key)
            self.of_incident.setdefault(row.incident, {})[row.id] = None
            self.begun[row.incident] = max(row.generation, self.begun.get(row.incident, 0))
            self.asked.put(row)
        if row.state is NoticeState.QUEUED:
            self._enqueue(row)
            return
        self.queue.pop(row.id, None)
        if (mine := self.unsent.get(before(row))) is not None:
            mine.pop(row.id, None)
            if not mine:
                del self.unsent[before(row)]
        if row.incident not in self.incidents:
            self._forget(row.id)

    def _enqueue(self, row: Notice) -> None:
        if row.id not in self.queue:
            self.fresh[row.channel].append(row.id)
        self.queue[row.id] = row
        if row.kind is not Kind.ALL_CLEAR:
            self.unsent.setdefault(before(row), {})[row.id] = row

    def _forget(self, notice: NoticeId) -> None:
        self.notices.pop(notice, None)
        self.attempts.pop(notice, None)

    def _attempt(self, row: Attempt) -> None:
        if row.notice not in self.notices:
            return
        mine = self.attempts.setdefault(row.notice, [])
        mine[:] = [a for a in mine if a.id != row.id] + [row]

    def _belief(self, row: BeliefRow) -> None:
        # Rows are the stored form of what memory already holds; they count only when starting.
        if row.check not in self.beliefs:
            state = State(row.state) if row.state in (State.UP, State.DEGRADED, State.DOWN) else State.UNKNOWN
            self.beliefs[row.check] = Belief(Level(row.level), state, row.since, grade=row.grade, level_since=row.since)

    def active(self) -> list[Incident]:
        """Incidents that people are still to be told of, oldest first."""
        return sorted((i for i in self.incidents.values() if i.active), key=lambda i: i.began)

    def notices_of(self, incident: IncidentId) -> Iterator[Notice]:
        """An open incident's notices, oldest first."""
        return (self.notices[i] for i in self.of_incident.get(incident, {}))

    def lines_of(self, incident: IncidentId) -> list[TimelineLine]:
        """An open incident's timeline, oldest first."""
        return sorted(self.lines.get(incident, ()), key=lambda line: line.at)

    def withheld(self) -> dict[str, int]:
        """How many open incidents have notices withheld now, by reason."""
        counts: dict[str, int] = {}
        for incident in tuple(self.incidents.values()):
            reason = self._withheld(incident)
            if reason:
                counts[reason] = counts.get(reason, 0) + 1
        return counts

    def _withheld(self, incident: Incident) -> str:
        if incident.hold is not None and incident.active:
            return incident.hold.value
        if incident.unstable and incident.good_since is not None and incident.active:
            return "unstable"
        last = [ln for ln in self.lines.get(incident.id, ()) if ln.entry in (Entry.WITHHELD, Entry.PERIOD)]
        waits = bool(last) and last[-1].entry is Entry.WITHHELD and incident.active
        return last[-1].reason if waits else ""

    def oldest_unsent(self) -> datetime | None:
        """When the oldest notice still queued was decided."""
        return min((n.created for n in tuple(self.queue.values())), default=None)

    def know_number(self, number: str) -> None:
        """This number has been given."""
        self.last_number = max(self.last_number, number, key=_turn)

    def next_number(self, now: datetime) -> str:
        """The next incident number of the year: `26-0007`. The year is the local one of `now`."""
        year, last = _turn(self.last_number)
        return f"{now:%y}-{last + 1 if year == now.year % 100 else 1:04d}"


def before(notice: Notice) -> Before:
    """What an all-clear and the words it must not overtake have in common."""
    return notice.incident, notice.person, notice.channel


def _turn(number: str) -> tuple[int, int]:
    """Year and turn of an incident number. Memory incidents (`26-M1F`) have none: their turn is not known."""
    found = _NUMBER.fullmatch(number)
    return (int(found[1]), int(found[2])) if found else (-1, 0)
