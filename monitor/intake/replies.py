"""Replies to our SMS, as GatewayAPI posts them and Kannel fetches them.

Nothing is logged of what was written or by whom.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any

from monitor.core.answers import LONGEST, e164
from monitor.engine.answers import Answers, Reply
from monitor.intake.call import AHEAD, BAD, OLD, UNKNOWN, Call, Refused, Seen, instant, shows
from monitor.intake.signed import Unsigned, claims

Known = Callable[[str], str]
"""A secret by its name; raises Refused when there is none."""
Reader = Callable[[Any, Call], Awaitable[tuple[Reply, str]]]
"""Gives the reply and the gateway's id of it (empty: none)."""


class Replies:
    """What the gateways bring of what people wrote."""

    def __init__(self, answers: Answers, known: Known, now: Callable[[], datetime]) -> None:
        self._answers = answers
        self._known = known
        self._now = now
        self._seen = Seen(now)
        self._readers: Mapping[str, Reader] = {"gatewayapi": self._gatewayapi, "kannel": self._kannel}

    def reads(self, route: Any) -> bool:
        """Whether replies come by this route."""
        return getattr(route, "replies", False) and route.via in self._readers

    async def take(self, route: Any, call: Call) -> None:
        """Take one reply. Raises Refused."""
        reply, ident = await self._readers[route.via](route, call)
        if ident:
            self._seen.refuse(route.name, ident)
        await self._answers.take(reply)
        if ident:
            self._seen.keep(route.name, ident)

    def count(self, route: str, verdict: str) -> None:
        """One more that was not taken."""
        self._answers.count(route, verdict)

    async def _gatewayapi(self, route: Any, call: Call) -> tuple[Reply, str]:
        """A POST whose claims are the reply; the body that repeats them is bounded and left aside."""
        call.only("POST")
        await call.body()
        try:
            said = claims(call.header(b"x-gwapi-signature"), self._known(route.jwt_secret))
        except Unsigned as error:
            raise Refused(UNKNOWN, "forged") from error
        ident, text, number = said.get("id"), said.get("message"), said.get("msisdn")
        plain = isinstance(text, str) and all(isinstance(v, int | str) and v is not True for v in (ident, number))
        if not plain:
            raise Refused(BAD, "malformed")
        self._in_time(said)
        return Reply(route.name, e164(str(number)[:20]), str(text)[: LONGEST + 1], route.keyword), str(ident)[:64]

    async def _kannel(self, route: Any, call: Call) -> tuple[Reply, str]:
        """A GET by `get-url`, from this machine, with our token and `%p` and `%a` as `from` and `text`."""
        call.only("GET")
        call.from_here()
        asked = call.query()
        shows(asked.get("token", ""), self._known(route.reply_token))
        number, text = asked.get("from", ""), asked.get("text", "")
        return Reply(route.name, e164(number[:20]), text[: LONGEST + 1], route.keyword), asked.get("id", "")[:64]

    def _in_time(self, said: Mapping[str, Any]) -> None:
        """Older than an hour it may be a replay of one we no longer remember; without a time it may be as well."""
        now = self._now()
        sent, ends = instant(said.get("senttime", said.get("iat"))), said.get("exp")
        if sent is None or not now - OLD <= sent <= now + AHEAD:
            raise Refused(BAD, "expired")
        if ends is not None and not now < (instant(ends) or now):
            raise Refused(BAD, "expired")
