"""How far the wall clock has slid in small moves: each too small to be a step, together an hour's wrong alarms.

A window of an hour; the oldest moves leave it, so a drift that has been mended is forgotten.
"""

from dataclasses import dataclass

WINDOW = 3600.0
LIMIT = 5.0
"""Seconds in an hour; a sound clock corrected by a time service slides less than two."""
_SMALLEST = 0.05
_MOST = 720


@dataclass(frozen=True, slots=True)
class Drift:
    """The small moves of the last hour: (running seconds, seconds moved)."""

    moves: tuple[tuple[float, float], ...] = ()

    def after(self, moved: float, running: float) -> "Drift":
        """One more look; what is below what a clock's reading can tell is left out."""
        if abs(moved) < _SMALLEST:
            return self
        kept = [move for move in self.moves if running - move[0] < WINDOW]
        return Drift((*kept[-_MOST:], (running, moved)))

    def in_an_hour(self, running: float) -> float:
        """Seconds slid within the last hour, forward positive."""
        return sum(moved for at, moved in self.moves if running - at < WINDOW)

    def too_much(self, running: float) -> bool:
        """True where the clock slides more than `LIMIT`."""
        return abs(self.in_an_hour(running)) > LIMIT
