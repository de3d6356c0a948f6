"""Heartbeats through the real service, a million devices in its registry: one by one, in batches, by SCAIP over UDP.

The load comes from the other core: wrk for HTTP, a process of our own for SCAIP. What counts is how many a core of the
service answers: what it answered, divided by the CPU it used.
"""

import contextlib
import json
import multiprocessing
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import psutil

from monitor.store.store import Store
from tests.bench import folder as config
from tests.bench.table import Row
from tests.support.service import Service, free_port, running

DEVICES = 1_000_000
TOKEN = "bench-token"
DEADLINE = 45
_SHARE = 20
_WRK = """
local n = 0
request = function()
  n = (n + 7919) % {count}
  local path = string.format("/api/v1/heartbeats/stor/u%07d", n)
  return wrk.format("POST", path, {{["Authorization"] = "Bearer {token}", ["Content-Length"] = "0"}})
end
"""
_FLEET = f"""
  flaade:
    title: Flåden
    checks: [{{name: flaade, kind: fleet, fleet: stor, every: 10s, down_over: "{_SHARE}%", early: no}}]
fleets:
  stor: {{title: Den store flåde, interval: 15s, deadline: {DEADLINE}s, scaip: yes}}
"""


def write(work: Path) -> Path:
    """A configuration with one fleet, and its registry of DEVICES devices in the state folder's database."""
    where = config.write(work / "config", 1, (free_port(), free_port()), "every: 30s")
    plan, systems = where / "plan.yaml", where / "systems.yaml"
    plan.write_text(plan.read_text("utf-8").replace("[system_0000]", "[system_0000, flaade]"), "utf-8")
    systems.write_text(systems.read_text("utf-8") + _FLEET.removeprefix("\n"), "utf-8")
    return where


async def enrolled(work: Path) -> None:
    """The registry as an import leaves it."""
    (work / "state").mkdir()
    store = Store(f"sqlite+aiosqlite:///{work / 'state' / 'omsorgsvagt.db'}")
    await store.open()
    for start in range(0, DEVICES, 50_000):
        rows = [
            (n, f"u{n:07d}", str(n + 1), f'{{"operator":"o{n % 4}","area":"a{n % 8}"}}', n % 10 == 0, 0, None, "")
            for n in range(start, start + 50_000)
        ]
        await store.fleets.put("stor", rows)
    await store.fleets.enrol((sha256(TOKEN.encode()).hexdigest(), "stor", "", datetime.now(UTC), None, "bench"))
    await store.close()


def _used(service: Service) -> float:
    times = psutil.Process(service.pid).cpu_times()
    return float(times.user + times.system)


def _beats(service: Service) -> int:
    text = service.get("/metrics").text
    found = re.findall(r'(?m)^omsorgsvagt_heartbeats_total\{fleet="stor",outcome="ok"\} (\S+)', text)
    return int(float(found[0])) if found else 0


def _measured(service: Service, load: Callable[[], object]) -> float:
    """Heartbeats taken for each second of the service's own CPU while the load runs, writing to disk included."""
    before, used = _beats(service), _used(service)
    load()
    return (_beats(service) - before) / (_used(service) - used)


def _singles(service: Service, work: Path) -> list[Row]:
    script = work / "beat.lua"
    script.write_text(_WRK.format(count=DEVICES, token=TOKEN), encoding="utf-8")
    told: list[str] = []

    def load() -> None:
        command = ["wrk", "-t1", "-c64", "-d15s", "--latency", "-s", str(script), f"http://127.0.0.1:{service.port}"]
        told.append(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    rate = _measured(service, load)
    p50, p99 = (_milliseconds(told[0], share) for share in ("50%", "99%"))
    wall = float(re.findall(r"Requests/sec:\s+(\S+)", told[0])[0])
    assert "Non-2xx" not in told[0], told[0]
    return [
        Row("heartbeats by HTTP one by one, on one core of the service", rate, "/s", 30_000, "DESIGN 6", False),
        Row("the same as wrk saw it, both sharing the machine", wall, "/s", 30_000, "DESIGN 6", False),
        Row("the same: half answered within", p50, "ms", 10, "DESIGN 6"),
        Row("the same: 99 of 100 within", p99, "ms", 10, "DESIGN 6"),
        Row("beside Healthchecks (durable as well), its best", rate, "/s", 440, "peer", False),
        Row("beside Pushgateway (in memory only)", rate, "/s", 39_500, "peer", False),
    ]


def _milliseconds(text: str, share: str) -> float:
    value, unit = re.findall(rf"{share}\s+([\d.]+)(us|ms|s)", text)[0]
    return float(value) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[unit]


def _batch(service: Service, lines: bytes) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/x-ndjson"}
    answer = httpx.post(
        f"http://127.0.0.1:{service.port}/api/v1/heartbeats",
        content=lines,
        headers=headers,
        timeout=60,
        trust_env=False,
    )
    assert answer.json()["refused"] == 0, answer.text


def _send(service: Service, parts: list[bytes]) -> None:
    for part in parts:
        _batch(service, part)


def _batches(service: Service) -> list[Row]:
    ids = [f"u{n:07d}" for n in range(DEVICES)]
    plain = [b"\n".join(b'"%s"' % i.encode() for i in ids[at : at + 200_000]) for at in range(0, DEVICES, 200_000)]
    entries = [json.dumps({"device": i, "status": "ok"}).encode() for i in ids]
    whole = [b"\n".join(entries[at : at + 200_000]) for at in range(0, DEVICES, 200_000)]
    rows = []
    for name, parts in (("ids", plain), ("objects", whole)):
        rate = _measured(service, partial(_send, service, parts))
        rows.append(Row(f"heartbeats by HTTP in batches, {name}, on one core", rate, "/s", 500_000, "DESIGN 6", False))
    return rows


def scaip_load(port: int, count: int) -> None:
    """So many heartbeats over UDP, at most 64 unanswered at a time."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.connect(("127.0.0.1", port))
        out.settimeout(5)
        sent = got = 0
        while got < count:
            while sent < count and sent - got < 64:
                out.send(_message(sent))
                sent += 1
            got += b"<snu>0</snu>" in out.recv(2048)


def _message(turn: int) -> bytes:
    cid = turn * 7919 % DEVICES + 1
    body = (
        f'<?xml version="1.0" encoding="UTF-8"?><mrq><ref>A1B2C3D4E5F6{turn % 9999:04d}</ref><ver>01.00</ver>'
        f"<mty>PI</mty><cid>{cid}</cid><dty>0031</dty><did>01</did><crd>no-voice:</crd><stc>0102</stc></mrq>"
    )
    return (
        f"MESSAGE sip:vagt@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5062;branch=z9hG4bK{turn};rport\r\n"
        f"Max-Forwards: 70\r\nFrom: <sip:{cid}@127.0.0.1>;tag=1\r\nTo: <sip:vagt@127.0.0.1>\r\nCall-ID: {turn}@x\r\n"
        f"CSeq: 1 MESSAGE\r\nContent-Type: application/scaip+xml\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def _scaip(service: Service, port: int) -> list[Row]:
    def load() -> None:
        process = multiprocessing.get_context("fork").Process(target=scaip_load, args=(port, 100_000))
        process.start()
        process.join()
        assert process.exitcode == 0

    rate = _measured(service, load)
    return [Row("SCAIP heartbeats over UDP, parsed and answered, on one core", rate, "/s", 10_000, "DESIGN 6", False)]


def _silence(service: Service) -> list[Row]:
    """The whole fleet is heard, then never again: how long from the deadline of those that make an outage."""
    ids = [b'"u%07d"' % n for n in range(DEVICES)]
    parts = [b"\n".join(ids[at : at + 100_000]) for at in range(0, DEVICES, 100_000)]
    heard = []
    for part in parts:
        _batch(service, part)
        heard.append(time.time())
    due = heard[DEVICES * _SHARE // 100 // 100_000] + DEADLINE
    incident = next(_incidents(service, due + 30))
    detected = datetime.fromisoformat(incident["detected"]).timestamp()
    memory = psutil.Process(service.pid).memory_info().rss / 2**20
    return [
        Row(
            "a million silent at once: from the deadline to the incident", max(0.0, detected - due), "s", 2, "DESIGN 6"
        ),
        Row("a million devices, the whole service: memory (RSS)", memory, "MB", 400, "DESIGN 6"),
    ]


def _incidents(service: Service, until: float) -> Iterator[dict[str, str]]:
    while time.time() < until:
        for incident in service.get("/api/v1/incidents").json()["incidents"]:
            if incident["system"] == "flaade":
                yield incident
        time.sleep(0.1)
    raise AssertionError(f"no incident came\n{service.log[-3000:]}")


def measure() -> list[Row]:
    """All of it, one service after another."""
    import asyncio

    with TemporaryDirectory() as folder:
        work, scaip = Path(folder), free_port()
        where = write(work)
        asyncio.run(enrolled(work))
        with running(
            where, work, {"gatewayapi_token": "b"}, OMSORGSVAGT_SCAIP_LISTEN=f"udp:127.0.0.1:{scaip}"
        ) as service:
            began = time.perf_counter()
            _until_read(service)
            read = time.perf_counter() - began
            rows = [Row("a million devices read at the start, from ready on", read, "s", 15, "own limit")]
            rows += _singles(service, work) + _batches(service) + _scaip(service, scaip) + _silence(service)
        shutil.rmtree(work / "state", ignore_errors=True)
    return rows


def _until_read(service: Service) -> None:
    end = time.monotonic() + 120
    while time.monotonic() < end:
        with contextlib.suppress(httpx.TransportError):
            found = service.get("/api/v1/fleets").json()
            if found["read"]:
                return
        time.sleep(0.1)
    raise AssertionError(service.log[-3000:])


if __name__ == "__main__":
    from tests.bench.table import show

    sys.stdout.write(show(measure()) + "\n")
