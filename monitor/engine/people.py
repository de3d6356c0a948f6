"""What people do to an incident: have it, say how far they are, note something, tick a task off.

Nothing here closes an outage that is still there or hides a worsening, and what was said twice is kept once.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

from monitor.core import words
from monitor.core.incidents import acknowledge as acknowledged
from monitor.core.incidents import news
from monitor.core.plan import TaskId
from monitor.core.progress import heard, unanswered
from monitor.core.reasons import Entry, HumanState
from monitor.core.records import Batch, Incident, IncidentId, Row
from monitor.engine.compose import line
from monitor.engine.desk import Desk
from monitor.engine.links import Link
from monitor.engine.rungs import answered_rows
from monitor.engine.taken import meant, taken_rows

BY_PEOPLE = (HumanState.SEEN, HumanState.WORKING, HumanState.FALLBACK)
"""The states people may say; the last one, resolved, follows from the system."""
_HEARD = frozenset({"done", "already", "noted"})
"""Answers that show their sender to have read what he was sent."""
_SAME_WORD = timedelta(seconds=60)
"""The same word again within so short a time is not kept: it says nothing a row would be worth."""


class Answer(StrEnum):
    """What came of it."""

    DONE = "done"
    ALREADY = "already"
    NOTED = "noted"
    """Nothing new, which is an answer: somebody is still at it."""
    NOT_OPEN = "not_open"
    """No open incident goes by that number."""
    OVER = "over"
    """The system is up again: there is nothing to have any more."""
    STILL_THERE = "still_there"
    """The system is not up: only its own recovery ends the incident."""
    NO_SUCH_TASK = "no_such_task"
    USED = "used"
    """The link has been answered by before."""
    OUTDATED = "outdated"
    """Its chain has started again since the link was made: there is a newer one."""


@dataclass(frozen=True, slots=True)
class Act:
    """What came of it, and the incident as it stands now (None when there is none)."""

    answer: Answer
    incident: Incident | None = None


def find(desk: Desk, wanted: str) -> Incident | None:
    """An open incident by its number or id."""
    known = desk.ledger.incidents.get(IncidentId(wanted))
    return known or next((i for i in desk.ledger.incidents.values() if i.number == wanted), None)


async def acknowledge(desk: Desk, wanted: str, who: str, human: HumanState | None, link: Link | None = None) -> Act:
    """Somebody has it (DESIGN §3, Acknowledging). `human` is one of BY_PEOPLE, None: as it was; others are shown `who`.

    The others told hear of it once. A `link` counts once, and only for what it was sent about.
    """
    (act,) = await acknowledge_all(desk, (wanted,), who, human, link)
    return act


async def acknowledge_all(
    desk: Desk, wanted: Iterable[str], who: str, human: HumanState | None, link: Link | None = None
) -> list[Act]:
    """Somebody has several, in one transaction: what the others hear of it can go as one message."""
    async with desk.journal.turn:
        batch, acts = Batch(), list[Act]()
        for one in wanted:
            incident = find(desk, one)
            act = Act(Answer.NOT_OPEN) if incident is None else _taken(desk, incident, _Said(who, human, link), batch)
            acts.append(act)
            if incident is not None and act.answer in _HEARD:
                now = desk.clock.now()
                batch.add(*answered_rows(desk, incident, meant(desk, who, now), now))
        if batch:
            await desk.journal.commit(batch)
            desk.wake_escalate()
            desk.wake_deliver()
        return acts


@dataclass(frozen=True, slots=True)
class _Said:
    """What somebody has said of an incident."""

    who: str
    human: HumanState | None
    link: Link | None


def _taken(desk: Desk, incident: Incident, said: _Said, batch: Batch) -> Act:
    """What it does to one incident; its rows go into the batch."""
    now, link = desk.clock.now(), said.link
    if not incident.active:
        return Act(Answer.OVER, incident)
    if link is not None and (refused := spent(desk, incident, link)) is not None:
        return Act(refused, incident)
    first = incident.acknowledged is None
    human = said.human or (HumanState.SEEN if first else incident.human)
    if not first and human in (incident.human, HumanState.SEEN):
        return _nothing_new(desk, incident, said, batch)
    if incident.first_acknowledged is None:
        desk.metrics.to_acknowledge.observe(max(0.0, (now - incident.detected).total_seconds()))
    after = acknowledged(incident, said.who, human, now)
    key = link.key if link else ""
    text, entry = f"{said.who}: {words.HUMAN[human]}", Entry.ACKNOWLEDGED if first else Entry.HUMAN
    line_of_it = line(after, entry, now, text, key, who=said.who, reason=human.value)
    batch.add(after, line_of_it, *(taken_rows(desk, after, said.who, [line_of_it], now) if first else ()))
    return Act(Answer.DONE, after)


def _nothing_new(desk: Desk, incident: Incident, said: _Said, batch: Batch) -> Act:
    """The same once more: an answer when we have asked, or by the button that says so; else only a sign of life."""
    now, since = desk.clock.now(), incident.acknowledged or desk.clock.now()
    after = news(incident, now)
    if unanswered(incident) or said.human is None:
        text = f"{said.who}: stadig i gang"
        key = said.link.key if said.link else ""
        batch.add(after, line(after, Entry.HUMAN, now, text, key, who=said.who, reason="still"))
        return Act(Answer.NOTED, after)
    if now - heard(incident, since) >= _SAME_WORD:
        batch.add(after)
        return Act(Answer.ALREADY, after)
    return Act(Answer.ALREADY, incident)


def spent(desk: Desk, incident: Incident, link: Link) -> Answer | None:
    """Why a link no longer counts in its incident; None when it does."""
    if link.key in desk.ledger.told.get(incident.id, set()):
        return Answer.USED
    return Answer.OUTDATED if link.generation != incident.generation else None


async def note(desk: Desk, wanted: str, who: str, text: str) -> Act:
    """A line in somebody's own words on an open incident's timeline."""
    async with desk.journal.turn:
        incident, now = find(desk, wanted), desk.clock.now()
        if incident is None:
            return Act(Answer.NOT_OPEN)
        after = news(incident, now)
        await _commit(desk, after, line(after, Entry.NOTE, now, f"{who}: {text}", who=who))
        return Act(Answer.DONE, after)


async def tick_off(desk: Desk, wanted: str, task: TaskId, who: str) -> Act:
    """A task handed out in the incident has been done."""
    async with desk.journal.turn:
        incident, now = find(desk, wanted), desk.clock.now()
        if incident is None:
            return Act(Answer.NOT_OPEN)
        item = next((t for t in desk.ledger.tasks.get(incident.id, {}).values() if t.task == task), None)
        if item is None:
            return Act(Answer.NO_SUCH_TASK, incident)
        if item.done is not None:
            return Act(Answer.ALREADY, incident)
        known = desk.plan.tasks.get(task)
        text = f"{known.title if known else task} ({who})"
        done, after = replace(item, done=now, done_by=who), news(incident, now)
        await _commit(desk, after, done, line(after, Entry.TASK_DONE, now, text, f"{item.key}/done", who=who))
        return Act(Answer.DONE, after)


async def resolve(desk: Desk, wanted: str, who: str) -> Act:
    """Close an incident whose system is up again, without waiting until it can no longer be rejoined."""
    async with desk.journal.turn:
        incident, now = find(desk, wanted), desk.clock.now()
        if incident is None or incident.active:
            return Act(Answer.STILL_THERE if incident else Answer.NOT_OPEN, incident)
        closed = replace(incident, closed=now, human=HumanState.RESOLVED)
        # The line first: with the incident closed the ledger lets go of its timeline.
        await _commit(desk, line(incident, Entry.CLOSED, now, who, who=who), closed)
        return Act(Answer.DONE, closed)


async def _commit(desk: Desk, *rows: Row) -> None:
    await desk.journal.commit(Batch(list(rows)))
    desk.wake_escalate()
