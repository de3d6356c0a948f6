"""A story's fleets behind the real site on a free port, and a terminal that speaks to it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import httpx
from typer.testing import Result

from monitor.web.site import Health, Site
from tests.support.fleet_story import FleetStory, fleet_story
from tests.support.terminal import Terminal, terminal
from tests.web.setting import TOKEN, calling, serving

START = datetime(2026, 3, 5, 10, 0)


@dataclass(slots=True)
class FleetSite:
    """The fleet, a client of the API, and the command line."""

    fleet: FleetStory
    client: httpx.AsyncClient
    at: Terminal | None = None

    async def post(self, path: str, asked: object, token: str = TOKEN) -> httpx.Response:
        """A POST below `/api/v1/fleets` by somebody who holds the token."""
        headers = {"Authorization": f"Bearer {token}"}
        return await self.client.post(f"/api/v1/fleets{path}", json=asked, headers=headers)

    async def get(self, path: str) -> httpx.Response:
        """A GET below `/api/v1/fleets`."""
        return await self.client.get(f"/api/v1/fleets{path}")

    async def run(self, *words: str) -> Result:
        """`omsorgsvagt devices …`, while the service answers."""
        assert self.at is not None
        return await asyncio.to_thread(self.at.run, "devices", *words)


def _site(fleet: FleetStory) -> Site:
    engine = fleet.story.engine
    well = Health(ok=True)
    return Site(engine, fleet.story.store, engine.desk.metrics, lambda: well, lambda: well, "1.2.3", TOKEN)


@asynccontextmanager
async def fleet_site(folder: Path) -> AsyncIterator[FleetSite]:
    """The site, called directly."""
    async with fleet_story(folder, START, 0) as fleet, calling(_site(fleet)) as client:
        yield FleetSite(fleet, client)


@asynccontextmanager
async def fleet_terminal(folder: Path) -> AsyncIterator[FleetSite]:
    """The site on a port, and a terminal before it."""
    async with (
        fleet_story(folder, START, 0) as fleet,
        calling(_site(fleet)) as client,
        serving(_site(fleet)) as server,
    ):
        at = terminal(folder, OMSORGSVAGT_LISTEN=f"127.0.0.1:{server.port}")
        at.state.mkdir()
        (at.state / "api-token").write_text(TOKEN, encoding="ascii")
        try:
            yield FleetSite(fleet, client, at)
        finally:
            server.should_exit = True
