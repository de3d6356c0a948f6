"""The service over a disk that makes trouble: run in place of `monitor.cli`, told by the environment what to do.

`BAD_DISK_COMMIT=2` lets every commit of SQLite take so many seconds; `BAD_DISK_LOOK=1` has the file looked at so often.
"""

import os
import sqlite3
import sys
import time
from typing import Any

from sqlalchemy import Engine, event

from monitor.cli.main import main
from monitor.engine import journal

_COMMIT = float(os.environ.get("BAD_DISK_COMMIT", "0"))


class Slow(sqlite3.Connection):
    """Its commits take as long as on a disk that is worn out or shared by too many."""

    def commit(self) -> None:
        """Wait, then commit."""
        if self.in_transaction:
            time.sleep(_COMMIT)
        super().commit()


def _slow(_dialect: Any, _record: Any, _arguments: Any, given: dict[str, Any]) -> None:
    given["factory"] = Slow


if __name__ == "__main__":
    if _COMMIT:
        event.listen(Engine, "do_connect", _slow)
    journal.LOOK_EVERY = float(os.environ.get("BAD_DISK_LOOK", journal.LOOK_EVERY))
    sys.argv[0] = "omsorgsvagt"
    main()
