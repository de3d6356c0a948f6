"""What is open, in memory: the working copy of the rows that deciding reads.

Only rows that were committed (or, with the store gone, queued for it) are put in, and everything about an incident
leaves when it is closed, so the cost does not grow with history.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from monitor.core.delivery import Ended
from monitor.core.finding import CheckName, SystemName
from monitor.core.ladder import Unreached
from monitor.core.plan import ChannelName, PersonId
from monitor.core.reasons import Entry, Kind
from monitor.core.records import (
    AddressRow,
    Attempt,
    BeliefRow,
    CanaryRow,
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
from monitor.core.withholding import Withholding
from monitor.engine.asked import Asked
from monitor.engine.flags import Flags
from monitor.engine.together import Together, alike
from monitor.engine.underway import Underway

_NUMBER = re.compile(r"(\d\d)-(\d{1,9})")
_WAITS_OR_NOT = (Entry.WITHHELD, Entry.RELEASED, Entry.PERIOD)
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
        self.announced: dict[str, Withholding] = {}
        self.canaries: dict[str, CanaryRow] = {}
        self.asked = Asked()
        self.together = Together()
        self.underway = Underway()
        self.flags = Flags()
        self.heard_of: dict[PersonId, dict[IncidentId, None]] = {}

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
                    self._standing(row)

    def _standing(self, row: Row) -> None:
        """What belongs to no incident; of transitions and watches nothing is kept here."""
        match row:
            case AddressRow():
                self.flags.put(row)
            case Withholding():
                self.announced[row.id] = row
            case CanaryRow():
                self.canaries[row.id] = row

    def _incident(self, row: Incident) -> None:
        if row.open:
            self.incidents[row.id] = self.by_system[row.system] = row
            self.told.setdefault(row.id, set())
            self.know_number(row.number)
            return
        self.incidents.pop(row.id, None)
        self.asked.closed(row.id, row.number)
        self.underway.closed(row.id)
        if (mine := self.by_system.get(row.system)) is not None and mine.id == row.id:
            del self.by_system[row.system]
        for notice in self.of_incident.pop(row.id, {}):
            person = self.notices[notice].person
            self.heard_of.get(person, {}).pop(row.id, None)
            if not self.heard_of.get(person, True):
                del self.heard_of[person]
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
        was = self.notices.get(row.id)
        self.notices[row.id] = row
        incident = self.incidents.get(row.incident) if row.incident else None
        self.together.put(row, was, drill=incident is not None and incident.drill)
        self._share_code(row)
        if row.incident is not None and row.incident in self.incidents:
            self.heard_of.setdefault(row.person, {})[row.incident] = None
            self.told.setdefault(row.incident, set()).add(row.key)
            self.of_incident.setdefault(row.incident, {})[row.id] = None
            self.begun[row.incident] = max(row.generation, self.begun.get(row.incident, 0))
            self.asked.put(row)
        self.underway.took(row)
        if row.state is NoticeState.QUEUED:
            self._enqueue(row, released=was is not None and was.bundle is not None and row.bundle is None)
            return
        self.queue.pop(row.id, None)
        self.underway.settled(row.id)
        if (mine := self.unsent.get(before(row))) is not None:
            mine.pop(row.id, None)
            if not mine:
                del self.unsent[before(row)]
        if row.incident not in self.incidents and row.id not in self.together.members:
            self._forget(row.id)

    def _enqueue(self, row: Notice, *, released: bool) -> None:
        if released or row.id not in self.queue:
            self.fresh[row.channel].append(row.id)
        self.queue[row.id] = row
        if row.kind is not Kind.ALL_CLEAR:
            self.unsent.setdefault(before(row), {})[row.id] = row

    def _share_code(self, row: Notice) -> None:
        """A bundle's code means every incident in it."""
        for member in (row,) if row.bundle else self.members_of(row):
            bundle = self.notices.get(member.bundle) if member.bundle else None
            if bundle is not None and bundle.code and member.incident in self.incidents:
                self.asked.share(bundle.to, bundle.code, (member.incident, member.person))

    def _forget(self, notice: NoticeId) -> None:
        known = self.notices.pop(notice, None)
        self.attempts.pop(notice, None)
        self.underway.forget(notice)
        bundle = self.together.forget(known) if known is not None else None
        if bundle is not None and bundle not in self.queue:
            self._forget(bundle)

    def members_of(self, notice: Notice) -> list[Notice]:
        """What a bundle holds; nothing for any other notice."""
        return [self.notices[ident] for ident in self.together.members.get(notice.id, {})]

    def parts(self, notice: Notice) -> list[Notice]:
        """What a message says, as the notices that say it: a bundle's members, or the notice itself."""
        return self.members_of(notice) or [notice]

    def carried(self, rows: Sequence[Row]) -> list[Row]:
        """The rows, and with each bundle's that of every member: what becomes of a bundle becomes of all in it.

        A member that the rows name themselves is left to them.
        """
        named = {row.id for row in rows if isinstance(row, Notice)}
        ended = [row for row in rows if isinstance(row, Notice) and row.state is not NoticeState.QUEUED]
        members = ((self.newest(ident), row) for row in ended for ident in self.together.members.get(row.id, {}))
        return [*rows, *(alike(one, row) for one, row in members if one is not None and one.id not in named)]

    def _attempt(self, row: Attempt) -> None:
        if row.notice not in self.notices:
            return
        mine = self.attempts.setdefault(row.notice, [])
        mine[:] = [a for a in mine if a.id != row.id] + [row]
        self.underway.tried(row)

    def _belief(self, row: BeliefRow) -> None:
        # Rows are the stored form of what memory already holds; they count only when starting.
        if row.check not in self.beliefs:
            state = State(row.state) if row.state in (State.UP, State.DEGRADED, State.DOWN) else State.UNKNOWN
            self.beliefs[row.check] = Belief(Level(row.level), state, row.since, grade=row.grade, level_since=row.since)

    def active(self) -> list[Incident]:
        """Incidents that people are still to be told of, oldest first."""
        return sorted((i for i in self.incidents.values() if i.active), key=lambda i: i.began)

    def newest(self, ident: NoticeId) -> Notice | None:
        """A notice as last decided, be it committed yet or not."""
        return self.underway.newest(ident, self.notices.get(ident))

    def unreached(self, incident: IncidentId) -> Unreached:
        """Whose calls in an open incident counted as not reached; the same object as long as that does not change."""
        return self.underway.unreached(incident, self.notices_of(incident))

    def notices_of(self, incident: IncidentId) -> Iterator[Notice]:
        """An open incident's notices, oldest first."""
        return (self.notices[i] for i in self.of_incident.get(incident, {}))

    def lines_of(self, incident: IncidentId) -> list[TimelineLine]:
        """An open incident's timeline, oldest first."""
        return sorted(self.lines.get(incident, ()), key=lambda line: line.at)

    def withheld(self) -> dict[str, int]:
        """How many open incidents have notices withheld now, by reason."""
        return dict(Counter(reason for reason, _ in self._withheld()))

    def withheld_since(self) -> dict[str, datetime]:
        """Since when the longest withheld has waited, by reason."""
        oldest: dict[str, datetime] = {}
        for reason, since in self._withheld():
            oldest[reason] = min(since, oldest.get(reason, since))
        return oldest

    def _withheld(self) -> Iterator[tuple[str, datetime]]:
        """The reason and the beginning for every open incident whose notices wait."""
        for incident in [i for i in tuple(self.incidents.values()) if i.active]:
            if incident.hold is not None:
                yield incident.hold.value, incident.held_since or incident.chain_from
            elif incident.unstable and incident.good_since is not None:
                yield "unstable", incident.good_since
            else:
                last = [ln for ln in self.lines.get(incident.id, ()) if _says_it_waits(ln)]
                if last and last[-1].entry is Entry.WITHHELD:
                    yield last[-1].reason, last[-1].at

    def oldest_unsent(self) -> datetime | None:
        """When the oldest notice still queued was decided."""
        return min((n.created for n in tuple(self.queue.values()) if n.kind is not Kind.PULSE), default=None)

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


def _says_it_waits(said: TimelineLine) -> bool:
    """Whether a line says that the incident's notices wait, or wait no more: a reminder left out waits for nothing."""
    return said.entry in _WAITS_OR_NOT and said.reason != Ended.TOO_MANY
