"""What every stand-in is: a name, doors, ways to break and to mend, and counters of what it saw.

A stand-in has one fault at a time; being cut off with the whole line is a thing apart and outlives a mend of its own.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Protocol

from breaking import SHUT, Fault, How, Wire, chosen, wire

Clock = Callable[[], float]


class Portal(Protocol):
    """A door, whatever goes through it."""

    port: int

    async def open(self) -> None:
        """Let in; nothing when it is open."""

    async def close(self) -> None:
        """Refuse, and cut those inside; nothing when it is shut."""

    async def release(self) -> None:
        """Close for good and give the port back."""


class StandIn:
    """A stand-in for one system. Subclasses set `hows`, fill `doors` and read `self.fault`."""

    hows: ClassVar[Mapping[str, How]] = {}
    over_the_line: ClassVar[bool] = True
    """Whether it is unreachable while our own line is dead."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.fault: Fault | None = None
        self.cut = False
        self.doors: list[Portal] = []
        self.seen: Counter[str] = Counter()

    @property
    def how(self) -> str:
        """The way it is broken, empty when it is whole."""
        return self.fault.how if self.fault else ""

    def number(self, name: str) -> float:
        """A number of the fault in force; 0 when there is none."""
        return self.fault.numbers.get(name, 0.0) if self.fault else 0.0

    def wire(self) -> Wire:
        """What the fault does to a request right now."""
        return wire(self.fault, self.clock())

    def addresses(self) -> Mapping[str, str]:
        """Where its doors are, by name; no two stand-ins share a name."""
        return {}

    async def start(self) -> None:
        """Open the doors."""
        await self.settle()

    async def stop(self) -> None:
        """Give back the ports."""
        for door in self.doors:
            await door.release()

    async def break_by(self, how: str, given: Mapping[str, str]) -> None:
        """Put a fault in force, in place of the one before. Raises what `breaking.chosen` raises."""
        self.fault = chosen(self.hows, how, given, self.clock())
        await self.settle()

    async def mend(self) -> None:
        """Make it whole again."""
        self.fault = None
        await self.settle()

    async def sever(self, cut: bool) -> None:
        """Make it unreachable, or reachable again, whatever its own fault is."""
        self.cut = cut
        await self.settle()

    async def settle(self) -> None:
        """Open or shut each door as the fault and the line say."""
        for door in self.doors:
            if self.cut or self.shuts(door):
                await door.close()
            else:
                await door.open()

    def shuts(self, _door: Portal) -> bool:
        """Whether the fault closes this door."""
        return self.how in SHUT

    def state(self) -> dict[str, Any]:
        """How it is and what it has seen; for people and tests."""
        return {
            "broken": self.how or None,
            "numbers": dict(self.fault.numbers) if self.fault else {},
            "cut": self.cut,
            "seen": dict(self.seen),
        }

    def ways(self) -> dict[str, Any]:
        """The ways to break it: what each does, and its numbers with their defaults."""
        return {name: {"says": how.says, "numbers": dict(how.numbers)} for name, how in self.hows.items()}
