"""Following redirections (RFC 9110 section 15.4) with the guards a probe needs, whoever does the sending.

Nothing that says who we are goes to another origin, and a chain ends: by its length, or where it has been before.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from checks.httpwire.address import Url, join
from checks.httpwire.request import Request
from monitor.core.fault import ProbeFault
from monitor.core.finding import Reason

_MOVED: Final = frozenset({301, 302, 303, 307, 308})
_KEEPS_METHOD: Final = frozenset({307, 308})


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer ready to be judged: `body` is decoded, header names are lower case, `url` is where it came from.

    `took` is seconds from the first byte of work to the last byte read, redirections included.
    """

    status: int
    url: Url
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    body: bytes = field(default=b"", repr=False)
    took: float = 0.0

    def header(self, name: str) -> str | None:
        """All values of a header joined by comma (RFC 9110 section 5.3), None when it is not there."""
        values = [value for key, value in self.headers if key == name.lower()]
        return ", ".join(values) if values else None


@dataclass(frozen=True, slots=True)
class Redirects:
    """How far to follow. `wanted` are statuses that end the chain because they are what is expected."""

    most: int = 5
    downgrade: bool = False
    """Whether https may lead to http."""
    wanted: frozenset[int] = frozenset()


async def follow(
    send: Callable[[Request], Awaitable[Reply]], request: Request, rules: Redirects, cookies: Callable[[], object]
) -> Reply:
    """Send, and send again where the answer points, until one stands.

    `cookies()` is what the sender holds now: the same address with the same cookies again is a loop.
    Raises ProbeFault REDIRECTS, and what `send` raises.
    """
    been = [(request.method, request.url, cookies())]
    while True:
        reply = await send(request)
        location = reply.header("location")
        if reply.status not in _MOVED or reply.status in rules.wanted or location is None or rules.most == 0:
            return reply
        if len(been) > rules.most:
            raise _lost(f"højst {rules.most} viderestillinger", "flere")
        request = _next(request, reply.status, location, rules)
        step = (request.method, request.url, cookies())
        if step in been:
            raise _lost("en viderestilling med en ende", "i ring")
        been.append(step)


def _next(request: Request, status: int, location: str, rules: Redirects) -> Request:
    """The request a redirection asks for. POST becomes GET except by 307 and 308, as browsers have it."""
    try:
        url = join(request.url, location)
    except ValueError as exc:
        raise _lost("en adresse at gå til", "en ugyldig Location") from exc
    if request.url.tls and not url.tls and not rules.downgrade:
        raise _lost("https hele vejen", "viderestilling til http")
    keeps = status in _KEEPS_METHOD or request.method in {"GET", "HEAD"}
    if keeps and request.body and url.origin != request.url.origin:
        raise _lost("indsendt til samme vært", "viderestillet til en anden")
    return request.moved(url, request.method if keeps else "GET")


def _lost(expected: str, seen: str) -> ProbeFault:
    return ProbeFault(Reason.REDIRECTS, expected, seen)
