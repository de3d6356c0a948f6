"""The service as it is, but mortal: it kills itself with SIGKILL at the n-th transaction it is told to.

`CRASH_AT=save:7:within` is read from the environment: what is counted (`save`: what writes rows; `any`: reading and
opening too), which one, and whether before it begins, within it, or after it is committed.
"""

import os
import signal
import sys
from collections.abc import Callable
from typing import Any, NoReturn

from sqlalchemy import Connection

from monitor.cli.main import main
from monitor.store.engine import Engine

_WRITES = "_write"


def die() -> NoReturn:
    """As by a power cut: nothing is finished, nothing is closed."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("survived SIGKILL")


def mortal(what: str, count: int, when: str) -> None:
    """From now on the process dies at its `count`-th transaction of this sort."""
    carry_out, seen = Engine._run, 0

    def run(engine: Engine, work: Callable[[Connection], Any]) -> Any:
        nonlocal seen
        writes = getattr(getattr(work, "func", None), "__name__", "") == _WRITES
        seen += what == "any" or writes
        last = seen == count and (what == "any" or writes)
        if last and when == "before":
            die()

        def doomed(connection: Connection) -> Any:
            result = work(connection)
            if last and when == "within":
                die()
            return result

        result = carry_out(engine, doomed)
        if last and when == "after":
            die()
        return result

    Engine._run = run  # type: ignore[assignment,method-assign]


if __name__ == "__main__":
    if at := os.environ.get("CRASH_AT", ""):
        sort, number, moment = at.split(":")
        mortal(sort, int(number), moment)
    sys.argv[0] = "omsorgsvagt"
    main()
