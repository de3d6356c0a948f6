"""The demo's devices: taken into the registry by the real command line, given a token, told where to report.

The lab's lists say which fleets there are; a command that does not go well stops the demo with its own words.
"""

import asyncio
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx

_LIST = "_csv"
_PATIENCE = 20.0
_LOOK = 0.2


async def enrol(
    service: httpx.AsyncClient, lab: httpx.AsyncClient, environment: Mapping[str, str], say: Callable[[str], None]
) -> None:
    """Every list of the lab's. `environment` is the service's own. Raises RuntimeError for a command that failed."""
    addresses = (await lab.get("/addresses")).json()
    lists = {name.removesuffix(_LIST): Path(path) for name, path in addresses.items() if name.endswith(_LIST)}
    await _until(service, lambda found: found["read"])
    async with asyncio.TaskGroup() as group:
        tokens = {
            fleet: group.create_task(_fleet(fleet, path, environment, say)) for fleet, path in sorted(lists.items())
        }
    where = {
        "http": environment["OMSORGSVAGT_LISTEN"],
        "scaip": environment["OMSORGSVAGT_SCAIP_LISTEN"].partition(":")[2],
        **{fleet: token.result() for fleet, token in tokens.items()},
    }
    (await lab.post("/report", params=where)).raise_for_status()
    said = await _until(service, lambda found: all(one["states"]["ok"] == one["devices"] for one in found["fleets"]))
    say(f"{sum(one['devices'] for one in said['fleets'])} devices report, by SCAIP and by HTTP: all are ok\n")


async def _until(service: httpx.AsyncClient, holds: Callable[[Any], bool]) -> Any:
    """The fleets, once something is seen of them. Raises RuntimeError when it is not."""
    found: Any = None
    for _ in range(int(_PATIENCE / _LOOK)):
        found = (await service.get("/api/v1/fleets")).raise_for_status().json()
        if holds(found):
            return found
        await asyncio.sleep(_LOOK)
    raise RuntimeError(f"after {_PATIENCE:g} s the fleets are not as they should be: {found}")


async def _fleet(fleet: str, path: Path, environment: Mapping[str, str], say: Callable[[str], None]) -> str:
    """Import the fleet's list; gives a token of the fleet's."""
    said = await _command(environment, "import", str(path), "--fleet", fleet)
    say(f"omsorgsvagt devices import {path.name}: {said.partition(': ')[2]}")
    return await _command(environment, "enrol", fleet, "--note", "laboratoriet")


async def _command(environment: Mapping[str, str], *words: str) -> str:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "monitor.cli", "devices", *words,
        env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said, wrong = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"omsorgsvagt devices {words[0]} failed: {wrong.decode()[-400:]}")
    return said.decode().strip()
