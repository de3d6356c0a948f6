"""The peer in the same sitting: prometheus-blackbox-exporter probing the same target, as Prometheus would ask it to.

Only the exporter's own CPU is counted, so Prometheus' part (the scrape, the rule, the store) comes on top.
"""

import asyncio
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import psutil

from tests.bench import probing
from tests.bench.table import Row
from tests.bench.target import target
from tests.support.service import free_port

_PROBES = 3000
_AT_ONCE = 16
_MODULE = "modules: {http_2xx: {prober: http, timeout: 5s, http: {fail_if_body_not_matches_regexp: ['Log ind']}}}\n"


async def _drive(exporter: int, port: int) -> None:
    gate = asyncio.Semaphore(_AT_ONCE)
    limits = httpx.Limits(max_connections=_AT_ONCE)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{exporter}", limits=limits, trust_env=False) as client:

        async def one(index: int) -> None:
            async with gate:
                params = {"module": "http_2xx", "target": f"http://127.0.0.1:{port}/{index}"}
                reply = await client.get("/probe", params=params)
                if "probe_success 1" not in reply.text:
                    raise RuntimeError("the exporter's probe failed")

        await asyncio.gather(*(one(index) for index in range(_PROBES)))


def _up(port: int) -> None:
    end = time.monotonic() + 10
    while time.monotonic() < end:
        try:
            httpx.get(f"http://127.0.0.1:{port}/-/healthy", trust_env=False)
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("prometheus-blackbox-exporter did not come up")


def measure() -> list[Row]:
    """Our CPU per 1,000 probes beside the exporter's."""
    program = shutil.which("prometheus-blackbox-exporter")
    if program is None:
        sys.stderr.write("prometheus-blackbox-exporter is not installed: not measured\n")
        return []
    core = max(os.sched_getaffinity(0))
    with TemporaryDirectory() as work, target(core) as port:
        (Path(work) / "blackbox.yml").write_text(_MODULE, encoding="utf-8")
        exporter = free_port()
        listen = f"--web.listen-address=127.0.0.1:{exporter}"
        command = [program, f"--config.file={work}/blackbox.yml", listen, "--log.level=error"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            _up(exporter)
            used = psutil.Process(process.pid).cpu_times()
            asyncio.run(_drive(exporter, port))
            now = psutil.Process(process.pid).cpu_times()
        finally:
            process.terminate()
            process.wait(10)
        theirs = 1000 * (now.user + now.system - used.user - used.system) / _PROBES
        ours = probing.one(port, 1000, 1.0)["cpu"]
    what = "CPU-s per 1,000 probes, ours with engine and store, beside the exporter alone"
    return [Row(what, ours, "s", theirs, "blackbox_exporter, same run")]


if __name__ == "__main__":
    from tests.bench.table import show

    sys.stdout.write(show(measure()) + "\n")
