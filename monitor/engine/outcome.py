"""What is kept of a try, and of giving up: the rows, the timeline's lines, the counts and the measures.

Everything that follows from an outcome is in one batch with it.
"""

from dataclasses import replace
from datetime import datetime

import structlog

from monitor.core import words
from monitor.core.delivery import Ended
from monitor.core.plan import ChannelName
from monitor.core.reasons import Entry
from monitor.core.records import Attempt, Batch, Notice, NoticeState
from monitor.engine.addresses import accepted_rows, flag_rows
from monitor.engine.desk import Desk
from monitor.engine.instead import Lost, lost_rows, name_of, spoken
from monitor.engine.underway import LONGEST_ID
from monitor.ports import SendOutcome, Sent

log = structlog.get_logger(__name__)

_SAID = 200
_SHOWN = 60
_UNWANTED = frozenset({Ended.OVERTAKEN, Ended.TOO_MANY})


def tried(desk: Desk, notice: Notice, attempt: Attempt, sent: Sent) -> tuple[Attempt, Batch]:
    """A try has ended: the try as it is kept, and the rows that follow from it."""
    outcome, said = sent.outcome, sent.said[:_SAID]
    attempt = replace(attempt, outcome=outcome.value, said=said, provider_id=sent.provider_id[:LONGEST_ID])
    ended = attempt.ended or attempt.started
    desk.metrics.notices.labels(notice.channel, attempt.route, outcome, notice.kind).inc()
    log.info("notice", kind=notice.kind, channel=notice.channel, route=attempt.route, outcome=outcome)
    batch = Batch([attempt])
    accepted = outcome is SendOutcome.ACCEPTED
    if accepted:
        # A receipt may have come for an earlier try while this one was made.
        latest = desk.ledger.newest(notice.id) or notice
        batch.add(replace(latest, state=NoticeState.ACCEPTED, settled=latest.settled or ended, route=attempt.route))
        batch.add(*accepted_rows(desk, notice, attempt.route, ended))
        for part in desk.ledger.parts(notice):
            _measure(desk, part, ended)
    text = f"{words.CHANNELS[notice.channel]} til {name_of(desk, notice)} ad {attempt.route}"
    text += "" if accepted else _outcome(attempt)
    batch.add(*spoken(desk, notice, Entry.ACCEPTED if accepted else Entry.NOT_ACCEPTED, text, attempt.id))
    return attempt, batch


def given_up(desk: Desk, notice: Notice, reason: Ended) -> Batch:
    """A notice will not be tried again: its rows, and the other ways where it is still wanted."""
    now = desk.clock.now()
    failed = replace(notice, state=NoticeState.FAILED, settled=now, reason=f"{notice.reason}/{reason}")
    batch = Batch([failed] if reason in _UNWANTED else lost_rows(desk, failed, now, Lost.GIVEN_UP))
    text = f"{words.CHANNELS[notice.channel]} til {name_of(desk, notice)}: {words.ENDED[reason]}"
    entry = Entry.WITHHELD if reason is Ended.TOO_MANY else Entry.GAVE_UP
    batch.add(*spoken(desk, notice, entry, text, f"gave_up/{notice.id}", reason.value))
    if reason is Ended.REJECTED:
        batch.add(*flag_rows(desk, notice, now, words.ENDED[reason]))
    outcome = "withheld" if reason is Ended.TOO_MANY else "gave_up"
    desk.metrics.notices.labels(notice.channel, "", outcome, notice.kind).inc()
    return batch


def _measure(desk: Desk, notice: Notice, accepted: datetime) -> None:
    took = (accepted - notice.created).total_seconds()
    desk.metrics.delivery.labels(notice.channel, "accepted").observe(max(0.0, took))
    if notice.fault_at is not None and notice.channel is ChannelName.SMS and not _was_told(desk, notice):
        desk.metrics.fault_to_accepted.observe(max(0.0, (accepted - notice.fault_at).total_seconds()))


def _was_told(desk: Desk, notice: Notice) -> bool:
    """True when another first alarm of the incident has already been taken by a carrier, be it committed yet or not."""
    known = desk.ledger.notices_of(notice.incident) if notice.incident else ()
    others = (desk.ledger.newest(one.id) or one for one in known if one.fault_at and one.channel is notice.channel)
    return any(one.state is NoticeState.ACCEPTED for one in others)


def _outcome(attempt: Attempt) -> str:
    """What became of a try that was not taken, with the provider's own word: the card tells people to look here."""
    said = f" (svar: {attempt.said[:_SHOWN]})" if attempt.said else ""
    return f": {words.OUTCOMES[attempt.outcome]}{said}"
