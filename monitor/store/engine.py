"""A database driven by asyncio, without the ORM.

The rule it keeps: work is done in one transaction, written when the work returns and undone when it raises.

Context: SQLAlchemy's own asyncio engine imports its whole ORM, for sessions nobody here has: 50 ms at every start and
6 MB for good (measured). Choice: what that engine does, done here: a plain engine over the asyncio driver, entered by
`sqlalchemy.util.greenlet_spawn`. Price: this file, and no server-side cursors.
"""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.util import greenlet_spawn

from monitor.store.file import is_damage

T = TypeVar("T")

_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=2000", "foreign_keys=ON")
"""FULL: an alarm that was told to be kept outlives a power cut, at one fsync for each decision."""


class Engine:
    """The connections behind a SQLAlchemy URL of an asyncio driver; none is opened before the first work."""

    def __init__(self, url: str) -> None:
        lite = url.startswith("sqlite")
        given: dict[str, Any] = {"connect_args": {"timeout": 2.0}} if lite else {"pool_size": 2, "pool_pre_ping": True}
        self.sync_engine = create_engine(url, **given)
        self.damaged = False
        """True once SQLite has found the file damaged, whoever was reading or writing."""
        self._busy = 0
        self._idle = asyncio.Event()
        self._idle.set()
        if lite:
            event.listen(self.sync_engine, "connect", _set_up)

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self.sync_engine.dialect.name

    async def run(self, work: Callable[[Connection], T]) -> T:
        """What the work gives. It touches the connection and nothing else: it runs in the loop's own thread."""
        self._busy += 1
        self._idle.clear()
        try:
            return await greenlet_spawn(self._run, work)
        except DBAPIError as error:
            self.damaged = self.damaged or is_damage(error.orig)
            raise
        finally:
            self._busy -= 1
            if not self._busy:
                self._idle.set()

    async def close(self) -> None:
        """Let go of connections."""
        await greenlet_spawn(self.sync_engine.dispose)

    async def rest(self) -> None:
        """Let go of connections, once nobody works on one any more.

        SQLite's last connection to a file removes the log beside it by its name: closed late, it would take the log of
        the file that has come in its place.
        """
        await self._idle.wait()
        await self.close()

    def _run(self, work: Callable[[Connection], T]) -> T:
        with self.sync_engine.begin() as connection:
            return work(connection)


def _set_up(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
