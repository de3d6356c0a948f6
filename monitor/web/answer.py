"""One HTTP answer, and the headers every answer carries.

Nothing from outside may run on a page: no inline script or style, no other origin, no framing.
"""

import json
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass, field
from typing import Any

Scope = MutableMapping[str, Any]
Event = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = tuple[tuple[bytes, bytes], ...]
Quick = Callable[[bytes, list[tuple[bytes, bytes]], bytes, str], bytes | None]
"""(url, headers, body, the other side's address) → a whole HTTP response; None: this one takes the ordinary way."""

HTML = "text/html; charset=utf-8"
TEXT = "text/plain; charset=utf-8"
JSON = "application/json"

_CSP = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action {forms}; frame-ancestors "
)
_ALWAYS: Headers = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
)


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, body and what it is. `framed` lets other pages frame it: a wall screen often shows several."""

    body: bytes
    status: int = 200
    kind: str = TEXT
    cache: str = "no-store"
    framed: bool = False
    forms: bool = False
    """The page has a form that is sent to us."""
    extra: Headers = field(default=())

    async def send(self, send: Send) -> None:
        """Send it whole."""
        headers = [
            (b"content-type", self.kind.encode()),
            (b"content-length", str(len(self.body)).encode()),
            (b"cache-control", self.cache.encode()),
            *self.extra,
            *security(framed=self.framed, forms=self.forms),
        ]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


def plain(status: int, text: str, *extra: tuple[bytes, bytes]) -> Answer:
    """A short text."""
    return Answer(f"{text}\n".encode(), status, extra=extra)


def detail(status: int, text: str, *extra: tuple[bytes, bytes]) -> Answer:
    """The API's form of a short text."""
    return Answer(json.dumps({"detail": text}, ensure_ascii=False).encode(), status, JSON, extra=extra)


def security(*, framed: bool = False, forms: bool = False) -> Headers:
    """The headers that keep other pages out (Content Security Policy Level 3)."""
    policy = _CSP.format(forms="'self'" if forms else "'none'") + ("*" if framed else "'none'")
    return ((b"content-security-policy", policy.encode()), *_ALWAYS)


def header(scope: Scope, name: bytes) -> str:
    """A request header's value, the last where it comes twice; empty when it does not."""
    found: Iterable[bytes] = (value for key, value in scope["headers"] if key == name)
    return next(iter([*found][-1:]), b"").decode("latin-1")
