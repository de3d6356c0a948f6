"""The file SQLite keeps everything in: whether it is still the one that was opened, and whether it is whole.

Nothing here deletes a file or writes over one: what cannot be used is set aside under a name of its own.

Context: SQLite goes on writing to a file that was removed or put in another's place, and a page that is already in
memory hides that the disk has lost it. Choice: name, size and identity are looked at before each save, and SQLite's
own quick check is run now and then, cut off after a while. Price: a few microseconds a save; and the file is never
opened but through SQLite, since closing it elsewhere in this process would drop SQLite's locks (POSIX fcntl).
"""

import asyncio
import os
import sqlite3
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import make_url

from monitor.ports import StoreFault, StoreLost

_ENDS = ("-wal", "-shm", "")
"""The file itself last: without it what belongs to it would be lost at the next start."""
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


class DatabaseFile:
    """The SQLite file at `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._known: os.stat_result | None = None

    def opened(self) -> None:
        """This is the file from now on."""
        self._known = self._stat()

    def forget(self) -> None:
        """None is open."""
        self._known = None

    def check(self) -> None:
        """Raises StoreLost when the file that was opened is gone, is another by now, or has become smaller."""
        known, now = self._known, self._stat()
        if known is None:
            return
        if now is None:
            raise StoreLost(f"{self.path.name} is gone")
        if (known.st_dev, known.st_ino) != (now.st_dev, now.st_ino):
            raise StoreLost(f"{self.path.name} is another file than the one that was opened")
        if now.st_size < known.st_size:
            raise StoreLost(f"{self.path.name} has been cut short")
        self._known = now

    def is_another(self) -> bool:
        """True when somebody has put a file in the place of the one that was opened."""
        known, now = self._known, self._stat()
        return known is not None and now is not None and (known.st_dev, known.st_ino) != (now.st_dev, now.st_ino)

    async def look(self, limit: float) -> None:
        """SQLite's quick check, for at most so many seconds. Raises StoreLost when it finds damage.

        A file that is not there, is locked or cannot be read says nothing of being whole.
        """
        if not await asyncio.to_thread(self.path.is_file):
            return
        loop = asyncio.get_running_loop()
        try:
            connection = await asyncio.to_thread(
                sqlite3.connect, f"{self.path.as_uri()}?mode=rw", uri=True, timeout=0, check_same_thread=False
            )
        except sqlite3.Error:
            return

        def cut_off() -> None:
            with suppress(sqlite3.ProgrammingError):
                connection.interrupt()

        timer = loop.call_later(limit, cut_off)
        try:
            said = await asyncio.to_thread(quick_check, connection)
        finally:
            timer.cancel()
            cut_off()
        if said:
            raise StoreLost(f"{self.path.name}: {said}")

    def set_aside(self, at: datetime) -> str:
        """Rename the file and what belongs to it. Gives its new name, or nothing when there was none.

        Raises StoreFault when it cannot be renamed.
        """
        if not self.path.exists():
            return ""
        name = self._free(f"{self.path.name}.corrupt-{at.astimezone(UTC):%Y%m%dT%H%M%SZ}")
        try:
            for end in _ENDS:
                with suppress(FileNotFoundError):
                    Path(f"{self.path}{end}").rename(self.path.with_name(name + end))
        except OSError as error:
            raise StoreFault(f"{self.path.name} cannot be set aside: {error.strerror}") from None
        return name

    def make_room(self) -> None:
        """Make the folder again when it was removed. Raises StoreFault."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreFault(f"{self.path.parent} cannot be made: {error.strerror}") from None

    def _free(self, wanted: str) -> str:
        name, turn = wanted, 1
        while any(self.path.with_name(name + end).exists() for end in _ENDS):
            turn += 1
            name = f"{wanted}-{turn}"
        return name

    def _stat(self) -> os.stat_result | None:
        """None when there is no such file. A folder nobody may look into says nothing: then it is as it was."""
        try:
            return self.path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError:
            return self._known


def file_of(url: str) -> DatabaseFile | None:
    """The file behind a SQLAlchemy URL; None for PostgreSQL and for SQLite in memory."""
    parts = make_url(url)
    name = parts.database or ""
    if not parts.drivername.startswith("sqlite") or name in ("", ":memory:") or name.startswith("file:"):
        return None
    return DatabaseFile(Path(name))


def is_damage(error: BaseException | None) -> bool:
    """True for what SQLite says of a file that is not, or no longer, a database: never for a full or locked one."""
    if getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGED:
        return True
    return isinstance(error, sqlite3.OperationalError) and str(error).startswith("Could not decode to UTF-8")


def quick_check(connection: sqlite3.Connection, *, whole: bool = False) -> str:
    """What is damaged, in SQLite's words; empty when nothing was found. Closes the connection.

    The quick check leaves out whether indexes match their tables; `whole` looks at that too.
    """
    with closing(connection):
        try:
            said = connection.execute(f"PRAGMA {'integrity' if whole else 'quick'}_check(1)").fetchone()
        except sqlite3.Error as error:
            return str(error) if is_damage(error) else ""
    return "" if said is None or said[0] == "ok" else " ".join(str(said[0]).split())[:200]
