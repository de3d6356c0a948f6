"""From the engine's values to the API's shapes. Reads only, and only what is in memory or handed in."""

from datetime import datetime
from typing import Any

from monitor.core import words
from monitor.core.audit_words import NEXT
from monitor.core.finding import CheckName, SystemName
from monitor.core.ladder import rung
from monitor.core.plan import OWN_SYSTEMS
from monitor.core.records import Incident, Notice, TaskItem, TimelineLine
from monitor.core.state import Belief, Level
from monitor.engine.audit import step_of
from monitor.engine.desk import Desk
from monitor.web.models import (
    CheckShape,
    IncidentShape,
    LineShape,
    NextStepShape,
    NoticeShape,
    PeriodShape,
    PlanShape,
    RouteShape,
    StatusShape,
    StoryShape,
    SystemShape,
    TaskShape,
)
from monitor.web.privacy import masked, masked_address
from monitor.web.site import Site, Told
from monitor.web.telling import role_of

_NEVER = Belief()


def status(site: Site) -> StatusShape:
    """Everything as it is now."""
    engine, desk = site.engine, site.engine.desk
    now, health, plan = desk.clock.now(), site.health(), desk.plan
    return StatusShape(
        now=now,
        version=site.version,
        plan=PlanShape(digest=plan.digest, municipality=plan.municipality, reload_ok=engine.own.reload_ok),
        healthy=health.ok,
        reasons=list(health.reasons),
        blind=desk.sight.blind,
        store_degraded=desk.journal.degraded,
        rows_waiting=desk.journal.waiting,
        period=PeriodShape(name=plan.calendar.period_at(now), until=plan.calendar.next_change(now)),
        next_at=engine.escalate.next_at,
        systems=[_system(desk, name) for name in plan.systems],
        incidents=[_open(desk, one, now) for one in sorted(desk.ledger.incidents.values(), key=_newest_first)],
        routes=_routes(desk),
    )


def _newest_first(incident: Incident) -> float:
    return -incident.detected.timestamp()


def _system(desk: Desk, name: SystemName) -> SystemShape:
    system, view = desk.plan.systems[name], desk.view(name)
    found = desk.ledger.by_system.get(name)
    return SystemShape(
        name=name,
        title=system.title,
        own=name in OWN_SYSTEMS,
        state=view.state.value,
        severity=view.severity.word if view.severity else None,
        since=view.began,
        words=words.cause(view.misses),
        incident=found.number if found else None,
        checks=[_check(desk, check) for check in system.checks],
    )


def _check(desk: Desk, name: CheckName) -> CheckShape:
    belief, finding = desk.ledger.beliefs.get(name, _NEVER), desk.findings.get(name)
    return CheckShape(
        name=name,
        title=desk.plan.checks[name].title or name,
        state=belief.state.value,
        since=belief.since,
        seen_at=finding.at if finding else None,
        outcome=finding.outcome.value if finding else None,
        reason=finding.reason.value if finding and finding.reason else None,
        words=words.explain(finding.misses[0]) if finding and finding.misses else "",
        took=finding.took if finding else None,
        phases=dict(finding.phases) if finding else {},
    )


def _routes(desk: Desk) -> list[RouteShape]:
    found = []
    for route in desk.plan.routes:
        belief = desk.ledger.beliefs.get(CheckName(f"alarmvej-{route.name}"), _NEVER)
        up = None if belief.level is None else belief.level is Level.UP
        found.append(RouteShape(name=route.name, channel=route.channel.value, independent=route.independent, up=up))
    return found


def incident(one: Incident) -> IncidentShape:
    """One incident in short."""
    return IncidentShape(**_incident(one))


def _open(desk: Desk, one: Incident, now: datetime) -> IncidentShape:
    return IncidentShape(**_incident(one), next_step=_next(desk, one, now))


def _next(desk: Desk, one: Incident, now: datetime) -> NextStepShape | None:
    step = step_of(desk, one.id, now)
    return NextStepShape(what=step.what.value, words=NEXT[step.what], at=step.at) if step else None


def _incident(one: Incident) -> dict[str, Any]:
    return {
        "number": one.number,
        "id": one.id,
        "system": one.system,
        "severity": one.severity.word,
        "current": one.current.word if one.current else None,
        "began": one.began,
        "detected": one.detected,
        "good_since": one.good_since,
        "recovered": one.recovered,
        "closed": one.closed,
        "open": one.open,
        "active": one.active,
        "unstable": one.unstable,
        "human": one.human.value,
        "acknowledged": one.acknowledged,
        "acknowledged_by": masked(one.acknowledged_by),
        "first_acknowledged": one.first_acknowledged,
        "hold": one.hold.value if one.hold else None,
        "held_by": one.held_by,
        "cause": masked(one.cause),
        "drill": one.drill,
    }


def story(desk: Desk, one: Incident, rows: Told) -> StoryShape:
    """One incident in full."""
    lines, notices, tasks = rows
    return StoryShape(
        **_incident(one),
        next_step=_next(desk, one, desk.clock.now()),
        timeline=[_line(line) for line in lines],
        notices=[_notice(desk, notice) for notice in notices],
        tasks=[_task(desk, task) for task in tasks],
    )


def _line(line: TimelineLine) -> LineShape:
    return LineShape(
        at=line.at,
        entry=line.entry.value,
        words=words.ENTRIES[line.entry],
        text=masked(line.text),
        who=masked(line.who),
        reason=line.reason,
    )


def _notice(desk: Desk, notice: Notice) -> NoticeShape:
    return NoticeShape(
        id=notice.id,
        kind=notice.kind.value,
        person=notice.person,
        role=role_of(desk, notice.person, notice.created),
        channel=notice.channel.value,
        to=masked_address(notice.channel, notice.to),
        state=notice.state.value,
        reason=notice.reason,
        created=notice.created,
        settled=notice.settled,
        route=notice.route,
        task=notice.task,
        rung=rung(notice),
        delivered=notice.delivered,
        seen=notice.seen,
        answered=notice.answered,
        overdue=notice.overdue,
        undelivered=masked(notice.undelivered),
    )


def _task(desk: Desk, item: TaskItem) -> TaskShape:
    known = desk.plan.tasks.get(item.task)
    return TaskShape(
        task=item.task,
        title=known.title if known else item.task,
        given=item.given,
        done=item.done,
        done_by=masked(item.done_by),
    )
