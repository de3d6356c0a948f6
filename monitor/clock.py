"""The only module that reads the clock.

Everything else is given a Clock, so that a story can turn the hands.

Context: the wall clock is set now and then, by hand or by a time service, and everything kept (an outage's beginning,
a chain's start) is an instant of it. Choice: `now` is this machine's running time (CLOCK_BOOTTIME, which goes on while
it sleeps) laid beside the wall; where the wall is set by more than `JUMP` seconds, `now` goes on as it was until
`follow` is called by whoever moves along what is kept (`monitor.engine.timekeeper`), so that no instant of the new
time is ever compared with one of the old. Price: for up to a second after a step we name instants by the old time.
"""

import os
import time
from datetime import UTC, datetime

JUMP = 2.0
"""Seconds by which the wall clock may move by itself: what a time service corrects without anybody noticing."""


class Clock:
    """Wall clock (UTC), monotonic clock (seconds), and ids that sort by time."""

    def __init__(self) -> None:
        self._beside = time.time() - self.running()

    def now(self) -> datetime:
        """The present instant, aware, UTC."""
        wall = time.time()
        apart = wall - self.running() - self._beside
        return datetime.fromtimestamp(wall if abs(apart) <= JUMP else wall - apart, UTC)

    def apart(self) -> float:
        """How many seconds the wall clock has moved against running time since it was last followed."""
        return time.time() - self.running() - self._beside

    def follow(self, apart: float) -> None:
        """Take the wall clock as it now is, that far from the last time: `now` jumps by what it had held back."""
        self._beside += apart

    def running(self) -> float:
        """Seconds this machine has run, its sleep included; never set."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def monotonic(self) -> float:
        """Seconds that never jump and stand still while the machine sleeps; for spans, not for naming instants."""
        return time.monotonic()

    def new_id(self) -> str:
        """A UUIDv7 (RFC 9562 §5.7) as text: time-ordered, made without coordination."""
        millis = int(self.now().timestamp() * 1000) & (1 << 48) - 1
        random = int.from_bytes(os.urandom(10), "big")
        value = millis << 80 | random
        value = value & ~(0xF << 76) | 0x7 << 76
        value = value & ~(0x3 << 62) | 0x2 << 62
        text = f"{value:032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
