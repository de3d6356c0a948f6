"""`/api/v1/sms/{route}/reply`: replies to our SMS, as GatewayAPI posts them and Kannel fetches them.

Whoever calls must show what only the gateway knows; a stranger learns no more than that, and nothing is logged of what
was written or by whom.
"""

import asyncio
import hmac
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any
from urllib.parse import parse_qs

import structlog

from monitor.core.answers import LONGEST, e164
from monitor.engine.answers import Answers, Reply
from monitor.intake.signed import Unsigned, claims
from monitor.plan.settings import RouteSettings
from monitor.ports import SecretMissing

log = structlog.get_logger(__name__)

PREFIX = "/api/v1/sms/"
LARGEST = 16 * 1024
_PATIENCE = 5.0
_OLD = timedelta(hours=1)
_AHEAD = timedelta(minutes=5)
_REMEMBERED = 20_000
_TAKEN, _BAD, _UNKNOWN, _FOREIGN, _NOT_SO, _LATE, _LARGE, _UNREADY = 200, 400, 401, 404, 405, 408, 413, 503

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Taker = Callable[[Any, Scope, Receive], Awaitable[tuple[Reply, str]]]
"""Gives the reply and the gateway's id of it (empty: none)."""


class Refused(Exception):
    """A call that is not taken: the status it is answered with, and the metric's word."""

    def __init__(self, status: int, verdict: str) -> None:
        super().__init__(verdict)
        self.status = status
        self.verdict = verdict


class Sms:
    """The ASGI app over the replies. `routes` are read at each call, since the plan may be swapped."""

    def __init__(
        self,
        answers: Answers,
        routes: Callable[[], tuple[RouteSettings, ...]],
        secret: Callable[[str], str],
        now: Callable[[], datetime],
    ) -> None:
        self._answers = answers
        self._routes = routes
        self._secret = secret
        self._now = now
        self._seen: OrderedDict[tuple[str, str], datetime] = OrderedDict()
        self._takers: Mapping[str, Taker] = {"gatewayapi": self._gatewayapi, "kannel": self._kannel}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One call (ASGI 3, HTTP)."""
        status = await self._status(scope, receive)
        # Kannel sends what it is answered back to the phone.
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"0")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    async def _status(self, scope: Scope, receive: Receive) -> int:
        name, _, rest = scope["path"].removeprefix(PREFIX).partition("/")
        route = next((r for r in self._routes() if r.name == name and getattr(r, "replies", False)), None)
        taker = self._takers.get(route.via) if route else None
        if route is None or taker is None or rest != "reply":
            return _FOREIGN
        try:
            reply, ident = await taker(route, scope, receive)
            self._once(route.name, ident)
        except Refused as refused:
            self._answers.count(route.name, refused.verdict)
            return refused.status
        await self._answers.take(reply)
        # Not before: what fell on the way must be taken when the gateway sends it again.
        self._seen[route.name, ident] = self._now()
        return _TAKEN

    async def _gatewayapi(self, route: Any, scope: Scope, receive: Receive) -> tuple[Reply, str]:
        """A POST whose claims are the reply; the body that repeats them is bounded and left aside."""
        _only(scope, "POST")
        await _bounded(receive)
        try:
            said = claims(_header(scope, b"x-gwapi-signature"), self._known(route.jwt_secret))
        except Unsigned as error:
            raise Refused(_UNKNOWN, "forged") from error
        ident, text, number = said.get("id"), said.get("message"), said.get("msisdn")
        plain = isinstance(text, str) and all(isinstance(v, int | str) and v is not True for v in (ident, number))
        if not plain:
            raise Refused(_BAD, "malformed")
        self._in_time(said)
        return Reply(route.name, e164(str(number)[:20]), str(text)[: LONGEST + 1], route.keyword), str(ident)[:64]

    async def _kannel(self, route: Any, scope: Scope, receive: Receive) -> tuple[Reply, str]:
        """A GET by `get-url`, from this machine, with our token and `%p` and `%a` as `from` and `text`."""
        _only(scope, "GET")
        client = scope.get("client") or ("", 0)
        if not _is_here(str(client[0])):
            raise Refused(_UNKNOWN, "forged")
        try:
            asked = parse_qs(scope["query_string"].decode("ascii"), errors="replace", max_num_fields=16)
        except ValueError as error:
            raise Refused(_BAD, "malformed") from error
        given, known = asked.get("token", [""])[-1], self._known(route.reply_token)
        if not known or not hmac.compare_digest(given.encode("utf-8", "replace"), known.encode()):
            raise Refused(_UNKNOWN, "forged")
        ident = asked.get("id", [""])[-1][:64]
        text, number = asked.get("text", [""])[-1], asked.get("from", [""])[-1]
        return Reply(route.name, e164(number[:20]), text[: LONGEST + 1], route.keyword), ident

    def _known(self, name: str) -> str:
        try:
            return self._secret(name)
        except SecretMissing as error:
            log.warning("reply_not_taken", wrong=str(error))
            raise Refused(_UNREADY, "no_secret") from error

    def _in_time(self, said: Mapping[str, Any]) -> None:
        """Older than an hour it may be a replay of one we no longer remember; without a time it may be as well."""
        now = self._now()
        sent, ends = _instant(said.get("senttime", said.get("iat"))), said.get("exp")
        if sent is None or not now - _OLD <= sent <= now + _AHEAD:
            raise Refused(_BAD, "expired")
        if ends is not None and not now < (_instant(ends) or now):
            raise Refused(_BAD, "expired")

    def _once(self, route: str, ident: str) -> None:
        """The gateway calls again when our answer was lost: it is told that all is well, and nothing is done."""
        now, key = self._now(), (route, ident)
        while self._seen and (len(self._seen) > _REMEMBERED or now - next(iter(self._seen.values())) > _OLD + _AHEAD):
            self._seen.popitem(last=False)
        if ident and key in self._seen:
            raise Refused(_TAKEN, "replay")


def _only(scope: Scope, method: str) -> None:
    if scope["method"] != method:
        raise Refused(_NOT_SO, "malformed")


def _header(scope: Scope, name: bytes) -> str:
    found = [value for key, value in scope["headers"] if key == name]
    return found[0].decode("latin-1") if len(found) == 1 else ""


async def _bounded(receive: Receive) -> None:
    """Read a body away; one that is too large or too slow is refused."""
    size = 0
    try:
        async with asyncio.timeout(_PATIENCE):
            while True:
                event = await receive()
                size += len(event.get("body", b""))
                if size > LARGEST:
                    raise Refused(_LARGE, "too_large")
                if event["type"] == "http.disconnect" or not event.get("more_body", False):
                    return
    except TimeoutError as error:
        raise Refused(_LATE, "malformed") from error


def _instant(value: object) -> datetime | None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
