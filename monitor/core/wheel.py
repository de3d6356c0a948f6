"""Deadlines for a million: one linked list of indexes per second, kept in three arrays.

Filing and dropping touch a handful of array cells, whatever stands in the wheel; a tick costs what is due.
"""

from array import array
from typing import Final

NOWHERE: Final = 0xFFFFFFFF
_LATEST: Final = 0xFFFFFFFE


class Wheel:
    """Indexes filed under whole unix seconds; each at most once, a second filing replaces the first."""

    def __init__(self) -> None:
        self._next = array("I")
        self._prev = array("I")
        self._slot = array("I")
        self._first: dict[int, int] = {}
        self._done = 0

    def grow(self, count: int) -> None:
        """Room for `count` more indexes, none of them filed."""
        for column in (self._next, self._prev):
            column.extend(array("I", [NOWHERE]) * count)
        self._slot.extend(array("I", [0]) * count)

    def file(self, index: int, at: int) -> None:
        """Let the index come up at `at`, or as soon as may be when that has passed."""
        if self._slot[index]:
            self.drop(index)
        at = min(max(at, self._done + 1), _LATEST)
        first = self._first.get(at, NOWHERE)
        self._next[index] = first
        self._prev[index] = NOWHERE
        if first != NOWHERE:
            self._prev[first] = index
        self._first[at] = index
        self._slot[index] = at

    def drop(self, index: int) -> None:
        """Take the index out, wherever it stands; nothing happens when it is not filed."""
        slot = self._slot[index]
        if not slot:
            return
        before, after = self._prev[index], self._next[index]
        if after != NOWHERE:
            self._prev[after] = before
        if before != NOWHERE:
            self._next[before] = after
        elif after != NOWHERE:
            self._first[slot] = after
        else:
            del self._first[slot]
        self._slot[index] = 0

    def due(self, now: int, limit: int) -> "array[int]":
        """Take out what is filed at or before `now`, the earliest first, at most `limit`."""
        found = array("I")
        for slot in self._passed(now):
            index = self._first[slot]
            while index != NOWHERE and len(found) < limit:
                found.append(index)
                self._slot[index] = 0
                index = self._next[index]
            if index != NOWHERE:
                self._first[slot] = index
                self._prev[index] = NOWHERE
                self._done = slot - 1
                return found
            del self._first[slot]
        self._done = max(self._done, now)
        return found

    def _passed(self, now: int) -> list[int]:
        if now - self._done < len(self._first):
            return [slot for slot in range(self._done + 1, now + 1) if slot in self._first]
        return sorted(slot for slot in self._first if slot <= now)

    def clear(self, now: int) -> None:
        """Nothing is filed; the first second to come up is `now`, also where the clock was set back."""
        self._first.clear()
        self._slot = array("I", bytes(4 * len(self._slot)))
        self._done = now - 1
