"""What a database raises, as the one fault others know.

The rule it keeps: no value of a row is in what is told.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError

from monitor.ports import StoreFault, StoreLost
from monitor.store.file import is_damage


@contextmanager
def told(doing: str) -> Iterator[None]:
    """Whatever a database, its driver or a column raises, as StoreFault; StoreLost for a damaged SQLite file.

    The original is not chained: its text and its stack hold the statement's parameters, and those are people's.
    """
    try:
        yield
    except StoreFault:
        raise
    except Exception as error:
        kind = StoreLost if is_damage(getattr(error, "orig", error)) else StoreFault
        raise kind(f"{doing}: {_said(error)}") from None


def _said(error: Exception) -> str:
    """The kind of error, and what the database said of it where that cannot hold a value."""
    if isinstance(error, OSError):
        return f"{type(error).__name__}: {error}"
    if not isinstance(error, DBAPIError):
        return type(error).__name__
    # SQLSTATE class 22, data exception: the value is quoted. The lines after the first are details of rows.
    state = str(getattr(error.orig, "sqlstate", ""))
    said = str(error.orig).splitlines()
    return f"{type(error).__name__}: {f'data exception {state}' if state.startswith('22') else ''.join(said[:1])}"
