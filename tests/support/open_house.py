"""Every way into the service at once, on real ports, over a story with an open outage; in a thread of its own.

Whatever is logged meanwhile is kept as it would be written, for somebody to look for secrets in.
"""

import asyncio
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import structlog
import uvloop

from checks.canary import Settings as Canary
from monitor.channels import sms_cpsms, sms_gatewayapi, sms_kannel, sms_modem
from monitor.core.finding import CheckName
from monitor.core.plan import Plan
from monitor.engine import canaries
from monitor.engine.answers import Answers
from monitor.engine.links import Asking
from monitor.engine.receipts import Receipts
from monitor.engine.registry import Entry
from monitor.intake.canaries import Canaries
from monitor.intake.inbox import Inbox
from monitor.intake.sms import Sms
from monitor.plan.settings import RouteSettings
from monitor.settings import ServiceSettings
from monitor.ways_in import WaysIn
from monitor.web.server import Server
from monitor.web.site import Health, Site
from tests.support.carriers import CarrierStory, telling
from tests.support.fleet_story import NAME, fleet_plan
from tests.support.plans import MAIL, SMS, step, with_steps
from tests.support.service import free_port
from tests.web.setting import TOKEN

DAY = datetime(2026, 3, 5, 10, 0)
URL = "https://vagt.eksempel.example"
SECRETS = {
    "gatewayapi_jwt_secret": "gatewayapis-egen-hemmelighed",
    "kannel_reply_token": "kannels-svarnoegle",
    "kannel_receipt_token": "kannels-kvitteringsnoegle",
    "cpsms_receipt_token": "cpsms-kvitteringsnoegle",
    "canary_token": "kanariefuglens-noegle",
}
DEVICE, CID = "enhed-7731", "99007731"
CANARY = "modtager"


def house_plan() -> Plan:
    """A fleet, and a chain that tells somebody by SMS and mail, both to be answered."""
    plan = with_steps(fleet_plan(), "nedbrud_dag", step(0, "nexus_support", by=(SMS, MAIL)))
    routes = tuple(replace(route, replies=route.name == "primary") for route in telling(plan).routes)
    return replace(plan, routes=routes)


@contextmanager
def overheard(lines: list[str]) -> Iterator[None]:
    """Whatever is logged, with its stacks, as it would be written."""
    processors = structlog.get_config()["processors"]
    before = list(processors)

    def keep(_logger: object, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        lines.append(str(event))
        raise structlog.DropEvent

    # In place: a logger that has been used keeps the list.
    processors[:] = [structlog.processors.format_exc_info, keep]
    try:
        yield
    finally:
        processors[:] = before


@dataclass
class House:
    """The ways in. `outage` is the number of the outage that stays open, `beat` the token of its devices."""

    folder: Path
    story: CarrierStory = field(init=False)
    port: int = 0
    udp: int = 0
    tcp: int = 0
    outage: str = ""
    beat: str = ""
    loop: asyncio.AbstractEventLoop = field(init=False)
    ended: asyncio.Event = field(init=False)

    @property
    def url(self) -> str:
        """Where the port is."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def inbox(self) -> Path:
        """The modem's."""
        return self.folder / "inbox"

    def routes(self) -> tuple[RouteSettings, ...]:
        """One of each kind that brings anything; the plan knows the first two."""
        to = f"{URL}/api/v1/sms/cpsms/receipt"
        return (
            sms_gatewayapi.Settings(name="primary", sender="4500000900", replies=True, receipts=True),
            sms_kannel.Settings(name="modem", sender="4500000900", user="vagt", replies=True, receipts=True),
            sms_cpsms.Settings(name="cpsms", user="vagt", receipts=True, dlr_url=to),
            sms_modem.Settings(name="gsm", replies=True, receipts=True, inbox=self.inbox),
        )

    def do(self, work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        """Run this where the service runs, and give what it gives."""
        return asyncio.run_coroutine_threadsafe(work(), self.loop).result(20)

    async def run(self, ready: threading.Event) -> None:
        """Open every way in, have an outage, and wait to be told to end."""
        self.loop, self.ended = asyncio.get_running_loop(), asyncio.Event()
        self.inbox.mkdir()
        self.story = told = CarrierStory(self.folder, DAY, house_plan())
        told.engine.desk.asking = Asking(b"en noegle", URL)
        await told.open()
        registry = told.engine.fleets.registry
        await registry.put(NAME, [Entry(DEVICE, CID, {"operator": "X"}, critical=False)])
        self.beat = await registry.enrol(NAME, "", "alle")
        await told.down("omsorgssystem-1", every=0)
        self.outage = told.engine.desk.ledger.by_system["omsorgssystem"].number  # type: ignore[index]
        self.udp, self.tcp = free_port(), free_port()
        places = f"udp:127.0.0.1:{self.udp} tcp:127.0.0.1:{self.tcp}"
        ways = WaysIn(told.engine.fleets, told.engine.desk, ServiceSettings(scaip_listen=places))
        with socket.create_server(("127.0.0.1", 0)) as door:
            self.port = door.getsockname()[1]
            server = Server(self._site(ways))
            async with asyncio.TaskGroup() as group:
                group.create_task(server.serve([door]))
                group.create_task(self._turning(ways, ready))
                await self.ended.wait()
                server.end()
                ways.close()
        await told.kill()

    async def _turning(self, ways: WaysIn, ready: threading.Event) -> None:
        """What turns by itself in the service: its ports, its inbox and its engine."""
        opening = asyncio.get_running_loop().create_task(ways.cycle())
        desk = self.story.engine.desk
        inbox = Inbox(Answers(desk), self.routes, self.story.clock.now, Receipts(desk))
        while not self.ended.is_set():
            await asyncio.sleep(0.01)
            await inbox.turn()
            await self.story.engine.turn()
            if ways._opened:
                ready.set()
        opening.cancel()
        await asyncio.wait({opening})

    def _site(self, ways: WaysIn) -> Site:
        engine, now = self.story.engine, self.story.clock.now
        check = Canary.model_validate({"name": CANARY, "kind": "canary", "arrives": {"webhook": CANARY}})
        return Site(
            engine=engine,
            history=self.story.store,
            metrics=engine.desk.metrics,
            health=lambda: Health(ok=True),
            ready=lambda: Health(ok=True),
            version="1.2.3",
            api_token=TOKEN,
            replies=Sms(Answers(engine.desk), self.routes, SECRETS.__getitem__, now, Receipts(engine.desk)),
            canaries=Canaries(
                lambda: {CheckName(CANARY): check}, SECRETS.__getitem__, partial(canaries.came, engine.desk)
            ),
            heartbeats=ways.batches,
            quick=ways.beats.quick,
        )


def _run(house: House, ready: threading.Event) -> None:
    """On the service's own kind of loop."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(house.run(ready))


@contextmanager
def open_house(folder: Path) -> Iterator[House]:
    """The service's ways in, open; closed at the end."""
    house, ready = House(folder), threading.Event()
    thread = threading.Thread(target=lambda: _run(house, ready))
    thread.start()
    try:
        assert ready.wait(20)
        yield house
    finally:
        house.loop.call_soon_threadsafe(house.ended.set)
        thread.join(20)
