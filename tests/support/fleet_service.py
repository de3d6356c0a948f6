"""The real service with a fleet, `kald`: its configuration, and its registry filled and opened by the command line.

The devices are d0, d1, …; the SCAIP identity of each is its number after 990000. A second one, `hurtig`, is silent
after six seconds and has a check and a system of its own.
"""

import re
import time
from pathlib import Path
from typing import Any

from tests.bench import folder as small
from tests.support.service import Service, wait_ready
from tests.support.terminal import Terminal

FLEET = "kald"
FIRST_CID = 990000
QUICK = "hurtig"
_FLEETS = """\
  enheder:
    title: Enheder
    checks: [{name: enheder, kind: fleet, fleet: hurtig, every: 1s}]
fleets:
  kald: {title: Nødkald, interval: 1h, deadline: 3h, attributes: [operator], scaip: yes, critical: {tell: it, by: sms}}
  hurtig: {title: Hurtige, interval: 2s, deadline: 6s, attributes: [operator]}
"""
_READ_WITHIN = 20.0


def config(folder: Path, sms: int = 9) -> Path:
    """A configuration whose SMS leave to 127.0.0.1:`sms`."""
    made = folder / "config"
    made.mkdir()
    small.write(made, 1, (9, sms), "every: 30s, timeout: 5s, expect: {status: 200}")
    with (made / "systems.yaml").open("a", encoding="utf-8") as file:
        file.write(_FLEETS)
    plan = made / "plan.yaml"
    plan.write_text(plan.read_text("utf-8").replace("[system_0000]", "[system_0000, enheder]"), "utf-8")
    return made


def terminal_of(service: Service, made: Path) -> Terminal:
    """The command line before a running service."""
    return Terminal(made, service.folder / "state", {"OMSORGSVAGT_LISTEN": f"127.0.0.1:{service.port}"})


def until_read(service: Service) -> None:
    """The service is up, and has read its registry."""
    wait_ready(service, "/healthz")
    end = time.monotonic() + _READ_WITHIN
    while not service.get("/api/v1/fleets").json()["read"]:
        assert time.monotonic() < end, service.log
        time.sleep(0.05)


def filled(service: Service, made: Path, count: int, fleet: str = FLEET) -> str:
    """So many devices are taken in; gives the fleet's token."""
    until_read(service)
    listing, at = made.parent / "liste.csv", terminal_of(service, made)
    lines = (f"d{n};{FIRST_CID + n};{'XY'[n % 2]}\n" for n in range(count))
    listing.write_text("id;cid;operator\n" + "".join(lines), encoding="utf-8")
    imported = at.run("devices", "import", str(listing), "--fleet", fleet)
    assert imported.exit_code == 0, imported.output
    return at.run("devices", "enrol", fleet).stdout.strip()


def states(service: Service, fleet: str = FLEET) -> dict[str, int]:
    """How many devices stand where."""
    found: dict[str, int] = service.get(f"/api/v1/fleets/{fleet}").raise_for_status().json()["states"]
    return found


def heard(service: Service) -> dict[str, str]:
    """When each device was last heard (ISO 8601), of those that were."""
    found: dict[str, str] = {}
    after: Any = -1
    while after is not None:
        page = service.get(f"/api/v1/fleets/{FLEET}/devices?limit=5000&after={after}").raise_for_status().json()
        found |= {one["id"]: one["heard"] for one in page["devices"] if one["heard"]}
        after = page["next"]
    return found


def beats(service: Service, outcome: str, fleet: str = FLEET) -> int:
    """How many heartbeats came to this, as Prometheus sees it."""
    text = service.get("/metrics").text
    found = re.findall(rf'(?m)^omsorgsvagt_heartbeats_total{{fleet="{fleet}",outcome="{outcome}"}} (\S+)', text)
    return int(float(found[0])) if found else 0
