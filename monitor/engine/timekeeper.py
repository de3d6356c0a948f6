"""The clock and the sleep of the machine, watched: what was going on before goes on as if nothing had happened.

Context: a step of the wall clock, a suspended machine and a process that was stopped all make what has passed since an
outage began wrong, or make two probes half a day apart look like a row of failures. Choice: when the clock is set, the
instants of every open incident move along in the same moment as `now` does; after a time in which nobody watched, what
was being counted is counted anew. Price: a period that is passed a second time, on a clock set back, is not told a
second time.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Protocol

import structlog

from monitor.core import words
from monitor.core.drift import Drift
from monitor.core.finding import Miss, Reason
from monitor.core.reasons import Entry
from monitor.core.rebase import moved, moved_belief, moved_sight, rested
from monitor.core.records import Row
from monitor.engine.compose import line
from monitor.engine.desk import Clockwork
from monitor.engine.engine import Engine

log = structlog.get_logger(__name__)

STEP = 2.0
AWAY = 10.0
"""Seconds between two looks after which nobody watched meanwhile; the looks are a second apart."""
_GRAVE = 60.0
_SAID_FOR = 3600.0
"""How long a step is said by `vagten`."""


class Timepiece(Clockwork, Protocol):
    """What watching the clock needs beyond reading it; `monitor.clock.Clock` is the real one."""

    def running(self) -> float:
        """Seconds this machine has run, its sleep included; never set."""

    def apart(self) -> float:
        """Seconds the wall clock has moved against running time since it was last followed."""

    def follow(self, apart: float) -> None:
        """Take the wall clock as it is: `now` jumps by what it had held back."""


class Timekeeper:
    """`look` is called each second; `glance` before anything that was measured is believed.

    `on_step(seconds)` and `on_away(seconds)` are called by whatever keeps instants of its own beside the ledger, in the
    moment the clock is followed and after a time in which nobody watched.
    """

    def __init__(self, engine: Engine, clock: Timepiece) -> None:
        self.engine = engine
        self.clock = clock
        self.drift = Drift()
        self.on_step: list[Callable[[float], object]] = []
        self.on_away: list[Callable[[float], object]] = []
        self.back_at = clock.now()
        """Since when we have been watching without a break."""
        self._looked = clock.running()
        self._slept = self._sleep()
        self._stepped = 0.0
        self._stepped_at = float("-inf")
        self._to_say = (0.0, 0.0)

    async def look(self) -> None:
        """One look at the clock: says where we were away, follows where it was set."""
        self.glance()
        if self._to_say[0]:
            (gone, slept), self._to_say = self._to_say, (0.0, 0.0)
            await self._say_away(gone, slept)
        apart = self.clock.apart()
        if abs(apart) > STEP:
            await self._step(apart)
        else:
            self.clock.follow(apart)
            self.drift = self.drift.after(apart, self.clock.running())
        self.engine.desk.metrics.clock_moved.inc(apart)
        self._tell()

    def glance(self) -> None:
        """Whether we have been away since the last look; then what was being counted is counted anew."""
        running, sleep = self.clock.running(), self._sleep()
        gone, slept = running - self._looked, sleep - self._slept
        self._looked, self._slept = running, sleep
        if gone < AWAY:
            return
        self._to_say = (self._to_say[0] + gone, self._to_say[1] + slept)
        self.back_at = self.clock.now()
        beliefs = self.engine.desk.ledger.beliefs
        beliefs.update({name: rested(belief) for name, belief in beliefs.items()})
        self.engine.ingest.forget_held()
        for call in self.on_away:
            call(gone)

    def _sleep(self) -> float:
        return self.clock.running() - self.clock.monotonic()

    async def _say_away(self, gone: float, slept: float) -> None:
        asleep = slept > gone / 2
        log.warning("was_away", seconds=round(gone), asleep=asleep)
        now, lasted = self.clock.now(), words.duration(timedelta(seconds=gone))
        text = f"serveren sov i {lasted}" if asleep else f"tjenesten stod stille i {lasted}"
        await self.engine.desk.journal.between(
            lambda: [line(one, Entry.NOT_WATCHED, now, text) for one in self.engine.desk.ledger.incidents.values()]
        )

    async def _step(self, apart: float) -> None:
        log.warning("clock_set", seconds=round(apart, 1))
        self.engine.desk.metrics.clock_steps.labels("forward" if apart > 0 else "back").inc()
        await self.engine.desk.journal.between(lambda: self._moved(apart))
        self._stepped, self._stepped_at = apart, self.clock.running()
        for sender in self.engine.senders.values():
            sender.outbox.anew()
            sender.poke()
        self.engine.escalate.poke()

    def _moved(self, apart: float) -> list[Row]:
        """Follow the clock, and everything that is going on with it, in one moment."""
        desk, by = self.engine.desk, timedelta(seconds=apart)
        self.clock.follow(apart)
        self.back_at += by
        ledger = desk.ledger
        ledger.beliefs.update({name: moved_belief(belief, by) for name, belief in ledger.beliefs.items()})
        desk.sight = moved_sight(desk.sight, by)
        desk.findings.update({name: replace(finding, at=finding.at + by) for name, finding in desk.findings.items()})
        self.engine.ingest.move(by)
        for call in self.on_step:
            call(apart)
        now, text = desk.clock.now(), step_text(apart)
        rows: list[Row] = []
        for incident in ledger.incidents.values():
            rows += [moved(incident, by), line(incident, Entry.CLOCK, now, text)]
        rows += [moved(notice, by) for notice in ledger.notices.values()]
        rows += [moved(attempt, by) for tries in ledger.attempts.values() for attempt in tries]
        return rows

    def _tell(self) -> None:
        running = self.clock.running()
        drifted = self.drift.in_an_hour(running)
        if running - self._stepped_at < _SAID_FOR:
            self.engine.own.clock(Miss(Reason.CLOCK, seen=step_text(self._stepped)), grave=abs(self._stepped) >= _GRAVE)
        elif self.drift.too_much(running):
            self.engine.own.clock(Miss(Reason.CLOCK, seen=f"skrider {drifted:+.0f} sek i timen"), grave=False)
        else:
            self.engine.own.clock(None, grave=False)


def step_text(apart: float) -> str:
    """`1 t frem`, `40 sek tilbage`."""
    return f"{words.duration(timedelta(seconds=round(abs(apart))))} {'frem' if apart > 0 else 'tilbage'}"
