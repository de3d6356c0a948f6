"""What a fleet costs by its size: memory, a beat, a second of ticking, and a whole fleet falling silent at once.

Each size is measured in a process of its own, in CPU seconds: nothing here waits. Run with a size as the one argument
this prints that size's figures.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from random import Random

import psutil

from monitor.core.devices import Devices
from monitor.core.early import Early
from monitor.core.fleet import Device, FleetRule
from monitor.core.muster import Muster
from tests.bench.table import Row
from tests.support.service import ROOT

SIZES = (10_000, 100_000, 1_000_000)
_START, _HOUR, _MB = 1_767_571_200, 3600, 1_000_000
_VALUES = {"vendor": 3, "model": 5, "operator": 4, "receiver": 2, "area": 8, "firmware": 3}


@dataclass(frozen=True, slots=True)
class Cost:
    """One size: bytes; seconds for one beat, for one of a batch, for what an hour's ticks cost for each device, for a
    fleet's silence (in all, and its longest tick), for putting a device, and for taking a block's bytes.
    """

    devices: int
    memory: int
    beat: float
    batched: float
    hour: float
    silence: float
    slowest: float
    put: float
    block: float


def _took(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def _fleet(count: int) -> Devices:
    random = Random(count)
    # What devices share is one string each, as the registry hands it over.
    names = {name: [f"{name}{n}" for n in range(most)] for name, most in _VALUES.items()}
    devices = Devices(FleetRule("size", interval=_HOUR))
    for n in range(count):
        mixed = {name: random.choice(values) for name, values in names.items()}
        devices.put(Device(f"{n:010d}", attributes=mixed, critical=not n % 10))
    devices.resume(_START, 0)
    return devices


def _beats(devices: Devices, order: list[int], at: int) -> None:
    for index in order:
        devices.heard(index, at)


def _hour(devices: Devices, early: Early, start: int) -> None:
    """Every device has one beat looked at, as the seconds pass."""
    for now in range(start, start + _HOUR + 45):
        early.feed(now, devices.tick(now))


def _silence(devices: Devices, early: Early, muster: Muster, now: int) -> float:
    """All are past their deadline in one second: tick until the picture says so. The longest tick."""
    slowest, more = 0.0, True
    while more:
        began = time.process_time()
        ticked = devices.tick(now)
        early.feed(now, ticked)
        more = ticked.more
        slowest = max(slowest, time.process_time() - began)
    assert muster.call(now).silent_share == 1.0
    return slowest


def cost(count: int) -> Cost:
    """The figures of one size, in this process."""
    before = psutil.Process().memory_info().rss
    began = time.process_time()
    devices = _fleet(count)
    put = (time.process_time() - began) / count
    early = Early(devices.profiles)
    muster = Muster(devices, early)
    for index in range(count):
        devices.heard(index, _START + index * _HOUR // count)
    memory = psutil.Process().memory_info().rss - before
    order = list(range(count))
    Random(1).shuffle(order)
    beat = _took(lambda: _beats(devices, order, _START + _HOUR)) / count
    batched = _took(lambda: devices.heard_all(order, _START + _HOUR + 61)) / count
    hour = _took(lambda: _hour(devices, early, _START + _HOUR)) / count
    last = _START + 3 * _HOUR
    devices.heard_all(order, last)
    for now in (last + _HOUR + 31, last + 2 * _HOUR, last + 3 * _HOUR - 1):
        while devices.tick(now).more:
            continue
    slow = [0.0]
    silence = _took(lambda: slow.append(_silence(devices, early, muster, devices.deadline(0))))
    block = _took(lambda: [devices.block(number) for number in range(devices.blocks)]) / devices.blocks
    return Cost(count, memory, beat, batched, hour, silence, slow[-1], put, block)


def measure() -> list[Row]:
    """The figures of the largest, against DESIGN §6, and how each grows on the way there."""
    costs = [_measured(size) for size in SIZES]
    middle, large = costs[1:]
    rows = [Row(f"{one.devices:,} devices: memory", one.memory / _MB, "MB", 400.0, "DESIGN 6") for one in costs]
    return [
        *rows,
        Row("1,000,000 devices: beats a second, one by one", 1 / large.beat, "/s", 30_000, "DESIGN 6", False),
        Row("1,000,000 devices: beats a second, in batches", 1 / large.batched, "/s", 500_000, "DESIGN 6", False),
        Row("1,000,000 hourly: ticking, share of a core", 1e6 * large.hour / _HOUR * 100, "%", 1.0, "DESIGN 6, idle"),
        Row("1,000,000 silent at once: from deadline to picture", large.silence, "s", 2.0, "DESIGN 6"),
        Row("1,000,000 silent at once: the longest tick", large.slowest, "s", 0.3, "an alarm's delay"),
        Row("1,000,000 devices: put and resumed at a start", large.put * 1e6, "s", 10.0, "none stated"),
        Row("a block of 4,096 made into bytes", large.block, "s", 0.005, "none stated"),
        Row("a beat's cost, 1,000,000 against 100,000", large.beat / middle.beat, "x", 2.0, "linear, and the cache"),
        Row("a tick's cost per device, the same", large.hour / middle.hour, "x", 2.0, "linear, and the cache"),
    ]


def _measured(size: int) -> Cost:
    command = [sys.executable, "-m", "tests.bench.fleet_size", str(size)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return Cost(**json.loads(done.stdout))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.stdout.write(json.dumps(asdict(cost(int(sys.argv[1])))) + "\n")
    else:
        from tests.bench.table import show

        sys.stdout.write(show(measure()) + "\n")
