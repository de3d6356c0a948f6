"""Incidents as they are now: the open ones from the engine's memory, the closed ones from what was kept.

Memory first: with the database gone, what is open is still shown.
"""

import asyncio

from monitor.core.records import Incident
from monitor.engine.people import find
from monitor.ports import StoreFault
from monitor.web.site import Site, Told

_PATIENCE = 3.0


async def find_incident(site: Site, wanted: str) -> Incident | None:
    """An incident by number or id. Raises StoreFault when it is not open and the store cannot be read."""
    found = find(site.engine.desk, wanted)
    if found is not None:
        return found
    try:
        async with asyncio.timeout(_PATIENCE):
            return await site.history.incident(wanted)
    except TimeoutError as error:
        raise StoreFault("no answer") from error


async def rows_of(site: Site, incident: Incident) -> Told:
    """Timeline, notices and tasks, oldest first. Raises StoreFault as `find_incident`."""
    ledger = site.engine.desk.ledger
    if incident.id in ledger.incidents:
        return (
            tuple(ledger.lines_of(incident.id)),
            tuple(ledger.notices_of(incident.id)),
            tuple(ledger.tasks.get(incident.id, {}).values()),
        )
    try:
        async with asyncio.timeout(_PATIENCE):
            return await site.history.story(incident.id)
    except TimeoutError as error:
        raise StoreFault("no answer") from error


async def recent(site: Site, limit: int) -> tuple[list[Incident], bool]:
    """The newest incidents, newest first, as they are now; and whether the store could be read at all."""
    open_now = site.engine.desk.ledger.incidents
    complete = True
    kept: tuple[Incident, ...] = ()
    try:
        async with asyncio.timeout(_PATIENCE):
            kept = await site.history.incidents(limit)
    except (StoreFault, TimeoutError):
        complete = False
    known = {one.id: one for one in kept} | open_now
    return sorted(known.values(), key=lambda one: one.detected, reverse=True)[:limit], complete
