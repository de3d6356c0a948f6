"""The cookies of one redirection chain: some pages hand out one and send the visitor back to the same address.

A cookie goes back to the very scheme and host it came from, and nowhere else.
"""

from typing import Final

from checks.httpwire.address import Url
from checks.httpwire.follow import Reply

_MOST: Final = 20
_LONGEST: Final = 4096


class Jar:
    """Name and value by scheme and host (RFC 6265 section 5.2, attributes left out); at most twenty."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str, str], str] = {}

    def take(self, reply: Reply) -> None:
        """Keep what an answer sets."""
        for name, line in reply.headers:
            key, equals, value = line.partition(";")[0].partition("=")
            if name == "set-cookie" and equals and len(line) <= _LONGEST and len(self._kept) < _MOST:
                self._kept[reply.url.scheme, reply.url.host, key.strip()] = value.strip()

    def line(self, url: Url) -> str:
        """The Cookie header for an address, empty when there is none."""
        mine = [f"{key[2]}={value}" for key, value in self._kept.items() if key[:2] == (url.scheme, url.host)]
        return "; ".join(mine)

    def state(self) -> object:
        """What is held, for comparing."""
        return tuple(self._kept.items())
