"""How often a source may be refused before it is no longer listened to for a while.

Bounded: a flood of sources costs a fixed memory, and who is well-behaved is never slowed.
"""

from collections import OrderedDict
from collections.abc import Iterable

MOST = 60
"""Refusals of one source in WINDOW seconds; from then on it is turned away unread."""
WINDOW = 60.0
_REMEMBERED = 10_000


class Refusals:
    """Counts refusals by source. `now` are seconds that never jump."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._counts: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def exhausted(self, source: str, now: float) -> bool:
        """True while a source has had all its refusals."""
        since, count = self._counts.get(source, (now, 0))
        return count >= self._most and now - since < WINDOW

    def add(self, source: str, now: float) -> None:
        """One more refusal."""
        since, count = self._counts.pop(source, (now, 0))
        self._counts[source] = (since, count + 1) if now - since < WINDOW else (now, 1)
        if len(self._counts) > _REMEMBERED:
            self._counts.popitem(last=False)

    def __bool__(self) -> bool:
        return bool(self._counts)


def source_of(peer: str, headers: Iterable[tuple[bytes, bytes]]) -> str:
    """Whom a call comes from: the other side, or what our own proxy on this machine says of it.

    Only the last address counts, the one our proxy itself wrote (RFC 7239 §5.2's older form).
    """
    if peer not in ("127.0.0.1", "::1", ""):
        return peer
    said = [value for name, value in headers if name == b"x-forwarded-for"]
    return said[-1].rpartition(b",")[2].strip()[:64].decode("latin-1") if said else peer
