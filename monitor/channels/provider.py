"""One provider's HTTP address: each post is one try on a connection of its own, never repeated, no redirect followed.

Context: a kept connection that the provider has closed meanwhile breaks exactly when the text is handed over, and then
nobody knows whether it was taken. Choice: a fresh connection for each text. Price: a handshake for each, which alarms
can afford. What failed before the request's body was begun is surely not sent; all after it is unknown.
"""

import asyncio
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Annotated, Any, Self

import httpx
from pydantic import AfterValidator, FilePath, model_validator

from monitor.channels.answer import Answer, unanswered
from monitor.channels.number import Sender, digits
from monitor.plan.settings import Keyword, RouteSettings
from monitor.ports import Sent

LONGEST = 65_536
"""Octets read of an answer; no provider's is longer than a few hundred."""
_AT_ONCE = 8
"""Connections to one provider; more wait. A busy smsbox drops them when dozens come at once: each is then unknown."""
_CONNECT_SHARE = 0.45
"""Of the whole time, for TCP and TLS each: httpcore closes a half-made connection when its own time is up, not ours."""
_HANDED_OVER = "http11.send_request_body.started"


def _address(url: str) -> str:
    parsed = httpx.URL(url)
    if parsed.scheme not in {"http", "https"} or not parsed.host or parsed.userinfo or parsed.fragment:
        raise ValueError(f"{url!r} is not an address; write for instance https://sms.example, with no user in it")
    return url.rstrip("/")


Address = Annotated[str, AfterValidator(_address)]


class HttpSettings(RouteSettings):
    """What a provider spoken to over HTTP has besides."""

    receipts: bool = False
    """The provider tells us of each text that has arrived; only `yes` when it does: without a receipt in time
    somebody told counts as not reached."""

    ca_file: FilePath | None = None
    """Trust these certificates only; without it the machine's own store is trusted."""


class Answerable(HttpSettings):
    """A route whose texts people may be able to answer."""

    sender: Sender = "Omsorgsvagt"
    replies: bool = False
    """People can answer: `sender` is a number of ours, and whoever has it tells us of each reply."""
    keyword: Keyword = ""

    @model_validator(mode="after")
    def _answerable(self) -> Self:
        if self.replies and not digits(self.sender).isdecimal():
            raise ValueError("replies: yes needs a number as sender; a name cannot be answered")
        return self


@dataclass(slots=True)
class _Progress:
    """How far one request came, so that a request cut off anywhere still tells what is known."""

    handed_over: bool = False
    status: int = 0
    body: bytes = b""
    whole: bool = False

    async def trace(self, event: str, _info: object) -> None:
        self.handed_over = self.handed_over or event == _HANDED_OVER


class Provider:
    """An address, and how long one post may take from the wait for its turn to the last octet read."""

    def __init__(self, url: str, settings: HttpSettings) -> None:
        self._url = url
        self._timeout = settings.timeout
        secure = url.startswith("https:")
        trusting_nobody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        refusing_all = DefaultCookiePolicy(allowed_domains=[])
        self._client = httpx.AsyncClient(
            verify=ssl.create_default_context(cafile=settings.ca_file) if secure else trusting_nobody,
            timeout=httpx.Timeout(settings.timeout, connect=_CONNECT_SHARE * settings.timeout),
            trust_env=False,
            follow_redirects=False,
            limits=httpx.Limits(max_connections=_AT_ONCE, max_keepalive_connections=0),
            cookies=CookieJar(refusing_all),
            headers={"Accept-Encoding": "identity", "Connection": "close", "User-Agent": "omsorgsvagt"},
        )

    async def post(
        self,
        *,
        headers: Mapping[bytes, bytes] | None = None,
        auth: httpx.BasicAuth | None = None,
        document: Mapping[str, Any] | None = None,
        content: bytes | None = None,
    ) -> Answer | Sent:
        """Post once: an Answer when there was a status line, else the outcome. No fault of the network is raised."""
        return await self._once(
            partial(self._client.build_request, "POST", self._url, headers=headers, json=document, content=content),
            auth,
        )

    async def get(
        self, url: str, *, headers: Mapping[bytes, bytes] | None = None, auth: httpx.BasicAuth | None = None
    ) -> Answer | Sent:
        """Look at another of the provider's addresses once, as bounded as a post; nothing is sent to anybody."""
        return await self._once(partial(self._client.build_request, "GET", url, headers=headers), auth)

    async def _once(self, build: Callable[..., httpx.Request], auth: httpx.BasicAuth | None) -> Answer | Sent:
        progress = _Progress()
        try:
            request = build(extensions={"trace": progress.trace})
            async with asyncio.timeout(self._timeout):
                await self._exchange(request, auth, progress)
        except (TimeoutError, httpx.HTTPError, OSError, ValueError) as fault:
            if not progress.status:
                return unanswered(fault, progress.handed_over)
        return Answer(progress.status, progress.body[:LONGEST], progress.whole)

    async def _exchange(self, request: httpx.Request, auth: httpx.BasicAuth | None, progress: _Progress) -> None:
        response = await self._client.send(request, auth=auth, stream=True)
        progress.status = response.status_code
        try:
            async for chunk in response.aiter_raw():
                progress.body += chunk
                if len(progress.body) > LONGEST:
                    return
            progress.whole = True
        finally:
            await response.aclose()

    async def close(self) -> None:
        """Let go of what is open."""
        await self._client.aclose()
