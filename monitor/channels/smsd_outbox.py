"""gammu-smsd's outbox folder: a text is laid in it whole or not at all.

A file there is as good as sent: nothing is left behind that smsd might find later.
"""

import errno
import os
from contextlib import suppress
from itertools import islice
from pathlib import Path

EPOCH = 0
"""The access time a fresh file is given: another one later shows that smsd has read it."""
_LOOKED_AT = 1000


def lay(outbox: Path, name: str, content: bytes) -> None:
    """Put a whole file in the outbox, on disk before it has a name smsd looks for. Raises OSError."""
    draft = outbox / f".{name}"
    try:
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            # smsd may run as another user, and our umask lets nobody else in.
            os.fchmod(file.fileno(), 0o644)
            os.fsync(file.fileno())
            os.utime(file.fileno(), ns=(EPOCH, os.fstat(file.fileno()).st_mtime_ns))
        draft.rename(outbox / name)
    except OSError:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise
    # The file can be sent by now: that its name may not outlive a power cut must not be told as "not sent".
    with suppress(OSError), os.fdopen(os.open(outbox, os.O_RDONLY | os.O_DIRECTORY)) as folder:
        os.fsync(folder.fileno())


def longest_wait(outbox: Path, now: float) -> float:
    """Seconds the oldest text has lain there, among so many. Raises OSError where none can be laid."""
    if not os.access(outbox, os.W_OK | os.X_OK):
        raise OSError(errno.EACCES, os.strerror(errno.EACCES if outbox.is_dir() else errno.ENOENT))
    with os.scandir(outbox) as entries:
        lain = [entry.stat().st_mtime for entry in islice(entries, _LOOKED_AT) if entry.name.startswith("OUT")]
    return max((now - at for at in lain), default=0.0)
