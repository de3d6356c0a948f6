"""The only module that reads the clock.

Everything else is given a Clock, so that a story can turn the hands.
"""

import os
import time
from datetime import UTC, datetime


class Clock:
    """Wall clock (UTC), monotonic clock (seconds), and ids that sort by time."""

    def now(self) -> datetime:
        """The present instant, aware, UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds that never jump; for measuring spans, not for naming instants."""
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
