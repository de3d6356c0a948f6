"""Which addresses are no more: flagged by what carriers say, and told to the plan's owner once.

Context: a dead number costs its person the time until the carrier says so. Choice: what a receipt called dead is passed
over for half a day in favour of the person's other channel; what a route refuses outright is still tried, since that
costs nothing. Price: a carrier that calls living numbers dead keeps their phones silent for as long, but no longer.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from monitor.core.plan import ChannelName, Person, PersonId, Plan
from monitor.core.reasons import Kind
from monitor.core.records import AddressRow, Notice
from monitor.engine.desk import Desk
from monitor.engine.loose import loose

_SHOWN = 4
_PASSED_OVER_FOR = timedelta(hours=12)


def flag_rows(desk: Desk, notice: Notice, now: datetime, said: str, route: str = "") -> Sequence[AddressRow | Notice]:
    """The rows that flag a notice's address. The owner is told when it was not flagged before."""
    key = f"{notice.person}/{notice.channel}/{notice.to}"
    known = desk.ledger.flags.of(notice.to, notice.channel)
    if known:
        return [replace(row, last=now, said=said, route=route) for row in known]
    row = AddressRow(key, notice.person, notice.channel, notice.to, now, now, said, route)
    # At once: two refusals of one turn are told once.
    desk.ledger.flags.put(row)
    return (row, *_owner_notices(desk, row, now))


def clear_rows(desk: Desk, address: str, channel: ChannelName, now: datetime) -> list[AddressRow]:
    """The rows that take the flag off an address something has reached."""
    return [_cleared(row, now) for row in desk.ledger.flags.of(address, channel)]


def outdated_rows(desk: Desk, plan: Plan, now: datetime) -> list[AddressRow]:
    """The flags of addresses a new plan does not give these people any more."""
    rows = tuple(desk.ledger.flags.rows.values())
    return [_cleared(row, now) for row in rows if _given(plan, row.person, row.channel) != row.address]


def accepted_rows(desk: Desk, notice: Notice, route: str, now: datetime) -> list[AddressRow]:
    """Taken by a route whose word is all we ever get: an address that was merely refused is good again."""
    tells = any(r.name == route and r.receipts for r in desk.plan.routes)
    rows = () if tells else desk.ledger.flags.of(notice.to, notice.channel)
    return [_cleared(row, now) for row in rows if row.route in ("", route)]


def passed_over(desk: Desk, notice: Notice) -> bool:
    """Whether a notice is to go by its person's other channel alone, since this address is no more."""
    if notice.incident not in desk.ledger.incidents or notice.incident is None:
        return False
    now = desk.clock.now()
    dead = [row for row in desk.ledger.flags.of(notice.to, notice.channel) if row.route]
    if not any(timedelta(0) <= now - row.last < _PASSED_OVER_FOR for row in dead):
        return False
    person = desk.plan.people.get(notice.person)
    return person is not None and any(_open(desk, person, c) for c in ChannelName if c is not notice.channel)


def _open(desk: Desk, person: Person, channel: ChannelName) -> bool:
    address = person.address(channel)
    ways = any(route.channel is channel for route in desk.plan.routes)
    return bool(address) and ways and not desk.ledger.flags.flagged(address, channel)


def _cleared(row: AddressRow, now: datetime) -> AddressRow:
    return replace(row, cleared=now)


def _given(plan: Plan, person: PersonId, channel: ChannelName) -> str:
    known = plan.people.get(person)
    return known.address(channel) if known else ""


def _owner_notices(desk: Desk, row: AddressRow, now: datetime) -> list[Notice]:
    """The plan's owner hears of it by every channel but the dead address itself."""
    people = [desk.plan.people[person] for person in desk.plan.roles[desk.plan.owner].on_duty(now)]
    ways = [(who, channel) for who in people for channel in ChannelName if who.address(channel)]
    said = f"{told_of(desk.plan, row)} virker ikke: teleudbyderen afviser beskeder."
    if row.channel is ChannelName.MAIL:
        said = f"{told_of(desk.plan, row)} virker ikke: mailserveren afviser beskeder."
    stem = f"dead/{row.key}/{row.since.timestamp():.3f}"
    return [
        loose(desk, Kind.DEAD_ADDRESS, (who, channel), stem, {"answer": said}, said)
        for who, channel in ways
        if who.address(channel) != row.address
    ]


def told_of(plan: Plan, row: AddressRow) -> str:
    """Whose address it is, without the address: `Nexus' nummer, der ender på 0001`."""
    person = plan.people.get(row.person)
    name = person.name if person else row.person
    if row.channel is ChannelName.SMS:
        return f"{name}: nummeret, der ender på {row.address[-_SHOWN:]},"
    return f"{name}: mailadressen"
