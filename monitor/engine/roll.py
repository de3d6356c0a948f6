"""The roll of a fleet for people to look at: how many stand where, and the devices a page at a time."""

from dataclasses import dataclass
from datetime import UTC, datetime

from monitor.core.fleet import WORK, DeviceState
from monitor.core.plan import Fleet
from monitor.engine.book import Book
from monitor.engine.fleets import Fleets

_SCAN = 50_000
"""Places looked at for one page: a page must not hold up the reports that come meanwhile."""


@dataclass(frozen=True, slots=True)
class Stated:
    """A fleet with how many devices stand where."""

    fleet: Fleet
    devices: int
    states: dict[str, int]
    early: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """One device for people to look at."""

    id: str
    cid: str
    state: str
    critical: bool
    heard: datetime | None
    muted_until: datetime | None
    attributes: dict[str, str]
    flags: list[str]


def stated(fleets: Fleets) -> list[Stated]:
    """Every fleet of the plan as it is now."""
    found = []
    for fleet in fleets.desk.plan.fleets.values():
        book = fleets.books.get(fleet.id)
        counts = book.devices.counts() if book else dict.fromkeys(DeviceState, 0)
        states = {state.value: count for state, count in counts.items()}
        found.append(Stated(fleet, sum(states.values()), states, bool(book and book.early.signs)))
    return found


def page(book: Book | None, state: str, after: int, limit: int) -> tuple[list[Shown], int | None]:
    """Devices past the place `after`, at most `limit`; and the place to go on from, None at the end."""
    if book is None:
        return [], None
    devices, found = book.devices, []
    end = devices.top
    for place in range(after + 1, min(end, after + 1 + _SCAN)):
        stands = devices.state(place)
        if stands is not None and (not state or stands.value == state):
            found.append(_shown(book, place, stands))
        if len(found) == limit:
            return found, place
    last = min(end, after + 1 + _SCAN) - 1
    return found, last if last + 1 < end else None


def _shown(book: Book, place: int, state: DeviceState) -> Shown:
    devices = book.devices
    heard, muted = devices.last(place), devices.muted_until(place)
    flags = devices.flags(place)
    return Shown(
        devices.ids[place] or "",
        devices.cid(place),
        state.value,
        devices.critical(place),
        datetime.fromtimestamp(heard, UTC) if heard else None,
        datetime.fromtimestamp(muted, UTC) if muted else None,
        book.described(place),
        [(flag.name or "").lower() for flag in WORK if flags & flag],
    )
