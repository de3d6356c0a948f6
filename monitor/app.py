"""The composition root: one process, its loops, its web, its signals.

Everything is built here and handed on; nothing below reaches for what it was not given.
"""

import asyncio
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

import structlog

from monitor import __version__
from monitor.build import bounds, material, read, watched
from monitor.clock import Clock
from monitor.core.finding import Finding
from monitor.engine import canaries
from monitor.engine.answers import Answers
from monitor.engine.engine import Engine, Material
from monitor.engine.links import Asking
from monitor.engine.receipts import Receipts
from monitor.engine.snapshot import snapshot
from monitor.engine.watch import Watch, Watched
from monitor.intake.bounces import Bounces
from monitor.intake.canaries import Canaries
from monitor.intake.inbox import Inbox
from monitor.intake.sms import Sms
from monitor.keys import answer_key, api_token
from monitor.metrics import Metrics, Snapshot
from monitor.plan.faults import PlanFaults
from monitor.plan.load import Loaded
from monitor.plan.settings import RouteSettings
from monitor.secrets import Secrets
from monitor.settings import ServiceSettings
from monitor.signs import Signs
from monitor.store.retention import nightly
from monitor.store.store import Store
from monitor.supervisor import Supervisor
from monitor.vigil import Vigil
from monitor.watchdog import Watchdog
from monitor.ways_in import WaysIn
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
    watched: list[Watched] = field(default_factory=list)
    ticker: "Ticker | None" = None
    supervisor: Supervisor = field(init=False)
    ways: Material = field(init=False)
    store: Store = field(init=False)
    engine: Engine = field(init=False)
    watch: Watch = field(init=False)
    answers: Answers = field(init=False)
    vigil: Vigil = field(init=False)
    receipts: Receipts = field(init=False)
    ways_in: WaysIn = field(init=False)

    async def run(self, on_ready: Callable[["Service"], None] = lambda service: None) -> None:
        """Start, serve until told to stop, and stop within 10 s, finishing what is being sent."""
        self.supervisor = Supervisor(self.clock.monotonic, self._fell)
        self.ways = material(self.loaded, self.secret, self.clock, self.settings.here)
        self.store = store = Store(self.settings.database)
        self.engine = Engine(self.ways, self.clock, store, self.metrics, self.supervisor.spawn)
        self.watch = Watch(self._heard, self.supervisor.spawn, self.clock.monotonic, self.metrics.late.inc)
        self.engine.desk.urge = self.watch.urge
        self.engine.desk.asking = Asking(answer_key(self.settings.state), self.settings.public_url)
        self.answers = Answers(self.engine.desk)
        self.receipts = Receipts(self.engine.desk)
        self.ways_in = WaysIn(self.engine.fleets, self.engine.desk, self.settings)
        signs = Signs(self.secret)
        self.vigil = Vigil(
            self.engine, self.supervisor, self.watch, self.clock, signs, lambda: self.loaded.dead_man, store.incident
        )
        self.metrics.watch(self._snapshot)
        server = self._server(store)
        web = self.supervisor.spawn(server.serve([self.door]), "web")
        kept = await self.engine.open()
        away = self.clock.now() - kept.last_watch.last if kept.last_watch else timedelta(0)
        self._signals()
        self._start_loops()
        self.supervisor.spawn(self._open_fleets(store, away), "fleets_read")
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
        return False if self.vigil.stale(finding) else self.engine.heard(finding)

    def _start_loops(self) -> None:
        keep = self.supervisor
        self._look_at(self.loaded)
        keep.start("probe", self.watch.cycle, _PATIENCE)
        keep.start("ingest", self.engine.ingest.cycle, _PATIENCE)
        keep.start("ladder", self.engine.ladder.cycle, _PATIENCE)
        keep.start("escalate", self.engine.escalate.cycle, _PATIENCE)
        for channel, sender in self.engine.senders.items():
            keep.start(f"deliver_{channel}", sender.cycle, _PATIENCE)
        keep.start("replies", Inbox(self.answers, self._routes, self.clock.now, self.receipts).cycle, 2 * _PATIENCE)
        keep.start("bounces", Bounces(self.receipts, self._routes, self.secret, self.clock.now).cycle, 4 * _PATIENCE)
        keep.start("routes", self.engine.health.cycle, _PATIENCE)
        keep.start("mind", self._mind, 2 * _PATIENCE)
        if self.ways_in.listens:
            keep.start("scaip", self.ways_in.cycle, 2 * _PATIENCE)
        self.vigil.start()
        if self.watchdog.every is not None:
            # Oftener than the manager asks for: a turn missed is not the end.
            every = min(self.watchdog.every, _MIND_EVERY)
            keep.start("watchdog", partial(self._feed, every), every + _PATIENCE)
        keep.spawn(self._settle(), "settle")

    async def _open_fleets(self, store: Store, away: timedelta) -> None:
        """A million devices take some seconds to read: nothing else waits for them."""
        await self.engine.fleets.open(store.fleets, away)
        self.supervisor.start("fleets", self.engine.fleets.cycle, 2 * _PATIENCE)

    def _look_at(self, loaded: Loaded) -> None:
        sights = self.engine.fleets.sight, partial(canaries.last, self.engine.desk)
        self.watched = watched(loaded, self.secret, self.clock, *sights, self.watched)
        self.watch.plan(self.watched)

    def _routes(self) -> tuple[RouteSettings, ...]:
        return self.loaded.routes

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
        self.bounds = await asyncio.to_thread(bounds, self.engine.desk.plan, self.clock.now())

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
            said = faults.short()
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
        old, new = self.ways, material(loaded, self.secret, self.clock, self.settings.here)
        await self.engine.replan(new)
        self.loaded, self.ways = loaded, new
        self._look_at(loaded)
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
        ticker.daily("prune", 3, 20, self._prune)
        ticker.start()
        self.vigil.keeper.on_step.append(lambda _: ticker.look())
        return ticker

    async def _prune(self) -> None:
        await nightly(self.store, self.clock.now(), timedelta(days=self.settings.keep_days))

    def _snapshot(self) -> Snapshot:
        kinds = {name: settings.kind for name, settings in self.loaded.checks.items()}
        found = snapshot(self.engine, kinds, lambda: (self.bounds, self.supervisor.stamps()))
        return replace(found, without_next_step=self.vigil.auditor.without_next_step)

    def health(self) -> Health:
        """Whether a whole engine cycle has just finished, and if not, what hangs."""
        stuck = self.supervisor.stuck()
        reasons = tuple(f"loop {loop.name} has not turned for {loop.patience:g} s" for loop in stuck)
        reasons += self.vigil.reasons()
        started = bool(self.supervisor.loops)
        return Health(started and not reasons, reasons if started else ("starting",), dict(self.supervisor.stamps()))

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
            replies=Sms(self.answers, self._routes, self.secret, self.clock.now, self.receipts),
            canaries=Canaries(lambda: self.loaded.checks, self.secret, partial(canaries.came, self.engine.desk)),
            heartbeats=self.ways_in.batches,
            quick=self.ways_in.beats.quick,
        )
        return Server(site)

    async def _stop(self, server: Server, web: "asyncio.Task[None]", store: Store) -> None:
        """What is being sent is finished; what is not ends with the process and is resumed at the next start."""
        server.end()
        self.ways_in.close()
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
