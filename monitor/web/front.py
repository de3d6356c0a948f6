"""The page's headline: the one line that says whether anybody must do anything.

When the service cannot see, or does not work, that is the headline, whatever the systems seemed to do before.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.core import words
from monitor.core.plan import OWN_LINE
from monitor.engine.desk import Desk
from monitor.web.site import Health
from monitor.web.standing import LOUDEST, Standing, Tone

_SAID = {
    Tone.BAD: ("er nede", "systemer er nede"),
    Tone.UNKNOWN: ("kan ikke ses", "systemer kan ikke ses"),
    Tone.WARN: ("har problemer", "systemer har problemer"),
    Tone.LOOK: ("undersøges", "systemer undersøges"),
}


@dataclass(frozen=True, slots=True)
class Headline:
    """The big line and how loud it is."""

    tone: Tone
    words: str


_PARTS = {
    "probe": "målingerne",
    "ingest": "vurderingen",
    "escalate": "alarmeringen",
    "deliver_sms": "sms-afsendelsen",
    "deliver_mail": "mailafsendelsen",
    "mind": "oprydningen",
    "watchdog": "vagthunden",
    "replies": "modtagelsen af svar",
    "routes": "tilsynet med alarmvejene",
}


def headline(standings: Sequence[Standing], health: Health, own: Iterable[Standing]) -> Headline:
    """What the systems come to: known outages first, then what we cannot see; all is well only when we are too."""
    for tone in LOUDEST:
        found = [one for one in standings if one.tone is tone]
        if tone is Tone.GOOD:
            break
        if found:
            one, many = _SAID[tone]
            said = f"{found[0].title} {one}" if len(found) == 1 else f"{len(found)} {many}"
            return Headline(tone, said)
    if not health.ok or any(one.tone is Tone.BAD for one in own):
        return Headline(Tone.UNKNOWN, "Overvågningen virker ikke, som den skal")
    return Headline(Tone.GOOD, "Alt virker") if standings else Headline(Tone.UNKNOWN, "Planen har ingen systemer")


def warnings(desk: Desk, health: Health, own: Iterable[Standing], now: datetime) -> list[str]:
    """What makes the page less sure than it looks, in whole sentences."""
    said = []
    if desk.sight.blind:
        line = desk.ledger.by_system.get(OWN_LINE)
        since = f" siden {words.clock(line.began, now, desk.plan.calendar.zone)}" if line else ""
        said.append(f"Vi kan ikke se ud{since}: vores egen linje er nede. Systemerne kan være oppe eller nede.")
    if not health.ok:
        parts = ", ".join(_part(reason) for reason in health.reasons)
        said.append(f"En del af overvågningen står stille: {parts or 'ukendt del'}.")
    said += [f"{one.title}: {one.words}." for one in own if one.tone is Tone.BAD and one.name != OWN_LINE]
    if desk.journal.degraded:
        said.append("Databasen kan ikke skrives lige nu. Alarmer sendes stadig, og hændelserne gemmes bagefter.")
    return said


def _part(reason: str) -> str:
    """The Danish name of the loop a reason names; a reason that names none, as it stands."""
    named = reason.split()
    return next((said for loop, said in _PARTS.items() if loop in named), reason)


def period(desk: Desk, now: datetime) -> str:
    """The period of the day and until when: `Uden for arbejdstid til fre 08:00`."""
    name = desk.plan.calendar.period_at(now).replace("_", " ")
    until = desk.plan.calendar.next_change(now)
    return f"{name.capitalize()} til {_ahead(desk, until, now)}" if until else name.capitalize()


def ago(desk: Desk, at: datetime, now: datetime) -> str:
    """When it was, and how long ago while that is short: `03:12 (28 min siden)`."""
    said = words.clock(at, now, desk.plan.calendar.zone)
    return f"{said} ({words.duration(now - at)} siden)" if now - at < timedelta(hours=12) else said


def _ahead(desk: Desk, at: datetime, now: datetime) -> str:
    # A weekday alone is misread when it is a week ahead; `words.clock` names the date from six days on.
    tomorrow = desk.plan.calendar.local(now) + timedelta(days=1)
    local = desk.plan.calendar.local(at)
    return (
        f"i morgen {local:%H:%M}" if local.date() == tomorrow.date() else words.clock(at, now, desk.plan.calendar.zone)
    )
