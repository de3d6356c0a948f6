"""What may go as one message: several words of one sort for one person by one way.

Like goes with like, so that one text is true of all in it; a first alarm and an all-clear never wait for company.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.core.plan import ChannelName, PersonId
from monitor.core.reasons import Kind
from monitor.core.records import Notice, NoticeId

LEAST = 3
"""Two waiting notices stay two."""
MANY_OPEN = 2
"""Somebody with more open incidents than this can wait a little for one reminder of all of them."""
COMPANY = timedelta(seconds=20)
FIRST = frozenset({Kind.ALARM, Kind.WORSENED, Kind.REOPENED, Kind.UNSTABLE, Kind.NO_NEWS, Kind.REROUTED})
"""The first words of an outage, or of its being worse or back."""
_KEY = "bundle/"
_ALONE = frozenset({Kind.BUNDLE, Kind.ANSWER, Kind.TEST})


@dataclass(frozen=True, slots=True)
class Company:
    """Notices with the same one may go together."""

    person: PersonId
    channel: ChannelName
    to: str
    sort: str
    drill: bool
    independent_first: bool


def company(notice: Notice, *, drill: bool) -> Company | None:
    """Whose company a notice may go in; None for what always goes alone. `drill` is its incident's."""
    if notice.incident is None or notice.kind in _ALONE:
        return None
    kind = said_as(notice.kind)
    sort = f"{kind}/{notice.task}" if notice.task else kind.value
    return Company(notice.person, notice.channel, notice.to, sort, drill, notice.independent_first)


def said_as(kind: Kind) -> Kind:
    """The kind that stands for all that may go together with this one."""
    return Kind.ALARM if kind in FIRST - {Kind.REROUTED} else kind


def key_of(kind: Kind, ident: NoticeId) -> str:
    """A bundle's key; what stands in for the bundle later has one that begins with it."""
    return f"{_KEY}{kind}/{ident}"


def kind_of(notice: Notice) -> Kind:
    """What a notice says: its own kind, a bundle's that of what it holds."""
    held = notice.key.removeprefix(_KEY).partition("/")[0] if notice.key.startswith(_KEY) else ""
    return Kind(held) if held in Kind.__members__.values() else notice.kind


def waits_until(notice: Notice, open_incidents: int, now: datetime) -> datetime:
    """Until when a notice waits for company; `now` when it does not. `open_incidents` are those its reader knows of."""
    until = notice.created + COMPANY
    patient = notice.kind is Kind.REMINDER and open_incidents > MANY_OPEN
    # A clock that was set back must not make seconds of waiting hours.
    return until if patient and notice.created <= now < until else now
