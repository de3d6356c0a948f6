"""The early sign: how often it is wrong in a year, and how long after an outage begins it comes.

Two simulations. The scores alone, from miss to miss, over as many device-years as make the answer mean something; and
whole towns of 10,000 devices second by second, with their clocks, queues and nights, on usual days and in outages.
What stands beside a time is when the first single device would be past its deadline.
"""

import copy
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from math import log
from random import Random
from statistics import median
from zoneinfo import ZoneInfo

from monitor.core.cusum import Cusum, usual
from monitor.core.early import threshold
from monitor.core.fleet import FleetRule
from tests.bench.table import Row
from tests.support.fleets import DAY, HOUR, OPERATORS, Kind, Town

_DEVICES = 10_000
_YEAR = 8766 * HOUR
_GROUPS = (
    *((1.0,), (1 / 3,) * 3, (0.2,) * 5, tuple(share for _, share in OPERATORS)),
    *((0.5,) * 2, (0.125,) * 8, (1 / 3,) * 3),
)
"""The shares of the groups: of the whole fleet, and of each of six attributes."""
_AUTUMN = int(datetime(2026, 10, 25, 1, tzinfo=UTC).timestamp())


@dataclass(frozen=True, slots=True)
class Life:
    """A town's kind, how many days it lives before the outage, and how finely its time is cut."""

    name: str
    kind: Kind
    days: int
    step: int
    night: int = 0


def _keeps_local(at: float) -> float:
    """Half of the devices are an hour late from the autumn night on."""
    return HOUR if at >= _AUTUMN and int(at) % 2 else 0.0


LIVES = (
    Life("hourly", Kind(), 4, 5),
    Life("hourly, rhythm learnt, clocks off by 1 %", Kind(given=False, drift=0.01, jitter=20.0), 4, 5),
    Life("9-hourly", Kind(interval=9 * HOUR), 20, 20),
    Life("daily", Kind(interval=DAY), 30, 60),
    Life("daily, all at two in the night", Kind(interval=DAY, together=True, jitter=30.0), 30, 60),
    Life("daily, the autumn night", Kind(interval=DAY, local=_keeps_local), 14, 60, _AUTUMN - 12 * DAY),
)


def scores(interval: int, share: float, years: int, seed: int = 1) -> int:
    """False signs of 10,000 devices that miss this share of their beats by chance, in so many years."""
    random = Random(seed)
    height = threshold(_DEVICES * _YEAR / interval, len(_GROUPS) - 1)
    stay = log(1 - share)
    signs = 0
    for size in (round(part * _DEVICES) for attribute in _GROUPS for part in attribute):
        score, left = Cusum(), size * _YEAR * years // interval
        while left > 0:
            hits = int(log(1 - random.random()) / stay)
            left -= hits + 1
            score.take(hits, 1, 1)
            score.learn(size, usual(share * 20_000, 20_000))
            if score.reached(height):
                signs += 1
                score = Cusum()
    return signs


def _town(life: Life, seed: int) -> Town:
    zone = ZoneInfo("Europe/Copenhagen")
    rule = FleetRule("bench", interval=life.kind.interval if life.kind.given else 0, zone=zone)
    town = Town(_DEVICES, life.kind, rule, seed)
    if life.night:
        town.move(life.night)
    return town


def _takes(town: Town, operator: str, life: Life) -> float:
    """Seconds from the operator's end to the sign."""
    dying = copy.deepcopy(town)
    dying.dead = lambda attributes: attributes["operator"] == operator
    took = dying.until_signed(3 * life.kind.interval, life.step)
    return float("inf") if took is None else took


def lives(life: Life) -> Iterator[Row]:
    """One town: its false signs on usual days, then how soon each of two outages shows, from three starts."""
    town = _town(life, 1)
    town.live(life.days * DAY, life.step)
    yield Row(
        f"{life.name}: false signs in {life.days * _DEVICES / 365:.0f} device-years",
        len(town.signed),
        "",
        1.0,
        "issue 4",
    )
    times: dict[str, list[float]] = {"Alfa": [], "Delta": []}
    for _ in range(3):
        for operator, took in times.items():
            took.append(_takes(town, operator, life))
        town.live(life.kind.interval // 3 + 777, life.step)
    for (_, took), share in zip(times.items(), ("37 %", "5 %"), strict=True):
        what = f"{life.name}: an operator with {share} dies, to the sign"
        yield Row(what, median(took), "s", 3.0 * life.kind.interval, "first deadline")


def measure() -> list[Row]:
    """False signs a year, and seconds to the sign."""
    rows = []
    for name, interval, share, years in (
        ("hourly", HOUR, 0.005, 1),
        ("hourly", HOUR, 0.02, 1),
        ("9-hourly", 9 * HOUR, 0.02, 5),
        ("daily", DAY, 0.02, 15),
    ):
        what = f"{name}, {share:.1%} lost by chance: false signs a year in {years} years"
        rows.append(Row(what, scores(interval, share, years) / years, "", 1.0, "issue 4"))
    for life in LIVES:
        rows += lives(life)
    return rows


if __name__ == "__main__":
    from tests.bench.table import show

    sys.stdout.write(show(measure()) + "\n")
