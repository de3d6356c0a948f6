"""The first schema: incidents, their timeline, the outbox, tasks, transitions, beliefs, watches.

Stands as released; a later change of a row is a later migration.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

Column = tuple[Any, bool]
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

TABLES: dict[str, tuple[str, list[str], dict[str, Column]]] = {
    "attempts": (
        "id",
        ["notice"],
        {
            "id": (TEXT, False),
            "notice": (TEXT, False),
            "route": (TEXT, False),
            "started": (sa.BigInteger(), False),
            "repeat": (sa.Boolean(), False),
            "ended": (sa.BigInteger(), True),
            "outcome": (TEXT, False),
            "said": (TEXT, False),
            "provider_id": (TEXT, False),
        },
    ),
    "beliefs": (
        "check",
        [],
        {
            "check": (TEXT, False),
            "level": (sa.Integer(), False),
            "state": (TEXT, False),
            "since": (sa.BigInteger(), False),
            "grade": (sa.Integer(), False),
        },
    ),
    "incidents": (
        "id",
        ["closed", "number"],
        {
            "id": (TEXT, False),
            "number": (TEXT, False),
            "system": (TEXT, False),
            "severity": (sa.String(40), False),
            "began": (sa.BigInteger(), False),
            "detected": (sa.BigInteger(), False),
            "chain_from": (sa.BigInteger(), False),
            "grade": (sa.Integer(), False),
            "generation": (sa.Integer(), False),
            "told_as": (sa.String(40), False),
            "current": (sa.String(40), True),
            "hold": (sa.String(40), True),
            "held_by": (TEXT, True),
            "good_since": (sa.BigInteger(), True),
            "recovered": (sa.BigInteger(), True),
            "closed": (sa.BigInteger(), True),
            "downs": (sa.JSON(), False),
            "unstable": (sa.Boolean(), False),
            "human": (sa.String(40), False),
            "acknowledged": (sa.BigInteger(), True),
            "acknowledged_by": (TEXT, False),
            "first_acknowledged": (sa.BigInteger(), True),
            "cause": (TEXT, False),
            "drill": (sa.Boolean(), False),
        },
    ),
    "notices": (
        "key",
        ["incident", "state"],
        {
            "id": (TEXT, False),
            "key": (TEXT, False),
            "incident": (TEXT, True),
            "kind": (sa.String(40), False),
            "person": (TEXT, False),
            "channel": (sa.String(40), False),
            "to": (TEXT, False),
            "text": (TEXT, False),
            "created": (sa.BigInteger(), False),
            "reason": (TEXT, False),
            "subject": (TEXT, False),
            "html": (TEXT, False),
            "thread": (TEXT, False),
            "task": (TEXT, True),
            "generation": (sa.Integer(), False),
            "state": (sa.String(40), False),
            "settled": (sa.BigInteger(), True),
            "route": (TEXT, True),
            "independent_first": (sa.Boolean(), False),
            "fault_at": (sa.BigInteger(), True),
            "code": (TEXT, False),
        },
    ),
    "tasks": (
        "key",
        ["incident"],
        {
            "key": (TEXT, False),
            "incident": (TEXT, False),
            "task": (TEXT, False),
            "given": (sa.BigInteger(), False),
            "done": (sa.BigInteger(), True),
            "done_by": (TEXT, False),
        },
    ),
    "timeline": (
        "key",
        ["incident"],
        {
            "key": (TEXT, False),
            "incident": (TEXT, False),
            "at": (sa.BigInteger(), False),
            "entry": (sa.String(40), False),
            "text": (TEXT, False),
            "who": (TEXT, False),
            "reason": (TEXT, False),
        },
    ),
    "transitions": (
        "id",
        ["noticed"],
        {
            "id": (TEXT, False),
            "check": (TEXT, False),
            "system": (TEXT, False),
            "before": (TEXT, False),
            "after": (TEXT, False),
            "began": (sa.BigInteger(), False),
            "noticed": (sa.BigInteger(), False),
            "reason": (TEXT, False),
            "said": (TEXT, False),
        },
    ),
    "watches": (
        "id",
        [],
        {
            "id": (TEXT, False),
            "started": (sa.BigInteger(), False),
            "last": (sa.BigInteger(), False),
        },
    ),
}


def upgrade() -> None:
    """Create everything."""
    for name, (key, indexed, columns) in TABLES.items():
        made = [sa.Column(c, kind, primary_key=c == key, nullable=none) for c, (kind, none) in columns.items()]
        op.create_table(name, *made)
        for column in indexed:
            op.create_index(f"ix_{name}_{column}", name, [column])
