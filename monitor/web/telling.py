"""One incident's story in the words staff read: who has been told, what happened, what is left to do.

People stand here as the roles the plan told them as; numbers and addresses never.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from monitor.core import words
from monitor.core.audit_words import NEXT
from monitor.core.ladder import rung
from monitor.core.plan import ChannelName, PersonId, Severity
from monitor.core.reasons import Entry, Kind
from monitor.core.records import Incident, Notice, TaskItem, TimelineLine
from monitor.engine.audit import step_of
from monitor.engine.desk import Desk
from monitor.web.privacy import masked
from monitor.web.site import Told
from monitor.web.standing import who_has
from monitor.web.work import withheld

MOST_LINES = 500
_NAMES_SOMEBODY = (
    Entry.QUEUED,
    Entry.ACCEPTED,
    Entry.NOT_ACCEPTED,
    Entry.GAVE_UP,
    Entry.WITHHELD,
    Entry.DELIVERED,
    Entry.NOT_DELIVERED,
    Entry.OVERDUE,
)
_CHANNELS = {ChannelName.SMS: "SMS", ChannelName.MAIL: "mail"}
_BEST = ("failed", "undelivered", "overdue", "queued", "accepted", "delivered", "seen", "acknowledged")
_REACHED = _BEST.index("accepted")
_NO_ALARM = (Kind.TEST, Kind.ALL_CLEAR)


@dataclass(frozen=True, slots=True)
class ToldRole:
    """A role and how its telling went: `SMS sendt 03:12, mail på vej`."""

    role: str
    how: str
    reached: bool


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the timeline."""

    at: str
    stamp: str
    head: str
    text: str
    entry: str


@dataclass(frozen=True, slots=True)
class TaskLine:
    """A task, who has done it (empty: nobody yet), and what is needed to do it."""

    title: str
    text: str
    contact: tuple[tuple[str, str], ...]
    done: str
    given: str


@dataclass(frozen=True, slots=True)
class IncidentStory:
    """Everything the incident's page shows. `facts` are rows of (what, said); `over` when it is no more."""

    number: str
    title: str
    state: str
    tone: str
    system: str
    drill: bool
    facts: tuple[tuple[str, str], ...]
    told: tuple[ToldRole, ...]
    tasks: tuple[TaskLine, ...]
    lines: tuple[Line, ...]
    left_out: int
    card: bool


def story(desk: Desk, incident: Incident, rows: Told, now: datetime) -> IncidentStory:
    """The page of one incident from its rows."""
    lines, notices, tasks = rows
    system = desk.plan.systems.get(incident.system)
    shown = sorted(lines, key=lambda line: line.at)[::-1][:MOST_LINES]
    return IncidentStory(
        number=incident.number,
        title=system.title if system else incident.system,
        state=state_of(incident),
        tone=_tone(incident),
        system=incident.system,
        drill=incident.drill,
        facts=tuple(_facts(desk, incident, now)),
        told=tuple(told_roles(desk, notices, now)),
        tasks=tuple(_task(desk, item, now) for item in tasks),
        lines=tuple(_line(desk, line, now) for line in shown),
        left_out=max(0, len(lines) - MOST_LINES),
        card=bool(system and system.card in desk.cards),
    )


def state_of(incident: Incident) -> str:
    """The incident's state in a word or three."""
    if incident.closed is not None:
        return "Lukket"
    if incident.recovered is not None:
        return "Oppe igen"
    if incident.good_since is not None:
        return "Ustabil" if incident.known is None else "Oppe under varslet arbejde"
    severity = incident.current or incident.severity
    return words.SEVERITIES[severity] if severity is Severity.DOWN else words.SEVERITIES[severity].capitalize()


def _tone(incident: Incident) -> str:
    if not incident.active:
        return "good"
    return "bad" if (incident.current or incident.severity) is Severity.DOWN else "warn"


def _facts(desk: Desk, incident: Incident, now: datetime) -> Iterable[tuple[str, str]]:
    zone = desk.plan.calendar.zone
    yield "Begyndte", words.clock(incident.began, now, zone)
    yield "Opdaget", words.clock(incident.detected, now, zone)
    if incident.good_since is not None:
        yield "Oppe igen", words.clock(incident.good_since, now, zone)
    yield "Har varet", words.duration((incident.good_since or now) - incident.began)
    cause = masked(incident.cause) or "kendes ikke"
    yield "Årsag", cause[:1].upper() + cause[1:]
    if why := withheld(desk, incident, now):
        yield "Beskeder venter", why
    if incident.active:
        yield "Hvem har den", who_has(desk, incident, now)
    elif incident.first_acknowledged is not None:
        yield "Kvitteret første gang", words.clock(incident.first_acknowledged, now, zone)
    if (step := step_of(desk, incident.id, now)) is not None:
        yield "Næste skridt", f"{NEXT[step.what]} {words.clock(step.at, now, zone) if step.at else ''}".strip()
    if incident.held_by and incident.held_by in desk.plan.systems:
        yield "Beskeder venter på", desk.plan.systems[incident.held_by].title


def told_roles(desk: Desk, notices: Sequence[Notice], now: datetime) -> list[ToldRole]:
    """Each role that was told, in the order it was, with the best that came of each channel."""
    best: dict[str, dict[ChannelName, Notice]] = {}
    for notice in notices:
        if notice.kind in _NO_ALARM:
            continue
        mine = best.setdefault(role_of(desk, notice.person, notice.created), {})
        known = mine.get(notice.channel)
        if known is None or _rank(notice) > _rank(known):
            mine[notice.channel] = notice
    zone = desk.plan.calendar.zone
    return [
        ToldRole(
            role,
            ", ".join(
                f"{_CHANNELS[channel]} {words.RUNGS[rung(n)]} {words.clock(_since(n), now, zone)}"
                for channel, n in mine.items()
            ),
            any(_rank(n) >= _REACHED for n in mine.values()),
        )
        for role, mine in best.items()
    ]


def _rank(notice: Notice) -> int:
    return _BEST.index(rung(notice))


def _since(notice: Notice) -> datetime:
    """When it came to the rung it is on."""
    return notice.answered or notice.seen or notice.delivered or notice.overdue or notice.settled or notice.created


def role_of(desk: Desk, person: PersonId, at: datetime) -> str:
    """The title of the first role the person had then; somebody without one is just somebody."""
    roles = desk.plan.roles.values()
    return next((role.title for role in roles if person in role.on_duty(at)), "En uden for planen")


def _task(desk: Desk, item: TaskItem, now: datetime) -> TaskLine:
    zone = desk.plan.calendar.zone
    task = desk.plan.tasks.get(item.task)
    done = f"{masked(item.done_by)} {words.clock(item.done, now, zone)}" if item.done else ""
    return TaskLine(
        title=task.title if task else item.task,
        text=task.text.strip() if task else "",
        contact=tuple(task.contact.items()) if task else (),
        done=done,
        given=words.clock(item.given, now, zone),
    )


def _line(desk: Desk, line: TimelineLine, now: datetime) -> Line:
    local = desk.plan.calendar.local(line.at)
    return Line(
        at=words.clock(line.at, now, desk.plan.calendar.zone),
        stamp=local.isoformat(timespec="seconds"),
        head=words.ENTRIES[line.entry],
        text=masked(_by_role(desk, line)),
        entry=line.entry.value,
    )


def _by_role(desk: Desk, line: TimelineLine) -> str:
    """A line on a notice, with the role in the person's place."""
    if line.entry not in _NAMES_SOMEBODY or not line.who:
        return line.text
    # `SMS til Navn (Rolle): alarm` already says which role it was.
    text, named = re.subn(rf"{re.escape(line.who)} \(([^()]*)\)", r"\1", line.text)
    if named:
        return text
    person = next((p.id for p in desk.plan.people.values() if p.name == line.who), PersonId(""))
    return line.text.replace(line.who, role_of(desk, person, line.at))
