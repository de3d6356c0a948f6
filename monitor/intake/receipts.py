"""Receipts for our SMS, as GatewayAPI, CPSMS and Kannel bring them: which text, and what became of it.

What a carrier is not known to say says nothing; only what it calls final is, and nothing is logged of a number.

Context: a gateway that could not reach us tries again for hours, and a replay looks just the same. Choice: what is
final is taken however old it is, because it says the same each time and belongs to one text; what is underway is not
when it is over an hour old. Price: a replayed final receipt costs a look at the text it speaks of.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol

from monitor.channels.number import receipt_token
from monitor.core.receipts import Delivery, Receipt
from monitor.intake.call import AHEAD, BAD, OLD, TAKEN, UNKNOWN, Call, Refused, Seen, instant, shows
from monitor.intake.signed import Unsigned, claims, sealed

Known = Callable[[str], str]
"""A secret by its name; raises Refused when there is none."""
Reader = Callable[[Any, Call], Awaitable[Receipt]]

_GATEWAYAPI = {
    **dict.fromkeys(("DELIVERED", "READ"), Delivery.DELIVERED),
    "EXPIRED": Delivery.EXPIRED,
    **dict.fromkeys(("DELETED", "UNDELIVERABLE", "REJECTED", "SKIPPED"), Delivery.REFUSED),
}
"""BUFFERED, ENROUTE, SCHEDULED, ACCEPTED and whatever may come to be: underway. READ is of RCS."""
_PASSING = frozenset({0x01, 0x05, 0x06, 0x09})
"""GatewayAPI's error codes end in what is common to all: unknown, shutting down, short of resources, try again."""
_STATUS = frozenset({"message.status.sms", "message.status.rcs"})
_CPSMS = {
    "1": (Delivery.DELIVERED, "delivered"),
    "2": (Delivery.REFUSED, "failed"),
    "4": (Delivery.UNDERWAY, "buffered"),
    "8": (Delivery.EXPIRED, "abandoned"),
}
_KANNEL = {
    "1": (Delivery.DELIVERED, "delivered"),
    "2": (Delivery.EXPIRED, "failed"),
    "4": (Delivery.UNDERWAY, "buffered"),
    "8": (Delivery.UNDERWAY, "submitted"),
    "16": (Delivery.REFUSED, "rejected"),
}
"""2 is every way of not arriving; the carrier's own word tells a dead number from a phone that is off."""
_STATE = re.compile(r"stat:([A-Z]{4,8})")
_DEAD = frozenset({"UNDELIV", "REJECTD", "DELETED"})
"""SMPP 3.4, appendix B: the states of a receipt that nothing can follow."""


class Taker(Protocol):
    """Takes receipts in: `monitor.engine.receipts.Receipts`."""

    async def take(self, receipt: Receipt) -> object:
        """Do what the receipt says, and count it."""


class Receipts:
    """What the gateways bring of what became of our texts; `count(route, verdict)` counts those that are not taken."""

    def __init__(
        self, taker: Taker, count: Callable[[str, str], None], known: Known, now: Callable[[], datetime]
    ) -> None:
        self.count = count
        self._taker = taker
        self._known = known
        self._now = now
        self._seen = Seen(now)
        self._readers: Mapping[str, Reader] = {
            "gatewayapi": self._gatewayapi,
            "cpsms": self._cpsms,
            "kannel": self._kannel,
        }

    def reads(self, route: Any) -> bool:
        """Whether receipts come by this route."""
        return getattr(route, "receipts", False) and route.via in self._readers

    async def take(self, route: Any, call: Call) -> None:
        """Take one receipt. Raises Refused."""
        receipt = await self._readers[route.via](route, call)
        key = (route.name, receipt.provider_id, receipt.said)
        self._seen.refuse(*key)
        now = self._now()
        if receipt.at > now + AHEAD:
            raise Refused(BAD, "expired")
        if receipt.at < now - OLD and not receipt.delivery.final:
            # Answered as taken: a gateway would only send it again.
            raise Refused(TAKEN, "expired")
        await self._taker.take(receipt)
        self._seen.keep(*key)

    async def _gatewayapi(self, route: Any, call: Call) -> Receipt:
        call.only("POST")
        body = await call.body()
        try:
            if route.api == "current":
                return self._event(route.name, sealed(body, call.header(b"signature"), self._known(route.jwt_secret)))
            said = claims(call.header(b"x-gwapi-signature"), self._known(route.jwt_secret))
        except Unsigned as error:
            raise Refused(UNKNOWN, "forged") from error
        ends = said.get("exp")
        if ends is not None and not self._now() < (instant(ends) or self._now()):
            raise Refused(BAD, "expired")
        return _told(route.name, said.get("id"), said.get("time"), said.get("status"), said.get("code"))

    def _event(self, route: str, envelope: Mapping[str, Any]) -> Receipt:
        """The current API's envelope (docs/webhooks there): replies and more come by the same address."""
        event, kind = envelope.get("event"), envelope.get("event_type")
        if not isinstance(event, dict) or not isinstance(kind, str):
            raise Refused(BAD, "malformed")
        if kind not in _STATUS:
            raise Refused(TAKEN, "no_receipt")
        error = event.get("error")
        code = error.get("code") if isinstance(error, dict) else None
        at = event.get("status_at") or envelope.get("timestamp")
        return _told(route, event.get("msg_id"), at, event.get("status"), code)

    async def _cpsms(self, route: Any, call: Call) -> Receipt:
        """A GET of our `dlr_url` with `status` put behind it (and `receiver`, which is left aside)."""
        return self._fetched(route, call, _CPSMS, "status")

    async def _kannel(self, route: Any, call: Call) -> Receipt:
        """A GET of `dlr-url` from this machine; `type` is Kannel's `%d`, `said` its `%A`."""
        call.from_here()
        receipt = self._fetched(route, call, _KANNEL, "type")
        found = _STATE.search(call.query().get("said", "")[:300])
        if found is None or receipt.delivery is not Delivery.EXPIRED:
            return receipt
        delivery = Delivery.REFUSED if found[1] in _DEAD else Delivery.EXPIRED
        return replace(receipt, delivery=delivery, said=found[1])

    def _fetched(self, route: Any, call: Call, kinds: Mapping[str, tuple[Delivery, str]], name: str) -> Receipt:
        call.only("GET")
        asked = call.query()
        ident, _, token = asked.get("ref", "")[:200].rpartition(".")
        secret = self._known(route.receipt_token)
        shows(token, receipt_token(secret, route.name, ident) if secret else "")
        kind = kinds.get(asked.get(name, ""))
        if kind is None:
            raise Refused(BAD, "malformed")
        return Receipt(route.name, ident, kind[0], self._now(), kind[1])


def _told(route: str, ident: object, at: object, status: object, code: object) -> Receipt:
    """What GatewayAPI's two APIs have in common."""
    when = instant(at)
    known = isinstance(ident, int | str) and not isinstance(ident, bool) and isinstance(status, str)
    if not known or not str(ident) or when is None:
        raise Refused(BAD, "malformed")
    word = str(status)[:24].upper()
    delivery = _GATEWAYAPI.get(word, Delivery.UNDERWAY)
    number = _code(code)
    if delivery is Delivery.REFUSED and number is not None and number & 0xFF in _PASSING:
        delivery = Delivery.EXPIRED
    shown = word if word.isascii() and word.isalpha() else ""
    return Receipt(route, str(ident)[:64], delivery, when, f"{shown} {number:#06x}" if number is not None else shown)


def _code(code: object) -> int | None:
    """An error code as GatewayAPI writes it, `0x104A`; None when it is none."""
    try:
        return int(code[:10], 16) & 0xFFFF if isinstance(code, str) else None
    except ValueError:
        return None
