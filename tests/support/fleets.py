"""A town of devices that beat by their own clocks, and one of whose parts can be switched off; time is turned by hand.

Chance comes from a seed, so that the same town lives the same life each time.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from heapq import heapify, heapreplace
from random import Random

from monitor.core.devices import Devices
from monitor.core.early import Early
from monitor.core.fleet import Device, FleetRule, FleetSight, Ticked
from monitor.core.muster import Muster

START = 1_767_571_200
"""Monday 5 January 2026, midnight UTC."""
HOUR, DAY = 3600, 86_400
VENDORS = ("Nord", "Syd", "Vest")
OPERATORS = (("Alfa", 0.37), ("Beta", 0.38), ("Gamma", 0.2), ("Delta", 0.05))
AREAS = tuple(f"D{n}" for n in range(1, 9))


@dataclass(frozen=True)
class Kind:
    """How the devices of a town beat. `jitter` and `drift` are one standard deviation (seconds; of the interval).

    `local` is how many seconds later than by a steady clock the beat of an instant comes.
    """

    interval: int = HOUR
    given: bool = True
    jitter: float = 5.0
    lost: float = 0.005
    drift: float = 0.0
    together: bool = False
    local: Callable[[float], float] = field(default=lambda _at: 0.0)


def people(count: int, random: Random) -> list[Device]:
    """Devices with attributes mixed by chance: the operator says nothing of the vendor or the area."""
    names, weights = [name for name, _ in OPERATORS], [share for _, share in OPERATORS]
    return [
        Device(
            f"{n:07d}",
            attributes={
                "vendor": random.choice(VENDORS),
                "model": f"M{random.randrange(5)}",
                "operator": random.choices(names, weights)[0],
                "area": random.choice(AREAS),
                "receiver": f"R{random.randrange(2)}",
                "firmware": f"{random.randrange(3)}.0",
            },
            critical=random.random() < 0.1,
        )
        for n in range(count)
    ]


class Town:
    """One fleet with its devices and signs. `dead(attributes)` says whose beats do not arrive."""

    def __init__(self, count: int, kind: Kind, rule: FleetRule | None = None, seed: int = 1) -> None:
        self.random = Random(seed)
        self.kind = kind
        self.rule = rule or FleetRule("town", interval=kind.interval if kind.given else 0)
        self.devices = Devices(self.rule)
        self.early = Early(self.devices.profiles)
        self.muster = Muster(self.devices, self.early)
        self.folk = people(count, self.random)
        self.dead: Callable[[Mapping[str, str]], bool] = lambda _attributes: False
        self.now = START
        self.signed: list[int] = []
        for device in self.folk:
            self.devices.put(device)
        self.devices.resume(START, 0)
        self._due: list[tuple[float, float, float, int]] = []
        for index in range(count):
            at = self._phase()
            self._due.append((self._arrives(at), at, self._pace(), index))
        heapify(self._due)

    def _phase(self) -> float:
        return START + (2.0 if self.kind.together else self.random.random() * self.kind.interval)

    def _pace(self) -> float:
        return self.kind.interval * (1 + self.random.gauss(0, self.kind.drift))

    def move(self, start: int) -> None:
        """Let the town's life begin at another time; before anything was lived."""
        moved = [(at - START + start, pace, index) for _, at, pace, index in self._due]
        self._due = [(self._arrives(at), at, pace, index) for at, pace, index in moved]
        heapify(self._due)
        self.now = start
        self.devices.resume(start, 0)

    def live(self, seconds: int, step: int = 1) -> FleetSight:
        """Let the time pass, with a tick each `step` seconds; gives the fleet as it stands then."""
        end = self.now + seconds
        while self.now < end:
            self.now = min(self.now + step, end)
            self._beats()
            self.tick()
        return self.muster.call(self.now)

    def tick(self) -> Ticked:
        """One tick, with the sign fed."""
        before = bool(self.early.signs)
        ticked = self.devices.tick(self.now)
        self.early.feed(self.now, ticked)
        if self.early.signs and not before:
            self.signed.append(self.now)
        return ticked

    def until_signed(self, longest: int, step: int = 1) -> int | None:
        """Live on until the sign comes; how long that took, or None."""
        began = self.now
        while not self.early.signs and self.now - began < longest:
            self.live(step, step)
        return self.now - began if self.early.signs else None

    def _beats(self) -> None:
        due = self._due
        while due[0][0] <= self.now:
            arrived, at, pace, index = due[0]
            # The next beat follows the device's clock; what chance adds to this one does not move it.
            heapreplace(due, (self._arrives(at + pace), at + pace, pace, index))
            if self.random.random() >= self.kind.lost and not self.dead(self.folk[index].attributes):
                self.devices.heard(index, int(arrived))

    def pass_by(self) -> None:
        """What arrived until now was heard by nobody."""
        dead, self.dead = self.dead, lambda _attributes: True
        self._beats()
        self.dead = dead

    def _arrives(self, at: float) -> float:
        return at + abs(self.random.gauss(0, self.kind.jitter)) + self.kind.local(at)
