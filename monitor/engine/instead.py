"""What is done at once when a notice did not reach its reader: the rows of other ways, and that he was not reached.

Decided and committed together with the reason, so that a crash leaves either both or neither.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from enum import StrEnum

from monitor.core import words
from monitor.core.delivery import OTHER_ROUTE
from monitor.core.gsm import cut
from monitor.core.ladder import CLIMBS, OTHER_CHANNEL, matters, other_routes, refused_by, root, unsent
from monitor.core.plan import ChannelName, RouteName
from monitor.core.reasons import Entry
from monitor.core.records import Incident, Notice, NoticeId, NoticeState, Row, TimelineLine
from monitor.engine.compose import line
from monitor.engine.desk import Desk

_SUBJECT = 78


class Lost(StrEnum):
    """Why a notice counts as not having reached its reader."""

    SILENT = "silent"
    """No receipt in time, or the carrier has given up on it: the address may be good."""
    REFUSED = "refused"
    """The carrier says that the address is no more: nothing goes there again."""
    GIVEN_UP = "given_up"
    """No route would take it."""


def lost_rows(desk: Desk, notice: Notice, now: datetime, why: Lost) -> list[Row]:
    """A notice did not arrive: itself, marked as such, with what goes another way.

    Marked once: what is overdue already is neither repeated nor counted again, and who has answered it was reached.
    """
    if notice.overdue is not None or notice.seen is not None:
        return [notice]
    rows: list[Row] = []
    mended = any(matters(part, _incident(desk, part)) for part in desk.ledger.parts(notice))
    if mended and why is Lost.SILENT:
        rows += again_by_route(desk, notice, now)
    if mended or why is Lost.GIVEN_UP:
        rows += by_other_channel(desk, notice, now)
    return [replace(notice, overdue=now) if notice.kind in CLIMBS else notice, *rows]


def again_by_route(desk: Desk, notice: Notice, now: datetime) -> list[Notice]:
    """The same words once more by a route that has not taken them; none when every route has."""
    if not routes_left(desk, notice):
        return []
    again = unsent(notice, NoticeId(desk.clock.new_id()), f"{notice.key}/{OTHER_ROUTE}", now)
    return [replace(again, reason=OTHER_ROUTE, after=notice.id)]


def routes_left(desk: Desk, notice: Notice) -> list[RouteName]:
    """The routes of its channel that have neither taken these words yet nor refused their reader."""
    line_of = list(earlier(desk, notice))
    attempts = [a for one in (notice, *line_of) for a in desk.ledger.attempts.get(one.id, ())]
    refused = refused_by(attempts)
    return [route for route in other_routes(notice, line_of, desk.plan.routes) if route not in refused]


def earlier(desk: Desk, notice: Notice) -> Iterator[Notice]:
    """The notices of its channel it stands in for, the latest first."""
    before = desk.ledger.newest(notice.after) if notice.after else None
    while before is not None and before.channel is notice.channel:
        yield before
        before = desk.ledger.newest(before.after) if before.after else None


def by_other_channel(desk: Desk, notice: Notice, now: datetime) -> list[Notice]:
    """A person one channel cannot reach is told by the other, unless that is under way already.

    An incident that is closed by then is history: nobody is alarmed of it by another way.
    """
    person = desk.plan.people.get(notice.person)
    incidents = [part.incident for part in desk.ledger.parts(notice) if part.incident in desk.ledger.incidents]
    if person is None or not incidents:
        return []
    for channel in ChannelName:
        if channel is notice.channel or not person.address(channel) or _told_by(desk, notice, channel):
            continue
        again = unsent(notice, NoticeId(desk.clock.new_id()), f"{notice.key}/in_place/{channel}", now)
        return [
            replace(
                again,
                channel=channel,
                to=person.address(channel),
                text=cut(notice.subject) if channel is ChannelName.SMS else notice.text,
                subject=notice.text[:_SUBJECT] if channel is ChannelName.MAIL else "",
                fault_at=notice.fault_at,
                reason=OTHER_CHANNEL,
                after=notice.id,
            )
        ]
    return []


def _told_by(desk: Desk, notice: Notice, channel: ChannelName) -> bool:
    """Whether the same is being told, or has been, to the same person by this channel."""
    return all(
        any(n.channel is channel and root(n) == root(part) for n in desk.ledger.notices_of(part.incident))
        for part in desk.ledger.parts(notice)
        if part.incident is not None
    )


def spoken(desk: Desk, notice: Notice, entry: Entry, text: str, stem: str, reason: str = "") -> list[TimelineLine]:
    """A line in the timeline of every open incident the notice speaks of."""
    now, who = desk.clock.now(), name_of(desk, notice)
    lines = []
    for part in desk.ledger.parts(notice):
        incident = _incident(desk, part)
        if incident is not None:
            key = f"{incident.id}/{entry}/{stem}"
            lines.append(line(incident, entry, now, text, key, who=who, reason=reason or part.kind.value))
    return lines


def way_of(desk: Desk, notice: Notice) -> str:
    """Which text to whom, as a timeline says it: `SMS til Nexus ad primary`."""
    by = f" ad {notice.route}" if notice.route and notice.state is NoticeState.ACCEPTED else ""
    return f"{words.CHANNELS[notice.channel]} til {name_of(desk, notice)}{by}"


def name_of(desk: Desk, notice: Notice) -> str:
    """The reader's name."""
    person = desk.plan.people.get(notice.person)
    return person.name if person else notice.person


def _incident(desk: Desk, notice: Notice) -> Incident | None:
    return desk.ledger.incidents.get(notice.incident) if notice.incident else None
