"""An event loop on which waiting costs nothing: when only timers are left, the next one has come.

The time it skips is told, so that a story's own clock goes along with a carrier that hangs and a store that is slow.
"""

import asyncio
import selectors
from collections.abc import Callable
from typing import Any


class _Skipping(selectors.DefaultSelector):
    """Never waits: what would have been waited is `skipped` at once."""

    def __init__(self, told: Callable[[float], None]) -> None:
        super().__init__()
        self.skipped = 0.0
        self._told = told

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        found = super().select(0)
        if found:
            return found
        if timeout is None:
            raise RuntimeError("nothing is left to happen, and somebody waits for it")
        if timeout > 0:
            self.skipped += timeout
            self._told(timeout)
        return []


class Hasty(asyncio.SelectorEventLoop):
    """The loop; `told` hears of the seconds that nobody waited."""

    def __init__(self, told: Callable[[float], None]) -> None:
        self._skipping = _Skipping(told)
        super().__init__(self._skipping)

    def time(self) -> float:
        return self._skipping.skipped

    def run(self, work: Any) -> Any:
        """Run this to its end."""
        return self.run_until_complete(work)
