"""The upper rungs of the ladder: what somebody has seen, since he answers it.

In the same transaction as the answer, so that nobody who has answered is called again for want of a receipt.
"""

from collections.abc import Set
from dataclasses import replace
from datetime import datetime

from monitor.core.plan import PersonId
from monitor.core.records import Incident, Notice, NoticeState
from monitor.engine.desk import Desk


def answered_rows(desk: Desk, incident: Incident, people: Set[PersonId], now: datetime) -> list[Notice]:
    """What these people were sent about an incident, and the bundles it came in, as seen and answered by now."""
    rows: dict[str, Notice] = {}
    for known in desk.ledger.notices_of(incident.id):
        mine = known.person in people and known.state is NoticeState.ACCEPTED
        if not mine or known.answered is not None:
            continue
        notice = desk.ledger.newest(known.id) or known
        rows[notice.id] = _answered(desk, notice, now)
        bundle = desk.ledger.newest(notice.bundle) if notice.bundle else None
        if bundle is not None and bundle.answered is None:
            rows[bundle.id] = replace(bundle, seen=bundle.seen or now, answered=now)
    return list(rows.values())


def _answered(desk: Desk, notice: Notice, now: datetime) -> Notice:
    took = max(0.0, (now - notice.created).total_seconds())
    if notice.seen is None:
        desk.metrics.delivery.labels(notice.channel, "seen").observe(took)
    desk.metrics.delivery.labels(notice.channel, "acknowledged").observe(took)
    return replace(notice, seen=notice.seen or now, answered=now)
