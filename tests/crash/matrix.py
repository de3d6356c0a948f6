"""One world: systems go down and come back, the service is killed again and again, and what people got is judged.

What happens follows from the seed; when it happens, from the machine.
"""

import os
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.crash import plan
from tests.crash.promises import Judgement, Mention, Outage, expected, judge, mentions
from tests.crash.sinks import MOMENTS, Ports, World, sinks
from tests.support.service import ROOT

SYSTEMS = [f"s{number:02}" for number in range(1, 25)]
_AT_ONCE = 5
"""So many systems are down at a time: an SMS that names them all still has room for each."""
_LIFE = 1.5
"""Seconds a life lasts at most once it has begun to look around; what has not ended it by then never will."""
_STARTS_WITHIN = 60.0
_SETTLES_WITHIN = 90.0
_QUIET = 10.0
"""Nothing comes back so many seconds before the change of period: the service could not know in time."""


@dataclass(frozen=True, slots=True)
class Fate:
    """How a life ends: at a transaction, at a message, or at a time. `name` is its row in the table.

    `after` counts from the first probe, `within_start` from the start.
    """

    name: str
    at: str = ""
    message: tuple[str, str, int] | None = None
    after: float = _LIFE
    within_start: float = _STARTS_WITHIN


def fate(chance: Random) -> Fate:
    """A life's end by chance, each sort as often as it deserves."""
    sort = chance.choice(("save", "save", "save", "any", "sms", "sms", "mail", "time", "start"))
    if sort in ("save", "any"):
        when = chance.choice(("before", "within", "after"))
        return Fate(f"{sort} {when}", at=f"{sort}:{chance.randint(1, 12 if sort == 'save' else 30)}:{when}")
    if sort == "time":
        return Fate("any moment", after=chance.uniform(0, _LIFE))
    if sort == "start":
        return Fate("while starting", within_start=chance.uniform(0.2, 1.5))
    moment = chance.choice(MOMENTS if sort == "sms" else MOMENTS[:2])
    return Fate(f"{sort} {moment}", message=(sort, moment, chance.randint(1, 4)))


@dataclass
class Run:
    """A world under way; `folder` is its own."""

    folder: Path
    seed: int
    world: World = field(default_factory=World)
    outages: dict[str, Outage] = field(default_factory=dict)
    kills: list[float] = field(default_factory=list)
    ends: Counter[str] = field(default_factory=Counter)
    changes: float = 0.0
    process: "subprocess.Popen[bytes] | None" = None

    def __post_init__(self) -> None:
        self.chance = Random(self.seed)
        self._read = 0
        self._said: list[Mention] = []
        self._stirred = 0.0
        self._looked = 0.0

    def play(self, kills: int) -> Judgement:
        """Kill so often, and until the period has changed; then let everything settle, and judge."""
        config = self.folder / "config"
        config.mkdir(parents=True)
        self.changes = plan.boundary(time.time(), 10)
        with sinks(self.world) as ports:
            plan.write(config, SYSTEMS, ports, self.changes)
            while len(self.kills) < kills or time.time() < self.changes:
                self.life(ports, fate(self.chance))
            died = self.settle(ports)
        found = judge(list(self.outages.values()), self.world.messages(), self.kills, self.changes)
        found.other += died
        return found

    def life(self, ports: Ports, fate: Fate) -> None:
        """From a start to a kill."""
        self.process = self._start(ports, fate.at)
        self.world.reaper = self._reaper(fate)
        began = time.monotonic()
        while self.process.poll() is None and not self._is_time(fate, began):
            self.stir()
            time.sleep(0.02)
        by_time = self.process.poll() is None and fate.name != "while starting"
        self.process.kill()
        self.process.wait()
        self.world.reaper = lambda channel, moment: False
        self.kills.append(time.time())
        self.ends["any moment" if by_time else fate.name] += 1

    def _is_time(self, fate: Fate, began: float) -> bool:
        now, looked = time.monotonic(), self._looked
        if self.world.probed > began and looked < began:
            self._looked = looked = now
        return now > began + fate.within_start or (looked >= began and now > looked + fate.after)

    def settle(self, ports: Ports) -> list[str]:
        """A life that nobody ends, until all is told and over. Gives what was wrong with it."""
        self.process = self._start(ports, "")
        end = time.monotonic() + _SETTLES_WITHIN
        try:
            while not self._over() and time.monotonic() < end:
                if self.process.poll() is not None:
                    return [f"ended by itself: {(self.folder / 'service.log').read_text()[-2000:]}"]
                for outage in self.outages.values():
                    self._end(outage)
                time.sleep(0.05)
            return []
        finally:
            self.process.terminate()
            self.process.wait(30)

    def stir(self) -> None:
        """Now and then a system goes down, or one that everybody has heard of comes back."""
        if time.monotonic() < self._stirred:
            return
        self._stirred = time.monotonic() + 0.25
        down = [outage for outage in self.outages.values() if outage.ended is None]
        unused = [name for name in SYSTEMS if name not in self.outages]
        if unused and self.chance.random() < 0.3:
            for name in unused[: min(self.chance.choice((1, 1, 3)), _AT_ONCE - len(down))]:
                self.outages[name] = Outage(name, time.time())
                self.world.down.add(name)
        if down and self.chance.random() < 0.3:
            self._end(self.chance.choice(down))

    def _end(self, outage: Outage) -> None:
        quiet = self.changes - _QUIET < time.time() < self.changes
        if outage.ended is None and not quiet and expected(outage, self.changes, time.time()) <= self._heard(outage):
            self.world.down.discard(outage.system)
            outage.ended = time.time()

    def _heard(self, outage: Outage, *, clear: bool = False) -> set[tuple[str, str]]:
        messages = self.world.messages()
        for message in messages[self._read :]:
            self._said += mentions(message)
        self._read = len(messages)
        return {one.way for one in self._said if one.system.lower() == outage.system and one.clear is clear}

    def _over(self) -> bool:
        return all(
            outage.ended is not None and self._heard(outage) == self._heard(outage, clear=True)
            for outage in self.outages.values()
        )

    def _reaper(self, fate: Fate) -> "Reaper":
        return Reaper(self.process, fate.message)

    def _start(self, ports: Ports, at: str) -> "subprocess.Popen[bytes]":
        kept_out = ("OMSORGSVAGT_", "PYTHONDONTWRITEBYTECODE", "CRASH_AT")
        environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith(kept_out)},
            "OMSORGSVAGT_LISTEN": f"127.0.0.1:{ports.service}",
            "OMSORGSVAGT_GATEWAYAPI_TOKEN": "tegn",
            "STATE_DIRECTORY": str(self.folder / "state"),
            "PYTHONPATH": str(ROOT),
            "CRASH_AT": at,
        }
        command = [sys.executable, "-m", "tests.crash.launcher", "run", "--config", str(self.folder / "config")]
        with (self.folder / "service.log").open("ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, env=environ, cwd=self.folder)


class Reaper:
    """Ends the process at a message's moment, once."""

    def __init__(self, process: "subprocess.Popen[bytes] | None", at: tuple[str, str, int] | None) -> None:
        self.process = process
        self.at = at
        self.seen = 0

    def __call__(self, channel: str, moment: str) -> bool:
        """True when the service was ended now."""
        if self.at is None or self.process is None or (channel, moment) != self.at[:2]:
            return False
        self.seen += 1
        if self.seen != self.at[2]:
            return False
        self.process.kill()
        return True
