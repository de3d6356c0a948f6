"""What is announced, as the desk sees it: which windows hold a system's notices now, until when, who is told instead.

A critical system is never silenced wholly: a window that would leave nobody's phone told of its outage does not hold.
"""

from collections.abc import Iterator
from datetime import datetime

from monitor.core import words
from monitor.core.finding import SystemName
from monitor.core.plan import ChannelName, PersonId, RoleId
from monitor.core.reasons import Kind
from monitor.core.records import Incident, Notice, NoticeState
from monitor.core.withhold import WITHHELD, holding, until, windows
from monitor.core.withholding import Sort, Withholding
from monitor.engine.desk import Desk


def announced(desk: Desk, system: SystemName, now: datetime) -> tuple[Withholding, ...]:
    """The windows over a system now, whether or not they hold back what there is."""
    return holding(desk.plan, desk.ledger.announced, system, now)


def notices_from(desk: Desk, system: SystemName, now: datetime) -> datetime | None:
    """When a system's notices go again; None when nothing is announced now."""
    return until(desk.plan, desk.ledger.announced, system, now)


def holds(desk: Desk, incident: Incident, now: datetime) -> list[Withholding]:
    """The windows that hold this incident's notices now."""
    told = desk.ledger.told.get(incident.id, set())
    found = [one for one in announced(desk, incident.system, now) if passed_over(incident, one) not in told]
    if found and desk.plan.systems[incident.system].critical:
        found = [one for one in found if _reached(desk, incident, one, now)]
    return found


def passed_over(incident: Incident, window: Withholding) -> str:
    """The key of the line that says that a window does not hold an incident's notices after all."""
    return f"{incident.id}/passed_over/{window.id}"


def role_of(desk: Desk, window: Withholding) -> RoleId:
    """Who hears of a critical system's outage meanwhile; the plan's owner where no role of the plan is named."""
    return RoleId(window.tell) if window.tell in desk.plan.roles else desk.plan.owner


def told_instead(desk: Desk, window: Withholding, now: datetime) -> tuple[PersonId, ...]:
    """The people who hear of it now."""
    return desk.plan.roles[role_of(desk, window)].on_duty(now)


def rerouted(desk: Desk, incident: Incident) -> list[Notice]:
    """What was sent in the chain's place, of the incident's present turn."""
    mine = desk.ledger.notices_of(incident.id)
    return [n for n in mine if n.kind is Kind.REROUTED and n.generation == incident.generation]


def _reached(desk: Desk, incident: Incident, window: Withholding, now: datetime) -> bool:
    """Whether somebody's phone is told in the chain's place, or can be."""
    sent = [n for n in rerouted(desk, incident) if n.channel is ChannelName.SMS]
    arrived = [n for n in sent if n.state is not NoticeState.FAILED and not n.undelivered and n.overdue is None]
    if sent:
        return bool(arrived)
    return any(desk.plan.people[person].sms for person in told_instead(desk, window, now))


def window_of(desk: Desk, incident: Incident) -> Withholding | None:
    """The window that holds an incident's notices, or last did; None where nobody knows it any more."""
    mine = windows(desk.plan, desk.ledger.announced, incident.system)
    return next((one for one in mine if one.id == incident.window), None)


def facts(desk: Desk, incident: Incident, now: datetime) -> dict[str, str]:
    """`work`, `until`, `owner` and `reason` of what holds an incident's notices; empty where nothing does."""
    window = window_of(desk, incident) if incident.hold in WITHHELD else None
    if window is None:
        return {"work": "", "until": "", "owner": "", "reason": ""}
    end = notices_from(desk, incident.system, now) or window.over
    until_when = {"work": words.SORTS[window.kind], "until": _clock(desk, end, now)}
    return until_when | {"owner": window.owner, "reason": window.reason}


def overrun(desk: Desk, incident: Incident, now: datetime) -> str:
    """That announced work had ended when this turn of the outage began to be told; empty where it had not."""
    window = window_of(desk, incident)
    work = window is not None and window.kind is Sort.MAINTENANCE
    if window is None or not work or incident.let_go is None or incident.hold is not None:
        return ""
    if window.over > incident.let_go:
        return ""
    return f" Varslet arbejde skulle være slut {_clock(desk, window.over, now)}."


def ended(desk: Desk, incident: Incident, now: datetime) -> str:
    """What held an incident's notices until now, for its timeline."""
    window = window_of(desk, incident)
    if window is None:
        return "ikke længere varslet"
    if window.over > now:
        return f"{said(desk, window, now)}: ingen kan nås i stedet"
    by = f", afsluttet af {window.cancelled_by}" if window.cancelled is not None else ""
    return f"{said(desk, window, now)}{by}"


def said(desk: Desk, window: Withholding, now: datetime) -> str:
    """`varslet arbejde til 04:00 (Leverandørens servicevindue, NEXUS support)`."""
    return f"{words.SORTS[window.kind]} til {_clock(desk, window.over, now)} ({window.reason}, {window.owner})"


def coming(desk: Desk, now: datetime, ahead: datetime) -> Iterator[Withholding]:
    """Every window that is not over and begins before `ahead`, each once."""
    seen = set()
    for system in desk.plan.systems:
        for window in windows(desk.plan, desk.ledger.announced, system):
            # Called off before it began, it is none.
            real = window.over > max(now, window.start)
            if window.id not in seen and real and window.start < ahead:
                seen.add(window.id)
                yield window


def _clock(desk: Desk, at: datetime, now: datetime) -> str:
    return words.clock(at, now, desk.plan.calendar.zone)
