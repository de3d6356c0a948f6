"""The real service on other clocks (libfaketime): Christmas Eve, the nights the clocks change, and set by an hour."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.bench import folder as small
from tests.support.faketime import LIBRARY, Wall
from tests.support.lab import until
from tests.support.service import Service, running

pytestmark = [pytest.mark.real, pytest.mark.skipif(not LIBRARY.exists(), reason="libfaketime is not installed")]

ZONE = ZoneInfo("Europe/Copenhagen")
TOKEN = {"gatewayapi_token": "tegn"}
DAY, NIGHT, LEADER = 4500000001, 4500000002, 4500000003


class Phones:
    """An SMS gateway that takes everything: who got what, and when (monotonic)."""

    def __init__(self) -> None:
        self.got: list[tuple[int, str, float]] = []
        self.port = 0

    def of(self, number: int) -> list[str]:
        """What this number got of the outage."""
        return [text for to, text, _ in self.got if to == number and "system_0000" in text]


@contextmanager
def phones() -> Iterator[Phones]:
    place = Phones()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            place.got.append((body["recipients"][0]["msisdn"], body["message"], time.monotonic()))
            said = b'{"ids": [1]}'
            self.send_response(200)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_args: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        place.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield place
        finally:
            server.shutdown()
            thread.join()


def configured(folder: Path, sms: int) -> Path:
    """One system that is never there; by day the duty is told and six seconds later its leader, else the night's."""
    where = folder / "config"
    where.mkdir()
    small.write(where, 1, (9, sms), "every: 1s, confirm: 2, recover: 1, retry_every: 1s")
    plan = where / "plan.yaml"
    text = plan.read_text(encoding="utf-8")
    text = text.replace(
        "roles:\n",
        '  nat: {name: Natten, sms: "+4500000002"}\n  leder: {name: Lederen, sms: "+4500000003"}\n'
        "roles:\n  nat: {title: Natten, duty: nat}\n  leder: {title: Lederen, duty: leder}\n",
    )
    first = "steps: [{after: 0s, tell: it, by: sms}]"
    second = "steps: [{after: 0s, tell: nat, by: sms, repeat: 1m, until: acknowledged}]"
    day = "steps: [{after: 0s, tell: it, by: sms}, {after: 6s, tell: leder, by: sms}]"
    head, _, rest = text.partition(first)
    text = head + day + rest.replace(first, second, 1)
    plan.write_text(text, encoding="utf-8")
    return where


@contextmanager
def service_at(folder: Path, sms: Phones, *moment: int) -> Iterator[tuple[Service, Wall]]:
    """The service at a wall-clock time in Denmark."""
    wall = Wall.at(folder, datetime(*moment, tzinfo=ZONE))  # type: ignore[misc, arg-type]
    with running(configured(folder, sms.port), folder, TOKEN, **wall.environ) as service:
        yield service, wall
    wall.forget(service.pid)


def incident(service: Service, system: str = "system_0000") -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in service.status()["incidents"] if one["system"] == system)
    return found


def test_on_christmas_eve_the_night_is_told(tmp_path: Path) -> None:
    with phones() as sms, service_at(tmp_path, sms, 2026, 12, 24, 21, 59, 30) as (service, _):
        until(lambda: sms.of(NIGHT))
        assert "siden 21:5" in sms.of(NIGHT)[0] and not sms.of(DAY)
        assert service.status()["period"]["name"] == "uden_for_arbejdstid"
        assert incident(service)["began"].startswith("2026-12-24T20:5")


@pytest.mark.parametrize(
    ("moment", "after"), [((2026, 3, 29, 1, 59, 54), "T01:00:"), ((2026, 10, 25, 2, 59, 54), "T01:00:")]
)
def test_when_the_clocks_change_nobody_is_told_twice(tmp_path: Path, moment: tuple[int, ...], after: str) -> None:
    with phones() as sms, service_at(tmp_path, sms, *moment) as (service, wall):
        until(lambda: sms.of(NIGHT))
        until(lambda: after in service.status()["now"])
        now = incident(service)
        assert len(sms.of(NIGHT)) == 1 and not sms.of(DAY)
        step = datetime.fromisoformat(now["next_step"]["at"])
        assert now["next_step"]["what"] == "step"
        assert 45 <= (step - datetime.fromisoformat(now["detected"])).total_seconds() <= 60
        assert "omsorgsvagt_clock_steps_total{" in service.get("/metrics").text
        assert 'clock_steps_total{direction="forward"} 0.0' in service.get("/metrics").text
        assert wall.now().tzinfo is not None


@pytest.mark.parametrize(("hours", "direction"), [(1, "forward"), (-1, "back")])
def test_set_by_an_hour_the_next_step_comes_when_it_should(tmp_path: Path, hours: int, direction: str) -> None:
    with phones() as sms, service_at(tmp_path, sms, 2026, 3, 5, 10, 30, 0) as (service, wall):
        until(lambda: sms.of(DAY))
        began = next(at for to, _, at in sms.got if to == DAY)
        wall.set_by(3600 * hours)
        until(lambda: f'clock_steps_total{{direction="{direction}"}} 1.0' in service.get("/metrics").text)
        until(lambda: sms.of(LEADER), within=20)
        told = next(at for to, _, at in sms.got if to == LEADER)
        assert 5 <= told - began <= 20
        assert len(sms.of(DAY)) == 1 and not sms.of(NIGHT)
        now = incident(service)
        story = service.get(f"/api/v1/incidents/{now['number']}").json()
        said = [line["text"] for line in story["timeline"] if line["entry"] == "clock"]
        assert said == ["1 t frem" if hours > 0 else "1 t tilbage"]
        assert now["detected"].startswith("2026-03-05T10:30:" if hours > 0 else "2026-03-05T08:30:")
        assert "ur blev stillet" in incident(service, "vagten")["cause"]


def test_set_over_a_boundary_the_other_period_is_told(tmp_path: Path) -> None:
    with phones() as sms, service_at(tmp_path, sms, 2026, 3, 5, 14, 30, 0) as (_, wall):
        until(lambda: sms.of(DAY))
        wall.set_by(3600)
        until(lambda: sms.of(NIGHT))
        assert len(sms.of(DAY)) == len(sms.of(NIGHT)) == 1
