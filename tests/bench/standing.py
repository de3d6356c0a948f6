"""Start-up with 500 checks, and what the service costs when nothing happens."""

import asyncio
import contextlib
import shutil
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import psutil

from tests.bench import folder as config
from tests.bench.table import Row
from tests.bench.target import target
from tests.support.service import ROOT, Service, free_port, start, wait_ready

_IDLE = 30.0
_TRIES = 3


def _until_first_probe(service: Service) -> float:
    """Seconds from now until /metrics answers and shows a probe."""
    began = time.perf_counter()
    while True:
        assert service.process.poll() is None, service.log
        with contextlib.suppress(httpx.TransportError):
            if "omsorgsvagt_check_findings_total{" in service.get("/metrics").text:
                return time.perf_counter() - began
        time.sleep(0.005)


def startup() -> list[Row]:
    """From exec to /metrics up with the first probe done; the database is there, as at any start but the first."""
    took, first = [], 0.0
    with target() as web, TemporaryDirectory() as work:
        where = config.write(Path(work), 50, (web, free_port()), "every: 30s, expect: {status: 200}", each=10)
        for turn in range(_TRIES + 1):
            service = start(where, Path(work), {"gatewayapi_token": "bench"})
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


def idle() -> list[Row]:
    """The shipped configuration, none of whose hosts exist: what it costs to watch them."""
    with TemporaryDirectory() as work:
        shutil.copytree(ROOT / "config", Path(work) / "config")
        service = start(Path(work) / "config", Path(work))
        try:
            wait_ready(service)
            process = psutil.Process(service.pid)
            asyncio.run(asyncio.sleep(10))
            used = process.cpu_times()
            began = time.perf_counter()
            asyncio.run(asyncio.sleep(_IDLE))
            now = process.cpu_times()
            share = 100 * (now.user + now.system - used.user - used.system) / (time.perf_counter() - began)
            memory = process.memory_info().rss / 2**20
        finally:
            service.terminate()
            service.client.close()
    return [
        Row("idle with the shipped configuration: CPU of one core", share, "%", 1.0, "DESIGN 6"),
        Row("idle with the shipped configuration: memory", memory, "MB", 90, "DESIGN 6"),
    ]


def measure() -> list[Row]:
    """Both."""
    return [*startup(), *idle()]


if __name__ == "__main__":
    from tests.bench.table import show

    sys.stdout.write(show(measure()) + "\n")
