"""When each device of a fleet is late and when it is silent, and what a time in which nobody listened does to that.

Nobody is called late for a beat that fell while nobody listened.
"""

from typing import Final

from monitor.core.columns import GONE, LATE, LEARNING, MUTED, OK, SILENT, Columns
from monitor.core.fleet import FleetRule
from monitor.core.nights import HOUR, Nights, nights
from monitor.core.rhythm import UNKNOWN
from monitor.core.wheel import Wheel

_INTERVALS: Final = 3
"""Where no deadline is given: an interval is at most a third of it (DOMAIN §4)."""


class Deadlines(Columns):
    """The columns of a fleet with their wheel."""

    def __init__(self, rule: FleetRule) -> None:
        super().__init__(rule.attributes)
        self.rule = rule
        self._wheel = Wheel()
        self._muted: dict[int, int] = {}
        self._nights = Nights()
        self._now = 0
        self._resumed = 0

    def _late_at(self, index: int) -> int:
        """When the next beat is late. One that fell while nobody listened is not waited for: the one after it is."""
        last, wait = max(self._last[index], self._base[index]), self.rhythm.wait(index)
        due = int(last + wait) + 1
        if last < self._nights.autumn <= due and wait >= HOUR:
            due += HOUR
        return due

    def deadline(self, index: int) -> int:
        """When the device is silent unless it is heard; 0 when it never was. Of a silent device: since when it is."""
        last = self._last[index]
        if not last:
            return 0
        known = self.rhythm.interval[index] if self.rhythm.known(index) else UNKNOWN
        due = last + (self.rule.deadline or int(_INTERVALS * known))
        if last < self._resumed:
            due += self._grace[index]
        late = self._state[index] in {LATE, SILENT} and self._base[index] <= last
        return due if late else max(due, self._late_at(index))

    def _file(self, index: int) -> None:
        """File the device by the state it stands in."""
        code = self._state[index]
        if code in (OK, LEARNING):
            self._wheel.file(index, self._late_at(index))
        elif code == LATE:
            self._wheel.file(index, self.deadline(index))

    def resume(self, now: int, away: int) -> None:
        """Nobody listened for `away` seconds until `now`: after a start, a stopped process, a clock set forward.

        Deadlines get that time as grace, at most `FleetRule.grace_cap` but never less than one beat more, and no beat
        that fell in it counts as missed. Also for a clock set back (`away` 0): nothing was heard after `now`.
        """
        self._nights = nights(self.rule.zone, now)
        self._wheel.clear(now)
        self._resumed = self._now = now
        for index, code in enumerate(self._state):
            if code == GONE:
                continue
            last = self._last[index] = min(self._last[index], now)
            self._base[index] = min(self._base[index], now)
            if away > 0 and last and code != SILENT:
                self._grace[index] = min(self._grace[index] + away, self.rule.grace_cap)
                if self._beat_between(index, now - away, now):
                    self._base[index] = now
            if code == MUTED:
                self._wheel.file(index, self._muted.get(index, now))
            else:
                self._file(index)
        self._dirty[:] = b"\x01" * len(self._dirty)

    def _beat_between(self, index: int, gone: int, back: int) -> bool:
        """Whether a beat of the device may have fallen between: always, where its rhythm is not known."""
        if not self.rhythm.known(index):
            return True
        interval = self.rhythm.interval[index]
        slack = self.rhythm.wait(index) - interval
        last = self._last[index]
        beats = (back + slack - last) // interval
        return beats >= 1 and last + beats * interval >= gone - slack
