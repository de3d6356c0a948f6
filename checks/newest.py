"""The newest file that a path or a pattern names: when it was changed and how large it is; its content is never read.

It blocks: a hung network mount must hold a thread of its own (`monitor.mailbox.aside`) and nothing else.
"""

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from errno import errorcode
from fnmatch import fnmatchcase
from os import scandir
from pathlib import Path

from monitor.core.fault import ProbeFault
from monitor.core.finding import Reason

_ENTRIES = 20_000
_YEAR_2100 = 4_102_444_800.0
"""Dates beyond it come from broken clocks, and some are more than a datetime holds."""
_GONE = (FileNotFoundError, NotADirectoryError)


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest file that is large enough: when changed (UTC; None: no such file), its bytes; and how many are not."""

    modified: datetime | None = None
    size: int = 0
    too_small: int = 0


def whole(path: Path) -> Path:
    """A configured path or pattern that can be looked up. Raises ValueError."""
    if not path.is_absolute() or "**" in path.parts or ".." in path.parts:
        raise ValueError("path is not a whole path; begin with / and use *, ? and [] only within names")
    return path


def newest(pattern: Path, at_least: int) -> Newest:
    """Blocks. Raises ProbeFault: CREDENTIALS without access, TOO_LARGE for too many files, MISSING for a sick mount."""
    with reading():
        return _newest(pattern, at_least)


@contextmanager
def reading() -> Iterator[None]:
    """What a file system raises inside becomes a ProbeFault."""
    try:
        yield
    except PermissionError as exc:
        raise ProbeFault(Reason.CREDENTIALS, "adgang til mappen", "ingen adgang") from exc
    except OSError as exc:
        seen = errorcode.get(exc.errno or 0, "fejl")
        raise ProbeFault(Reason.MISSING, "filsystemet svarer", f"filsystemet svarer {seen}") from exc


def _newest(pattern: Path, at_least: int) -> Newest:
    found = Newest()
    for path in matching(pattern):
        try:
            about = path.stat()
        except _GONE:
            continue
        if not stat.S_ISREG(about.st_mode):
            continue
        modified = datetime.fromtimestamp(min(max(about.st_mtime, 0.0), _YEAR_2100), UTC)
        if about.st_size < at_least:
            found = Newest(found.modified, found.size, found.too_small + 1)
        elif found.modified is None or modified > found.modified:
            found = Newest(modified, about.st_size, found.too_small)
    return found


def matching(pattern: Path) -> Iterator[Path]:
    """Paths that fit, `*`, `?` and `[…]` in any part; like a shell, hidden names only where the pattern has the dot."""
    left = [_ENTRIES]
    paths: list[Path] = [Path(pattern.anchor)]
    for part in pattern.parts[1:]:
        wild = any(sign in part for sign in "*?[")
        paths = [fit for path in paths for fit in (_fitting(path, part, left) if wild else (path / part,))]
    yield from paths


def _fitting(folder: Path, part: str, left: list[int]) -> Iterator[Path]:
    try:
        with scandir(folder) as entries:
            for entry in entries:
                left[0] -= 1
                if left[0] < 0:
                    raise ProbeFault(Reason.TOO_LARGE, f"højst {_ENTRIES} filer at se på", "flere")
                if fnmatchcase(entry.name, part) and (part.startswith(".") or not entry.name.startswith(".")):
                    yield folder / entry.name
    except _GONE:
        return
