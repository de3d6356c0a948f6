"""What a text that a carrier has taken still needs: a receipt in time, else other ways and the next person.

Once a reader counts as not reached that stands for good (`Notice.overdue`): a receipt that comes later is kept, and
undoes and repeats nothing.

Context: a carrier that takes a text and stays silent is the commonest way for an alarm to vanish. Choice: the phone
decides, so a mail beside an SMS proves nothing until somebody answers it; whoever is told by mail alone counts as
reached until it is refused. Price: while a phone is off, somebody else is woken although a mail may have been read.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from monitor.core.delivery import OTHER_ROUTE, overtaken
from monitor.core.plan import ChannelName, Plan, RouteInfo, RouteName
from monitor.core.reasons import Kind
from monitor.core.records import Attempt, Incident, Notice, NoticeId, NoticeState

CHAIN = frozenset({Kind.ALARM, Kind.WORSENED, Kind.REOPENED, Kind.UNSTABLE, Kind.NO_NEWS, Kind.HANDOVER, Kind.REROUTED})
"""What a chain's steps say: for these the next person is called."""
CLIMBS = CHAIN | {Kind.TASK, Kind.ALL_CLEAR, Kind.BUNDLE}
"""What must arrive."""
OTHER_CHANNEL = "other_channel"

Unreached = Mapping[str, tuple[datetime, ...]]
"""By stretch and person (`{stretch.key}/{person}`): when their calls counted as not reached, sorted."""


def overdue_at(notice: Notice, plan: Plan) -> datetime | None:
    """When the notice counts as not arrived unless a receipt comes; None where none is waited for."""
    heard = notice.delivered or notice.seen or notice.answered or notice.overdue
    if notice.state is not NoticeState.ACCEPTED or notice.settled is None or heard is not None:
        return None
    tells = any(route.name == notice.route and route.receipts for route in plan.routes)
    if not tells or notice.kind not in CLIMBS:
        return None
    return notice.settled + timedelta(seconds=plan.rules.receipt_within)


def matters(notice: Notice, incident: Incident | None) -> bool:
    """Whether its not arriving is to be mended. `incident` is the notice's own while it is open, else None.

    Of an outage that is over only the all-clear matters, and of one that has begun anew only what is said now.
    """
    if notice.kind not in CLIMBS:
        return False
    if notice.kind is Kind.ALL_CLEAR:
        return incident is not None and not overtaken(notice, incident)
    if incident is None or not incident.active or incident.hold is not None:
        return False
    return notice.kind is Kind.TASK or notice.generation == incident.generation


def other_routes(notice: Notice, earlier: Iterable[Notice], routes: Sequence[RouteInfo]) -> list[RouteName]:
    """The routes of its channel that have not taken these words yet; `earlier` are those it stands in for."""
    taken = {one.route for one in (notice, *earlier)}
    return [route.name for route in routes if route.channel is notice.channel and route.name not in taken]


def refused_by(attempts: Iterable[Attempt]) -> set[RouteName]:
    """The routes on which this recipient is refused."""
    return {attempt.route for attempt in attempts if attempt.outcome == "rejected"}


def unsent(notice: Notice, ident: NoticeId, key: str, now: datetime) -> Notice:
    """The same words as a notice of their own that nobody has tried yet."""
    return replace(
        notice,
        id=ident,
        key=key,
        created=now,
        state=NoticeState.QUEUED,
        settled=None,
        route=None,
        fault_at=None,
        delivered=None,
        seen=None,
        answered=None,
        undelivered="",
        overdue=None,
        bundle=None,
        after=None,
    )


def root(notice: Notice) -> tuple[str, str]:
    """What notices that say the same to the same person, by whichever way, have in common."""
    first = notice.key.split(f"/{OTHER_ROUTE}")[0].split("/in_place/")[0]
    return first.rpartition("/")[0], notice.person


def unreached(notices: Iterable[Notice]) -> dict[str, tuple[datetime, ...]]:
    """Whose calls in one incident counted as not reached, and when. Nothing that comes later changes an instant."""
    calls: dict[tuple[str, str], list[Notice]] = {}
    for notice in notices:
        if (call := _call(notice)) is not None:
            calls.setdefault(call, []).append(notice)
    found: dict[str, list[datetime]] = {}
    for (key, _), mine in calls.items():
        at = _missed_at(mine)
        if at is not None:
            found.setdefault(key, []).append(at)
    return {key: tuple(sorted(times)) for key, times in found.items()}


def missed_since(key: str, people: Iterable[str], at: datetime, unreached: Unreached) -> datetime | None:
    """When the last of these people, called at `at` in the stretch `key`, counted as not reached; None: not all do."""
    last: datetime | None = None
    for person in people:
        first = next((one for one in unreached.get(f"{key}/{person}", ()) if one >= at), None)
        if first is None:
            return None
        last = first if last is None else max(last, first)
    return last


def _call(notice: Notice) -> tuple[str, str] | None:
    """Stretch with person, and the turn, of a notice a chain asked for (`monitor.core.escalation` makes the keys)."""
    parts = notice.key.rsplit("/", 3)
    if notice.kind not in CHAIN or notice.after is not None or len(parts) != 4 or not parts[1].isdigit():
        return None
    return f"{parts[0]}/{notice.person}", parts[1]


def _missed_at(call: Sequence[Notice]) -> datetime | None:
    rings = [notice for notice in call if notice.channel is ChannelName.SMS] or call
    times = [notice.overdue for notice in rings if notice.overdue is not None]
    if len(times) < len(rings):
        return None
    at = max(times)
    heard = (when for notice in call for when in (notice.delivered, notice.seen, notice.answered))
    return None if any(when is not None and when < at for when in heard) else at


def rung(notice: Notice) -> str:
    """How far a notice has come: the highest rung it has reached, or why it climbs no further."""
    reached = (("acknowledged", notice.answered), ("seen", notice.seen), ("delivered", notice.delivered))
    for word, at in reached:
        if at is not None:
            return word
    if notice.state is not NoticeState.ACCEPTED:
        return notice.state.value
    return "undelivered" if notice.undelivered else "overdue" if notice.overdue else "accepted"
