"""The pulse: a notice for nobody, put into each channel's queue like an alarm, that must come out and be receipted.

It goes an alarm's way (commit, queue, the channel's loop, commit, receipt) with nobody at its end, under one key a
channel, so that rows do not grow. No page, count or measure of real notices shows it.
"""

import asyncio
from dataclasses import replace

from monitor.core.plan import ChannelName, PersonId, RouteName
from monitor.core.reasons import Kind
from monitor.core.records import Batch, Notice, NoticeId, NoticeState
from monitor.engine.desk import Desk

ROUTE = RouteName("puls")
_NOBODY = PersonId("")


class Pulse:
    """`beat` puts one into the queue of every channel there is a route for; `back` tells which have come out."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._turn = 0
        self._out: dict[ChannelName, bool] = {}
        self._came = asyncio.Event()
        desk.pulsed = self._back

    async def beat(self) -> None:
        """Decide and commit; one still out from before counts as lost."""
        self._turn += 1
        channels = [c for c in ChannelName if any(route.channel is c for route in self.desk.plan.routes)]
        self._out = dict.fromkeys(channels, False)
        self._came.clear()
        await self.desk.journal.commit(Batch([self._notice(channel) for channel in channels]))
        self.desk.wake_deliver()

    async def back(self, within: float) -> dict[ChannelName, bool]:
        """Whether this beat has come out of each channel, with its receipt; waits so many seconds at the most."""
        try:
            async with asyncio.timeout(within):
                while not all(self._out.values()):
                    await self._came.wait()
                    self._came.clear()
        except TimeoutError:
            pass
        return dict(self._out)

    def _notice(self, channel: ChannelName) -> Notice:
        ident, now = NoticeId(f"pulse-{channel}"), self.desk.clock.now()
        return Notice(ident, ident, None, Kind.PULSE, _NOBODY, channel, "", str(self._turn), now, Kind.PULSE.value)

    def _back(self, notice: Notice) -> None:
        if notice.text == str(self._turn):
            self._out[notice.channel] = True
            self._came.set()


async def through(desk: Desk, notice: Notice) -> None:
    """A pulse has come to the end of its queue: it is taken, and receipted, each in a transaction of its own."""
    now = desk.clock.now()
    taken = replace(notice, state=NoticeState.ACCEPTED, settled=now, route=ROUTE)
    await desk.journal.commit(Batch([taken]))
    await desk.journal.commit(Batch([replace(taken, delivered=desk.clock.now())]))
    desk.pulsed(notice)
