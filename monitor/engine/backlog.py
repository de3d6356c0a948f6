"""Rows that wait to be written, each once: a later value takes the place of an earlier one with its key.

Bounded: room is made at the cost of what is least needed, never of a notice while anything else is left.
"""

from collections.abc import Iterable
from itertools import islice

from monitor.core.records import (
    AddressRow,
    Attempt,
    BeliefRow,
    CanaryRow,
    Incident,
    Notice,
    Row,
    TaskItem,
    TimelineLine,
    TransitionRow,
    WatchRow,
)
from monitor.core.withholding import Withholding

_BY_NEED: tuple[type[Row], ...] = (
    Incident,
    Notice,
    Attempt,
    TaskItem,
    AddressRow,
    Withholding,
    WatchRow,
    BeliefRow,
    CanaryRow,
    TimelineLine,
    TransitionRow,
)
"""What is written first and given up last."""


def key_of(row: Row) -> str:
    """What makes a row itself: a row with the same key replaces it, in memory as in the store."""
    match row:
        case BeliefRow():
            return row.check
        case TimelineLine() | Notice() | TaskItem() | AddressRow():
            return row.key
        case _:
            return row.id


def tidy(rows: Iterable[Row]) -> list[Row]:
    """The rows sorted by kind, of several with one key the last: what one transaction needs to write."""
    kinds: dict[type[Row], dict[str, Row]] = {kind: {} for kind in _BY_NEED}
    for row in rows:
        kinds[type(row)][key_of(row)] = row
    return [row for kind in kinds.values() for row in kind.values()]


class Backlog:
    """At most `most` rows; `lost` counts those given up."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.lost = 0
        self._kinds: dict[type[Row], dict[str, Row]] = {kind: {} for kind in _BY_NEED}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def keep(self, rows: Iterable[Row]) -> None:
        """Take these in, in place of older values."""
        for row in rows:
            kind, key = self._kinds[type(row)], key_of(row)
            self._count += key not in kind
            kind[key] = row
        if self._count > self.most:
            self._drop(self._count - self.most + self.most // 100)

    def put_back(self, rows: Iterable[Row]) -> None:
        """What could not be written after all, unless something newer has come meanwhile."""
        self.keep(row for row in rows if key_of(row) not in self._kinds[type(row)])

    def settled(self, rows: Iterable[Row]) -> None:
        """These have been written another way: an older value must not be written over them."""
        for row in rows:
            if self._kinds[type(row)].pop(key_of(row), None) is not None:
                self._count -= 1

    def take(self, count: int) -> list[Row]:
        """Take out at most so many, the most needed first."""
        taken: list[Row] = []
        for kind in self._kinds.values():
            first = list(islice(kind, count - len(taken)))
            taken.extend(kind.pop(key) for key in first)
        self._count -= len(taken)
        return taken

    def _drop(self, count: int) -> None:
        """Some at a time: taking the first of a large dict is only cheap when many are taken."""
        for kind in reversed(_BY_NEED):
            first = list(islice(self._kinds[kind], count))
            for key in first:
                del self._kinds[kind][key]
            count -= len(first)
            self._count -= len(first)
            self.lost += len(first)
