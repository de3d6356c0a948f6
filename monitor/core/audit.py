"""What an auditor demands of the incidents as they stand: each goes on to something, at an instant that is known.

Looks at rows alone and trusts no loop: what a loop has missed, or a row has lost, shows here.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from monitor.core.delivery import Wait, must_wait_for, next_move
from monitor.core.escalation import Due
from monitor.core.plan import Plan, RouteInfo, Rules
from monitor.core.reasons import Entry, Hold, Kind
from monitor.core.records import Attempt, Incident, Notice, NoticeId, NoticeState, TimelineLine
from monitor.core.withhold import WITHHELD

LATE = timedelta(seconds=15)
"""What is due and was not told so long after is forgotten."""
UNSENT = timedelta(seconds=30)
"""What may be tried and was not tried so long after is stuck."""
_COULD_NOT = frozenset({Entry.WITHHELD, Entry.NOBODY_ON_DUTY, Entry.GAVE_UP})


class Next(StrEnum):
    """What an open incident waits for."""

    SEND = "send"
    """A notice is to be tried."""
    STEP = "step"
    """The plan's chain: its next step or reminder."""
    PERIOD = "period"
    """The next period of the day, and its chain."""
    QUESTION = "question"
    """Whoever has it is asked for news."""
    HELD = "held"
    """Its notices are withheld."""
    STEADY = "steady"
    """It comes and goes: well, or away, for long enough."""
    CLOSE = "close"
    """It is over, and can still come back."""
    IN_HAND = "in_hand"
    """Somebody has it, and the plan asks for nothing more."""
    PLAN_DONE = "plan_done"
    """Everybody the plan names has been told, and it names nobody else."""


class Wrong(StrEnum):
    """What is wrong with it."""

    NO_NEXT_STEP = "no_next_step"
    MISSED = "missed"
    """What time alone should have done has not been done."""
    UNTOLD = "untold"
    """The plan asks for somebody who has not been told."""
    NOBODY_TOLD = "nobody_told"
    """Nobody was told of it, and nothing says why."""
    UNSENT = "unsent"
    """A notice waits that might be tried."""
    NOT_KEPT = "not_kept"
    """The database has another row than memory."""
    NO_INCIDENT = "no_incident"
    """A confirmed failure has no incident."""


@dataclass(frozen=True, slots=True)
class NextStep:
    """What an incident waits for. `at` is None where no instant is known: then `what` is the reason."""

    what: Next
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Complaint:
    """Something the auditor found. `about` is the incident's number, or the system where there is none."""

    wrong: Wrong
    about: str
    notice: NoticeId | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """One open incident with what belongs to it, and what deciding asks for it now.

    `asked` is what its chain and the silence of whoever has it ask for; `question_at` when silence next asks;
    `send_at` when its first queued notice may be tried; `held_until` the known end of its hold.
    """

    incident: Incident
    notices: Sequence[Notice]
    lines: Sequence[TimelineLine]
    asked: Due
    question_at: datetime | None = None
    send_at: datetime | None = None
    held_until: datetime | None = None


def next_step(standing: Standing, plan: Plan, now: datetime) -> NextStep | None:
    """What the incident waits for next, the nearest first; None when it waits for nothing."""
    dated = [step for step in _dated(standing, plan, now) if step.at is not None]
    incident = standing.incident
    if incident.hold is not None and incident.active:
        return NextStep(Next.HELD, standing.held_until)
    if dated:
        return min(dated, key=lambda step: step.at or now)
    if incident.acknowledged is not None:
        return NextStep(Next.IN_HAND)
    return NextStep(Next.PLAN_DONE) if _somebody(standing.notices) else None


def _dated(standing: Standing, plan: Plan, now: datetime) -> Iterator[NextStep]:
    incident, rules = standing.incident, plan.rules
    yield NextStep(Next.SEND, standing.send_at)
    if incident.recovered is not None:
        yield NextStep(Next.CLOSE, incident.recovered + timedelta(seconds=rules.rejoin_within))
        return
    yield NextStep(Next.STEADY, _steady_at(incident, rules))
    yield NextStep(Next.QUESTION, standing.question_at)
    at = standing.asked.next_at
    yield NextStep(Next.PERIOD if at is not None and at == plan.calendar.next_change(now) else Next.STEP, at)


def _steady_at(incident: Incident, rules: Rules) -> datetime | None:
    if not incident.unstable:
        return None
    since = incident.good_since or (incident.downs[-1] if incident.downs else incident.detected)
    return since + timedelta(seconds=rules.stable_for)


def complaints(standing: Standing, plan: Plan, now: datetime) -> Iterator[Complaint]:
    """What is wrong with one open incident. `asked` must be worked out for `now`."""
    incident, asked = standing.incident, standing.asked
    step = next_step(standing, plan, now)
    if step is None:
        yield Complaint(Wrong.NO_NEXT_STEP, incident.number)
    elif step.at is not None and now - step.at > LATE and step.what is not Next.SEND:
        yield Complaint(Wrong.MISSED, incident.number)
    if any(now - item.due > LATE for item in asked.calls) or any(now - item.at > LATE for item in asked.remarks):
        yield Complaint(Wrong.UNTOLD, incident.number)
    if _told_nobody(standing, plan, now):
        yield Complaint(Wrong.NOBODY_TOLD, incident.number)


def _told_nobody(standing: Standing, plan: Plan, now: datetime) -> bool:
    incident = standing.incident
    waits = incident.hold is not None or not incident.active or now - incident.chain_from <= LATE
    if waits or any(line.entry in _COULD_NOT for line in standing.lines):
        return False
    if standing.asked.next_at is not None and not _begins_at_once(incident, plan):
        return False
    return not any(notice.generation == incident.generation for notice in standing.notices)


def _begins_at_once(incident: Incident, plan: Plan) -> bool:
    """Whether a chain that runs for it tells somebody from its first moment on."""
    period = plan.calendar.period_at(incident.chain_from)
    bound = plan.chain_for(period, incident.system, incident.severity)
    chains = (*plan.standing_chains(incident.system, incident.severity), *((bound,) if bound else ()))
    silent = incident.unstable and incident.good_since is not None
    return not silent and any(step.after == 0 for chain in chains for step in chain.steps)


def _somebody(notices: Iterable[Notice]) -> bool:
    return any(notice.state is NoticeState.ACCEPTED for notice in notices)


def stuck(
    queued: Sequence[Notice],
    attempts: Mapping[NoticeId, Sequence[Attempt]],
    open_to: Callable[[Notice], Sequence[RouteInfo]],
    now: datetime,
) -> Iterator[Notice]:
    """The queued notices of one channel that might have been tried for a while, with no try on that channel since.

    `open_to` gives the routes a notice may go by. While a channel is trying others, a notice has its turn still to
    come; what is in a bundle goes with it.
    """
    since = now - UNSENT
    started = [tries[-1].started for notice in queued if (tries := attempts.get(notice.id))]
    if any(at > since for at in started):
        return
    for notice in queued:
        tries = attempts.get(notice.id, ())
        quiet = notice.created <= since and all((each.ended or each.started) <= since for each in tries)
        if not quiet or notice.bundle is not None or must_wait_for(notice, queued):
            continue
        if not isinstance(next_move(notice, tries, open_to(notice), since), Wait):
            yield notice


def held_for_nothing(incident: Incident, why: Hold | None) -> bool:
    """True where a parent holds the incident's notices back that would not hold them now (`why`)."""
    return incident.active and incident.hold in (Hold.PARENT_PENDING, Hold.PARENT_DOWN) and why is None


def held_too_long(incident: Incident, until: datetime | None, rules: Rules, now: datetime) -> bool:
    """True where announced work or a mute is over (`until` None) and notices still wait, longer than for a look."""
    if incident.hold not in WITHHELD or not incident.active or until is not None:
        return False
    return incident.let_go is None or now - incident.let_go > timedelta(seconds=3 * rules.fresh_within) + LATE


def is_pulse(notice: Notice) -> bool:
    """True for the service's own pulse: nobody waits for it."""
    return notice.kind is Kind.PULSE
