"""Many worlds at once, and what came of them as a table: how often killed where, and every promise with its count."""

import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from shutil import rmtree

from tests.crash.matrix import Run
from tests.crash.promises import Judgement

EACH = 40
"""Kills in one world of the long form."""


@dataclass(frozen=True, slots=True)
class Came:
    """What came of one world; `folder` is kept when a promise was broken."""

    seed: int
    folder: Path
    ends: Counter[str]
    outages: int
    found: Judgement

    @property
    def kills(self) -> int:
        """How often it was killed."""
        return sum(self.ends.values())


def world(seed: int, kills: int) -> Came:
    """One world from beginning to end."""
    folder = Path(tempfile.mkdtemp(prefix=f"crash-{seed}-"))
    run = Run(folder, seed)
    found = run.play(kills)
    if not found.broken:
        rmtree(folder)
    return Came(seed, folder, run.ends, len(run.outages), found)


def worlds(kills: int, workers: int, first: int, told: Callable[[Came], None], each: int = EACH) -> list[Came]:
    """So many kills in worlds of `each`, `workers` at a time, with seeds from `first` on; each is told as it ends."""
    count = -(-kills // each)
    came: list[Came] = []
    # A fork would take the sinks' threads along.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        running: list[Future[Came]] = [pool.submit(world, first + number, each) for number in range(count)]
        for done in as_completed(running):
            came.append(done.result())
            told(came[-1])
    return came


def table(came: Sequence[Came]) -> str:
    """The whole outcome."""
    ends: Counter[str] = Counter()
    for one in came:
        ends.update(one.ends)
    counted = {
        "kills": sum(one.kills for one in came),
        "worlds": len(came),
        "outages": sum(one.outages for one in came),
        "alarms (person, channel, outage)": sum(one.found.alarms for one in came),
        "all-clears": sum(one.found.all_clears for one in came),
        "marked as perhaps repeated": sum(one.found.marked for one in came),
        "that came a second time": sum(one.found.again for one in came),
        "most of them after one kill": max((one.found.after_one_kill for one in came), default=0),
        "of the service itself": sum(one.found.own for one in came),
    }
    promises = {
        "lost": sum(len(one.found.lost) for one in came),
        "to the wrong period or never down": sum(len(one.found.wrong) for one in came),
        "told twice without a kill or a mark": sum(len(one.found.twice) for one in came),
        "all-clear not where the alarm was": sum(len(one.found.clears) for one in came),
        "anything else": sum(len(one.found.other) for one in came),
    }
    parts = [_rows("killed at", dict(sorted(ends.items()))), _rows("there was", counted), _rows("broken", promises)]
    return "\n\n".join(parts)


def _rows(head: str, rows: dict[str, int]) -> str:
    return "\n".join([head, *(f"  {name:<38}{count:>7}" for name, count in rows.items())])
