"""Start-up with 500 checks, and what the service costs while all is well.

It is run as the unit file runs it (its `Environment=`), from compiled modules, on a schema that is there already.
"""

import asyncio
import contextlib
import re
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import psutil

from tests.bench import folder as config
from tests.bench.table import Row
from tests.bench.target import target
from tests.support.lab import part, running_lab
from tests.support.service import ROOT, Service, free_port, running, start, wait_ready

_SETTLE = 15.0
_IDLE = 30.0
_TRIES = 5
_UNIT = ROOT / "deploy" / "systemd" / "omsorgsvagt.service"


def _as_the_unit_says() -> dict[str, str]:
    """The unit's own environment. That nothing is compiled there says only that its modules are compiled already."""
    given = re.findall(r"(?m)^Environment=(\w+)=(\S+)$", _UNIT.read_text(encoding="utf-8"))
    return {name: value for name, value in given if name != "PYTHONDONTWRITEBYTECODE"}


def _until_first_probe(service: Service) -> float:
    """Seconds from now until a first probe has ended and /metrics shows it."""
    began = time.perf_counter()
    while True:
        assert service.process.poll() is None, service.log
        with contextlib.suppress(httpx.TransportError):
            ready = service.get("/readyz").status_code == 200
            if ready and "omsorgsvagt_check_findings_total{" in service.get("/metrics").text:
                return time.perf_counter() - began
        time.sleep(0.005)


def startup() -> list[Row]:
    """From exec to /metrics up with the first probe done; the database is there, as at any start but the first."""
    took, first = [], 0.0
    with target() as web, TemporaryDirectory() as work:
        where = config.write(Path(work), 50, (web, free_port()), "every: 30s, expect: {status: 200}", each=10)
        for turn in range(_TRIES + 1):
            service = start(where, Path(work), {"gatewayapi_token": "bench"}, **_as_the_unit_says())
            seconds = _until_first_probe(service)
            service.terminate()
            service.client.close()
            if turn:
                took.append(seconds)
            else:
                first = seconds
    return [
        Row("start to /metrics and first probe, 500 checks: median", sorted(took)[_TRIES // 2], "s", 1.0, "DESIGN 6"),
        Row("the same, the very first start (schema made)", first, "s", 1.0, "DESIGN 6"),
    ]


def _share(process: psutil.Process) -> float:
    """CPU used in the next while, in per cent of one core."""
    asyncio.run(asyncio.sleep(_SETTLE))
    used, began = process.cpu_times(), time.perf_counter()
    asyncio.run(asyncio.sleep(_IDLE))
    now = process.cpu_times()
    spent: float = now.user + now.system - used.user - used.system
    return 100 * spent / (time.perf_counter() - began)


@contextmanager
def _second_start(where: Path, work: Path, environ: dict[str, str]) -> Iterator[Service]:
    """A service whose schema an earlier start has made."""
    first = start(where, work, None, **environ)
    wait_ready(first)
    first.terminate()
    first.client.close()
    with running(where, work, None, **environ) as service:
        yield service


def _all_well(service: Service) -> bool:
    return all(system["state"] == "up" for system in service.status()["systems"] if not system["own"])


def idle() -> list[Row]:
    """The shipped configuration at its own pace before the lab, where every system it watches is well."""
    with TemporaryDirectory() as work, running_lab(Path(work)) as lab:
        where = Path(work) / "config"
        environ = part("config").write(where, lab.addresses, ROOT / "config") | _as_the_unit_says()
        with _second_start(where, Path(work), environ) as service:
            process = psutil.Process(service.pid)
            share = _share(process)
            memory = process.memory_info().rss / 2**20
            own = process.memory_full_info().uss / 2**20
            assert _all_well(service), service.status()
            asked = process.memory_info().rss / 2**20
    return [
        Row("idle, the shipped configuration, all well: CPU of one core", share, "%", 1.0, "DESIGN 6"),
        Row("the same: memory (RSS; shared libraries counted in)", memory, "MB", 90, "DESIGN 6"),
        Row("the same: memory no other process has a part in (USS)", own, "MB", 90, "DESIGN 6"),
        Row("the same, once the JSON API has been asked: memory (RSS)", asked, "MB", 90, "DESIGN 6"),
    ]


def outage() -> list[Row]:
    """The shipped configuration where none of its hosts exist: every check fails and no way out works."""
    with TemporaryDirectory() as work:
        shutil.copytree(ROOT / "config", Path(work) / "config")
        with _second_start(Path(work) / "config", Path(work), _as_the_unit_says()) as service:
            share = _share(psutil.Process(service.pid))
    return [Row("the shipped configuration, nothing there, no way out: CPU of one core", share, "%", 1.0, "DESIGN 6")]


def measure() -> list[Row]:
    """All of it."""
    return [*startup(), *idle(), *outage()]


if __name__ == "__main__":
    from tests.bench.table import show

    sys.stdout.write(show(measure()) + "\n")
