"""The phones of the lab: every SMS that reached one, whichever way it came.

A phone is its number in E.164; it exists from its first message on.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from feed import Feed


class Phones:
    """`feed` holds every message as `{n, to, text, sender, via, id, at}`."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.feed = Feed()
        self._now = now

    def ring(self, to: str, text: str, *, sender: str, via: str, key: str) -> None:
        """A message lands. `to` may come as the providers write it: digits with or without `+`."""
        number = "+" + to.strip().lstrip("+").removeprefix("00")
        at = self._now().isoformat()
        self.feed.add({"to": number, "text": text, "sender": sender, "via": via, "id": key, "at": at})

    def by_number(self) -> dict[str, list[dict[str, Any]]]:
        """Each phone's messages, oldest first."""
        phones: dict[str, list[dict[str, Any]]] = {}
        for message in self.feed.entries():
            phones.setdefault(message["to"], []).append(message)
        return phones
