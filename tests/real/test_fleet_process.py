"""The running service with a fleet: imported, enrolled, reporting over HTTP, killed; nothing answered is forgotten."""

import gzip
import json
import random
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import httpx
import psutil
import pytest

from tests.support.fleet_service import FLEET, QUICK, beats, config, filled, heard, states, until_read
from tests.support.lab import until
from tests.support.service import Service, start

pytestmark = pytest.mark.real

COUNT = 300
DURABLE = 5.0
"""Seconds within which what was answered 204 outlives a SIGKILL (DESIGN §6)."""
_AWAY = 8.0
_CHANCE = 7


@contextmanager
def started(made: Path, folder: Path) -> Iterator[Service]:
    """A service whose registry has been read; ended, unless the test has killed it."""
    service = start(made, folder)
    try:
        until_read(service)
        yield service
    finally:
        service.client.close()
        if service.process.poll() is None:
            service.terminate()


def client(service: Service, token: str) -> httpx.Client:
    address = f"http://127.0.0.1:{service.port}/api/v1/heartbeats"
    return httpx.Client(base_url=address, trust_env=False, headers={"Authorization": f"Bearer {token}"})


def reported(service: Service, token: str) -> int:
    """Everybody reports once; gives how many were answered."""
    with client(service, token) as unit:
        return sum(unit.post(f"/{FLEET}/d{number}").status_code == 204 for number in range(COUNT))


def until_written(service: Service) -> None:
    """Everything answered before now is on disk: a writing that began after it has ended, within DURABLE."""
    name, since = "omsorgsvagt_heartbeats_not_durable_seconds ", time.monotonic()

    def written() -> bool:
        asked = time.monotonic()
        waiting = next(x for x in service.get("/metrics").text.splitlines() if x.startswith(name))
        return float(waiting.removeprefix(name)) < asked - since

    until(written, DURABLE)


def test_what_was_answered_and_written_is_there_after_a_kill(tmp_path: Path) -> None:
    made = config(tmp_path)
    with started(made, tmp_path / "run") as service:
        token = filled(service, made, COUNT)
        assert reported(service, token) == COUNT
        before = heard(service)
        assert len(before) == COUNT
        assert beats(service, "ok") == COUNT
        until_written(service)
        service.kill()

    with started(made, tmp_path / "run") as service:
        assert heard(service) == before
        # The token still opens, and nobody has to be enrolled again.
        assert reported(service, token) == COUNT
        assert "d17" not in json.dumps(service.status())


def reporting(service: Service, tokens: dict[str, str], seconds: float) -> dict[str, list[float]]:
    """Everybody reports again and again for so long; gives when each of `kald` was answered."""
    answered: dict[str, list[float]] = {f"d{number}": [] for number in range(COUNT)}
    end = time.monotonic() + seconds
    with client(service, tokens[FLEET]) as unit, client(service, tokens[QUICK]) as quick:
        while time.monotonic() < end:
            assert quick.post("", json=[f"d{number}" for number in range(COUNT)]).json()["refused"] == 0
            for number in range(COUNT):
                assert unit.post(f"/{FLEET}/d{number}").status_code == 204
                answered[f"d{number}"].append(time.time())
                if time.monotonic() >= end:
                    break
    return answered


def test_a_kill_at_any_moment_forgets_no_more_than_five_seconds_and_silences_nobody(tmp_path: Path) -> None:
    made = config(tmp_path)
    with started(made, tmp_path / "run") as service:
        tokens = {fleet: filled(service, made, COUNT, fleet) for fleet in (FLEET, QUICK)}
        answered = reporting(service, tokens, DURABLE + random.Random(_CHANCE).uniform(0.5, 2.0))
        service.kill()
    killed, fell = time.time(), time.monotonic()

    due = {name: max((at for at in times if at < killed - DURABLE), default=0.0) for name, times in answered.items()}
    assert all(due.values()), "some were answered long enough ago to count, each of them"
    # Past every deadline of the quick fleet, had anybody been listening.
    until(lambda: time.monotonic() - fell > _AWAY, 2 * _AWAY)
    with started(made, tmp_path / "run") as service:
        kept = {name: datetime.fromisoformat(at).timestamp() for name, at in heard(service).items()}
        # Kept in whole seconds.
        assert [name for name, at in due.items() if kept[name] < int(at)] == []
        until(lambda: _believed(service) == "up")
        assert states(service, QUICK)["silent"] == 0
        assert [one for one in service.status()["incidents"] if one["system"] == "enheder"] == []


def _believed(service: Service) -> str:
    """What is believed of the quick fleet's check."""
    [system] = [one for one in service.status()["systems"] if one["name"] == "enheder"]
    found: str = system["checks"][0]["state"]
    return found


@pytest.fixture(scope="module")
def open_to_all(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Service, str]]:
    folder = tmp_path_factory.mktemp("flood")
    made = config(folder)
    with started(made, folder / "run") as service:
        yield service, filled(service, made, COUNT)


@pytest.mark.parametrize(
    ("where", "token", "body", "status", "word"),
    [
        (f"/{FLEET}/d1", "gættet", b"", 401, "devices enrol"),
        (f"/{FLEET}/d{COUNT}", "", b"", 404, "devices import"),
        (f"/{QUICK}/d1", "", b"", 403, "another fleet"),
        (f"/{FLEET}/d1", "", b"{", 400, "not JSON"),
        (f"/{FLEET}/d1", "", b"[" * 100_000, 413, "at most"),
        ("", "", b"[" * 100_000, 400, "JSON array"),
        ("", "", b'["d1", "nobody", {"device": "d2", "battery": "full"}]', 200, "devices import"),
    ],
    ids="forged unknown foreign malformed long deep batch".split(),
)
def test_who_is_refused_is_told_why(
    open_to_all: tuple[Service, str], where: str, token: str, body: bytes, status: int, word: str
) -> None:
    service, known = open_to_all
    with client(service, known) as unit:
        shown = f"Bearer {token or known}".encode()
        answer = unit.post(where, content=body, headers={b"Authorization": shown, b"X-Forwarded-For": b"192.0.2.7"})

    assert (answer.status_code, word in answer.text) == (status, True), answer.text


def test_a_flood_of_rubbish_costs_a_bounded_memory_and_shuts_nobody_out(open_to_all: tuple[Service, str]) -> None:
    service, token = open_to_all
    process, before = psutil.Process(service.pid), beats(service, "ok")
    bomb = gzip.compress(b" " * 30_000_000)
    with client(service, token) as unit:
        # What is loaded once is no leak.
        unit.post("", content=bomb, headers={"Content-Encoding": "gzip"})
        memory = process.memory_info().rss
        for turn in range(15):
            guess = {"Content-Encoding": "gzip", "X-Forwarded-For": f"203.0.113.{turn}"}
            assert unit.post("", content=bomb, headers=guess).status_code == 413
    _guess(service, 30_000)
    with client(service, token) as unit:
        assert unit.post(f"/{FLEET}/d1").status_code == 204

    assert process.memory_info().rss - memory < 25 * 2**20
    assert beats(service, "forged") >= 30_000
    assert beats(service, "ok") == before + 1


def _guess(service: Service, count: int) -> None:
    """So many calls with wrong tokens, each from a source of its own as our proxy tells it."""
    with socket.create_connection(("127.0.0.1", service.port), 10) as wire:
        answers = b""
        for first in range(0, count, 100):
            calls = (
                f"POST /api/v1/heartbeats/{FLEET}/d1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {n:x}\r\n"
                f"X-Forwarded-For: 10.{n >> 16}.{n >> 8 & 255}.{n & 255}\r\nContent-Length: 0\r\n\r\n"
                for n in range(first, first + 100)
            )
            wire.sendall("".join(calls).encode())
            while answers.count(b"HTTP/1.1 401") < 100:
                answers += wire.recv(1 << 20)
            answers = b""
