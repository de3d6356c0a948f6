"""Taking up what a former run left: open incidents, what was queued, what was believed.

Nothing kept is trusted blindly: a belief that no incident bears out is found out anew, and one system has one incident.
"""

from dataclasses import replace
from datetime import datetime

from monitor.core.plan import ALARM_PATH, WATCH
from monitor.core.reasons import Entry, Kind
from monitor.core.records import Batch, Incident, Kept, Row
from monitor.core.state import Belief
from monitor.engine.compose import line
from monitor.engine.desk import Desk


def adopt(desk: Desk, kept: Kept, now: datetime) -> Batch:
    """Take the kept rows into the ledger; gives the rows that end incidents whose system has a newer one.

    A system may have two when the store could not be read at a start and an outage was opened in memory alone.
    """
    ledger, ends = desk.ledger, Batch()
    ledger.know_number(kept.last_number)
    known = {system: i for system, i in ledger.by_system.items() if i.open}
    for incident in sorted(kept.incidents, key=lambda i: i.id, reverse=True):
        newer = known.setdefault(incident.system, incident)
        if newer.id != incident.id:
            ends.add(*_ended(incident, newer, now))
    ended = {row.id for row in ends.rows if isinstance(row, Incident)}
    ledger.put(i for i in kept.incidents if i.id not in ended)
    # A bundle after what it holds: without that it would be let go of at once when it has been sent.
    notices = sorted(kept.notices, key=lambda notice: notice.kind is Kind.BUNDLE)
    for rows in (kept.beliefs, kept.timeline, notices, kept.attempts, kept.tasks, kept.addresses, kept.withholdings):
        ledger.put(rows)
    ledger.put(kept.canaries)
    return ends


def _ended(incident: Incident, newer: Incident, now: datetime) -> tuple[Row, ...]:
    text = f"fortsætter som {newer.number}"
    return line(incident, Entry.CLOSED, now, text, reason="continued"), replace(incident, closed=now)


def distrust(desk: Desk) -> None:
    """After a restart: forget what was believed of a system where it and its incident do not bear each other out.

    A failure believed without an incident would never be told, since nothing changes any more; a system believed to be
    up under an open incident would be cleared without a look. Both happen when we were killed between two writes.
    """
    beliefs = desk.ledger.beliefs
    for system in desk.plan.systems.values():
        incident = desk.ledger.by_system.get(system.id)
        out = incident is not None and incident.good_since is None
        if out == (desk.view(system.id).severity is not None):
            continue
        for name in system.checks:
            if name in beliefs and system.id in (WATCH, ALARM_PATH):
                # Not probed but said when it changes: said anew at the first look.
                del beliefs[name]
            elif name in beliefs or (out and system.id != WATCH):
                # Of the watch on ourselves some is never said while it is well: nobody waits for that.
                beliefs[name] = Belief()
