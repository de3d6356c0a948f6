"""A store in memory that outlives the process that writes to it, and can be told when that process is killed."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from monitor.core.records import (
    AddressRow,
    Attempt,
    BeliefRow,
    CanaryRow,
    Incident,
    Kept,
    Notice,
    NoticeState,
    Row,
    TaskItem,
    TimelineLine,
    WatchRow,
)
from monitor.core.withholding import Withholding
from monitor.engine.backlog import key_of


@dataclass
class Fate:
    """Counts what the process does; at the chosen counts it is killed: what it was at never comes to an end."""

    kill_at: frozenset[int] = frozenset()
    count: int = 0
    killed: asyncio.Event = field(default_factory=asyncio.Event)

    async def step(self) -> None:
        """One thing after which the process may be gone."""
        self.count += 1
        if self.count in self.kill_at:
            self.killed.set()
        if self.killed.is_set():
            await asyncio.Event().wait()


class MemoryStore:
    """The rows, by sort and key; `fate` steps before and after each transaction."""

    def __init__(self, rows: dict[type, dict[str, Any]], fate: Fate) -> None:
        self.rows = rows
        self.fate = fate
        self.saves = 0

    async def open(self) -> None:
        return None

    async def close(self) -> None:
        return None

    async def look(self) -> None:
        return None

    async def save(self, rows: Sequence[Row]) -> None:
        self.saves += 1
        await self.fate.step()
        for row in rows:
            self.rows.setdefault(type(row), {})[key_of(row)] = row
        await self.fate.step()

    def of(self, kind: type) -> tuple[Any, ...]:
        return tuple(self.rows.get(kind, {}).values())

    async def load(self) -> Kept:
        incidents = tuple(i for i in self.of(Incident) if i.closed is None)
        ids = {i.id for i in incidents}
        bundles = {n.bundle for n in self.of(Notice) if n.incident in ids}
        notices = tuple(
            n for n in self.of(Notice) if n.incident in ids or n.state is NoticeState.QUEUED or n.id in bundles
        )
        names = {n.id for n in notices}
        numbers = [i.number for i in self.of(Incident)]
        watches = self.of(WatchRow)
        return Kept(
            incidents=incidents,
            timeline=tuple(ln for ln in self.of(TimelineLine) if ln.incident in ids),
            notices=tuple(sorted(notices, key=lambda n: (n.created, n.id))),
            attempts=tuple(sorted((a for a in self.of(Attempt) if a.notice in names), key=lambda a: a.id)),
            tasks=tuple(t for t in self.of(TaskItem) if t.incident in ids),
            addresses=tuple(a for a in self.of(AddressRow) if a.cleared is None),
            withholdings=self.of(Withholding),
            canaries=self.of(CanaryRow),
            beliefs=self.of(BeliefRow),
            last_watch=watches[-1] if watches else None,
            last_number=max(numbers, default=""),
        )
