"""Plain HTTP probes with a fresh connection each, engine and store included: cost, rate, lateness, memory."""

import asyncio
import os
import resource
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import uvloop

from monitor.build import Probe
from monitor.clock import Clock
from monitor.core.calendar import Calendar, PeriodName
from monitor.core.finding import CheckName, SystemName
from monitor.core.plan import CheckRule, Plan, System
from monitor.engine.engine import Engine, Material
from monitor.engine.watch import Watch, Watched
from monitor.metrics import Metrics
from monitor.plan.texts import load_texts
from monitor.secrets import Secrets
from monitor.store.store import Store
from monitor.supervisor import Supervisor
from tests.bench.table import Row
from tests.bench.target import target
from tests.support.plans import ZONE, small_plan

_SECONDS = 10.0


def _plan(count: int) -> Plan:
    from dataclasses import replace

    names = [f"check-{i:05d}" for i in range(count)]
    system = System(SystemName("omsorgssystem"), "Nexus", "Nexus", checks=tuple(map(CheckName, names)))
    rules = {CheckName(n): CheckRule(CheckName(n), system.id, n) for n in names}
    calendar = Calendar(ZONE, {}, PeriodName("altid"))
    return replace(small_plan(), systems={system.id: system}, checks=rules, calendar=calendar)


async def _watch(port: int, count: int, every: float, folder: Path) -> dict[str, float]:
    from checks import kind

    clock, metrics = Clock(), Metrics("bench")
    texts, _ = load_texts(Path("config/texts"))
    keep = Supervisor(clock.monotonic)
    store = Store(f"sqlite+aiosqlite:///{folder / 'bench.db'}")
    engine = Engine(Material(_plan(count), texts, {}, {}), clock, store, metrics, keep.spawn)
    await engine.open()
    http = kind("http").Settings
    made = []
    for i in range(count):
        body = {"status": "200", "body": "Log ind"}
        url = f"http://127.0.0.1:{port}/{i}"
        name = f"check-{i:05d}"
        settings = http(name=name, kind="http", url=url, every=every, expect=body)
        made.append(Watched(CheckName(name), every, 5.0, Probe(settings, Secrets({}), clock, {}).__call__))
    watch = Watch(engine.heard, keep.spawn, clock.monotonic, metrics.late.inc)
    watch.plan(made)
    keep.start("probe", watch.cycle, 30)
    keep.start("ingest", engine.ingest.cycle, 30)
    keep.start("escalate", engine.escalate.cycle, 30)
    await asyncio.sleep(every + 1)
    seen, late = _count(engine), _late(metrics)
    used, began = _cpu(), clock.monotonic()
    await asyncio.sleep(max(_SECONDS, every))
    spent, lasted = _cpu() - used, clock.monotonic() - began
    probes = _count(engine) - seen
    bad = sum(n for c in engine.desk.outcomes.values() for k, n in c.items() if k != "ok")
    await keep.stop()
    await store.close()
    return {
        "cpu": 1000 * spent / probes,
        "rate": probes / lasted,
        "cores": spent / lasted,
        "late": _late(metrics) - late,
        "rss": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "bad": bad,
    }


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _count(engine: Engine) -> int:
    return sum(sum(counts.values()) for counts in engine.desk.outcomes.values())


def _late(metrics: Metrics) -> float:
    return metrics.registry.get_sample_value("omsorgsvagt_probe_late_total") or 0.0


def one(port: int, count: int, every: float) -> dict[str, float]:
    """One measurement in a process of its own, so that memory and caches are its own."""
    import json
    import subprocess

    code = f"from tests.bench.probing import alone; alone({port}, {count}, {every})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def alone(port: int, count: int, every: float) -> None:
    """Measure here and print JSON."""
    import json

    if len(os.sched_getaffinity(0)) > 1:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with TemporaryDirectory() as folder:
        found = uvloop.run(_watch(port, count, every, Path(folder)))
    sys.stdout.write(json.dumps(found) + "\n")


def measure() -> list[Row]:
    """The rows of DESIGN §6, second line."""
    cores = sorted(os.sched_getaffinity(0))
    rows = []
    with target(cores[-1]) as port:
        for count, every in ((200, 1.0), (1000, 1.0), (2000, 1.0), (5000, 10.0)):
            found = one(port, count, every)
            head = f"{count} checks every {every:g} s"
            rows.append(Row(f"{head}: CPU-s per 1,000 probes", found["cpu"], "s", 0.5, "DESIGN 6"))
            rows.append(Row(f"{head}: probes/s on one core", found["rate"], "/s", count / every, "all of them", False))
            rows.append(Row(f"{head}: started over 100 ms late", found["late"], "", 0.0, "none"))
            rows.append(Row(f"{head}: not OK", found["bad"], "", 0.0, "none"))
            if count == 5000:
                rows.append(Row(f"{head}: memory", found["rss"], "MB", 200, "DESIGN 6"))
    return rows


if __name__ == "__main__":
    from tests.bench.table import show

    sys.stdout.write(show(measure()) + "\n")
