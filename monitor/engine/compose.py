"""From what is due to rows: the texts rendered, the timeline written, the tasks handed out.

Rendering happens here, at the decision, so that what is sent is what was decided.
"""

from dataclasses import replace
from datetime import datetime
from typing import Any

from monitor.core import words
from monitor.core.delivery import owed_all_clear
from monitor.core.escalation import Call, Due, Remark
from monitor.core.plan import OWN_LINE, ChannelName, Task
from monitor.core.records import (
    Batch,
    Entry,
    Incident,
    Kind,
    Notice,
    NoticeId,
    NoticeState,
    TaskItem,
    TimelineLine,
)
from monitor.engine.desk import Desk


def line(incident: Incident, entry: Entry, at: datetime, text: str, key: str = "", **more: str) -> TimelineLine:
    """One timeline line; without a key of its own it is named by what it says and when."""
    key = key or f"{incident.id}/{entry}/{at.timestamp():.6f}/{more.get('who', '')}"
    return TimelineLine(key, incident.id, at, entry, text, more.get("who", ""), more.get("reason", ""))


def due_rows(desk: Desk, incident: Incident, due: Due, now: datetime) -> Batch:
    """The rows for everything due in one incident: remarks first, so that a mail's timeline holds them."""
    batch = Batch()
    for remark in due.remarks:
        batch.add(_remark_line(desk, incident, remark))
    pending = [row for row in batch.rows if isinstance(row, TimelineLine)]
    for call in due.calls:
        batch.add(*_call_rows(desk, incident, call, pending, now))
    return batch


def _call_rows(
    desk: Desk, incident: Incident, call: Call, pending: list[TimelineLine], now: datetime
) -> list[Notice | TimelineLine | TaskItem]:
    person = desk.plan.people[call.person]
    address = person.address(call.channel)
    if not address:
        text = f"{person.name} har ingen adresse til {call.channel.upper()}"
        return [line(incident, Entry.WITHHELD, now, text, f"{call.key}", who=person.name, reason="no_address")]
    task = desk.plan.tasks[call.task] if call.task else None
    facts = incident_facts(desk, incident, pending, now) | _call_facts(desk, call, task)
    notice = _notice(desk, incident, call, facts, now)
    role = desk.plan.roles[call.role].title
    what = words.KINDS[call.kind] + (f": {task.title}" if task else "")
    text = f"{call.channel.upper()} til {person.name} ({role}): {what}"
    rows: list[Notice | TimelineLine | TaskItem] = [
        notice,
        line(incident, Entry.QUEUED, now, text, f"{call.key}/queued", who=person.name, reason=call.kind.value),
    ]
    if task:
        rows.append(TaskItem(f"{incident.id}/{task.id}", incident.id, task.id, now))
    return rows


def _notice(desk: Desk, incident: Incident, call: Call, facts: dict[str, Any], now: datetime) -> Notice:
    person = desk.plan.people[call.person]
    text = desk.texts.render(call.kind, call.channel, facts, drill=incident.drill)
    return Notice(
        id=NoticeId(desk.clock.new_id()),
        key=call.key,
        incident=incident.id,
        kind=call.kind,
        person=call.person,
        channel=call.channel,
        to=person.address(call.channel),
        text=text.body,
        subject=text.subject,
        created=now,
        reason=call.kind.value,
        thread=incident.id,
        task=call.task,
        generation=incident.generation,
        independent_first=incident.system == OWN_LINE,
        fault_at=incident.began if call.kind is Kind.ALARM else None,
    )


def incident_facts(desk: Desk, incident: Incident, pending: list[TimelineLine], now: datetime) -> dict[str, Any]:
    """What the templates may say of an incident (`monitor.plan.texts.EXAMPLE` lists the names)."""
    system = desk.plan.systems.get(incident.system)
    zone = desk.plan.calendar.zone
    severity = words.SEVERITIES[incident.current or incident.severity]
    lines = sorted([*desk.ledger.lines_of(incident.id), *pending], key=lambda ln: ln.at)
    ended = incident.recovered or now
    began = incident.began
    if incident.told_as is Kind.REOPENED and incident.downs:
        began = incident.downs[-1]
    return {
        "system": system.short if system else incident.system,
        "system_title": system.title if system else incident.system,
        "severity": severity,
        "since": words.clock(began, now, zone),
        "detected": words.clock(incident.detected, now, zone),
        "recovered": words.clock(incident.good_since or ended, now, zone),
        "lasted": words.duration((incident.good_since or ended) - incident.began),
        "number": incident.number,
        "cause": incident.cause,
        "also": _also(desk, incident),
        "downs": len(incident.downs),
        "acknowledged_by": incident.acknowledged_by,
        "timeline": "\n".join(f"{words.clock(ln.at, now, zone)}  {say(ln)}" for ln in lines),
        "card": desk.cards.get(system.card, "").strip() if system else "",
        "at": words.clock(now, now, zone),
        "role": "",
        "task": "",
        "task_title": "",
        "task_text": "",
        "contact": "",
    }


def say(entry: TimelineLine) -> str:
    """A timeline line as people read it."""
    head = words.ENTRIES[entry.entry]
    return f"{head}: {entry.text}" if entry.text else head


def _also(desk: Desk, incident: Incident) -> str:
    """Other outages that make this one worse (Phoniro and nødkald: helpers cannot get in)."""
    system = desk.plan.systems.get(incident.system)
    others = [desk.ledger.by_system.get(name) for name in (system.worsened_by if system else ())]
    titles = [desk.plan.systems[o.system].short for o in others if o is not None and o.active]
    return f" Også nede: {', '.join(titles)}." if titles else ""


def _call_facts(desk: Desk, call: Call, task: Task | None) -> dict[str, Any]:
    facts: dict[str, Any] = {"role": desk.plan.roles[call.role].title}
    if task:
        contact = "".join(f"{name}: {value}\n" for name, value in task.contact.items())
        facts |= {
            "task": task.sms or task.title,
            "task_title": task.title,
            "task_text": task.text.strip(),
            "contact": contact,
        }
    return facts


def _remark_line(desk: Desk, incident: Incident, remark: Remark) -> TimelineLine:
    role = desk.plan.roles[remark.role].title if remark.role else ""
    chain = remark.chain.id if remark.chain else ""
    texts = {
        Entry.PERIOD: f"{remark.period}: kæden {chain} begynder nu",
        Entry.STEP_DROPPED: f"{role}: {remark.period} sluttede, før trinnet i {chain} blev nået",
        Entry.NOBODY_ON_DUTY: f"{role}: ingen står i vagtplanen, næste trin går i gang nu",
        Entry.WITHHELD: f"{remark.period}: planen kalder ingen for denne slags; venter på næste tidsrum",
    }
    reasons = {Entry.STEP_DROPPED: "period_ended", Entry.WITHHELD: "outside_period"}
    reason = reasons.get(remark.entry, "")
    return line(incident, remark.entry, remark.at, texts[remark.entry], remark.key, reason=reason)


def all_clear_rows(desk: Desk, incident: Incident, now: datetime) -> list[Notice]:
    """The all-clear for everyone who was told of the outage, by the way they were told, and nobody else."""
    facts = incident_facts(desk, incident, [], now)
    found = []
    for told in owed_all_clear(desk.ledger.notices_of(incident.id), incident):
        text = desk.texts.render(Kind.ALL_CLEAR, told.channel, facts, drill=incident.drill)
        clear = replace(
            told,
            id=NoticeId(desk.clock.new_id()),
            key=f"{incident.id}/{incident.generation}/clear/{now.timestamp():.3f}/{told.person}/{told.channel}",
            kind=Kind.ALL_CLEAR,
            reason=Kind.ALL_CLEAR.value,
            text=text.body,
            subject=text.subject,
            created=now,
            generation=incident.generation,
            state=NoticeState.QUEUED,
            settled=None,
            route=None,
            task=None,
            fault_at=None,
        )
        found.append(clear)
    return found


def test_notice(desk: Desk, person: str, channel: ChannelName, now: datetime) -> Notice:
    """A test alarm for one person."""
    who = next(p for p in desk.plan.people.values() if p.id == person)
    zone = desk.plan.calendar.zone
    text = desk.texts.render(Kind.TEST, channel, {"at": words.clock(now, now, zone)})
    ident = NoticeId(desk.clock.new_id())
    return Notice(
        ident,
        f"test/{ident}",
        None,
        Kind.TEST,
        who.id,
        channel,
        who.address(channel),
        text.body,
        now,
        "test",
        text.subject,
    )
