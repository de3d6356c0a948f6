"""The rhythm of each device: how often it is heard, and how far from that, learnt from the gaps between arrivals.

A gap that is far from the rhythm says nothing of it: a beat was missed, or a queue was emptied. Only another rhythm
that lasts becomes the new one.

Context: a device must be called late soon after its beat, and hardly ever wrongly. Choice: a running mean of the gap
and a measure of its spread that rises four times as fast as it falls, so that it leans to the large side. Price: one
bad night makes a device's slack too wide for some thirty beats.
"""

from array import array
from typing import Final

UNKNOWN: Final = 90_000.0
"""The interval of a device whose rhythm is not known yet: the longest supervision class, 25 h (DOMAIN §1)."""
LEARNT: Final = 3
"""Gaps of one rhythm that make it known."""
_SLACK: Final = 30.0
_SHARE: Final = 120
_SPREADS: Final = 5
_ODD: Final = 6
_FIXED: Final = 255
_NARROW: Final = 1 / 32
_WIDE: Final = 1 / 8


class Rhythm:
    """Interval and spread of every device, in seconds."""

    def __init__(self) -> None:
        self.interval = array("f")
        self.spread = array("f")
        self.beats = bytearray()
        self.odd = bytearray()

    def grow(self, count: int) -> None:
        """Room for `count` more devices, their rhythm not known."""
        self.interval.extend(array("f", [UNKNOWN]) * count)
        self.spread.extend(array("f", [0.0]) * count)
        self.beats.extend(bytes(count))
        self.odd.extend(bytes(count))

    def fix(self, index: int, interval: int) -> None:
        """The interval is given; 0 lets it be learnt, from the start where it was given before."""
        if interval:
            self.interval[index] = interval
            self.beats[index] = _FIXED
        elif self.beats[index] == _FIXED:
            self.interval[index] = UNKNOWN
            self.beats[index] = 0

    def forget(self, index: int) -> None:
        """Nothing is known of the device's rhythm."""
        self.interval[index], self.spread[index] = UNKNOWN, 0.0
        self.beats[index] = self.odd[index] = 0

    def fixed(self, index: int) -> bool:
        """Whether the interval is given."""
        return self.beats[index] == _FIXED

    def known(self, index: int) -> bool:
        """Whether the device's next beat can be expected."""
        return self.beats[index] >= LEARNT

    def wait(self, index: int) -> float:
        """How long after a beat the next one is late: the interval and a slack of at most one more."""
        interval = self.interval[index]
        if self.beats[index] < LEARNT:
            return UNKNOWN + UNKNOWN / _SHARE
        slack = max(_SLACK, interval / _SHARE, _SPREADS * self.spread[index])
        return interval + min(slack, interval)

    def learn(self, index: int, gap: int) -> None:
        """Take in the gap between two beats."""
        beats, interval = self.beats[index], self.interval[index]
        off = gap - interval
        away = abs(off)
        if not beats or 2 * away > interval:
            self._other(index, gap)
            return
        self.odd[index] = 0
        spread = self.spread[index]
        self.spread[index] = spread + (away - spread) * (_WIDE if away > spread else _NARROW)
        if beats != _FIXED:
            share = _WIDE if beats >= 8 else 1 / (beats + 1)
            self.interval[index] = interval + off * share
            self.beats[index] = min(beats + 1, 8)

    def _other(self, index: int, gap: int) -> None:
        """Another rhythm than the one believed: taken up at once while none is known, else when it lasts."""
        beats = self.beats[index]
        if beats == _FIXED:
            return
        self.odd[index] = min(self.odd[index] + 1, 255)
        if beats < LEARNT or self.odd[index] >= _ODD:
            self.interval[index] = gap
            self.spread[index] = gap / (4 * _SHARE)
            self.beats[index] = LEARNT if beats >= LEARNT else 1
            self.odd[index] = 0
