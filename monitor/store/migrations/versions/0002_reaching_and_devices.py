"""Receipts, answers, withholding and devices: what the second release keeps beside the first.

Rows from before get the values they would have had.
"""

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
    ("incidents", "holder", TEXT, ""),
    ("notices", "delivered", sa.BigInteger(), None),
    ("notices", "seen", sa.BigInteger(), None),
    ("notices", "answered", sa.BigInteger(), None),
    ("notices", "undelivered", TEXT, ""),
    ("notices", "overdue", sa.BigInteger(), None),
    ("notices", "bundle", TEXT, None),
)
"""Table, column, type, and what rows from before get (None: nothing)."""

INDEXED: tuple[tuple[str, str], ...] = ()

TABLES: dict[str, tuple[list[str], list[str], dict[str, tuple[Any, bool]]]] = {}
"""Table: its key, what it is looked up by, its columns with whether they may be empty."""


def upgrade() -> None:
    """Add what is new; what is there stays as it is."""
    for table, column, kind, before in ADDED:
        with op.batch_alter_table(table) as altered:
            altered.add_column(sa.Column(column, kind, nullable=before is None, server_default=_default(before)))
        if before is not None:
            with op.batch_alter_table(table) as altered:
                altered.alter_column(column, server_default=None)
    for table, column in INDEXED:
        op.create_index(f"ix_{table}_{column}", table, [column])
    for name, (keys, indexed, columns) in TABLES.items():
        made = [sa.Column(c, kind, primary_key=c in keys, nullable=none) for c, (kind, none) in columns.items()]
        op.create_table(name, *made)
        for column in indexed:
            op.create_index(f"ix_{name}_{column}", name, [column])


def _default(before: Any) -> Any:
    """What the database fills older rows with, in its own words."""
    if before is None:
        return None
    return sa.false() if before is False else sa.text(f"'{before}'")
