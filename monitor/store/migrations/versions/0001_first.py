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

TABLES: dict[str, tuple[str, list[str], dict[str, Column]]] = {
    "attempts": (
        "id",
        ["notice"],
        {
            "id": (sa.Text(), False),
            "notice": (sa.Text(), False),
            "route": (sa.Text(), False),
            "started": (sa.BigInteger(), False),
            "repeat": (sa.Boolean(), False),
            "ended": (sa.BigInteger(), True),
            "outcome": (sa.Text(), False),
            "said": (sa.Text(), False),
            "provider_id": (sa.Text(), False),
        },
    ),
    "beliefs": (
        "check",
        [],
        {
            "check": (sa.Text(), False),
            "level": (sa.Integer(), False),
            "state": (sa.Text(), False),
            "since": (sa.BigInteger(), False),
            "grade": (sa.Integer(), False),
        },
    ),
    "incidents": (
        "id",
        ["closed", "number"],
        {
            "id": (sa.Text(), False),
            "number": (sa.Text(), False),
            "system": (sa.Text(), False),
            "severity": (sa.String(40), False),
            "began": (sa.BigInteger(), False),
            "detected": (sa.BigInteger(), False),
            "chain_from": (sa.BigInteger(), False),
            "grade": (sa.Integer(), False),
            "generation": (sa.Integer(), False),
            "told_as": (sa.String(40), False),
            "current": (sa.String(40), True),
            "hold": (sa.String(40), True),
            "held_by": (sa.Text(), True),
            "good_since": (sa.BigInteger(), True),
            "recovered": (sa.BigInteger(), True),
            "closed": (sa.BigInteger(), True),
            "downs": (sa.JSON(), False),
            "unstable": (sa.Boolean(), False),
            "human": (sa.String(40), False),
            "acknowledged": (sa.BigInteger(), True),
            "acknowledged_by": (sa.Text(), False),
            "first_acknowledged": (sa.BigInteger(), True),
            "cause": (sa.Text(), False),
            "drill": (sa.Boolean(), False),
        },
    ),
    "notices": (
        "key",
        ["incident", "state"],
        {
            "id": (sa.Text(), False),
            "key": (sa.Text(), False),
            "incident": (sa.Text(), True),
            "kind": (sa.String(40), False),
            "person": (sa.Text(), False),
            "channel": (sa.String(40), False),
            "to": (sa.Text(), False),
            "text": (sa.Text(), False),
            "created": (sa.BigInteger(), False),
            "reason": (sa.Text(), False),
            "subject": (sa.Text(), False),
            "html": (sa.Text(), False),
            "thread": (sa.Text(), False),
            "task": (sa.Text(), True),
            "generation": (sa.Integer(), False),
            "state": (sa.String(40), False),
            "settled": (sa.BigInteger(), True),
            "route": (sa.Text(), True),
            "independent_first": (sa.Boolean(), False),
            "fault_at": (sa.BigInteger(), True),
            "code": (sa.Text(), False),
        },
    ),
    "tasks": (
        "key",
        ["incident"],
        {
            "key": (sa.Text(), False),
            "incident": (sa.Text(), False),
            "task": (sa.Text(), False),
            "given": (sa.BigInteger(), False),
            "done": (sa.BigInteger(), True),
            "done_by": (sa.Text(), False),
        },
    ),
    "timeline": (
        "key",
        ["incident"],
        {
            "key": (sa.Text(), False),
            "incident": (sa.Text(), False),
            "at": (sa.BigInteger(), False),
            "entry": (sa.String(40), False),
            "text": (sa.Text(), False),
            "who": (sa.Text(), False),
            "reason": (sa.Text(), False),
        },
    ),
    "transitions": (
        "id",
        ["noticed"],
        {
            "id": (sa.Text(), False),
            "check": (sa.Text(), False),
            "system": (sa.Text(), False),
            "before": (sa.Text(), False),
            "after": (sa.Text(), False),
            "began": (sa.BigInteger(), False),
            "noticed": (sa.BigInteger(), False),
            "reason": (sa.Text(), False),
            "said": (sa.Text(), False),
        },
    ),
    "watches": (
        "id",
        [],
        {
            "id": (sa.Text(), False),
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
