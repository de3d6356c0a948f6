"""Who watches the watcher: the clock, the auditor, the pulse through the whole engine, and the word to the outside.

Each in a loop of its own beside the loops it looks after; none of them is on the way from a finding to a phone.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import structlog

from monitor.core.finding import Finding
from monitor.core.plan import OWN_LINE, ChannelName
from monitor.core.turned import Turn, Withheld, withheld
from monitor.engine.audit import EVERY as AUDIT_EVERY
from monitor.engine.audit import Auditor, Read
from monitor.engine.engine import Engine
from monitor.engine.pulse import Pulse
from monitor.engine.timekeeper import Timekeeper, Timepiece
from monitor.engine.watch import Watch
from monitor.plan.dead_man import DeadMan
from monitor.signs import Signs
from monitor.supervisor import Supervisor

log = structlog.get_logger(__name__)

_LOOK = 1.0
_PATIENCE = 15.0
_EVERY = 60.0
"""Seconds between pulses where nobody outside waits for a word."""
_MISSED = 2
"""Turns withheld, or words not taken, in a row, before more is made of it."""
_ON_THE_WAY = ("ingest", "escalate", "deliver_")


@dataclass
class Vigil:
    """`settings` gives who outside is told, as the plan in force has it; None: nobody."""

    engine: Engine
    supervisor: Supervisor
    watch: Watch
    clock: Timepiece
    signs: Signs
    settings: Callable[[], DeadMan | None]
    read: Read | None = None
    keeper: Timekeeper = field(init=False)
    auditor: Auditor = field(init=False)
    pulse: Pulse = field(init=False)
    last: Withheld | None = None
    """Why the last turn's word was withheld."""
    _turned: float = field(init=False)
    _began: float | None = None
    """When the present turn began."""
    _beating: bool = False
    """Its pulse is still on the way."""
    _withheld: int = 0
    _failed: int = 0

    def __post_init__(self) -> None:
        self.keeper = Timekeeper(self.engine, self.clock)
        self.auditor = Auditor(self.engine, self.read)
        self.pulse = Pulse(self.engine.desk)
        self._turned = self.clock.monotonic()

    def start(self) -> None:
        """Begin to watch."""
        self.supervisor.start("clock", self._look, _PATIENCE)
        self.supervisor.start("audit", self.auditor.cycle, AUDIT_EVERY + 3 * _PATIENCE)
        self.supervisor.start("pulse", self._turn, 4 * _PATIENCE)

    def stale(self, finding: Finding) -> bool:
        """True for what was looked at before a time in which nobody watched: it says nothing of now."""
        self.keeper.glance()
        return finding.at < self.keeper.back_at

    def reasons(self) -> tuple[str, ...]:
        """Why we are not well, beyond loops that hang; empty when a whole turn has lately come round."""
        limit = 3 * self._every() + 2 * _PATIENCE
        age = self.clock.monotonic() - self._turned
        return (f"no pulse has come through for {age:.0f} s",) if age > limit else ()

    def _every(self) -> float:
        settings = self.settings()
        return settings.every if settings else _EVERY

    async def _look(self) -> None:
        await asyncio.sleep(_LOOK)
        await self.keeper.look()

    async def _turn(self) -> None:
        """A pulse through the engine; at the turn's end a word to the outside, if everything has turned meanwhile."""
        if self._began is None:
            self._began = self.clock.monotonic()
            await self.pulse.beat()
            self._beating = True
        left = self._began + self._every() - self.clock.monotonic()
        back = await self.pulse.back(max(0.0, min(_LOOK, left)))
        if self._beating and all(back.values()):
            self._beating, self._turned = False, self.clock.monotonic()
            self.engine.desk.metrics.pulse.set(self.clock.now().timestamp())
        if left > 0:
            await asyncio.sleep(min(_LOOK, left))
            return
        began, self._began = self._began, None
        await self._word(self._evidence(began, back))

    def _evidence(self, began: float, back: Mapping[ChannelName, bool]) -> Turn:
        now = self.clock.monotonic()
        checks = self.watch.checks.values()
        ages = self.supervisor.stamps()
        return Turn(
            lasted=now - began,
            probe_age=now - self.watch.ended,
            fastest=min((check.every for check in checks), default=0.0),
            loops={name: age for name, age in ages.items() if name.startswith(_ON_THE_WAY)},
            back=back,
            stuck=tuple(loop.name for loop in self.supervisor.stuck()),
            standing=len(self.auditor.standing),
        )

    async def _word(self, turn: Turn) -> None:
        settings = self.settings()
        if settings is None:
            return
        self.last = withheld(turn)
        if self.last is not None:
            await self._withhold(settings, self.last)
            return
        self._withheld = 0
        journal = self.engine.desk.journal
        said = f"databasen kan ikke skrives, {journal.waiting} linjer venter" if journal.degraded else ""
        self._took(await self.signs.send(settings, said))

    async def _withhold(self, settings: DeadMan, why: Withheld) -> None:
        self._withheld += 1
        self.engine.desk.metrics.dead_man_withheld.labels(why.value).inc()
        if self._withheld == 1:
            log.error("sign_of_life_withheld", reason=why.value)
        if settings.fail and self._withheld >= _MISSED:
            await self.signs.send(settings, f"standset: {why.value}", failed=True)

    def _took(self, wrong: str) -> None:
        """What came of a word to the outside; our own line's outage explains why none gets through."""
        desk = self.engine.desk
        if not wrong:
            self._failed = 0
            desk.metrics.dead_man_sent.set(self.clock.now().timestamp())
            self.engine.own.sign_of_life("")
            return
        self._failed += 1
        desk.metrics.dead_man_failed.inc()
        blind = desk.sight.blind or OWN_LINE in desk.ledger.by_system
        if self._failed > _MISSED and not blind:
            self.engine.own.sign_of_life(wrong)
