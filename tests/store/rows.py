"""Rows of every sort: by hypothesis from the dataclasses themselves, and a plain one of each to change at will."""

from dataclasses import fields
from datetime import UTC, datetime, timedelta, timezone
from enum import Enum
from types import UnionType
from typing import Any, NewType, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from monitor.core.finding import CheckName, SystemName
from monitor.core.plan import ChannelName, PersonId, RouteName, Severity, TaskId
from monitor.core.reasons import Entry, Kind
from monitor.core.records import (
    Attempt,
    AttemptId,
    BeliefRow,
    Incident,
    IncidentId,
    Notice,
    NoticeId,
    Row,
    TaskItem,
    TimelineLine,
    TransitionRow,
    WatchRow,
)
from monitor.store import schema

KINDS: list[type[Row]] = list(get_args(Row))
AT = datetime(2026, 3, 5, 10, 0, tzinfo=UTC)
NORDIC_WINTER = timezone(timedelta(hours=1))

_INSTANTS = st.datetimes(datetime(1970, 1, 2), datetime(9998, 12, 31)).flatmap(
    lambda naive: st.sampled_from((UTC, NORDIC_WINTER)).map(lambda zone: naive.replace(tzinfo=zone))
)
_PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    str: st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=60),
    bool: st.booleans(),
    int: st.integers(-(2**31), 2**31 - 1),
    datetime: _INSTANTS,
}


def _of(hint: Any) -> st.SearchStrategy[Any]:
    """Anything the field may hold."""
    if get_origin(hint) in (UnionType, Union):
        return st.one_of(*(_of(part) for part in get_args(hint)))
    if get_origin(hint) is tuple:
        return st.lists(_of(get_args(hint)[0]), max_size=4).map(tuple)
    while isinstance(hint, NewType):
        hint = hint.__supertype__
    if hint is type(None):
        return st.none()
    return st.sampled_from(hint) if issubclass(hint, Enum) else _PLAIN[hint]


def rows_of(kind: type[Row]) -> st.SearchStrategy[Row]:
    """Any row of one sort, every field at its full reach."""
    hints = get_type_hints(kind)
    drawn = st.tuples(*(_of(hints[field.name]) for field in fields(kind)))
    return drawn.map(lambda values: kind(*values))


def extremes(kind: type[Row]) -> list[Row]:
    """Rows whose fields are all as small and empty, and all as great and strange, as they may be."""
    hints = get_type_hints(kind)
    return [
        kind(**{field.name: _extreme(hints[field.name], great) for field in fields(kind)}) for great in (False, True)
    ]


def _extreme(hint: Any, great: bool) -> Any:
    if get_origin(hint) in (UnionType, Union):
        return _extreme(next(part for part in get_args(hint) if part is not type(None)), great) if great else None
    if get_origin(hint) is tuple:
        return (_extreme(get_args(hint)[0], great),) * 3 if great else ()
    while isinstance(hint, NewType):
        hint = hint.__supertype__
    if issubclass(hint, Enum):
        return list(hint)[-1 if great else 0]
    small: dict[Any, tuple[Any, Any]] = {
        str: ("", '\'; -- "%s" \\ \r\n\t \u2028 \U0001f6a8 æøå ' * 50),
        bool: (False, True),
        int: (-(2**31), 2**31 - 1),
        datetime: (datetime(1970, 1, 1, tzinfo=UTC), datetime.max.replace(tzinfo=UTC)),
    }
    return small[hint][great]


def key(row: Row) -> str:
    """What a later row with the same one replaces."""
    (column,) = schema.TABLES[type(row)].primary_key
    return str(getattr(row, column.name))


def an_incident(ident: str = "0196a0", number: str = "26-0001", **more: Any) -> Incident:
    whose = {"system": SystemName("noedkald"), "severity": Severity.DOWN}
    times = {"began": AT, "detected": AT, "chain_from": AT}
    return Incident(IncidentId(ident), number, **{**whose, **times, **more})


def a_notice(ident: str = "n1", incident: str | None = "0196a0", **more: Any) -> Notice:
    whose = None if incident is None else IncidentId(incident)
    return Notice(
        *(NoticeId(ident), f"key-{ident}", whose, Kind.ALARM, PersonId("nexus_support"), ChannelName.SMS),
        **{"to": "+4500000001", "text": f"Nødkald NEDE {ident}", "created": AT, **more},
    )


def a_line(name: str = "l1", incident: str = "0196a0", at: datetime = AT) -> TimelineLine:
    return TimelineLine(name, IncidentId(incident), at, Entry.OPENED, "åbnet")


def an_attempt(ident: str = "a1", notice: str = "n1", **more: Any) -> Attempt:
    return Attempt(AttemptId(ident), NoticeId(notice), RouteName("sms_a"), AT, **more)


def a_task(name: str = "t1", incident: str = "0196a0", **more: Any) -> TaskItem:
    return TaskItem(name, IncidentId(incident), TaskId("ring"), AT, **more)


def a_belief(check: str = "nexus-api", state: str = "up") -> BeliefRow:
    return BeliefRow(CheckName(check), 1, state, AT)


def a_watch(ident: str = "0196b0") -> WatchRow:
    return WatchRow(ident, AT, AT + timedelta(minutes=1))


def a_transition(ident: str = "x1") -> TransitionRow:
    return TransitionRow(ident, CheckName("nexus-api"), SystemName("omsorgssystem"), "up", "down", AT, AT)
