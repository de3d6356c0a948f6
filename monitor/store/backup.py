"""A copy of the SQLite database, taken while the service writes to it.

The copy is whole or it is not there: it is made under another name, looked through, put on the disk, and renamed.

`VACUUM INTO` (SQLite, "VACUUM", section 3) reads one state of the database in one transaction, keeps no writer waiting,
and leaves out what was deleted: what retention has removed is in no copy either.
"""

import os
import sqlite3
import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from monitor.ports import StoreFault, StoreLost
from monitor.store.file import is_damage, quick_check

_WAIT = 30.0


@dataclass(frozen=True, slots=True)
class Copied:
    """A copy that was looked through: where it is, its size in bytes, its schema."""

    path: Path
    size: int
    schema: str


def backup(source: Path, target: Path, *, force: bool = False) -> Copied:
    """Copy the database to `target`, readable by nobody but its owner.

    Raises StoreFault when that cannot be done, StoreLost when the database is damaged; then `target` is as it was.
    """
    if not source.is_file():
        raise StoreFault(f"{source}: there is no database yet")
    if target.is_dir():
        raise StoreFault(f"{target} is a folder. Name a file in it")
    if target.exists() and not force:
        raise StoreFault(f"{target} is there already. Take another name, or write over it with --force")
    if target.exists() and target.samefile(source):
        raise StoreFault(f"{target} is the database itself. Take another name")
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    except OSError as error:
        raise StoreFault(f"{target.parent} cannot be written: {error.strerror}") from None
    part = Path(name)
    try:
        os.close(handle)
        schema = _copy(source, part)
        _on_disk(part)
        part.replace(target)
        _on_disk(target.parent)
    except OSError as error:
        raise StoreFault(f"{target} cannot be written: {error.strerror}") from None
    finally:
        part.unlink(missing_ok=True)
    return Copied(target, target.stat().st_size, schema)


def check(source: Path) -> str:
    """What SQLite's whole integrity check finds wrong, empty for nothing. Raises StoreFault when it cannot be read."""
    if not source.is_file():
        raise StoreFault(f"{source}: there is no database yet")
    try:
        return quick_check(_open(source), whole=True)
    except sqlite3.Error as error:
        raise StoreFault(f"{source}: {error}") from None


def _open(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=_WAIT, isolation_level=None)


def _copy(source: Path, part: Path) -> str:
    """The schema of what was copied."""
    try:
        with closing(_open(source)) as whole:
            whole.execute("VACUUM INTO ?", (str(part),))
        with closing(_open(part)) as copy:
            found = copy.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.Error as error:
        raise (StoreLost if is_damage(error) else StoreFault)(f"{source} cannot be copied: {error}") from None
    if wrong := quick_check(_open(part), whole=True):
        raise StoreLost(f"{source}: the copy is not whole: {wrong}")
    return str(found[0]) if found else ""


def _on_disk(path: Path) -> None:
    """What was written there outlives a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
