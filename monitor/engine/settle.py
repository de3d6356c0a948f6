"""What a system's present state makes of its incident: the rows of an outage, its notices among them.

The first alarm is in the same batch as its incident, and nothing here waits or sends.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime

import structlog

from monitor.core import words
from monitor.core.dependencies import dependants, hold_for
from monitor.core.escalation import due
from monitor.core.finding import SystemName
from monitor.core.incidents import Change, hold, tick
from monitor.core.plan import Severity
from monitor.core.progress import progress_at
from monitor.core.reasons import Entry, Hold
from monitor.core.records import Batch, Incident, IncidentId, TimelineLine
from monitor.core.state import SystemView
from monitor.core.withhold import WITHHELD
from monitor.engine.announced import ended
from monitor.engine.compose import again_rows, all_clear_rows, due_rows, line
from monitor.engine.desk import Desk
from monitor.engine.questions import question_calls
from monitor.engine.withhold import begin, calls_instead, hold_lines, meet, withheld_rows

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Settled:
    """The rows to commit, and the incident as they leave it.

    `next_at` is when its chain asks for more; `whole` is False when something it asks for now could not be made.
    """

    incident: Incident | None = None
    batch: Batch = field(default_factory=Batch)
    next_at: datetime | None = None
    whole: bool = True


def settle_system(desk: Desk, system: SystemName, now: datetime) -> Batch:
    """What a system's present state makes of its incident, with the notices that are due at once."""
    batch = Batch()
    if system not in desk.plan.systems:
        return batch
    view = desk.view(system)
    incident = desk.ledger.by_system.get(system)
    if incident is not None:
        # Time first: what can no longer be rejoined must not be taken up again because nobody has looked since.
        aged = tick(incident, desk.plan.rules, now)
        if aged.incident.closed is not None:
            batch.add(*settle_incident(desk, aged, None, now).batch.rows)
            incident = None
    if incident is None:
        opened = _open(desk, system, view, view.severity, now) if view.severity is not None else None
        batch.add(*opened.batch.rows if opened else ())
        return batch
    return settle_incident(desk, meet(desk, incident, view, now), view, now).batch


def _open(desk: Desk, system: SystemName, view: SystemView, severity: Severity, now: datetime) -> Settled:
    number = desk.ledger.next_number(desk.plan.calendar.local(now))
    if not desk.journal.numbered:
        number = f"{number[:2]}-M{desk.clock.new_id()[-3:].upper()}"
    incident = Incident(
        id=IncidentId(desk.clock.new_id()),
        number=number,
        system=system,
        severity=severity,
        grade=view.grade,
        current=severity,
        began=min(view.began or now, now),
        detected=now,
        chain_from=now,
        downs=(now,),
        cause=words.cause(view.misses),
    )
    settled = settle_incident(desk, Change(begin(desk, incident, now), (Entry.OPENED,)), view, now)
    # Taken within the turn, before the batch is committed: two incidents of one turn differ.
    desk.ledger.know_number(number)
    desk.metrics.incidents.labels(system, severity.word).inc()
    return settled


def settle_incident(desk: Desk, change: Change, view: SystemView | None, now: datetime) -> Settled:
    """The rows of an incident after events: itself, its timeline, its all-clear or what its chain asks for."""
    before = change.incident
    if view is not None and view.severity is not None and view.misses:
        before = replace(before, cause=words.cause(view.misses))
    incident = _held(desk, before, now)
    settled = Settled(incident)
    if incident != desk.ledger.incidents.get(incident.id):
        settled.batch.add(incident)
    lines = [line(incident, event, now, _event_text(desk, incident, event, view, now)) for event in change.events]
    lines += [*_hold_lines(desk, before, incident, now), *hold_lines(desk, incident, now)]
    for event in change.events:
        log.info(
            "incident", number=incident.number, system=incident.system, happened=event, severity=incident.severity.word
        )
    told = desk.ledger.told.get(incident.id, set())
    settled.batch.add(*(ln for ln in lines if ln.key not in told))
    if Entry.RECOVERED in change.events:
        settled.batch.add(*all_clear_rows(desk, incident, lines, now))
        _look_at_dependants(desk, incident.system)
    aside = withheld_rows(desk, replace(change, incident=incident), told, lines, now)
    settled.batch.add(*aside)
    told = told | {row.key for row in aside} if aside else told
    asked = due(incident, desk.plan, now, told, desk.ledger.unreached(incident.id))
    besides = (*question_calls(desk, incident, told), *calls_instead(desk, incident, told, now))
    asked = replace(asked, calls=(*asked.calls, *besides))
    later = (asked.next_at, progress_at(incident, desk.plan, now))
    settled.next_at = min((at for at in later if at is not None), default=None)
    if asked.calls or asked.remarks:
        rows, settled.whole = due_rows(desk, incident, asked, lines, now)
        settled.batch.add(*rows.rows)
    settled.batch.add(*again_rows(desk, incident, {call.person for call in asked.calls}, lines, now))
    _show(desk, incident)
    return settled


def tick_incident(desk: Desk, incident: Incident, now: datetime) -> Settled:
    """What time alone does to an open incident."""
    return settle_incident(desk, meet(desk, incident, None, now), None, now)


def _show(desk: Desk, incident: Incident) -> None:
    """What depends on this system, and is settled later in the same turn, sees it as it will be."""
    if incident.open:
        desk.ledger.by_system[incident.system] = incident
    elif desk.ledger.by_system.get(incident.system, incident).id == incident.id:
        desk.ledger.by_system.pop(incident.system, None)


def _held(desk: Desk, incident: Incident, now: datetime) -> Incident:
    """Held or let go for the parents' sake; a chain that has begun is not held back again."""
    known = desk.ledger.incidents.get(incident.id)
    starting = known is None or known.generation != incident.generation
    begun = desk.ledger.begun.get(incident.id, 0) >= incident.generation
    if not incident.active or incident.hold in WITHHELD or (begun and incident.hold is None):
        return incident
    why, by = hold_for(incident, desk.plan, desk.ledger.by_system, desk.ledger.beliefs, now)
    if why is Hold.PARENT_PENDING and incident.hold is None and not starting:
        return incident
    if why is Hold.PARENT_PENDING and by is not None and by != incident.held_by:
        desk.urge(desk.plan.systems[by].checks)
    return hold(incident, why, by, now)


def _hold_lines(desk: Desk, before: Incident, incident: Incident, now: datetime) -> list[TimelineLine]:
    if incident.hold is not None and incident.active and incident.held_by:
        key = f"{incident.id}/{incident.generation}/{incident.hold}/{incident.held_by}"
        text = f"venter på {desk.plan.systems[incident.held_by].title}"
        return [line(incident, Entry.WITHHELD, now, text, key, reason=incident.hold.value)]
    if before.hold is not None and incident.hold is None:
        return [line(incident, Entry.RELEASED, now, "")]
    return []


def _look_at_dependants(desk: Desk, system: SystemName) -> None:
    """A parent is back: whether its children are too is seen at once, before their notices may go."""
    for name in dependants(desk.plan, system):
        theirs = desk.ledger.by_system.get(name)
        if theirs is not None and theirs.active:
            desk.urge(desk.plan.systems[name].checks)


def _event_text(desk: Desk, incident: Incident, event: Entry, view: SystemView | None, now: datetime) -> str:
    if event is Entry.NO_NEWS:
        return f"{incident.holder or 'ingen'} svarede ikke; alarmeringen begynder forfra"
    if event is Entry.RELEASED:
        return ended(desk, incident, now)
    if event in (Entry.RECOVERED, Entry.CLOSED) or incident.system not in desk.plan.systems:
        return ""
    view = view or desk.view(incident.system)
    if event is Entry.EASED and view.severity is None:
        return "oppe" if incident.known is not None else "oppe, men ustabil"
    check = desk.plan.checks[view.cause].title if view.cause else ""
    seen = words.explain(view.misses[0]) if view.misses else ""
    return f"{words.SEVERITIES[incident.current or incident.severity]}. {check}: {seen}".strip(". :")
