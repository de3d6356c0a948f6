"""The web over a real engine: a story whose systems have the shipped cards, and the site made of it.

`serving` puts it on a free port under the service's own uvicorn settings.
"""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from types import MappingProxyType

import httpx
import uvicorn

from monitor.core.finding import CheckName, Outcome
from monitor.core.plan import Plan, TaskId
from monitor.web.app import create_app
from monitor.web.site import Health, Site
from monitor.web.wire import options
from tests.support.plans import CARE, ZONE, small_plan
from tests.support.story import Story

TOKEN = "en-lang-og-hemmelig-adgangsnoegle"
CARDS = Path(__file__).parents[2] / "config" / "cards"
NIGHT = datetime(2026, 12, 24, 3, 0, tzinfo=ZONE)
DAY = datetime(2026, 3, 5, 10, 0, tzinfo=ZONE)
_TITLES = {
    "omsorgssystem": "Omsorgssystem (Nexus)",
    "phoniro": "Phoniro",
    "noedkald": "Nødkald",
    "medicoteknik": "Medicoteknisk udstyr",
    "egen_linje": "Vores linje",
}


def plan_with_cards() -> Plan:
    """The stories' plan with the titles and cards people read."""
    plan = small_plan()
    systems = {
        name: replace(system, title=_TITLES[name], card=f"cards/{name}.md") for name, system in plan.systems.items()
    }
    task = replace(plan.tasks[TaskId("region")], contact=MappingProxyType({"Telefon": "78412345"}))
    return replace(plan, systems=systems, tasks={task.id: task})


@dataclass
class Body:
    """The service's health, set by hand."""

    health: Health = field(default_factory=lambda: Health(ok=True, loops={"probe": 0.2}))
    ready: Health = field(default_factory=lambda: Health(ok=True))


@dataclass
class Setting:
    """A story, the site over it, and a client that calls the app directly."""

    story: Story
    site: Site
    body: Body
    client: httpx.AsyncClient

    async def get(self, path: str) -> httpx.Response:
        """A GET, a second after the last change, so that no page kept from before it is shown."""
        await self.story.later(1.0)
        return await self.client.get(path)

    async def post(self, path: str, asked: object, token: str = TOKEN) -> httpx.Response:
        """A POST by somebody who holds the token."""
        return await self.client.post(path, json=asked, headers={"Authorization": f"Bearer {token}"})

    async def all_well(self) -> None:
        """Every check has been seen well."""
        await self.story.canaries(Outcome.OK)
        for system in sorted(CARE):
            await self.story.find(f"{system}-1", Outcome.OK)

    async def blind(self) -> None:
        """Every canary is gone."""
        for _ in range(self.story.plan.checks[CheckName("c1")].confirm):
            await self.story.canaries(Outcome.FAIL)
            await self.story.later(5.0)

    def forget_phones(self) -> None:
        """What the phones got is not what this test is about."""
        for phone in self.story.phones.values():
            phone.got.clear()


@asynccontextmanager
async def setting(folder: Path, start: datetime = NIGHT, plan: Plan | None = None) -> AsyncIterator[Setting]:
    """A story and its site, begun at a wall-clock time."""
    story = Story(folder, start, plan or plan_with_cards())
    story.engine.desk.cards = {f"cards/{path.name}": path.read_text(encoding="utf-8") for path in CARDS.glob("*.md")}
    await story.engine.open()
    body = Body()
    site = Site(
        engine=story.engine,
        history=story.store,
        metrics=story.engine.desk.metrics,
        health=lambda: body.health,
        ready=lambda: body.ready,
        version="1.2.3",
        api_token=TOKEN,
    )
    try:
        async with calling(site) as client:
            yield Setting(story, site, body, client)
    finally:
        await story.store.close()


def calling(site: Site) -> httpx.AsyncClient:
    """A client that calls a site's app directly."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(create_app(site)), base_url="http://vagt.example")


class Server(uvicorn.Server):
    """uvicorn on a socket of the test's own."""

    def __init__(self, site: Site) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.socket.getsockname()[1]
        super().__init__(uvicorn.Config(create_app(site), **options()))

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"


@asynccontextmanager
async def serving(site: Site) -> AsyncIterator[Server]:
    """The site on a free port, until the block ends or `should_exit` is set."""
    server = Server(site)
    with server.socket:
        async with asyncio.TaskGroup() as group:
            group.create_task(server.serve(sockets=[server.socket]))
            try:
                async with asyncio.timeout(10):
                    # uvicorn says it in no other way.
                    while not server.started:  # noqa: ASYNC110
                        await asyncio.sleep(0.01)
                yield server
            finally:
                server.should_exit = True
