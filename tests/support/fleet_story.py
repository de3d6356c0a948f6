"""A story with a fleet: devices that report by their own rhythm, and the check that looks at them as the service would.

While the fleet is taught its rhythm only memory is turned; what is told is told by the whole engine.
"""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, time
from pathlib import Path
from typing import Any

from checks import fleet as kind
from checks.run import run
from monitor.core.devices import Devices
from monitor.core.finding import CheckName, Finding
from monitor.core.plan import Fleet, FleetName, Plan, RoleId, SingleCall, WorkList
from monitor.engine.book import Book
from monitor.engine.registry import Entry
from monitor.ports import ProbeContext
from tests.support.plans import SMS, small_plan, with_check
from tests.support.story import Story, story

HOUR = 3600
NAME = FleetName("kald")
CHECK = CheckName("kald-flaaden")
FLEET = Fleet(
    NAME,
    "Nødkaldsenheder",
    deadline=3 * HOUR,
    interval=HOUR,
    attributes=("vendor", "model", "operator", "area"),
    scaip=True,
    worklist=WorkList(RoleId("nexus_support"), time(7, 30)),
    critical=SingleCall(RoleId("brand_og_redning"), (SMS,)),
)


def fleet_plan(fleet: Fleet = FLEET) -> Plan:
    """The small plan with a fleet under nødkald, and the check that looks at it."""
    plan = with_check(small_plan(), "noedkald", CHECK, confirm=1, recover=2, every=10.0, fleet=fleet.id)
    # The receiver itself is not what these stories are about.
    noedkald = plan.systems[plan.checks[CHECK].system]
    systems = {**plan.systems, noedkald.id: replace(noedkald, checks=(CHECK,))}
    return replace(plan, systems=systems, fleets={fleet.id: fleet})


def described(number: int) -> dict[str, str]:
    """Three vendors and ten areas over both operators; the first 37 of each hundred have operator X."""
    return {
        "vendor": "ABC"[number % 3],
        "model": f"M{number % 7}",
        "operator": "X" if number % 100 < 37 else "Y",
        "area": f"distrikt {number % 10}",
    }


class FleetStory:
    """The devices of one fleet. `reports(number)` says whether a device is able to report now."""

    def __init__(self, told: Story, count: int, **settings: Any) -> None:
        self.story = told
        self.count = count
        self.reports: Callable[[int], bool] = lambda number: True
        given = {"name": CHECK, "kind": "fleet", "fleet": NAME, **settings}
        self.settings = kind.Settings.model_validate(given)
        self.memory: dict[str, Any] = {}
        self.urged = 0

    @property
    def book(self) -> Book:
        return self.story.engine.fleets.books[NAME]

    @property
    def devices(self) -> Devices:
        found = self.story.engine.fleets.find(NAME)
        assert found is not None
        return found

    @property
    def now(self) -> int:
        return int(self.story.clock.at.timestamp())

    async def enrol(self, critical: Iterable[int] = (), describe: Callable[[int], dict[str, str]] = described) -> None:
        """The registry takes them in."""
        chosen = set(critical)
        entries = [Entry(f"d{n}", str(990000 + n), describe(n), n in chosen) for n in range(self.count)]
        for start in range(0, self.count, 5000):
            await self.story.engine.fleets.registry.put(NAME, entries[start : start + 5000])

    def beat(self, numbers: Iterable[int]) -> None:
        """These report now."""
        for number in numbers:
            self.devices.heard(self.devices.index[f"d{number}"], self.now)

    def due(self, seconds: int, every: int = HOUR) -> list[int]:
        """Whose turn came in the last so many seconds, each at its own minute of the hour, and who can report."""
        span = range(self.now - seconds + 1, self.now + 1)
        slots = {at % every for at in span}
        return [n for n in range(self.count) if n * every // self.count in slots and self.reports(n)]

    def teach(self, hours: float, step: int = 60) -> None:
        """So long all is as it should be."""
        for _ in range(int(hours * HOUR / step)):
            self.story.clock.at = self.story.clock.at.fromtimestamp(self.now + step, self.story.clock.at.tzinfo)
            self.beat(self.due(step))
            self.book.tick(self.now)

    async def look(self) -> Finding:
        """The check looks, and what follows at once."""
        clock = self.story.clock
        context = ProbeContext(
            lambda name: name, clock.now, clock.monotonic, memory=self.memory, fleet=self.story.engine.fleets.sight
        )
        finding = await run(CHECK, kind, self.settings, context)
        self.story.engine.heard(finding)
        await self.story.engine.turn()
        return finding

    async def later(self, seconds: int, step: int = 30) -> None:
        """Time goes on: who can reports, the engine turns, and the check looks when it is urged or due."""
        for _ in range(seconds // step):
            self.story.clock.at = self.story.clock.at.fromtimestamp(self.now + step, self.story.clock.at.tzinfo)
            self.beat(self.due(step))
            await self.story.engine.turn()
            await self.look()

    async def until(self, holds: Callable[[], bool], within: int, step: int = 30) -> int:
        """Time goes on until it holds; gives the seconds it took."""
        for passed in range(0, within, step):
            if holds():
                return passed
            await self.later(step, step)
        assert holds(), f"it did not come to hold within {within} s"
        return within


@asynccontextmanager
async def fleet_story(
    folder: Path, start: datetime, count: int, plan: Plan | None = None, **settings: Any
) -> AsyncIterator[FleetStory]:
    """Begin a story with a fleet."""
    async with story(folder, start, plan or fleet_plan()) as told:
        yield FleetStory(told, count, **settings)
