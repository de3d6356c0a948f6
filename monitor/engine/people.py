"""What people do to an incident: have it, say how far they are, note something, tick a task off.

Nothing here closes an outage that is still there or hides a worsening, and what was said twice is kept once.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from monitor.core import words
from monitor.core.incidents import acknowledge as acknowledged
from monitor.core.plan import TaskId
from monitor.core.reasons import Entry, HumanState
from monitor.core.records import Batch, Incident, Row
from monitor.engine.compose import line
from monitor.engine.desk import Desk
from monitor.engine.links import Link
from monitor.engine.taken import taken_rows

BY_PEOPLE = (HumanState.SEEN, HumanState.WORKING, HumanState.FALLBACK)
"""The states people may say; the last one, resolved, follows from the system."""


class Answer(StrEnum):
    """What came of it."""

    DONE = "done"
    ALREADY = "already"
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
    """It has become worse since the link was made: there is a newer one."""


@dataclass(frozen=True, slots=True)
class Act:
    """What came of it, and the incident as it stands now (None when there is none)."""

    answer: Answer
    incident: Incident | None = None


def find(desk: Desk, wanted: str) -> Incident | None:
    """An open incident by its number or id."""
    return next((i for i in desk.ledger.incidents.values() if wanted in (i.number, i.id)), None)


async def acknowledge(desk: Desk, wanted: str, who: str, human: HumanState, link: Link | None = None) -> Act:
    """Somebody has it (DESIGN §3, Acknowledging). `human` is one of BY_PEOPLE; `who` is shown to others.

    The others told hear of it once. A `link` counts once, and only for what it was sent about.
    """
    async with desk.journal.turn:
        incident, now = find(desk, wanted), desk.clock.now()
        if incident is None or not incident.active:
            return Act(Answer.OVER if incident else Answer.NOT_OPEN, incident)
        if link is not None and (refused := spent(desk, incident, link)) is not None:
            return Act(refused, incident)
        first = incident.acknowledged is None
        if not first and human in (incident.human, HumanState.SEEN):
            return Act(Answer.ALREADY, incident)
        after = acknowledged(incident, who, human, now)
        entry = Entry.ACKNOWLEDGED if first else Entry.HUMAN
        text = f"{who}: {words.HUMAN[human]}"
        if incident.first_acknowledged is None:
            desk.metrics.to_acknowledge.observe(max(0.0, (now - incident.detected).total_seconds()))
        said = line(after, entry, now, text, link.key if link else "", who=who, reason=human.value)
        await _commit(desk, after, said, *(taken_rows(desk, after, who, [said], now) if first else ()))
        desk.wake_deliver()
        return Act(Answer.DONE, after)


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
        await _commit(desk, line(incident, Entry.NOTE, now, f"{who}: {text}", who=who))
        return Act(Answer.DONE, incident)


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
        done = replace(item, done=now, done_by=who)
        await _commit(desk, done, line(incident, Entry.TASK_DONE, now, text, f"{item.key}/done", who=who))
        return Act(Answer.DONE, incident)


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
