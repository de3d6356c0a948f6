"""Phones whose carriers give receipts: each text has an id of its own, and the story says what is said of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from monitor.core.plan import Plan, RouteName
from monitor.core.receipts import Delivery, Receipt
from monitor.engine.receipts import Receipts, Verdict
from monitor.ports import Message, SendOutcome, Sent
from tests.support.plans import small_plan
from tests.support.story import Phone, Story


@dataclass
class Carrier(Phone):
    """A phone that says what it calls each text: `ids` by the order they came."""

    ids: list[str] = field(default_factory=list)
    addresses: dict[str, str] = field(default_factory=dict)

    async def send(self, message: Message) -> Sent:
        sent = await super().send(message)
        if sent.outcome is not SendOutcome.ACCEPTED:
            return sent
        self.ids.append(f"{self.name}-{len(self.ids) + 1}")
        self.addresses[self.ids[-1]] = message.to
        return replace(sent, provider_id=self.ids[-1])


class CarrierStory(Story):
    """A story whose carriers answer when they are told to."""

    def __init__(self, folder: Path, start: datetime, plan: Plan) -> None:
        super().__init__(folder, start, plan)
        self.phones = {route.name: Carrier(route.name) for route in plan.routes}
        self.engine = self._engine()

    def carrier(self, name: str) -> Carrier:
        found = self.phones[RouteName(name)]
        assert isinstance(found, Carrier)
        return found

    async def receipt(
        self, route: str, delivery: Delivery = Delivery.DELIVERED, *, nth: int = -1, said: str = "", turn: bool = True
    ) -> Verdict:
        """The carrier's word on one of its texts, the latest unless told otherwise."""
        ident = self.carrier(route).ids[nth]
        verdict = await Receipts(self.engine.desk).take(Receipt(route, ident, delivery, self.clock.now(), said))
        if turn:
            await self.engine.turn()
        return verdict


def telling(plan: Plan | None = None, *routes: str) -> Plan:
    """The plan with carriers that give receipts: the SMS routes, or those named."""
    plan, names = plan or small_plan(), routes or ("primary", "modem")
    return replace(plan, routes=tuple(replace(r, receipts=r.name in names) for r in plan.routes))


@asynccontextmanager
async def carriers(folder: Path, start: datetime, plan: Plan) -> AsyncIterator[CarrierStory]:
    """Begin such a story; at its end nothing unexpected may be left on a phone."""
    told = CarrierStory(folder, start, plan)
    await told.engine.open()
    try:
        yield told
        told.done()
    finally:
        await told.kill()
