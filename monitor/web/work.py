"""What is announced over a system, in the words staff read: until when, why, whose; and that notices wait for it.

Shown whether or not anything is wrong, so that nobody wonders at silence.
"""

from datetime import datetime

from monitor.core import words
from monitor.core.finding import SystemName
from monitor.core.records import Incident
from monitor.core.withhold import WITHHELD
from monitor.core.withholding import Sort
from monitor.engine.announced import announced, notices_from
from monitor.engine.desk import Desk
from monitor.web.privacy import masked

_HEADS = {Sort.MAINTENANCE: "Varslet arbejde", Sort.MUTE: "Beskeder slået fra"}


def work(desk: Desk, name: SystemName, now: datetime) -> str:
    """`Varslet arbejde til kl. 04:00 (Servicevindue, NEXUS support)`; empty where nothing is announced now."""
    windows, end = announced(desk, name, now), notices_from(desk, name, now)
    if not windows or end is None:
        return ""
    first = windows[0]
    until = words.clock(end, now, desk.plan.calendar.zone)
    said = f"{_HEADS[first.kind]} til kl. {until} ({masked(first.reason)}, {masked(first.owner)})"
    incident = desk.ledger.by_system.get(name)
    waits = incident is not None and incident.active and incident.hold in WITHHELD
    return f"{said}. Beskeder holdes tilbage" if waits else said


def withheld(desk: Desk, incident: Incident, now: datetime) -> str:
    """Why an incident's notices wait, until when and whose that is; empty when they do not."""
    if incident.hold is None or not incident.active:
        return ""
    if incident.held_by is not None:
        system = desk.plan.systems.get(incident.held_by)
        behind = work(desk, incident.held_by, now)
        return f"Venter på {system.title if system else incident.held_by}" + (f". {behind}" if behind else "")
    return work(desk, incident.system, now) or "Det varslede er slut; systemet ses efter, før der gives besked"
