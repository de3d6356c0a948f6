"""What is old is deleted: closed incidents with all that belongs to them, then what nothing refers to any more.

Nothing of an open incident goes, nothing that is still to be sent, and never the last number nor the last watch. Some
rows at a time in transactions of their own: an alarm that is to be saved waits for one of them at most.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol

import structlog
from sqlalchemy import ColumnElement, Connection, Table, and_, delete, or_, select

from monitor.core.records import NoticeState
from monitor.ports import StoreFault
from monitor.store import schema

log = structlog.get_logger(__name__)

BRIEF = timedelta(days=90)
"""How long every change of every check is kept; incidents tell what came of them for longer."""
BATCH = 500
"""Rows deleted in one transaction."""
KEPT = frozenset({"beliefs", "canaries", "devices", "fleet_blocks", "tokens"})
"""Tables that hold what is, not what was: they do not grow with time."""


class Prunable(Protocol):
    """A store that can delete what is old."""

    async def prune(self, now: datetime, keep: timedelta) -> Mapping[str, int]:
        """How many rows of each table were deleted. Raises StoreFault; what was deleted by then stays deleted."""


async def nightly(store: Prunable, now: datetime, keep: timedelta) -> None:
    """Delete what is old, and log what came of it; what could not be deleted is tried again the next night."""
    try:
        gone = await store.prune(now, keep)
    except StoreFault as fault:
        log.warning("not_pruned", why=str(fault))
    else:
        log.info("pruned", rows=sum(gone.values()), **gone)


def old(now: datetime, keep: timedelta, newest: str) -> Iterator[tuple[Table, ColumnElement[bool]]]:
    """Each table and which of its rows are old, in the order they may go: what refers to a row goes before it.

    `newest` is the id of the incident the next number is counted from.
    """
    since = now - keep
    incidents, notices = schema.incidents, schema.notices
    gone = select(incidents.c.id).where(_closed(since), incidents.c.id != newest)
    bundles = select(notices.c.bundle).where(notices.c.bundle.is_not(None))
    nobodys = and_(notices.c.incident.is_(None), notices.c.created < since, notices.c.id.not_in(bundles))
    settled = and_(or_(notices.c.incident.in_(gone), nobodys), notices.c.state != NoticeState.QUEUED)
    # The second time round, the bundles whose members went the first time.
    for _ in range(2):
        for table in _with("notice"):
            yield table, table.c.notice.in_(select(notices.c.id).where(settled))
        yield notices, settled
    for table in _with("incident"):
        if table is not notices:
            yield table, table.c.incident.in_(gone)
    yield incidents, incidents.c.id.in_(gone)
    last = select(schema.watches.c.id).order_by(schema.watches.c.id.desc()).limit(1).scalar_subquery()
    yield schema.watches, and_(schema.watches.c.last < since, schema.watches.c.id != last)
    yield schema.transitions, schema.transitions.c.noticed < now - min(keep, BRIEF)
    yield schema.addresses, schema.addresses.c.cleared < since
    yield schema.withholdings, schema.withholdings.c.end < since


def delete_some(table: Table, which: ColumnElement[bool], connection: Connection) -> int:
    """Delete at most BATCH of these rows; how many there were."""
    (key,) = table.primary_key
    some = select(key).where(which).limit(BATCH)
    found: Any = connection.execute(delete(table).where(key.in_(some)))
    return int(found.rowcount)


def _closed(since: datetime) -> ColumnElement[bool]:
    """Closed before then, with nothing left to be sent."""
    incidents, notices = schema.incidents, schema.notices
    unsent = select(notices.c.incident).where(notices.c.state == NoticeState.QUEUED, notices.c.incident.is_not(None))
    return and_(incidents.c.closed < since, incidents.c.id.not_in(unsent))


def _with(column: str) -> list[Table]:
    return [table for table in schema.metadata.sorted_tables if column in table.c]
