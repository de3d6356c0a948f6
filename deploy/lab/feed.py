"""What arrived somewhere, newest last: a bounded list that can also be followed live.

A follower misses nothing that is still in the list and is never waited for by whoever adds.
"""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator
from typing import Any


class Feed:
    """Entries are JSON objects; each gets `n`, counted from 0 and never used twice."""

    def __init__(self, limit: int = 10_000) -> None:
        self._entries: deque[dict[str, Any]] = deque(maxlen=limit)
        self._next = 0
        self._more = asyncio.Event()

    def add(self, entry: dict[str, Any]) -> None:
        """Append one entry and wake the followers."""
        self._entries.append({"n": self._next, **entry})
        self._next += 1
        self._more.set()
        self._more = asyncio.Event()

    def entries(self, since: int = 0) -> list[dict[str, Any]]:
        """The entries still kept, from number `since` on."""
        return [entry for entry in self._entries if entry["n"] >= since]

    async def lines(self, since: int = 0) -> AsyncIterator[bytes]:
        """Entries from number `since` on as lines of JSON (NDJSON), without end."""
        while True:
            more = self._more
            for entry in self.entries(since):
                since = entry["n"] + 1
                yield json.dumps(entry, ensure_ascii=False).encode() + b"\n"
            if since >= self._next:
                await more.wait()
