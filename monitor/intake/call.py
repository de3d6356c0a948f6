"""One call from a gateway: what it carries, bounded in size and time, and whether it may be listened to.

Whoever calls must show what only the gateway knows; a stranger learns no more than that.
"""

import asyncio
import hmac
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any
from urllib.parse import parse_qs

LARGEST = 16 * 1024
OLD = timedelta(hours=1)
AHEAD = timedelta(minutes=5)
TAKEN, BAD, UNKNOWN, FOREIGN, NOT_SO, LATE, LARGE, UNREADY = 200, 400, 401, 404, 405, 408, 413, 503
_PATIENCE = 5.0
_FIELDS = 16
_REMEMBERED = 20_000

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Refused(Exception):
    """A call that is not taken: the status it is answered with, and the metric's word."""

    def __init__(self, status: int, verdict: str) -> None:
        super().__init__(verdict)
        self.status = status
        self.verdict = verdict


class Call:
    """An HTTP call (ASGI 3). Every reader raises Refused for what is not as it must be."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self._scope = scope
        self._receive = receive

    def only(self, method: str) -> None:
        """This method, and no other."""
        if self._scope["method"] != method:
            raise Refused(NOT_SO, "malformed")

    def header(self, name: bytes) -> str:
        """The header that is there once; one that is there twice is none."""
        found = [value for key, value in self._scope["headers"] if key == name]
        return found[0].decode("latin-1") if len(found) == 1 else ""

    async def body(self) -> bytes:
        """The body; one that is too large or too slow is refused."""
        read = bytearray()
        try:
            async with asyncio.timeout(_PATIENCE):
                while True:
                    event = await self._receive()
                    read += event.get("body", b"")
                    if len(read) > LARGEST:
                        raise Refused(LARGE, "too_large")
                    if event["type"] == "http.disconnect" or not event.get("more_body", False):
                        return bytes(read)
        except TimeoutError as error:
            raise Refused(LATE, "malformed") from error

    def query(self) -> Mapping[str, str]:
        """The query's fields; of a repeated one the last. A second `?` parts like an `&`: gateways add theirs so."""
        try:
            text = self._scope["query_string"].decode("ascii").replace("?", "&")
            asked = parse_qs(text, errors="replace", max_num_fields=_FIELDS)
        except ValueError as error:
            raise Refused(BAD, "malformed") from error
        return {key: values[-1] for key, values in asked.items()}

    def from_here(self) -> None:
        """Only from this machine: by the loopback, or by the very address it was answered on."""
        client, server = (self._scope.get(side) or ("", 0) for side in ("client", "server"))
        try:
            address = ip_address(str(client[0]))
        except ValueError as error:
            raise Refused(UNKNOWN, "forged") from error
        if not address.is_loopback and str(address) != str(server[0]):
            raise Refused(UNKNOWN, "forged")


def shows(given: str, known: str) -> None:
    """Raises Refused unless what is given is what is known; takes as long whichever octet differs."""
    if not known or not hmac.compare_digest(given.encode("utf-8", "replace"), known.encode()):
        raise Refused(UNKNOWN, "forged")


def instant(value: object) -> datetime | None:
    """Seconds since the epoch, or an ISO 8601 time (without a zone: UTC), as an instant; None for anything else."""
    try:
        if isinstance(value, str):
            found = datetime.fromisoformat(value[:40])
            return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return None


class Seen:
    """What has been taken in the last hour, at most so much: a gateway calls again when our answer was lost."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._seen: OrderedDict[tuple[str, ...], datetime] = OrderedDict()

    def refuse(self, *key: str) -> None:
        """Raises Refused for one that was taken: it is told that all is well, and nothing is done."""
        now = self._now()
        while self._seen and (len(self._seen) > _REMEMBERED or now - next(iter(self._seen.values())) > OLD + AHEAD):
            self._seen.popitem(last=False)
        if key in self._seen:
            raise Refused(TAKEN, "replay")

    def keep(self, *key: str) -> None:
        """Taken. Not before it was: what fell on the way must be taken when the gateway sends it again."""
        self._seen[key] = self._now()
