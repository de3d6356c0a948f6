"""From what is due to rows: the texts rendered, the timeline written, the tasks handed out.

Rendering happens here, at the decision, so that what is sent is what was decided. A text that cannot be rendered is
replaced by a plain one: no fault in a template holds an alarm back.
"""

from collections.abc import Sequence, Set
from dataclasses import replace
from datetime import datetime
from typing import Any

import structlog

from monitor.core import words
from monitor.core.delivery import owed_again, owed_all_clear
from monitor.core.escalation import Call, Due, Remark
from monitor.core.gsm import cut
from monitor.core.plan import OWN_LINE, ChannelName, PersonId, Severity, Task
from monitor.core.reasons import Entry, Kind
from monitor.core.records import Batch, Incident, Notice, NoticeId, NoticeState, TaskItem, TimelineLine
from monitor.engine.announced import facts as announced_facts
from monitor.engine.announced import overrun
from monitor.engine.asking import ask
from monitor.engine.desk import Desk
from monitor.plan.texts import DRILL, Text

log = structlog.get_logger(__name__)

_FIRST_LINES, _LAST_LINES = 20, 40
"""What a mail shows of a long timeline."""


def line(incident: Incident, entry: Entry, at: datetime, text: str, key: str = "", **more: str) -> TimelineLine:
    """One timeline line; without a key of its own it is named by what it says and when."""
    key = key or f"{incident.id}/{entry}/{at.timestamp():.6f}/{more.get('who', '')}"
    return TimelineLine(key, incident.id, at, entry, text, more.get("who", ""), more.get("reason", ""))


def due_rows(
    desk: Desk, incident: Incident, due: Due, said: Sequence[TimelineLine], now: datetime
) -> tuple[Batch, bool]:
    """The rows for everything due in one incident. `said` are this batch's lines so far; a mail's timeline holds them.

    False when a call could not be made into a notice: the others go all the same, and it is asked for again.
    """
    batch = Batch()
    for remark in due.remarks:
        batch.add(_remark_line(desk, incident, remark))
    pending = [*said, *(row for row in batch.rows if isinstance(row, TimelineLine))]
    facts = incident_facts(desk, incident, pending, now) if due.calls else {}
    whole = True
    for call in due.calls:
        about = f"call/{incident.id}/{call.person}/{call.channel}"
        with desk.isolated(about):
            batch.add(*_call_rows(desk, incident, call, facts, now))
        whole = whole and about not in desk.sick
    return batch, whole


def _call_rows(
    desk: Desk, incident: Incident, call: Call, facts: dict[str, Any], now: datetime
) -> list[Notice | TimelineLine | TaskItem]:
    person = desk.plan.people[call.person]
    address = person.address(call.channel)
    if not address:
        text = f"{person.name} har ingen adresse til {words.CHANNELS[call.channel]}"
        return [line(incident, Entry.WITHHELD, now, text, f"{call.key}", who=person.name, reason="no_address")]
    task = desk.plan.tasks[call.task] if call.task else None
    notice = _notice(desk, incident, call, facts | _call_facts(desk, call, task) | ask(desk, incident, call, now), now)
    role = desk.plan.roles[call.role].title
    what = words.KINDS[call.kind] + (f": {task.title}" if task else "")
    whom = person.name if person.name == role else f"{person.name} ({role})"
    text = f"{words.CHANNELS[call.channel]} til {whom}: {what}"
    rows: list[Notice | TimelineLine | TaskItem] = [
        notice,
        line(incident, Entry.QUEUED, now, text, f"{call.key}/queued", who=person.name, reason=call.kind.value),
    ]
    given = f"{incident.id}/{task.id}" if task else ""
    # Handed to one more person, a task stays as it is: perhaps somebody has ticked it off already.
    if task and given not in desk.ledger.tasks.get(incident.id, {}):
        rows.append(TaskItem(given, incident.id, task.id, now))
    return rows


def _notice(desk: Desk, incident: Incident, call: Call, facts: dict[str, Any], now: datetime) -> Notice:
    person = desk.plan.people[call.person]
    text = render(desk, call.kind, call.channel, facts, drill=incident.drill)
    first = call.kind is Kind.ALARM and incident.generation == 1
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
        fault_at=incident.began if first else None,
        code=facts["code"],
    )


def render(desk: Desk, kind: Kind, channel: ChannelName, facts: dict[str, Any], *, drill: bool) -> Text:
    """A text from its template; a plain one when the template falls."""
    try:
        return desk.texts.render(kind, channel, facts, drill=drill)
    except Exception:
        log.exception("text_not_rendered", kind=kind.value, channel=channel.value)
    word = words.KINDS[kind].upper()
    plain = f"{facts['system']} {facts['severity']} siden {facts['since']}. Hændelse {facts['number']}."
    plain = f"{DRILL if drill else ''}{plain}{facts['reply']} {word}. {facts['task_title']}".strip()
    return Text(cut(plain, 153)) if channel is ChannelName.SMS else Text(plain + "\n", plain)


def incident_facts(desk: Desk, incident: Incident, pending: Sequence[TimelineLine], now: datetime) -> dict[str, Any]:
    """What the templates may say of an incident (`monitor.plan.texts.EXAMPLE` lists the names)."""
    system = desk.plan.systems.get(incident.system)
    zone = desk.plan.calendar.zone
    severity = words.SEVERITIES[incident.current or incident.severity]
    ended = incident.good_since or incident.recovered or now
    again = incident.told_as is Kind.REOPENED and incident.downs
    began = incident.downs[-1] if again else incident.began
    return {
        "system": system.short if system else incident.system,
        "system_title": system.title if system else incident.system,
        "severity": severity,
        "since": words.clock(began, now, zone),
        "detected": words.clock(incident.detected, now, zone),
        "recovered": words.clock(ended, now, zone),
        "lasted": words.duration(ended - began),
        "number": incident.number,
        "cause": incident.cause,
        "also": _also(desk, incident) + overrun(desk, incident, now),
        **announced_facts(desk, incident, now),
        "downs": len(incident.downs),
        "acknowledged_by": incident.acknowledged_by,
        "holder": incident.holder or incident.acknowledged_by,
        "human": words.HUMAN[incident.human],
        "timeline": _timeline(desk, incident, pending, now),
        "card": desk.cards.get(system.card, "").strip() if system else "",
        "at": words.clock(now, now, zone),
        "role": "",
        "task": "",
        "task_title": "",
        "task_text": "",
        "contact": "",
        "reply": "",
        "link": "",
        "answer": "",
        "code": "",
    }


def _timeline(desk: Desk, incident: Incident, pending: Sequence[TimelineLine], now: datetime) -> str:
    """The timeline as text, the middle of a long one left out: a mail must not grow with the outage."""
    zone = desk.plan.calendar.zone
    lines = sorted([*desk.ledger.lines_of(incident.id), *pending], key=lambda ln: ln.at)
    shown = [
        f"{words.clock(ln.at, now, zone)}  {say(ln)}"
        for ln in (*lines[:_FIRST_LINES], *lines[_FIRST_LINES:][-_LAST_LINES:])
    ]
    left_out = len(lines) - len(shown)
    if left_out:
        shown.insert(_FIRST_LINES, f"(… {left_out} linjer udeladt …)")
    return "\n".join(shown)


def say(entry: TimelineLine) -> str:
    """A timeline line as people read it."""
    head = words.ENTRIES[entry.entry]
    return f"{head}: {entry.text}" if entry.text else head


def _also(desk: Desk, incident: Incident) -> str:
    """Other outages that make this one worse (Phoniro and nødkald: helpers cannot get in)."""
    system = desk.plan.systems.get(incident.system)
    others = [desk.ledger.by_system.get(name) for name in (system.worsened_by if system else ())]
    down = [o for o in others if o is not None and o.active and o.current is Severity.DOWN]
    titles = [desk.plan.systems[o.system].short for o in down if o.system in desk.plan.systems]
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
    follows = "trinnet kalder de øvrige" if remark.others else "næste trin går i gang nu"
    texts = {
        Entry.PERIOD: f"{remark.period}: kæden {chain} begynder nu" if chain else f"{remark.period}",
        Entry.OVERDUE: f"{role}: ingen er nået, næste trin går i gang nu",
        Entry.STEP_DROPPED: f"{role}: {remark.period} sluttede, før trinnet i {chain} blev nået",
        Entry.NOBODY_ON_DUTY: f"{role}: ingen står i vagtplanen, {follows}",
        Entry.WITHHELD: f"{remark.period}: planen kalder ingen for denne slags; venter på næste tidsrum",
    }
    reasons = {Entry.OVERDUE: "not_reached", Entry.STEP_DROPPED: "period_ended", Entry.WITHHELD: "outside_period"}
    reason = reasons.get(remark.entry, "")
    return line(incident, remark.entry, remark.at, texts[remark.entry], remark.key, reason=reason)


def all_clear_rows(desk: Desk, incident: Incident, said: Sequence[TimelineLine], now: datetime) -> list[Notice]:
    """The all-clear for everyone who was told of the outage, by the way they were told, and nobody else."""
    facts = incident_facts(desk, incident, said, now)
    stem = f"{incident.id}/{incident.generation}/clear/{now.timestamp():.3f}"
    return [
        follow_up(desk, incident, told, Kind.ALL_CLEAR, stem, facts | {"created": now})
        for told in owed_all_clear(desk.ledger.notices_of(incident.id), incident)
    ]


def again_rows(
    desk: Desk, incident: Incident, told_now: Set[PersonId], said: Sequence[TimelineLine], now: datetime
) -> list[Notice | TimelineLine]:
    """It is back: for everyone whose last word was an all-clear and whom the chain (`told_now`) does not tell now."""
    if incident.generation == 1 or not incident.active or incident.hold is not None:
        return []
    owed = [n for n in owed_again(desk.ledger.notices_of(incident.id), incident) if n.person not in told_now]
    facts = incident_facts(desk, incident, said, now) | {"created": now} if owed else {}
    rows: list[Notice | TimelineLine] = []
    for told in owed:
        again = follow_up(desk, incident, told, incident.told_as, f"{incident.id}/{incident.generation}/again", facts)
        person = desk.plan.people.get(told.person)
        name = person.name if person else told.person
        text = f"{words.CHANNELS[told.channel]} til {name}: {words.KINDS[again.kind]}"
        rows += [again, line(incident, Entry.QUEUED, now, text, f"{again.key}/queued", who=name, reason=again.reason)]
    return rows


def follow_up(desk: Desk, incident: Incident, told: Notice, kind: Kind, stem: str, facts: dict[str, Any]) -> Notice:
    """One more word to somebody already told, by the way they were told. `stem` begins its key."""
    text = render(desk, kind, told.channel, facts, drill=incident.drill)
    return replace(
        told,
        id=NoticeId(desk.clock.new_id()),
        key=f"{stem}/{told.person}/{told.channel}",
        kind=kind,
        reason=kind.value,
        text=text.body,
        subject=text.subject,
        created=facts["created"],
        generation=incident.generation,
        state=NoticeState.QUEUED,
        settled=None,
        route=None,
        task=None,
        fault_at=None,
        code="",
        delivered=None,
        seen=None,
        answered=None,
        undelivered="",
        overdue=None,
        bundle=None,
        after=None,
    )
