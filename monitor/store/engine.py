"""A database driven by asyncio, without the ORM.

The rule it keeps: work is done in one transaction, written when the work returns and undone when it raises.

Context: SQLAlchemy's own asyncio engine imports its whole ORM, for sessions nobody here has: 50 ms at every start and
6 MB for good (measured). Choice: what that engine does, done here: a plain engine over the asyncio driver, entered by
`sqlalchemy.util.greenlet_spawn`. Price: this file, and no server-side cursors.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.util import greenlet_spawn

T = TypeVar("T")

_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=2000", "foreign_keys=ON")
"""FULL: an alarm that was told to be kept outlives a power cut, at one fsync for each decision."""


class Engine:
    """The connections behind a SQLAlchemy URL of an asyncio driver; none is opened before the first work."""

    def __init__(self, url: str) -> None:
        lite = url.startswith("sqlite")
        given: dict[str, Any] = {"connect_args": {"timeout": 2.0}} if lite else {"pool_size": 2, "pool_pre_ping": True}
        self.sync_engine = create_engine(url, **given)
        if lite:
            event.listen(self.sync_engine, "connect", _set_up)

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self.sync_engine.dialect.name

    async def run(self, work: Callable[[Connection], T]) -> T:
        """What the work gives. It touches the connection and nothing else: it runs in the loop's own thread."""
        return await greenlet_spawn(self._run, work)

    async def close(self) -> None:
        """Let go of connections."""
        await greenlet_spawn(self.sync_engine.dispose)

    def _run(self, work: Callable[[Connection], T]) -> T:
        with self.sync_engine.begin() as connection:
            return work(connection)


def _set_up(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
