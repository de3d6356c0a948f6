"""Uvicorn on a socket that is open already.

The rule it keeps: it neither handles signals nor ends the process; starting and stopping are the service's business.
"""

import asyncio
from contextlib import AbstractContextManager, nullcontext, suppress

import uvicorn

from monitor.web import wire
from monitor.web.app import HEARTBEATS, create_app
from monitor.web.site import Site

_BEATS = f"{HEARTBEATS}/".encode()
_DATE_EVERY = 1.0
_FINISH = 2
"""Seconds an answer that is under way has left when the service stops."""


class Server(uvicorn.Server):
    """Answers for a site. It looks up once a second, to write the date anew; uvicorn's own loop turns ten times."""

    def __init__(self, site: Site) -> None:
        options = wire.options(_BEATS, site.quick)
        super().__init__(uvicorn.Config(create_app(site), timeout_graceful_shutdown=_FINISH, **options))
        self._ending = asyncio.Event()

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
        """None of its business."""
        return nullcontext()

    def end(self) -> None:
        """Take nothing more in, and finish."""
        self.should_exit = True
        self._ending.set()

    async def main_loop(self) -> None:
        """Until it is told to end."""
        while not await self.on_tick(0):
            with suppress(TimeoutError):
                async with asyncio.timeout(_DATE_EVERY):
                    await self._ending.wait()
