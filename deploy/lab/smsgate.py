"""What the SMS gateways have in common: the ways a gateway fails, and what it does with a text it has taken.

A text is on the phone only when the gateway delivers it; a receipt says what became of it.
"""

import secrets
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from breaking import ON_THE_WIRE, How
from httpd import HttpDoor, Reply, Request
from phones import Phones
from receipts import Receipts
from standin import Clock, StandIn


@dataclass(frozen=True, slots=True)
class Street:
    """What the gateways stand in: the phones, the receipts' way back and the time of day."""

    phones: Phones
    receipts: Receipts
    now: Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Text:
    """One text for one phone: `to` in the provider's writing, `reply_to` the receipt's address or empty."""

    to: str
    text: str
    sender: str
    reply_to: str = ""
    reference: str = ""


class SmsGate(StandIn, ABC):
    """A gateway's stand-in; subclasses answer requests and call `take` for each text."""

    via: ClassVar[str]
    hows: ClassVar = ON_THE_WIRE | {
        "500": How("every request is answered 500"),
        "timeout": How("the text is taken and delivered, but the answer never comes"),
        "error-200": How("200 with an error in the body; nothing is sent"),
        "no-credit": How("refused because the account is empty"),
        "credentials": How("our credentials are refused"),
        "never-delivered": How("accepted, never delivered, no receipt"),
        "undeliverable": How("accepted; the receipt says the number cannot be reached"),
    }

    def __init__(self, clock: Clock, street: Street, port: int = 0) -> None:
        super().__init__(clock)
        self.street = street
        self._next = secrets.randbelow(10**6) * 1000
        self.web = HttpDoor(self._outer, self.wire, port)
        self.doors = [self.web.door]

    async def _outer(self, request: Request) -> Reply | None:
        if self.how == "500":
            return Reply(500, b"Internal Server Error")
        before = self.seen["taken"]
        reply = self.answer(request)
        return None if self.how == "timeout" and self.seen["taken"] > before else reply

    @abstractmethod
    def answer(self, request: Request) -> Reply:
        """Answer one request as the provider does."""

    def take(self, text: Text) -> int:
        """Take a text: deliver it, or not, as the fault says. Returns its id."""
        self._next += 1
        self.seen["taken"] += 1
        if self.how == "never-delivered":
            self.seen["swallowed"] += 1
            return self._next
        reached = self.how != "undeliverable"
        if reached:
            self.street.phones.ring(text.to, text.text, sender=text.sender, via=self.via, key=str(self._next))
        self.receipt(text, self._next, reached)
        return self._next

    @abstractmethod
    def receipt(self, text: Text, key: int, reached: bool) -> None:
        """Send the provider's receipt, when one was asked for."""
