"""The early sign: a group whose beats stop coming is seen long before any device of it is past its deadline.

At most one false sign in ten years of a fleet is allowed for, whatever its size.

Each beat that was due is a trial: it came in time (a hit) or not (a miss). For each group, and for the fleet as a
whole, a CUSUM adds up the log-likelihood ratio between an outage, where a beat is missed with probability p1, and a
usual day, where it is with p0:

    S ← max(0, S + misses · ln(p1 / p0) − hits · ln((1 − p0) / (1 − p1)))      sign when S ≥ h

On usual days the mean number of trials to a false sign is at least e^h (Lorden, Ann. Math. Statist. 42, 1971), so with
N trials a year the false signs of a year are at most N / e^h for each group. Every trial counts in one group of each of
A attributes and in the fleet, each with two p1 (a half: most of the group is gone; p0 + 5 %: a small part is), hence

    h = ln(N · (A + 1) · 2 / 0.1)

which at 10,000 hourly devices and six attributes is 23.2: six misses on end. p0 is learnt, of the fleet and of each
group, doubled, and held within 1 % and 30 %; what was seen during a sign is left out. A device that is gone misses one
beat and is no trial until it is back, so single dead devices never add up.

Context: p0 is not known on the first day. Choice: no sign of a group until three trials per device, or 900, were seen
of it. Price: a fleet just imported has its deadlines and shares only, and so has a group that misses over 15 %.
"""

import json
from collections.abc import Iterable
from math import log
from typing import Final

from monitor.core.cusum import HOLD, Cusum, usual
from monitor.core.fleet import Sign, Ticked
from monitor.core.profiles import WHOLE, Profiles

FALSE_A_YEAR: Final = 0.1
DEPTHS: Final = 2
LEAST: Final = 8
"""A group of fewer devices gives no sign: they are single devices."""
FEWEST: Final = 6
"""So many devices have to be missing, not one of them so often."""
_YEAR: Final = 31_557_600
_HOURLY: Final = _YEAR // 3600
_WINDOW: Final = 86_400
_KEPT: Final = 2_000
_CELLS: Final = 9
_LARGEST: Final = 1e12


def threshold(trials: float, attributes: int) -> float:
    """The height at which a sign comes, for so many trials a year in a fleet told apart by so many attributes."""
    return log(max(trials, 1.0) * (attributes + 1) * DEPTHS / FALSE_A_YEAR)


class Early:
    """The signs of one fleet; `feed` it every `Ticked`. `interval` is how often its devices report (s; 0: learnt)."""

    def __init__(self, profiles: Profiles, interval: int = 0) -> None:
        self._profiles = profiles
        # Each has had the chance to be heard twice, however quick the fleet is.
        self._hold = min(HOLD, 2 * interval) if interval else HOLD
        self._scores: dict[int, Cusum] = {}
        self._on: set[int] = set()
        self._rate = 0.0
        self._seen = 0
        self._window = 0
        self.height = threshold(1, len(profiles.attributes))

    def feed(self, now: int, ticked: Ticked) -> None:
        """Take in what a tick brought."""
        groups_of = self._profiles.groups_of
        sums: dict[int, list[int]] = {}
        for profile, trial in ticked.trials.items():
            for group in groups_of[profile]:
                total = sums.get(group)
                if total is None:
                    sums[group] = [trial.hits, trial.misses, trial.first, 0]
                    continue
                total[0] += trial.hits
                total[1] += trial.misses
                total[2] = min(total[2] or trial.first, trial.first or total[2])
        for profile, gone in ticked.gone.items():
            for group in groups_of[profile]:
                sums.setdefault(group, [0, 0, 0, 0])[3] += gone
        if sums:
            self._count(now, sums.get(WHOLE, [0, 0])[:2])
            self._weigh(now, sums)
        self._settle(now)

    def _count(self, now: int, seen: Iterable[int]) -> None:
        """How many trials a year there are; until a day has been seen, as many as if each device came hourly."""
        self._seen += sum(seen)
        span = now - self._window
        if not self._window or span > 7 * _WINDOW:
            self._window, self._seen = now, 0
        elif span >= _WINDOW:
            self._rate = self._seen * _YEAR / span
            self._window, self._seen = now, 0
        most = max(self._rate, float(_HOURLY * self._profiles.sizes[WHOLE]))
        self.height = threshold(most, len(self._profiles.attributes))

    def _weigh(self, now: int, sums: dict[int, list[int]]) -> None:
        sizes = self._profiles.sizes
        whole = self._of(WHOLE)
        fleet = usual(whole.misses, whole.trials)
        for group, (hits, misses, first, gone) in sums.items():
            if sizes[group] < LEAST:
                continue
            score = self._of(group)
            score.missing += gone
            score.take(hits, misses, first or now)
            score.learn(sizes[group], fleet)
            if not score.on and score.missing >= FEWEST and score.reached(self.height):
                score.begin(now)
                self._on.add(group)

    def _of(self, group: int) -> Cusum:
        score = self._scores.get(group)
        if score is None:
            score = self._scores[group] = Cusum()
        return score

    def _settle(self, now: int) -> None:
        for group in [group for group in self._on if self._scores[group].over(now, self._hold)]:
            self._scores[group].end(now)
            self._on.discard(group)

    @property
    def signs(self) -> tuple[Sign, ...]:
        """The signs now, the group of which the largest part is missing first."""
        found = [self._sign(group) for group in sorted(self._on)]
        found.sort(key=lambda sign: -sign.missing / max(1, sign.size))
        return tuple(found)

    def _sign(self, group: int) -> Sign:
        score = self._scores[group]
        attribute, value = self._profiles.groups[group]
        size = self._profiles.sizes[group]
        return Sign(attribute, value, score.since, score.seen, max(0, score.missing), size, score.part)

    def keep(self) -> str:
        """What a restart must not forget: what is usual of each group, and the signs. JSON; for `back`."""
        most = sorted(self._scores, key=lambda group: (group not in self._on, -self._scores[group].trials))[:_KEPT]
        groups = [[*self._profiles.groups[group], *self._scores[group].keep()] for group in most]
        return json.dumps({"rate": self._rate, "groups": groups})

    def back(self, kept: str) -> None:
        """Take up what `keep` gave, after the devices were put. Raises ValueError, with nothing taken."""
        try:
            read = json.loads(kept)
            rate = _number(read["rate"])
            scores = [(str(one[0]), str(one[1]), [_number(n) for n in one[2:]]) for one in read["groups"][:_KEPT]]
        except (KeyError, TypeError, IndexError) as exc:
            raise ValueError("not what was kept of the early sign") from exc
        if any(len(numbers) != _CELLS for _, _, numbers in scores):
            raise ValueError("not what was kept of the early sign")
        self._rate = rate
        for attribute, value, numbers in scores:
            group = self._profiles.number((attribute, value))
            if group is not None:
                self._of(group).back(numbers)
                if numbers[4]:
                    self._on.add(group)


def _number(value: object) -> float:
    """A count or a time; none is negative but a count of missing, and none is endless."""
    if not isinstance(value, int | float) or not abs(value) < _LARGEST:
        raise ValueError("not what was kept of the early sign")
    return value
