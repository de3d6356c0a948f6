"""The composition root: one process, its loops, its web, its signals.

Everything is built here and handed on; nothing below reaches for what it was not given.
"""

import asyncio
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

import structlog

from monitor import __version__
from monitor.build import material, read, watched
from monitor.clock import Clock
from monitor.core.finding import Finding
from monitor.core.plan import Plan
from monitor.core.proof import worst
from monitor.engine.answers import Answers
from monitor.engine.engine import Engine, Material
from monitor.engine.links import Asking
from monitor.engine.snapshot import snapshot
from monitor.engine.watch import Watch
from monitor.intake.inbox import Inbox
from monitor.intake.sms import Sms
from monitor.keys import answer_key, api_token
from monitor.metrics import Metrics, Snapshot
from monitor.plan.faults import PlanFaults
from monitor.plan.load import Loaded
from monitor.secrets import Secrets
from monitor.settings import ServiceSettings
from monitor.store.store import Store
from monitor.supervisor import Supervisor
from monitor.watchdog import Watchdog
from monitor.web.server import Server
from monitor.web.site import Health, Site

if TYPE_CHECKING:
    from monitor.ticker import Ticker

log = structlog.get_logger(__name__)

STOP_WITHIN = 7.5
"""Seconds for what is being sent; the rest of the ten is for letting go of a modem and the database."""
_MIND_EVERY = 5.0
_PATIENCE = 15.0
_FIRST_WITHIN = 10.0
"""Seconds after which what waits for a first probe goes on without one."""


@dataclass
class Service:
    """The running service. `loaded` is the configuration it starts from, `door` the socket it answers on."""

    settings: ServiceSettings
    loaded: Loaded
    secret: Secrets
    watchdog: Watchdog
    door: socket.socket
    clock: Clock = field(default_factory=Clock)
    metrics: Metrics = field(default_factory=partial(Metrics, __version__))
    bounds: dict[tuple[str, str], float] = field(default_factory=dict)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    probed: asyncio.Event = field(default_factory=asyncio.Event)
    ticker: "Ticker | None" = None
    supervisor: Supervisor = field(init=False)
    ways: Material = field(init=False)
    engine: Engine = field(init=False)
    watch: Watch = field(init=False)
    answers: Answers = field(init=False)

    async def run(self, on_ready: Callable[["Service"], None] = lambda service: None) -> None:
        """Start, serve until told to stop, and stop within 10 s, finishing what is being sent."""
        self.supervisor = Supervisor(self.clock.monotonic, self._fell)
        self.ways = material(self.loaded, self.secret, self.clock)
        store = Store(self.settings.database)
        self.engine = Engine(self.ways, self.clock, store, self.metrics, self.supervisor.spawn)
        self.watch = Watch(self._heard, self.supervisor.spawn, self.clock.monotonic, self.metrics.late.inc)
        self.engine.desk.urge = self.watch.urge
        self.engine.desk.asking = Asking(answer_key(self.settings.state), self.settings.public_url)
        self.answers = Answers(self.engine.desk)
        self.metrics.watch(self._snapshot)
        server = self._server(store)
        web = self.supervisor.spawn(server.serve([self.door]), "web")
        await self.engine.open()
        self._signals()
        self._start_loops()
        self.watchdog.ready(f"plan {self.loaded.digest[:8]}, {len(self.loaded.checks)} checks")
        log.info("started", version=__version__, plan=self.loaded.digest[:12], listen=self.settings.listen)
        on_ready(self)
        await self.stopping.wait()
        self.watchdog.stopping()
        if self.ticker is not None:
            self.ticker.stop()
        await self._stop(server, web, store)

    def _fell(self, loop: str) -> None:
        self.metrics.loop_falls.labels(loop).inc()

    def _heard(self, finding: Finding) -> bool:
        self.probed.set()
        return self.engine.heard(finding)

    def _start_loops(self) -> None:
        keep = self.supervisor
        self.watch.plan(watched(self.loaded, self.secret, self.clock))
        keep.start("probe", self.watch.cycle, _PATIENCE)
        keep.start("ingest", self.engine.ingest.cycle, _PATIENCE)
        keep.start("escalate", self.engine.escalate.cycle, _PATIENCE)
        for channel, sender in self.engine.senders.items():
            keep.start(f"deliver_{channel}", sender.cycle, _PATIENCE)
        keep.start("replies", Inbox(self.answers, lambda: self.loaded.routes, self.clock.now).cycle, 2 * _PATIENCE)
        keep.start("mind", self._mind, 2 * _PATIENCE)
        if self.watchdog.every is not None:
            # Oftener than the manager asks for: a turn missed is not the end.
            every = min(self.watchdog.every, _MIND_EVERY)
            keep.start("watchdog", partial(self._feed, every), every + _PATIENCE)
        keep.spawn(self._settle(), "settle")

    async def _settle(self) -> None:
        """What can wait until a first probe has ended: the calendar's own work, and the proof."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_FIRST_WITHIN):
                await self.probed.wait()
        await asyncio.to_thread(import_module, "monitor.ticker")
        self.ticker = self._ticker()
        await self._prove()

    async def _mind(self) -> None:
        await asyncio.sleep(_MIND_EVERY)
        self.engine.own.look([loop for loop in self.supervisor.stuck() if loop.name != "mind"])
        await self.engine.mind()

    async def _feed(self, every: float) -> None:
        """Fed only while every loop turns: a loop that hangs is ended by the service manager."""
        await asyncio.sleep(every)
        if not self.supervisor.stuck():
            self.watchdog.alive()

    async def _prove(self) -> None:
        """The bounds are worked out aside: they must not hold up the first probes."""
        self.bounds = await asyncio.to_thread(_bounds, self.engine.desk.plan, self.clock)

    def _signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stopping.set)
        loop.add_signal_handler(signal.SIGHUP, self._hangup)

    def _hangup(self) -> None:
        self.supervisor.spawn(self.reload(), "reload")

    async def reload(self) -> None:
        """Read the configuration anew: swapped whole when it is right, else the old one stays and that is an alarm."""
        self.watchdog.reloading(self.clock.monotonic())
        try:
            said = await self._reread()
        except PlanFaults as faults:
            log.error("plan_not_reloaded", faults=[str(fault) for fault in faults.faults][:20])
            said = _first_fault(faults)
        except Exception as error:
            # Whatever it was, the old plan is in force and somebody must hear of it.
            log.exception("plan_not_reloaded")
            said = f"intern fejl: {type(error).__name__}"
        self.engine.own.plan(said)
        self.watchdog.ready("old plan kept: the new one has faults" if said else f"plan {self.loaded.plan.digest[:8]}")

    async def _reread(self) -> str:
        """The new plan in force; raises what stands in its way, and then the old one still is."""
        today = self.clock.now().astimezone(self.loaded.plan.calendar.zone).date()
        loaded = await asyncio.to_thread(read, self.settings.config, today)
        old, new = self.ways, material(loaded, self.secret, self.clock)
        await self.engine.replan(new)
        self.loaded, self.ways = loaded, new
        self.watch.plan(watched(loaded, self.secret, self.clock))
        self.supervisor.spawn(self._let_go(old), "let_go")
        self.supervisor.spawn(self._prove(), "prove")
        log.info("plan_reloaded", plan=loaded.digest[:12])
        return ""

    async def _let_go(self, old: Material) -> None:
        """The old ways out, once what they were sending has been sent: a text cut off half-way is sent twice."""
        for sender in self.engine.senders.values():
            await sender.drain()
        for channel in old.channels.values():
            await channel.close()

    def _ticker(self) -> "Ticker":
        from monitor.ticker import Ticker

        ticker = Ticker(self.loaded.plan.calendar.zone)
        # Rosters and holidays are worked out for a year ahead from the day they are read.
        ticker.daily("reread", 4, 10, self.reload)
        ticker.start()
        return ticker

    def _snapshot(self) -> Snapshot:
        kinds = {name: settings.kind for name, settings in self.loaded.checks.items()}
        return snapshot(self.engine, kinds, lambda: (self.bounds, self.supervisor.stamps()))

    def health(self) -> Health:
        """Whether a whole engine cycle has just finished, and if not, what hangs."""
        stuck = self.supervisor.stuck()
        reasons = tuple(f"loop {loop.name} has not turned for {loop.patience:g} s" for loop in stuck)
        started = bool(self.supervisor.loops)
        return Health(started and not stuck, reasons if started else ("starting",), dict(self.supervisor.stamps()))

    def _ready(self) -> Health:
        """Ready once the plan is in force, the store opened or knowingly degraded, and a first probe done."""
        probed = self.probed.is_set()
        return Health(probed, () if probed else ("no probe has ended yet",))

    def _server(self, store: Store) -> Server:
        site = Site(
            engine=self.engine,
            history=store,
            metrics=self.metrics,
            health=self.health,
            ready=self._ready,
            version=__version__,
            api_token=api_token(self.settings.state),
            replies=Sms(self.answers, lambda: self.loaded.routes, self.secret, self.clock.now),
        )
        return Server(site)

    async def _stop(self, server: Server, web: "asyncio.Task[None]", store: Store) -> None:
        """What is being sent is finished; what is not ends with the process and is resumed at the next start."""
        server.end()
        try:
            async with asyncio.timeout(STOP_WITHIN):
                await self.engine.stop()
                await web
        except TimeoutError:
            log.warning("stopped_before_all_was_sent", waiting=len(self.engine.desk.ledger.queue))
        await self.supervisor.stop()
        for channel in self.ways.channels.values():
            await channel.close()
        await store.close()
        log.info("stopped")


def _first_fault(faults: PlanFaults) -> str:
    """How many faults and where the first is, short enough for an SMS; the journal has them all."""
    first = faults.faults[0]
    count = len(faults.faults)
    return f"{count} fejl, første i {first.file.rsplit('/', 1)[-1]} linje {first.line}"


def _bounds(plan: Plan, clock: Clock) -> dict[tuple[str, str], float]:
    start = clock.now() - timedelta(hours=1)
    found = worst(plan, start)
    return {(key[0], key[1]): bound.total if bound.reaches else float("inf") for key, bound in found.items()}
