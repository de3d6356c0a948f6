"""The fleets: reports go in, silence comes out, and what was heard is on disk within some seconds.

Context: a million devices report all day, and none may be called silent because we were away. Choice: a report touches
memory alone; a loop looks once a second at what is due, and writes what has changed every other second in batches. Time
in which nobody could hear (the service stopped, our own line gone, the machine asleep) is given back as grace. Price: a
report that was answered within the last seconds before a power cut is forgotten, and the device has its grace.
"""

import asyncio
from datetime import timedelta

import structlog

from monitor.core.devices import Devices
from monitor.core.fleet import FleetSight, Ticked
from monitor.core.plan import CheckRule, FleetName, Plan
from monitor.engine.book import EARLY, Book
from monitor.engine.desk import Desk
from monitor.engine.fleet_metrics import FleetStates
from monitor.engine.registry import Registry
from monitor.engine.singles import Singles
from monitor.engine.strays import Strays
from monitor.ports import FleetRows, StoreFault

log = structlog.get_logger(__name__)

_TURN = 1.0
WRITE_EVERY = 2.0
_PATIENCE = 3.0
_AT_ONCE = 16
"""Blocks in one transaction (1.5 MB): an alarm's own must not wait long behind it."""
_ASLEEP = 60
"""Seconds between two looks after which nobody can have listened in between."""
_LOOK_AT_ONCE = 1_000
"""Devices looked at in one go: some 3 ms, in which nothing else can be answered."""
_EARLY_EVERY = 60.0
_STIR = 0.01
"""The share of a fleet that must be missing before every change is looked at at once."""


class Fleets:
    """Every fleet of the plan. Intakes use `tokens`, `ready`, `find`, `by_cid`, `stray_alarm` and `count` alone."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.books: dict[FleetName, Book] = {}
        self.tokens: dict[bytes, tuple[str, str]] = {}
        """SHA-256 of a token → the fleet it opens, and the device it is for (empty: all of them)."""
        self.strangers: dict[str, int] = {}
        """Reports for no fleet we know, by outcome."""
        self.registry = Registry(self)
        self.singles = Singles(desk, self)
        self.strays = Strays(desk, self)
        self.rows: FleetRows | None = None
        self._away = 0.0
        desk.metrics.registry.register(FleetStates(self))
        self._tried = float("-inf")
        self._written = float("-inf")

    async def open(self, rows: FleetRows, away: timedelta = timedelta(0)) -> None:
        """Take up what was kept; `away` is how long nobody listened. What cannot be read now is read later."""
        self.rows = rows
        self._away = away.total_seconds()
        await self._read()

    def find(self, fleet: str) -> Devices | None:
        """A fleet's devices; None when there is no such fleet, or it has not been read yet (`registry.read`)."""
        book = self.books.get(FleetName(fleet))
        return book.devices if book else None

    def by_cid(self, cid: str) -> tuple[str, int] | None:
        """The fleet and index of a SCAIP identity."""
        for name, book in self.books.items():
            if book.fleet.scaip and (index := book.devices.by_cid(cid)) is not None:
                return name, index
        return None

    @property
    def ready(self) -> bool:
        """False until the registry has been read: until then a device may be known without our knowing it."""
        return self.registry.read

    def stray_alarm(self, fleet: str, index: int, at: int) -> None:
        """A person's call came here, where nobody answers calls."""
        self.strays.came(fleet, index, at)

    def count(self, fleet: str, outcome: str, more: int = 1) -> None:
        """So many more reports came to this."""
        book = self.books.get(FleetName(fleet))
        beats = book.beats if book else self.strangers
        beats[outcome] = beats.get(outcome, 0) + more

    def sight(self, fleet: str) -> FleetSight | None:
        """A fleet as it is now; None when it is not known."""
        book = self.books.get(FleetName(fleet))
        return book.sight(self._now()) if book else None

    async def cycle(self) -> None:
        """A turn each second."""
        await asyncio.sleep(_TURN)
        await self.turn()

    async def turn(self) -> None:
        """Look at what is due, tell what follows, write what has changed."""
        if not self.registry.read:
            await self._read()
        for book in tuple(self.books.values()):
            with self.desk.isolated(f"fleet/{book.fleet.id}"):
                await self._look(book)
        await self.singles.turn()
        await self.strays.turn()
        if self.desk.clock.monotonic() - self._written >= WRITE_EVERY:
            await self.write()

    async def replan(self, plan: Plan) -> None:
        """Another plan is in force: fleets come, go, and change their rules; what was heard is kept."""
        await self.registry.replan(plan)

    async def stop(self) -> None:
        """Write what has not been written."""
        await self.write()

    async def write(self) -> None:
        """Write every block that has changed, in batches; those that could not be written are so at the next turn."""
        self._written = self.desk.clock.monotonic()
        for book in tuple(self.books.values()):
            await self._write(book)

    async def _write(self, book: Book) -> None:
        began = self.desk.clock.monotonic()
        while self.rows is not None and (numbers := book.take_changed(_AT_ONCE)):
            try:
                async with asyncio.timeout(_PATIENCE):
                    await self.rows.write([(book.fleet.id, n, book.block(n)) for n in self._with_early(book, numbers)])
            except (StoreFault, TimeoutError) as error:
                book.not_written(numbers)
                if not self.registry.degraded:
                    log.error("reports_not_written", fleet=book.fleet.id, error=str(error) or type(error).__name__)
                self.registry.degraded = True
                return
            except asyncio.CancelledError:
                book.not_written(numbers)
                raise
        if self.registry.degraded:
            log.info("reports_written_again", fleet=book.fleet.id)
        self.registry.degraded = False
        book.clean = began

    def _with_early(self, book: Book, numbers: list[int]) -> list[int]:
        """What is usual of the groups changes slowly: it goes along once a minute."""
        now = self.desk.clock.monotonic()
        if now - book.early_kept < _EARLY_EVERY:
            return numbers
        book.early_kept = now
        return [*numbers, EARLY]

    async def _read(self) -> None:
        now = self.desk.clock.monotonic()
        if self.rows is None or now - self._tried < _PATIENCE:
            return
        self._tried = now
        await self.registry.load(self.desk.plan, self._away)
        if self.registry.read:
            await self.singles.remember()

    async def _look(self, book: Book) -> None:
        """Look at all that is due, some of it at a time: between two looks everybody else has a turn."""
        book.deaf = book.deaf or self._unheard(book)
        more, moved, urged = True, False, False
        while more and not self._unheard(book):
            signs, ticked = book.signs, self._tick(book)
            more, moved = ticked.more, moved or bool(ticked.silent or ticked.back)
            # The picture costs more than the look: it is made until it matters, and when all has been looked at.
            if book.signs != signs or (moved and not (urged and more) and self._stirs(book)):
                self.desk.urge(tuple(rule.name for rule in self.rules(book.fleet.id)))
                urged = True
            await asyncio.sleep(0)

    def _tick(self, book: Book) -> Ticked:
        now, before = self._now(), book.ticked
        if before and (book.deaf or not 0 <= now - before <= _ASLEEP):
            # Our line was gone, the machine slept, or the clock was set back.
            book.devices.resume(now, max(0, now - before))
            log.info("fleet_not_watched", fleet=book.fleet.id, seconds=now - before)
        book.deaf = False
        ticked = book.tick(now, _LOOK_AT_ONCE)
        self.singles.note(book, ticked)
        return ticked

    def _stirs(self, book: Book) -> bool:
        return book.sight(book.ticked).silent_share >= _STIR

    def _unheard(self, book: Book) -> bool:
        """True while no report can reach us, because our own line is gone: time stands still for this fleet."""
        if not self.desk.sight.blind:
            return False
        systems = [self.desk.plan.systems[rule.system] for rule in self.rules(book.fleet.id)]
        return all(system.over_own_line for system in systems)

    def rules(self, fleet: FleetName) -> list[CheckRule]:
        """The checks that look at a fleet."""
        return [rule for rule in self.desk.plan.checks.values() if rule.fleet == fleet]

    def _now(self) -> int:
        return int(self.desk.clock.now().timestamp())

    def unwritten(self) -> float:
        """Seconds for which the oldest report that is not on disk may have waited."""
        now = self.desk.clock.monotonic()
        return max((now - book.clean for book in self.books.values()), default=0.0)
