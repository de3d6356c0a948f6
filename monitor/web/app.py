"""Everything that is answered on the port: metrics, health, pages, the API.

Context: the service starts in under a second and idles small. Choice: metrics, health and pages are plain ASGI over
one table; the API's framework is loaded in a thread when the API is first asked. Price: that first answer takes some
tenths of a second, and nothing else waits for it.
"""

import asyncio

import structlog

from monitor.ports import StoreFault
from monitor.web.answer import Answer, App, Event, Receive, Scope, Send, detail, plain, security
from monitor.web.guard import Guard
from monitor.web.links import LINK, Links
from monitor.web.pages import Pages
from monitor.web.scrape import Scrape
from monitor.web.site import Health, Site

log = structlog.get_logger(__name__)

API = "/api/"
REPLIES = "/api/v1/sms/"
CANARIES = "/api/v1/canaries/"
HEARTBEATS = "/api/v1/heartbeats"
_READ = ("GET", "HEAD")
_ALLOW = (b"allow", b"GET, HEAD")


def create_app(site: Site) -> App:
    """The ASGI app over a site. It answers `http` scopes only; it needs no lifespan."""
    return Web(site)


class Web:
    """Sends each path to what answers it, and sees to it that every answer is whole and carries the same headers."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._pages = Pages(site)
        self._links = Links(site)
        self._scrape = Scrape(site.metrics)
        self._api: App | None = None
        self._building = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request (ASGI 3, HTTP)."""
        if scope["type"] != "http":
            return
        answering = _Answering(send, bodiless=scope["method"] == "HEAD")
        try:
            await self._dispatch(scope, receive, answering)
        except StoreFault:
            await answering.instead(scope, 503, "Historikken kan ikke læses lige nu. Åbne hændelser vises stadig.")
        except Exception:
            log.exception("request_fell", path=_shown(scope["path"]))
            await answering.instead(scope, 500, "Siden kunne ikke laves. Overvågningen er ikke berørt af det.")

    async def _dispatch(self, scope: Scope, receive: Receive, answering: "_Answering") -> None:
        path: str = scope["path"]
        if path.startswith(LINK):
            await (await self._links(scope, receive)).send(answering)
            return
        if path.startswith(REPLIES) and self._site.replies is not None:
            await self._site.replies(scope, receive, answering)
            return
        if path.startswith(CANARIES) and self._site.canaries is not None:
            await self._site.canaries(scope, receive, answering)
            return
        if path.startswith(HEARTBEATS) and self._site.heartbeats is not None:
            await self._site.heartbeats(scope, receive, answering)
            return
        if path.startswith(API):
            api = self._api or await self._build()
            await api(_as_get(scope), receive, answering)
            return
        if scope["method"] not in _READ:
            await plain(405, "Kun GET og HEAD", _ALLOW).send(answering)
            return
        answer = await self._own(path, scope)
        await answer.send(answering)

    async def _own(self, path: str, scope: Scope) -> Answer:
        if path == "/metrics":
            return await self._scrape(scope)
        if path == "/healthz":
            return told(self._site.health(), "ok")
        if path == "/readyz":
            return told(self._site.ready(), "klar")
        return await self._pages(path)

    async def _build(self) -> App:
        async with self._building:
            if self._api is None:
                self._api = await asyncio.to_thread(_load, self._site)
        return self._api


def _load(site: Site) -> App:
    from monitor.web.api import build

    return Guard(build(site), site.api_token)


def _shown(path: str) -> str:
    """What may stand in a log: a link opens something."""
    return LINK if path.startswith(LINK) else path[:200]


def told(health: Health, word: str) -> Answer:
    """200 and a word, or 503 and what is amiss, a line each."""
    return plain(200, word) if health.ok else plain(503, "\n".join(health.reasons) or "ikke " + word)


def _as_get(scope: Scope) -> Scope:
    return {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope


class _Answering:
    """The way back: remembers whether an answer has begun, adds what the API leaves out, drops a HEAD's body."""

    def __init__(self, send: Send, *, bodiless: bool) -> None:
        self._send = send
        self._bodiless = bodiless
        self._begun = False

    async def __call__(self, event: Event) -> None:
        if event["type"] == "http.response.start":
            self._begun = True
            event = {**event, "headers": _completed(event["headers"])}
        elif self._bodiless and event["type"] == "http.response.body":
            event = {**event, "body": b""}
        await self._send(event)

    async def instead(self, scope: Scope, status: int, text: str) -> None:
        """An answer in place of the one that fell; nothing when that had begun already."""
        if not self._begun:
            answer = detail if scope["path"].startswith(API) else plain
            await answer(status, text).send(self)


def _completed(headers: "list[tuple[bytes, bytes]]") -> "list[tuple[bytes, bytes]]":
    names = {name.lower() for name, _ in headers}
    rest = ((b"cache-control", b"no-store"), *security())
    return [*headers, *((name, value) for name, value in rest if name not in names)]
