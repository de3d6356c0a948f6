"""Bounces of our mails: what has come back to the mailboxes the mail routes name → receipts.

A mail is believed only where it names a notice of ours that a mail route has tried; every other is counted, marked as
seen like the rest, and changes nothing. Nothing of what it says is logged.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime

import structlog

from monitor.core.bounce import LARGEST, Bounce, parse
from monitor.core.fault import ProbeFault
from monitor.core.plan import ChannelName
from monitor.core.receipts import Receipt
from monitor.core.records import NoticeId
from monitor.engine.receipts import Receipts
from monitor.mailbox.box import Box
from monitor.mailbox.letters import Letter
from monitor.mailbox.place import Place
from monitor.plan.settings import RouteSettings
from monitor.ports import SecretMissing

log = structlog.get_logger(__name__)

_EVERY = 10.0


class Bounces:
    """The loop over the mailboxes. `routes` are read at each turn, since the plan may be swapped."""

    def __init__(
        self,
        receipts: Receipts,
        routes: Callable[[], tuple[RouteSettings, ...]],
        secret: Callable[[str], str],
        now: Callable[[], datetime],
    ) -> None:
        self._receipts = receipts
        self._routes = routes
        self._secret = secret
        self._now = now
        self._boxes: dict[Place, Box] = {}
        self._sick: dict[Place, str] = {}

    async def cycle(self) -> None:
        """Read what has come, then wait a turn."""
        await self.turn()
        await asyncio.sleep(_EVERY)

    async def turn(self) -> None:
        """Read each mailbox once, side by side: one that does not answer holds no other up."""
        places = self._places()
        self._boxes = {place: self._boxes.get(place) or Box(place, self._secret, self._now) for place in places}
        self._sick = {place: wrong for place, wrong in self._sick.items() if place in places}
        await asyncio.gather(*(self._read(place, route) for place, route in places.items()))

    def _places(self) -> Mapping[Place, str]:
        """The mailboxes, each with the first route that names it."""
        found: dict[Place, str] = {}
        for route in self._routes():
            place = getattr(route, "bounces", None)
            if isinstance(place, Place):
                found.setdefault(place, route.name)
        return found

    async def _read(self, place: Place, route: str) -> None:
        box = self._boxes[place]
        try:
            letters = await box.read(LARGEST)
        except (ProbeFault, OSError, SecretMissing) as fault:
            self._seen(route, 0)
            self._say(place, route, fault)
            return
        self._seen(route, 1)
        if self._sick.pop(place, None) is not None:
            log.info("bounces_read_again", route=route)
        for letter in letters:
            with self._receipts.desk.isolated(f"bounce/{route}"):
                await self._take(route, letter)
            box.handled(letter)

    async def _take(self, route: str, letter: Letter) -> None:
        bounce = await asyncio.to_thread(parse, letter.raw)
        if bounce is None:
            self._count(route, "no_receipt")
            return
        receipt = self._receipt(bounce)
        if receipt is None:
            self._count(route, "unknown")
        else:
            await self._receipts.take(receipt)

    def _receipt(self, bounce: Bounce) -> Receipt | None:
        """Of the notice it names, on the mail route that tried it last; None when there is no such notice."""
        desk = self._receipts.desk
        mine = {route.name for route in desk.plan.routes if route.channel is ChannelName.MAIL}
        for name in bounce.names:
            tries = [one for one in desk.ledger.attempts.get(NoticeId(name), ()) if one.route in mine]
            if tries:
                return Receipt(tries[-1].route, name, bounce.delivery, self._now(), bounce.status)
        return None

    def _seen(self, route: str, well: int) -> None:
        self._receipts.desk.metrics.bounces_read.labels(route).set(well)

    def _count(self, route: str, verdict: str) -> None:
        self._receipts.desk.metrics.receipts.labels(route, verdict).inc()

    def _say(self, place: Place, route: str, fault: Exception) -> None:
        """Once for each fault: which route's mailbox, and what to look at, never what a server said."""
        wrong = fault.miss.seen if isinstance(fault, ProbeFault) else type(fault).__name__
        if isinstance(fault, SecretMissing):
            wrong = str(fault)
        if self._sick.get(place) != wrong:
            log.warning("bounces_not_read", route=route, wrong=wrong)
        self._sick[place] = wrong
