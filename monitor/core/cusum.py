"""The score of one group: what is usual of it, how far it is from that, and whether it shows the sign.

What was seen during a sign does not become usual, unless signs come again within a day.
"""

from dataclasses import dataclass
from math import inf, log
from typing import Final

PRIOR: Final = 0.005
LOWEST: Final = 0.01
HIGHEST: Final = 0.3
MARGIN: Final = 2.0
DEEPER: Final = 0.05
PER_DEVICE: Final = 3
ENOUGH: Final = 900
HOLD: Final = 300
_WEIGHT: Final = 200
_KEPT: Final = 20_000
_DAY: Final = 86_400


@dataclass(frozen=True, slots=True)
class Costs:
    """What a miss adds and a hit takes, in nats, for an outage of most of a group and for one of a small part."""

    miss: float
    hit: float
    soft_miss: float
    soft_hit: float


_NOT_JUDGED: Final = Costs(0.0, inf, 0.0, inf)


def usual(misses: float, trials: float, before: float = PRIOR) -> float:
    """The share of beats missed on usual days; `before` is what was believed before any was seen, worth 200 trials."""
    return (misses + _WEIGHT * before) / (trials + _WEIGHT)


def costs(share: float) -> Costs:
    """The costs of a group that usually misses this share of its beats; of a group that misses too many, none."""
    p0 = max(LOWEST, MARGIN * share)
    if p0 > HIGHEST:
        return _NOT_JUDGED
    most, part = (1 + p0) / 2, p0 + DEEPER
    return Costs(log(most / p0), log((1 - p0) / (1 - most)), log(part / p0), log((1 - p0) / (1 - part)))


class Cusum:
    """One group. `missing` is how many more devices are late or silent than when its score last stood at nothing."""

    __slots__ = (
        *("_calm", "_costs", "_ended", "_hard", "_hard_since", "_held", "_held_misses", "_mark", "_soft"),
        *("_soft_since", "misses", "missing", "on", "part", "peak", "ready", "seen", "since", "trials"),
    )

    def __init__(self) -> None:
        self.trials = self.misses = 0.0
        self.ready = self.on = False
        self.missing = self.peak = self.since = self.seen = 0
        self._hard = self._soft = self.part = 0.0
        self._hard_since = self._soft_since = 0
        self._held = self._held_misses = 0
        self._calm = self._ended = 0
        self._mark = 0.0
        self._costs = _NOT_JUDGED

    def take(self, hits: int, misses: int, first: int) -> None:
        """So many beats came and so many did not; `first` is when the first of them was due."""
        self._held += hits + misses
        self._held_misses += misses
        if self.on:
            return
        if self.ready:
            cost = self._costs
            hard = self._hard + misses * cost.miss - (hits * cost.hit if hits else 0.0)
            soft = self._soft + misses * cost.soft_miss - (hits * cost.soft_hit if hits else 0.0)
            if hard > 0:
                self._hard_since = self._hard_since if self._hard else first
            if soft > 0:
                self._soft_since = self._soft_since if self._soft else first
            self._hard, self._soft = max(0.0, hard), max(0.0, soft)
        if not self._hard and not self._soft:
            self._commit()
            self.missing = 0

    def _commit(self) -> None:
        """What was held back is usual after all."""
        self.trials += self._held
        self.misses += self._held_misses
        self._held = self._held_misses = 0

    def learn(self, size: int, fleet: float) -> None:
        """Go by what has been seen, now and then; `fleet` is what is usual of the fleet."""
        if self.trials < self._mark:
            return
        self.ready = self.ready or self.trials >= min(PER_DEVICE * size, ENOUGH)
        if self.trials > max(_KEPT, 8 * size):
            self.trials, self.misses = self.trials / 2, self.misses / 2
        self._costs = costs(max(fleet, usual(self.misses, self.trials, fleet)))
        self._mark = self.trials + max(size / 2, self.trials / 8, 10.0)

    def reached(self, height: float) -> bool:
        """Whether the score stands at the height."""
        return self._hard >= height or self._soft >= height

    def begin(self, now: int) -> None:
        """The sign comes."""
        self.since = self._hard_since if self._hard >= self._soft else self._soft_since
        self.seen, self.on, self.peak, self._calm = now, True, self.missing, 0
        self.part = self._held_misses / self._held if self._held else 0.0

    def over(self, now: int, hold: int = HOLD) -> bool:
        """Whether the sign has passed: three quarters of those missing were heard, and have been for `hold` seconds."""
        self.peak = max(self.peak, self.missing)
        if self.missing > self.peak // 4:
            self._calm = 0
            return False
        self._calm = self._calm or now
        return now - self._calm >= hold

    def end(self, now: int) -> None:
        """The sign goes."""
        if now - self._ended < _DAY:
            self._commit()
        self.on, self._ended = False, now
        self._hard = self._soft = 0.0
        self._held = self._held_misses = self.missing = 0

    def keep(self) -> list[float]:
        """What a restart must not forget, for `back`."""
        counts = [self.missing, self.peak, self.since, self.seen]
        return [self.trials, self.misses, self.part, self.ready, self.on, *counts]

    def back(self, kept: list[float]) -> None:
        """Take up again what was kept."""
        self.trials, self.misses, self.part = kept[:3]
        self.ready, self.on = bool(kept[3]), bool(kept[4])
        self.missing, self.peak, self.since, self.seen = map(int, kept[5:])
