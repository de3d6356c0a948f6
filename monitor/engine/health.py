"""Each way out is looked at while nothing is sent, so that its outage is known before an alarm needs it.

Context: a provider that answers a look may still refuse texts, and one look may fail by chance. Choice: two failing
looks in a row count as a failed send does; a look clears what looks have found at once, and what a send has found only
when that is two minutes old, and far later once a send has shown it wrong. Price: a route that refuses texts alone is
called well again once, by mistake, before looks are no longer believed for it.
"""

import asyncio
import zlib
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from monitor.core.finding import CheckName, Finding, Miss, Outcome, Reason
from monitor.core.plan import RouteInfo, RouteName
from monitor.core.state import Level
from monitor.engine.desk import Desk
from monitor.ports import Channel, Health

EVERY = 60.0
AGAIN = 10.0
"""Seconds to the second look after one that failed."""
_TURN = 1.0
_GRACE = 0.5
_CONFIRM = 2
_OLD = timedelta(minutes=2)
_DOUBT = 15
"""How many times longer a refusal outweighs looks, each time a look has been shown wrong: 2 min, 30 min, 7½ h."""
_LONGEST = timedelta(days=1)
_NOBODY = Health(False, "kunne ikke bygges")


@dataclass(slots=True)
class Seen:
    """What is known of one route. `due` is monotonic; `refused` when a send on it last failed."""

    due: float
    failing: int = 0
    refused: datetime | None = None
    by_look: bool = False
    """It is believed down because looks failed, not because a text was refused."""
    wait: timedelta = _OLD
    """How old a refusal must be before a look clears it."""
    overruled: bool = False
    """A look has cleared a refusal, and no send has borne it out yet."""


class Routes:
    """The looks at the routes. `report` takes findings on a route, `heard` those on its account."""

    def __init__(
        self,
        desk: Desk,
        channels: Callable[[], Mapping[RouteName, Channel]],
        report: Callable[[Finding], object],
        heard: Callable[[Finding], object],
        spawn: Callable[[Coroutine[None, None, None], str], "asyncio.Task[None]"],
    ) -> None:
        self.desk = desk
        self.credits: dict[RouteName, float] = {}
        self._channels = channels
        self._report = report
        self._heard = heard
        self._spawn = spawn
        self._seen: dict[RouteName, Seen] = {}
        self._looking: dict[RouteName, asyncio.Task[None]] = {}

    def sent(self, finding: Finding) -> None:
        """A try to send has ended: passed on, and remembered against looks that find all well."""
        for route in self.desk.plan.routes:
            if _check(route) == finding.check:
                seen = self._of(route)
                self._sent(seen, finding)
        self._report(finding)

    def _sent(self, seen: Seen, finding: Finding) -> None:
        refused = finding.outcome is Outcome.FAIL
        if not refused:
            seen.wait = _OLD
        elif seen.overruled:
            seen.wait = min(seen.wait * _DOUBT, _LONGEST)
        seen.refused = finding.at if refused else None
        seen.by_look = seen.overruled = False

    async def cycle(self) -> None:
        """Wait a turn, then start the looks that are due; one that hangs holds no other up."""
        await asyncio.sleep(_TURN)
        now = self.desk.clock.monotonic()
        for route in self.desk.plan.routes:
            if self._of(route).due <= now and route.name not in self._looking:
                self._looking[route.name] = task = self._spawn(self._look(route), f"look-{route.name}")
                task.add_done_callback(partial(self._ended, route.name))
        self._forget()

    def _ended(self, name: RouteName, _task: "asyncio.Task[None]") -> None:
        self._looking.pop(name, None)

    async def turn(self) -> None:
        """Look at every route now."""
        await asyncio.gather(*(self._look(route) for route in self.desk.plan.routes))

    async def _look(self, route: RouteInfo) -> None:
        seen, clock = self._of(route), self.desk.clock
        seen.due = clock.monotonic() + EVERY
        began = clock.now()
        with self.desk.isolated(f"look/{route.name}"):
            found = await self._ask(route)
            if route.name in self._seen:
                self._judge(route, seen, found, began)

    async def _ask(self, route: RouteInfo) -> Health:
        channel = self._channels().get(route.name)
        if channel is None:
            return _NOBODY
        try:
            async with asyncio.timeout(route.timeout + _GRACE):
                return await channel.health()
        except TimeoutError:
            return Health(False, "intet svar inden for tiden")

    def _judge(self, route: RouteInfo, seen: Seen, found: Health, began: datetime) -> None:
        if found.ok is False:
            self._fails(route, seen, found, began)
        else:
            seen.failing = 0
            if self._clears(route, seen, found):
                seen.overruled = seen.overruled or seen.refused is not None
                seen.by_look, seen.refused = False, None
                self._report(Finding(_check(route), Outcome.OK, began))
        if found.credit is not None:
            self._credit(route, found.credit, began)

    def _fails(self, route: RouteInfo, seen: Seen, found: Health, began: datetime) -> None:
        seen.failing += 1
        if seen.failing < _CONFIRM:
            # Our own line may be the trouble: the canaries are to have looked when the second look comes.
            self.desk.urge(tuple(self.desk.sight.canaries))
            seen.due = self.desk.clock.monotonic() + AGAIN
            return
        if self.desk.sight.blind and not route.independent:
            return
        seen.by_look = seen.refused is None
        miss = Miss(Reason.ROUTE, seen=f"{route.name}: {found.said}"[:120])
        self._report(Finding(_check(route), Outcome.FAIL, began, misses=(miss,)))

    def _clears(self, route: RouteInfo, seen: Seen, found: Health) -> bool:
        """Whether a look that did not fail says that the route is well."""
        belief = self.desk.ledger.beliefs.get(_check(route))
        if belief is None or belief.level is not Level.DOWN:
            return found.ok is True
        if route.name in self.desk.silence.silent():
            # It takes texts and confirms none: only a receipt shows that it is well again.
            return False
        if seen.by_look:
            return True
        return bool(found.ok) and (seen.refused is None or self.desk.clock.now() - seen.refused >= seen.wait)

    def _credit(self, route: RouteInfo, credit: float, began: datetime) -> None:
        self.credits[route.name] = credit
        if not route.credit_below:
            return
        check = CheckName(f"{_check(route)}-saldo")
        if credit >= route.credit_below:
            self._heard(Finding(check, Outcome.OK, began))
            return
        miss = Miss(Reason.CREDIT, f"mindst {route.credit_below:g}", f"{route.name}: {credit:.2f}")
        self._heard(Finding(check, Outcome.WARN, began, misses=(miss,)))

    def _of(self, route: RouteInfo) -> Seen:
        """What is known of the route. One that a former run left down is as if a text had just been refused."""
        seen = self._seen.get(route.name)
        if seen is None:
            belief = self.desk.ledger.beliefs.get(_check(route))
            refused = self.desk.clock.now() if belief is not None and belief.level is Level.DOWN else None
            spread = EVERY * zlib.crc32(route.name.encode()) / 2**32
            seen = self._seen[route.name] = Seen(self.desk.clock.monotonic() + spread, refused=refused)
        return seen

    def _forget(self) -> None:
        """A route that has left the plan."""
        names = {route.name for route in self.desk.plan.routes}
        for name in [name for name in self._seen if name not in names]:
            self._seen.pop(name)
            self.credits.pop(name, None)


def _check(route: RouteInfo) -> CheckName:
    return CheckName(f"alarmvej-{route.name}")
