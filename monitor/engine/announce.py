"""What people announce: work or a mute, ended early or moved to another end.

Each is a row before it counts, and the plan's own windows are changed the same way: the changed one stands in for it.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from monitor.core.announcing import FURTHEST, Refused, refused
from monitor.core.records import Batch
from monitor.core.withholding import MOST, Sort, Withholding
from monitor.engine.announced import coming
from monitor.engine.desk import Desk

log = structlog.get_logger(__name__)

_KEPT = timedelta(days=8)
"""How long one that is over is remembered, for what is said of it afterwards."""


@dataclass(frozen=True, slots=True)
class Granted:
    """The withholding as it now is, or why there is none."""

    window: Withholding | None = None
    refused: Refused | None = None


async def announce(desk: Desk, asked: Withholding) -> Granted:
    """Withhold from `asked.start` to `asked.end`; its id and stamp are given here."""
    async with desk.journal.turn:
        now = desk.clock.now()
        window = replace(asked, id=desk.clock.new_id(), created=now)
        why = refused(window, desk.plan, now)
        if why is None and sum(one.over > now for one in desk.ledger.announced.values()) >= MOST:
            why = Refused.TOO_MANY
        return Granted(refused=why) if why else await _commit(desk, window, now)


async def cancel(desk: Desk, ident: str, who: str) -> Granted:
    """It ends now, or never begins."""
    async with desk.journal.turn:
        now = desk.clock.now()
        window = find(desk, ident, now)
        if window is None:
            return _missing(desk, ident)
        return await _commit(desk, replace(window, cancelled=now, cancelled_by=who), now)


async def extend(desk: Desk, ident: str, end: datetime) -> Granted:
    """It ends then instead, later or earlier."""
    async with desk.journal.turn:
        now = desk.clock.now()
        window = find(desk, ident, now)
        if window is None:
            return _missing(desk, ident)
        moved = replace(window, end=end)
        why = refused(moved, desk.plan, now)
        return Granted(refused=why) if why else await _commit(desk, moved, now)


def find(desk: Desk, ident: str, now: datetime) -> Withholding | None:
    """One that is not over, by its id."""
    return next((one for one in coming(desk, now, now + 2 * FURTHEST) if one.id == ident), None)


def muted(desk: Desk, system: str, now: datetime) -> Withholding | None:
    """The mute that is on a system now."""
    mine = [one for one in coming(desk, now, now) if one.kind is Sort.MUTE and system in one.names]
    return mine[0] if mine else None


def _missing(desk: Desk, ident: str) -> Granted:
    return Granted(refused=Refused.OVER if ident in desk.ledger.announced else Refused.NOT_THERE)


async def _commit(desk: Desk, window: Withholding, now: datetime) -> Granted:
    for old in [one.id for one in desk.ledger.announced.values() if now - one.over > _KEPT]:
        del desk.ledger.announced[old]
    log.info("withholding", id=window.id, sort=window.kind, systems=window.systems, until=window.over.isoformat())
    await desk.journal.commit(Batch([window]))
    desk.wake_escalate()
    return Granted(window)
