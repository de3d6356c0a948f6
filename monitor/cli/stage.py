"""The demo's stage: the lab and the service, each a process of its own, and the devices that report.

What is started here is ended here, by its own process.
"""

import asyncio
import contextlib
import json
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console

from monitor.cli.enrolment import enrol

ROOT = Path(__file__).resolve().parents[2]
LAB = ROOT / "deploy" / "lab"
_LOOK = 0.1

console = Console(highlight=False, soft_wrap=True)


@asynccontextmanager
async def lab_running(where: Path) -> AsyncIterator[httpx.AsyncClient]:
    """The lab, as a process; its addresses are written where its own command line finds them."""
    note = str(where / "lab.json")
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(LAB), "--note", note, "serve", stdout=asyncio.subprocess.PIPE
    )
    async with _ended(process):
        addresses = await _first_line(process)
        async with httpx.AsyncClient(base_url=addresses["control"], trust_env=False) as lab:
            yield lab


async def _first_line(process: asyncio.subprocess.Process) -> dict[str, Any]:
    """What the lab prints when it is ready: its addresses."""
    line = await asyncio.wait_for(process.stdout.readline(), 15) if process.stdout else b""
    if not line:
        raise RuntimeError("the lab ended before it was ready")
    found: dict[str, Any] = json.loads(line)
    return found


@asynccontextmanager
async def service_running(where: Path, lab: httpx.AsyncClient) -> AsyncIterator[httpx.AsyncClient]:
    """The service, as an operator's systemd would run it, on a configuration that watches the lab."""
    listen = _free(socket.SOCK_STREAM)
    overlay = await asyncio.create_subprocess_exec(
        sys.executable, str(LAB), "--note", str(where / "lab.json"), "config", str(where / "config"),
        "--shipped", str(ROOT / "config"), "--quick", "--listen", listen, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    printed, _ = await overlay.communicate()
    if overlay.returncode:
        raise RuntimeError("the lab could not write its configuration")
    state = where / "state"
    environment = {
        **os.environ,
        **json.loads(printed),
        "OMSORGSVAGT_CONFIG": str(where / "config"),
        "OMSORGSVAGT_LISTEN": listen,
        "OMSORGSVAGT_SCAIP_LISTEN": f"udp:{_free(socket.SOCK_DGRAM)}",
        "STATE_DIRECTORY": str(state),
    }
    with (where / "service.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "monitor.cli", "run", env=environment, stdout=log, stderr=log
        )
    async with _ended(process), httpx.AsyncClient(base_url=f"http://{listen}", trust_env=False) as service:
        await _ready(service, process)
        service.headers["Authorization"] = f"Bearer {(state / 'api-token').read_text().strip()}"
        console.print(f"The service runs: pages http://{listen}/ and /tavle, metrics http://{listen}/metrics")
        await enrol(service, lab, environment, lambda text: console.print(text, markup=False))
        yield service


def _free(kind: socket.SocketKind) -> str:
    """A port of this machine that nobody has now."""
    with socket.socket(type=kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


async def _ready(service: httpx.AsyncClient, process: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(20):
        while process.returncode is None:
            with contextlib.suppress(httpx.TransportError):
                if (await service.get("/readyz")).is_success:
                    return
            await asyncio.sleep(_LOOK)
    raise RuntimeError("the service ended before it was ready")


@asynccontextmanager
async def _ended(process: asyncio.subprocess.Process) -> AsyncIterator[None]:
    try:
        yield
    finally:
        if process.returncode is None:
            process.terminate()
            await asyncio.wait_for(process.wait(), 15)
