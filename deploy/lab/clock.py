"""The lab's two clocks; nothing else in the lab reads one."""

import asyncio
from datetime import UTC, datetime


def monotonic() -> float:
    """Seconds of the running loop's clock, which never goes backwards."""
    return asyncio.get_running_loop().time()


def now() -> datetime:
    """The time of day, UTC."""
    return datetime.now(UTC)
