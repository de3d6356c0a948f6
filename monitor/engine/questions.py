"""The question for news as calls: by the ways each was told.

Asked of the same rows at every look, so a question whose text could not be made is made at the next.
"""

from collections.abc import Set
from datetime import datetime

from monitor.core.escalation import Call
from monitor.core.incidents import Change, tick
from monitor.core.plan import ChannelName, PersonId
from monitor.core.progress import progress, questions, unanswered
from monitor.core.records import Incident, NoticeState
from monitor.engine.desk import Desk


def aged(desk: Desk, incident: Incident, now: datetime) -> Change:
    """What time alone does to an open incident, and the silence of whoever has it."""
    older = tick(incident, desk.plan.rules, now)
    return older if older.events else progress(older.incident, desk.plan, now)


def question_calls(desk: Desk, incident: Incident, told: Set[str]) -> tuple[Call, ...]:
    """Whoever is to be asked for news now and has not been."""
    if not unanswered(incident):
        return ()
    ways: dict[PersonId, set[ChannelName]] = {}
    for notice in desk.ledger.notices_of(incident.id):
        if notice.state is not NoticeState.FAILED:
            ways.setdefault(notice.person, set()).add(notice.channel)
    return questions(incident, desk.plan, ways, told)
