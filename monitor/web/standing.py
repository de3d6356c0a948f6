"""How each system stands, in the words staff read.

Never better than what was seen: a system nobody can look at is unknown, however well it was when last seen.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from monitor.core import words
from monitor.core.finding import SystemName
from monitor.core.plan import OWN_SYSTEMS, Severity
from monitor.core.reasons import HumanState, Kind
from monitor.core.records import Incident
from monitor.core.state import Belief, State, SystemView
from monitor.engine.desk import Desk
from monitor.web.privacy import masked
from monitor.web.work import work

MOST_CHECKS = 100
_NEVER = Belief()
_CANNOT_SEE = "Overvågningen kan ikke se systemet lige nu"


class Tone(StrEnum):
    """How loud: the icon, the colour and the order on the page."""

    GOOD = "good"
    LOOK = "look"
    """Something is being looked at; nobody need do anything yet."""
    WARN = "warn"
    UNKNOWN = "unknown"
    BAD = "bad"


LOUDEST = (Tone.BAD, Tone.UNKNOWN, Tone.WARN, Tone.LOOK, Tone.GOOD)


@dataclass(frozen=True, slots=True)
class CheckLine:
    """One check that is not as it should be."""

    title: str
    state: str
    said: str


@dataclass(frozen=True, slots=True)
class Standing:
    """One system. `words` is the big line, `more` the small one under it; `who` says who has the incident."""

    name: SystemName
    title: str
    tone: Tone
    words: str
    more: str = ""
    number: str = ""
    who: str = ""
    drill: bool = False
    card: bool = False
    checks: tuple[CheckLine, ...] = ()
    work: str = ""
    """What is announced over it now."""

    @property
    def calls_for_card(self) -> bool:
        """Whether staff should do now what the action card says."""
        return self.card and self.tone in (Tone.BAD, Tone.WARN)


def standings(desk: Desk, now: datetime) -> list[Standing]:
    """The care systems in the plan's order."""
    return [_standing(desk, name, now) for name in desk.plan.systems if name not in OWN_SYSTEMS]


def own_standings(desk: Desk, now: datetime) -> list[Standing]:
    """Our own line, the alarm path and the service itself, where the plan has them."""
    return [_standing(desk, name, now) for name in OWN_SYSTEMS if name in desk.plan.systems]


def _standing(desk: Desk, name: SystemName, now: datetime) -> Standing:
    system, incident = desk.plan.systems[name], desk.ledger.by_system.get(name)
    tone, big, more = _said(desk, name, incident, now)
    shown = incident if incident is not None and incident.active and tone is not Tone.GOOD else None
    if shown and shown.held_by and shown.held_by in desk.plan.systems:
        more = f"{more}. Kan skyldes {desk.plan.systems[shown.held_by].title}".removeprefix(". ")
    return Standing(
        name=name,
        title=system.title,
        tone=tone,
        words=big,
        more=more,
        number=shown.number if shown else "",
        who=who_has(desk, shown, now) if shown else "",
        drill=bool(shown and shown.drill),
        card=system.card in desk.cards,
        checks=tuple(_troubled(desk, name)),
        work=work(desk, name, now),
    )


def _said(desk: Desk, name: SystemName, incident: Incident | None, now: datetime) -> tuple[Tone, str, str]:
    """Tone, big line, small line."""
    view = desk.view(name)
    if view.severity is not None:
        return _bad(view, incident, desk.plan.calendar.zone, now)
    if view.state is State.UNKNOWN:
        return _unknown(desk, name)
    if desk.sight.blind and name not in OWN_SYSTEMS and desk.plan.systems[name].over_own_line:
        # From the first moment, before its own checks have said so: what was seen before says nothing of now.
        return Tone.UNKNOWN, "Ukendt", _CANNOT_SEE
    if view.state is State.SUSPECT:
        return Tone.LOOK, "Undersøges", "Et muligt problem er ved at blive undersøgt"
    return _up(incident, desk.plan.calendar.zone, now)


def _bad(view: SystemView, incident: Incident | None, zone: ZoneInfo, now: datetime) -> tuple[Tone, str, str]:
    began = view.began or (incident.began if incident else now)
    cause = words.cause(view.misses)
    if view.state is State.RECOVERING:
        return (
            Tone.WARN,
            "På vej op igen",
            f"Problemet begyndte {words.clock(incident.began if incident else began, now, zone)}",
        )
    if view.severity is Severity.ADVISORY:
        return Tone.GOOD, "Virker", f"Advarsel til it: {cause}"
    cause = cause[:1].upper() + cause[1:]
    if view.severity is Severity.DOWN:
        return Tone.BAD, f"NEDE siden {words.clock(began, now, zone)}", cause
    return Tone.WARN, f"Forringet siden {words.clock(began, now, zone)}", cause


def _up(incident: Incident | None, zone: ZoneInfo, now: datetime) -> tuple[Tone, str, str]:
    if incident is None or incident.good_since is None:
        return Tone.GOOD, "Virker", ""
    back = words.clock(incident.good_since, now, zone)
    if incident.active and incident.known is None:
        return Tone.WARN, "Ustabil", f"Oppe siden {back}, men har været nede {len(incident.downs)} gange"
    return Tone.GOOD, "Virker igen", f"Oppe siden {back}"


def _unknown(desk: Desk, name: SystemName) -> tuple[Tone, str, str]:
    if any(desk.ledger.beliefs.get(check, _NEVER).level is not None for check in desk.plan.systems[name].checks):
        return Tone.UNKNOWN, "Ukendt", _CANNOT_SEE
    # Our own ways out are tried when there is something to send; a care system never seen is unknown.
    if name in OWN_SYSTEMS:
        return Tone.LOOK, "Ikke prøvet endnu", ""
    return Tone.UNKNOWN, "Ikke tjekket endnu", "Overvågningen har ikke set systemet, siden den startede"


def _troubled(desk: Desk, name: SystemName) -> Iterator[CheckLine]:
    shown = 0
    for check in desk.plan.systems[name].checks:
        belief = desk.ledger.beliefs.get(check)
        if belief is None or belief.state is State.UP or shown >= MOST_CHECKS:
            continue
        shown += 1
        said = words.explain(belief.misses[0]) if belief.misses else ""
        yield CheckLine(desk.plan.checks[check].title or check, words.STATES[belief.state], said)


def who_has(desk: Desk, incident: Incident, now: datetime) -> str:
    """Who has the incident, and how far they are."""
    if incident.acknowledged is None and incident.told_as is Kind.NO_NEWS and incident.active:
        return f"Ingen har den nu. {masked(incident.holder)} havde den, men svarede ikke, da vi spurgte"
    if incident.acknowledged is None:
        return "Ingen har kvitteret endnu"
    at = words.clock(incident.acknowledged, now, desk.plan.calendar.zone)
    how = {HumanState.WORKING: ", arbejder på det", HumanState.FALLBACK: ", nøddrift er i gang"}
    return f"{masked(incident.acknowledged_by)} har set det {at}{how.get(incident.human, '')}"
