"""The tables: one for each sort of row in `monitor.core.records`, with a column for each of its fields; the fleets'.

Columns follow the dataclasses, so a field cannot be forgotten on the way; what a released database looks like stands
in the migrations, and a test holds the two together. Instants are microseconds since 1970 UTC: exact and sortable in
SQLite and PostgreSQL alike.
"""

import re
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from enum import Enum
from types import UnionType
from typing import Any, NewType, Union, get_args, get_origin, get_type_hints

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)
from sqlalchemy.types import TypeDecorator, TypeEngine

from monitor.core import records
from monitor.core.withholding import Withholding

HEAD = "0002"
"""The newest migration; a test compares it with the folder."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_UNWRITABLE = re.compile("[\x00\ud800-\udfff]")


class Instant(TypeDecorator[datetime]):
    """An aware datetime as microseconds since 1970 UTC."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """To the column."""
        return None if value is None else (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        """From the column."""
        return None if value is None else _EPOCH + timedelta(microseconds=value)


class Instants(TypeDecorator[tuple[datetime, ...]]):
    """A short list of instants."""

    impl = JSON
    cache_ok = True

    def process_bind_param(self, value: tuple[datetime, ...] | None, dialect: Dialect) -> list[int]:
        """To the column."""
        return [(v - _EPOCH) // _MICROSECOND for v in value or ()]

    def process_result_value(self, value: Any | None, dialect: Dialect) -> tuple[datetime, ...]:
        """From the column."""
        return tuple(_EPOCH + timedelta(microseconds=v) for v in value or ())


class Word(TypeDecorator[Enum]):
    """An enum by its value."""

    impl = String(40)
    cache_ok = True

    def __init__(self, kind: type[Enum]) -> None:
        super().__init__()
        self.kind = kind

    def process_bind_param(self, value: Enum | None, dialect: Dialect) -> str | None:
        """To the column."""
        return None if value is None else str(value.value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> Enum | None:
        """From the column."""
        if value is None:
            return None
        return self.kind(int(value) if issubclass(self.kind, int) else value)


class Written(TypeDecorator[str]):
    """Text of any length, sorted by its bytes: ids are made to sort by time, and a Danish server takes `aa` for å.

    NUL and lone surrogates, which only come from outside and which a database refuses, become the replacement
    character: a row that can never be written would hold up all those behind it.
    """

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """The column's type."""
        return Text(collation="C") if dialect.name == "postgresql" else Text()

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """To the column."""
        return None if value is None else _UNWRITABLE.sub("\N{REPLACEMENT CHARACTER}", value)


metadata = MetaData()


def _plain(hint: Any) -> tuple[Any, bool]:
    """The type without `| None` and NewType, and whether None is allowed."""
    optional = get_origin(hint) in (UnionType, Union)
    if optional:
        hint = next(arg for arg in get_args(hint) if arg is not type(None))
    while isinstance(hint, NewType):
        hint = hint.__supertype__
    return hint, optional


def _type(hint: Any) -> TypeEngine[Any]:
    if get_origin(hint) is tuple:
        return Instants()
    if issubclass(hint, Enum):
        return Word(hint)
    plain: dict[Any, type[TypeEngine[Any]]] = {
        datetime: Instant,
        str: Written,
        bool: Boolean,
        int: Integer,
        float: Float,
    }
    return plain[hint]()


def _table(name: str, kind: type, key: str, *indexed: str) -> Table:
    hints = get_type_hints(kind)
    columns = []
    for item in fields(kind):
        hint, optional = _plain(hints[item.name])
        columns.append(Column(item.name, _type(hint), primary_key=item.name == key, nullable=optional))
    return Table(name, metadata, *columns, *(Index(f"ix_{name}_{i}", i) for i in indexed))


incidents = _table("incidents", records.Incident, "id", "number", "closed")
timeline = _table("timeline", records.TimelineLine, "key", "incident")
notices = _table("notices", records.Notice, "key", "incident", "state")
attempts = _table("attempts", records.Attempt, "id", "notice")
tasks = _table("tasks", records.TaskItem, "key", "incident")
addresses = _table("addresses", records.AddressRow, "key", "cleared")
transitions = _table("transitions", records.TransitionRow, "id", "noticed")
beliefs = _table("beliefs", records.BeliefRow, "check")
canaries = _table("canaries", records.CanaryRow, "id")
watches = _table("watches", records.WatchRow, "id")
withholdings = _table("withholdings", Withholding, "id", "end")

devices = Table(
    "devices",
    metadata,
    Column("fleet", Written(), primary_key=True),
    Column("idx", Integer, primary_key=True, autoincrement=False),
    Column("id", Written(), nullable=False),
    Column("cid", Written(), nullable=False),
    Column("attributes", Written(), nullable=False),
    Column("critical", Boolean, nullable=False),
    Column("interval", Integer, nullable=False),
    Column("muted_until", Instant, nullable=True),
    Column("why", Written(), nullable=False),
)
"""The registry. `idx` is a device's place in its fleet for good: what is kept of its reports lies there in a block."""

fleet_blocks = Table(
    "fleet_blocks",
    metadata,
    Column("fleet", Written(), primary_key=True),
    Column("block", Integer, primary_key=True, autoincrement=False),
    Column("data", LargeBinary, nullable=False),
)

tokens = Table(
    "tokens",
    metadata,
    Column("hash", Written(), primary_key=True),
    Column("fleet", Written(), nullable=False),
    Column("device", Written(), nullable=False),
    Column("created", Instant, nullable=False),
    Column("revoked", Instant, nullable=True),
    Column("note", Written(), nullable=False),
)
"""What devices show: the SHA-256 of each token in hexadecimal, never the token itself."""

TABLES: dict[type, Table] = {
    records.Incident: incidents,
    records.TimelineLine: timeline,
    records.Notice: notices,
    records.Attempt: attempts,
    records.TaskItem: tasks,
    records.AddressRow: addresses,
    records.TransitionRow: transitions,
    records.BeliefRow: beliefs,
    records.CanaryRow: canaries,
    records.WatchRow: watches,
    Withholding: withholdings,
}
