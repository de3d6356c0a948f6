"""The carrier's word on a text it has taken: what arrived, what never will.

Receipts come late, twice, out of order and for texts nobody knows; each is a value here, and no decision.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Delivery(StrEnum):
    """What a receipt says of a text."""

    DELIVERED = "delivered"
    """It is on the phone, or in the mailbox."""
    UNDERWAY = "underway"
    """Still on its way: says nothing new."""
    EXPIRED = "expired"
    """It did not arrive in time (the phone is off); the address itself may be good."""
    REFUSED = "refused"
    """It never will: the address is no more, or takes nothing from us."""

    @property
    def final(self) -> bool:
        """True when nothing more can follow."""
        return self is not Delivery.UNDERWAY


@dataclass(frozen=True, slots=True)
class Receipt:
    """One receipt: `provider_id` is what the route gave when it took the text, `said` the carrier's own word, short."""

    route: str
    provider_id: str
    delivery: Delivery
    at: datetime
    said: str = ""
