"""Canaries that come by webhook: when each last came, kept so that a restart knows.

Each name has one row. A caller in a hurry costs no more than one row a second.
"""

from datetime import datetime, timedelta

from monitor.core.records import Batch, CanaryRow
from monitor.engine.desk import Desk

_APART = timedelta(seconds=1)


async def came(desk: Desk, name: str) -> None:
    """It came now. The caller has made sure that the plan names it."""
    now, known = desk.clock.now(), desk.ledger.canaries.get(name)
    if known is None or not timedelta(0) <= now - known.last < _APART:
        await desk.journal.commit(Batch([CanaryRow(name, now)]))


def last(desk: Desk, name: str) -> datetime | None:
    """When it last came; None while it never has."""
    row = desk.ledger.canaries.get(name)
    return row.last if row else None
