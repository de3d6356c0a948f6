"""Who has been asked for an answer, by which number and code.

Follows the notices in the ledger; what belongs to an incident leaves with it, but for a short memory of closed ones, so
that a late answer is told what it was about. A code given with a bundle means every incident in it.
"""

from collections import OrderedDict

from monitor.core.plan import PersonId
from monitor.core.records import IncidentId, Notice

_PAST = 2_000

Whose = tuple[IncidentId, PersonId]


class Asked:
    """The codes given out, by the number they were sent to."""

    def __init__(self) -> None:
        self._by_number: dict[str, dict[str, dict[Whose, None]]] = {}
        self._own: dict[Whose, tuple[str, str]] = {}
        self._of_incident: dict[IncidentId, dict[tuple[str, str, PersonId], None]] = {}
        self._past: OrderedDict[tuple[str, str], tuple[str, PersonId]] = OrderedDict()

    def put(self, notice: Notice) -> None:
        """A notice that carries a code has been decided."""
        if notice.code and notice.incident is not None:
            self.give(notice.to, notice.code, (notice.incident, notice.person))

    def give(self, number: str, code: str, whose: Whose) -> None:
        """A code is in use from now on, and is this person's own for this incident."""
        self._own[whose] = (number, code)
        self.share(number, code, whose)

    def share(self, number: str, code: str, whose: Whose) -> None:
        """A code that may mean other incidents too, in use for this one from now on."""
        incident, person = whose
        self._by_number.setdefault(number, {}).setdefault(code, {})[whose] = None
        self._of_incident.setdefault(incident, {})[number, code, person] = None

    def closed(self, incident: IncidentId, shown: str) -> None:
        """An incident can no longer be answered; `shown` is its number."""
        for number, code, person in self._of_incident.pop(incident, {}):
            self._own.pop((incident, person), None)
            self._drop(number, code, (incident, person))
            self._past[number, code] = (shown, person)
            self._past.move_to_end((number, code))
        while len(self._past) > _PAST:
            self._past.popitem(last=False)

    def _drop(self, number: str, code: str, whose: Whose) -> None:
        mine = self._by_number.get(number, {})
        meant = mine.get(code, {})
        meant.pop(whose, None)
        if not meant:
            mine.pop(code, None)
        if not mine:
            self._by_number.pop(number, None)

    def code(self, number: str, whose: Whose) -> str:
        """The code this person was given for this incident at this number; empty when there is none."""
        known = self._own.get(whose)
        return known[1] if known is not None and known[0] == number else ""

    def codes(self, number: str) -> dict[str, dict[Whose, None]]:
        """Every code in use for a number, with what it means: one incident, or all those of a bundle."""
        return self._by_number.get(number, {})

    def past(self, number: str, code: str) -> tuple[str, PersonId] | None:
        """The number of a closed incident and whom it was told to; None when this code belongs to none we remember."""
        return self._past.get((number, code))

    def was_told(self, number: str) -> PersonId | None:
        """Somebody told of an open incident by this number."""
        mine = self._by_number.get(number, {})
        return next((person for meant in mine.values() for _, person in meant), None)
