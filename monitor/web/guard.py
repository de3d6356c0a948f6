"""What stands before the API: a body is small, JSON and whole, and only who holds the token may change anything.

A token in a header, and not in a cookie, is what a foreign page in somebody's browser cannot send along; that the
port is on loopback keeps no browser on the machine out.
"""

import asyncio
import hmac

from monitor.web.answer import Answer, App, Event, Receive, Scope, Send, detail, header

LARGEST = 16 * 1024
LISTS = "/api/v1/fleets/"
LARGEST_LIST = 2 * 1024 * 1024
"""A part of a list of devices; what else is changed here is small."""
_PATIENCE = 10.0
_CHANGES = ("POST", "PUT", "PATCH", "DELETE")


class Guard:
    """Lets reads through; of the rest only what holds `token` and a small JSON body. An empty token shuts them all."""

    def __init__(self, app: App, token: str) -> None:
        self._app = app
        self._token = token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["method"] not in _CHANGES:
            await self._app(scope, receive, send)
            return
        refusal = self._refused(scope)
        body = b"" if refusal else await whole_body(receive, _most(scope))
        refusal = refusal or (body if isinstance(body, Answer) else None)
        if refusal is not None:
            await refusal.send(send)
            return
        await self._app(scope, _again(body, receive), send)

    def _refused(self, scope: Scope) -> Answer | None:
        if not self._token:
            return detail(403, "Handlinger er slået fra: tjenesten har ingen adgangsnøgle")
        kind, _, given = header(scope, b"authorization").partition(" ")
        given = given.strip()
        if kind.lower() != "bearer" or not hmac.compare_digest(given.encode(), self._token):
            return detail(401, "Adgangsnøglen mangler eller er forkert", (b"www-authenticate", b"Bearer"))
        if header(scope, b"content-type").partition(";")[0].strip().lower() != "application/json":
            return detail(415, "Kun application/json")
        length = header(scope, b"content-length")
        most = _most(scope)
        return _too_large(most) if length.isdecimal() and int(length[:9]) > most else None


def _most(scope: Scope) -> int:
    return LARGEST_LIST if scope["path"].startswith(LISTS) else LARGEST


def _too_large(most: int) -> Answer:
    return detail(413, f"Højst {most // 1024} kB", (b"connection", b"close"))


async def whole_body(receive: Receive, most: int = LARGEST) -> bytes | Answer:
    """The whole body of at most so many bytes, or why it is not taken."""
    body = bytearray()
    try:
        async with asyncio.timeout(_PATIENCE):
            while True:
                event = await receive()
                if event["type"] == "http.disconnect":
                    return detail(400, "Afbrudt")
                body += event.get("body", b"")
                if len(body) > most:
                    return _too_large(most)
                if not event.get("more_body", False):
                    return bytes(body)
    except TimeoutError:
        return detail(408, "Forespørgslen kom ikke i tide", (b"connection", b"close"))


def _again(body: object, receive: Receive) -> Receive:
    """A `receive` that hands over what has been read, and then what comes."""
    waiting: list[Event] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Event:
        return waiting.pop() if waiting else await receive()

    return replay
