"""The lab's devices before the real service: taken in, one operator switched off and on again (`--scene operator`)."""

import asyncio
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from monitor.cli.enrolment import enrol
from monitor.cli.scenes import SCENES
from tests.support.lab import ROOT, Lab, part, running_lab, until
from tests.support.service import Service, running
from tests.support.sip_process import free_port

pytestmark = pytest.mark.real

config = part("config")
UNITS = "noedkaldsenheder"
# A few others are silent as well: how many of them are so when the count is taken is chance.
NAMED = re.compile(r"(9\d|100) % af de tavse har operatør X, mod 37 % af alle: 740 hjem, heraf 80 kritiske")


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with running_lab(tmp_path, "--rhythm", "1.5") as found:
        yield found
    assert (tmp_path / "lab.err").read_text() == ""


def enrolled(service: Service, lab: Lab, environment: dict[str, str]) -> list[str]:
    """The demo's own way of taking them in; gives what it says of it."""
    said: list[str] = []

    async def run() -> None:
        address = str(service.client.base_url)
        async with (
            httpx.AsyncClient(base_url=address, trust_env=False) as there,
            httpx.AsyncClient(base_url=lab.addresses["control"], trust_env=False) as control,
        ):
            await enrol(there, control, environment, said.append)

    asyncio.run(run())
    return said


def fleet(service: Service) -> dict[str, Any]:
    found: dict[str, Any] = service.get(f"/api/v1/fleets/{UNITS}").json()
    return found


def timeline(service: Service, number: str) -> str:
    story = service.get(f"/api/v1/incidents/{number}").json()
    return "\n".join(line["text"] for line in story["timeline"])


def texts(lab: Lab) -> list[str]:
    return [text["text"] for phone in lab.phones().values() for text in phone]


def test_one_operator_goes_dead_and_one_incident_names_it(lab: Lab, tmp_path: Path) -> None:
    scaip, scene = free_port(), SCENES["operator"]
    given: dict[str, str] = config.write(tmp_path / "config", lab.addresses, ROOT / "config", quick=True)
    given["OMSORGSVAGT_SCAIP_LISTEN"] = f"udp:127.0.0.1:{scaip}"
    with running(tmp_path / "config", tmp_path / "run", None, **given) as service:
        ours = {
            "OMSORGSVAGT_CONFIG": str(tmp_path / "config"),
            "OMSORGSVAGT_LISTEN": f"127.0.0.1:{service.port}",
            "STATE_DIRECTORY": str(tmp_path / "run" / "state"),
        }
        said = enrolled(service, lab, {**os.environ, **given, **ours})
        assert "noedkaldsenheder.csv: 2000 new, 0 changed, 0 as before" in "\n".join(said)
        assert fleet(service)["devices"] == 2000

        lab.break_(scene.stand_in, scene.how)
        until(lambda: any("operatør X" in text for text in texts(lab)), 20)
        until(lambda: fleet(service)["states"]["silent"] >= 740, 20)
        [incident] = service.status()["incidents"]
        assert incident["system"] == scene.system
        until(lambda: NAMED.search(timeline(service, incident["number"])), 20)

        lab.mend()
        until(lambda: any("OPPE IGEN" in text for text in texts(lab)), 30)
        assert len(service.status()["incidents"]) <= 1
        assert lab.state("devices")["seen"].get("refused", 0) == 0
        assert not [text for text in texts(lab) if "nk-" in text], "nobody is called for a single home"


def test_the_lab_s_devices_report_to_nobody_else(lab: Lab) -> None:
    for where, wrong in (
        ({"scaip": "192.0.2.1:5060"}, "on this machine"),
        ({"scaip": "127.0.0.1:5060", "http": "127.0.0.1:99999"}, "on this machine"),
        ({"scaip": "127.0.0.1:5060", "http": "127.0.0.1:8424"}, "no token"),
    ):
        answer = lab.client.post("/report", params=where)
        assert (answer.status_code, wrong in answer.json()["error"]) == (400, True)
