"""A Maildir folder (maildir(5)): what nobody has seen is read where it lies; what was handled moves to `cur`, seen.

Blocks; nothing is deleted, and no link is followed.
"""

import os
import stat
from contextlib import suppress
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from monitor.core.fault import ProbeFault
from monitor.core.finding import Reason
from monitor.mailbox.letters import AT_ONCE, Letter, Wanted

_LOOKED_AT = 100_000
_INFO = ":2,"
_SEEN = "S"


def turn(folder: Path, wanted: Wanted) -> list[Letter]:
    """Mark and read. Raises ProbeFault for a folder that cannot be used."""
    try:
        if wanted.done:
            _mark(folder, frozenset(wanted.done))
        found: list[Letter] = []
        for path in _unseen(folder):
            if len(found) == AT_ONCE:
                break
            if _ident(path.name) not in wanted.known and (letter := _read(path, wanted)) is not None:
                found.append(letter)
    except PermissionError as fault:
        raise ProbeFault(Reason.CREDENTIALS, "adgang til postkassen", "ingen adgang") from fault
    except FileNotFoundError as fault:
        raise ProbeFault(Reason.MISSING, "postkassen", "mappen mangler") from fault
    except OSError as fault:
        raise ProbeFault(Reason.MISSING, "postkassen", f"filsystemet svarer {fault.errno or 'fejl'}") from fault
    return found


def _unseen(folder: Path) -> list[Path]:
    """The mails nobody has seen, oldest first: a name begins with the second its mail was delivered."""
    found: list[Path] = []
    for part in ("new", "cur"):
        with os.scandir(folder / part) as entries:
            names = [entry.name for entry in islice(entries, _LOOKED_AT)]
        found += [folder / part / name for name in names if not name.startswith(".") and _SEEN not in _flags(name)]
    return sorted(found, key=lambda path: path.name)


def _read(path: Path, wanted: Wanted) -> Letter | None:
    """None for what is no mail, is too old, or has just been moved by somebody."""
    with suppress(FileNotFoundError):
        status = path.lstat()
        at = datetime.fromtimestamp(min(max(status.st_mtime, 0.0), 4_102_444_800.0), UTC)
        if not stat.S_ISREG(status.st_mode) or at < wanted.since:
            return None
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
            return Letter(_ident(path.name), file.read(wanted.largest), at)
    return None


def _mark(folder: Path, done: frozenset[str]) -> None:
    """Move these to `cur` with the flag that they were seen, wherever they lie by now."""
    for part in ("new", "cur"):
        with os.scandir(folder / part) as entries:
            mine = [entry.name for entry in islice(entries, _LOOKED_AT) if _ident(entry.name) in done]
        for name in mine:
            flags = "".join(sorted({*_flags(name), _SEEN}))
            with suppress(FileNotFoundError):
                (folder / part / name).rename(folder / "cur" / f"{_ident(name)}{_INFO}{flags}")


def _ident(name: str) -> str:
    return name.partition(_INFO)[0]


def _flags(name: str) -> str:
    return name.partition(_INFO)[2]
