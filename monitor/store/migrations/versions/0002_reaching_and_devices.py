"""Receipts, answers, withholding and devices: what the second release keeps beside the first.

Rows from before get the values they would have had, and the names they would have been given.
"""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

ADDED: tuple[tuple[str, str, Any, Any], ...] = (
    ("incidents", "news", sa.BigInteger(), None),
    ("incidents", "asked", sa.BigInteger(), None),
    ("incidents", "asks", sa.Integer(), 0),
    ("incidents", "holder", TEXT, ""),
    ("incidents", "releases", sa.Integer(), 0),
    ("incidents", "held_since", sa.BigInteger(), None),
    ("incidents", "window", TEXT, ""),
    ("incidents", "known", sa.String(40), None),
    ("incidents", "let_go", sa.BigInteger(), None),
    ("incidents", "eased", sa.String(40), None),
    ("notices", "delivered", sa.BigInteger(), None),
    ("notices", "seen", sa.BigInteger(), None),
    ("notices", "answered", sa.BigInteger(), None),
    ("notices", "undelivered", TEXT, ""),
    ("notices", "overdue", sa.BigInteger(), None),
    ("notices", "bundle", TEXT, None),
    ("notices", "after", TEXT, None),
)
"""Table, column, type, and what rows from before get (None: nothing)."""

INDEXED: tuple[tuple[str, str], ...] = ()

TABLES: dict[str, tuple[list[str], list[str], dict[str, tuple[Any, bool]]]] = {
    "addresses": (
        ["key"],
        ["cleared"],
        {
            "key": (TEXT, False),
            "person": (TEXT, False),
            "channel": (sa.String(40), False),
            "address": (TEXT, False),
            "since": (sa.BigInteger(), False),
            "last": (sa.BigInteger(), False),
            "said": (TEXT, False),
            "route": (TEXT, False),
            "cleared": (sa.BigInteger(), True),
        },
    ),
    "canaries": (
        ["id"],
        [],
        {
            "id": (TEXT, False),
            "last": (sa.BigInteger(), False),
        },
    ),
    "devices": (
        ["fleet", "idx"],
        [],
        {
            "fleet": (TEXT, False),
            "idx": (sa.Integer(), False),
            "id": (TEXT, False),
            "cid": (TEXT, False),
            "attributes": (TEXT, False),
            "critical": (sa.Boolean(), False),
            "interval": (sa.Integer(), False),
            "muted_until": (sa.BigInteger(), True),
            "why": (TEXT, False),
        },
    ),
    "fleet_blocks": (
        ["fleet", "block"],
        [],
        {
            "fleet": (TEXT, False),
            "block": (sa.Integer(), False),
            "data": (sa.LargeBinary(), False),
        },
    ),
    "tokens": (
        ["hash"],
        [],
        {
            "hash": (TEXT, False),
            "fleet": (TEXT, False),
            "device": (TEXT, False),
            "created": (sa.BigInteger(), False),
            "revoked": (sa.BigInteger(), True),
            "note": (TEXT, False),
        },
    ),
    "withholdings": (
        ["id"],
        ["end"],
        {
            "id": (TEXT, False),
            "kind": (sa.String(40), False),
            "systems": (TEXT, False),
            "start": (sa.BigInteger(), False),
            "end": (sa.BigInteger(), False),
            "owner": (TEXT, False),
            "reason": (TEXT, False),
            "tell": (TEXT, False),
            "source": (sa.String(40), False),
            "created": (sa.BigInteger(), True),
            "cancelled": (sa.BigInteger(), True),
            "cancelled_by": (TEXT, False),
        },
    ),
}
"""Table: its key, what it is looked up by, its columns with whether they may be empty."""


def upgrade() -> None:
    """Add what is new; what is there stays as it is."""
    for table in dict.fromkeys(name for name, *_ in ADDED):
        mine = [one[1:] for one in ADDED if one[0] == table]
        with op.batch_alter_table(table) as altered:
            for column, kind, before in mine:
                altered.add_column(sa.Column(column, kind, nullable=before is None, server_default=_default(before)))
        # SQLite copies the table for this: once, not once a column.
        with op.batch_alter_table(table) as altered:
            for column, _, before in mine:
                if before is not None:
                    altered.alter_column(column, server_default=None)
    for table, column in INDEXED:
        op.create_index(f"ix_{table}_{column}", table, [column])
    for name, (keys, indexed, columns) in TABLES.items():
        made = [sa.Column(c, kind, primary_key=c in keys, nullable=none) for c, (kind, none) in columns.items()]
        op.create_table(name, *made)
        for column in indexed:
            op.create_index(f"ix_{name}_{column}", name, [column])
    _name_first_stretches()


def _name_first_stretches() -> None:
    """What an open incident's chain has said since it began is known by that, no longer by the instant it began.

    Under the old names it would not be found, and everybody would be told again.
    """
    open_ones = sa.text("SELECT id, generation, chain_from FROM incidents WHERE closed IS NULL")
    for ident, generation, began in op.get_bind().execute(open_ones).all():
        at = datetime.fromtimestamp(began // 1_000_000, UTC)
        for name in ("notices", "timeline"):
            _name(name, ident, f"{ident}/{generation}/{at:%Y%m%dT%H%M%S}/", f"{ident}/{generation}/start/")


def _name(table: str, ident: str, before: str, now: str) -> None:
    """Keys of one incident's rows that begin with `before` begin with `now`."""
    here, rows = op.get_bind(), sa.table(table, sa.column("key", sa.Text()), sa.column("incident", sa.Text()))
    for (old,) in here.execute(sa.select(rows.c.key).where(rows.c.incident == ident)).all():
        if old.startswith(before):
            here.execute(sa.update(rows).where(rows.c.key == old).values(key=now + old.removeprefix(before)))


def _default(before: Any) -> Any:
    """What the database fills older rows with, in its own words."""
    if before is None:
        return None
    return sa.false() if before is False else sa.text(f"'{before}'")
