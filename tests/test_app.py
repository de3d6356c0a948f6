"""The service put together, in this process: health, the manager's socket, a new plan, the end."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from monitor.app import Service
from monitor.build import read
from monitor.clock import Clock
from monitor.core.plan import ChannelName
from monitor.secrets import Secrets
from monitor.settings import ServiceSettings
from monitor.watchdog import Watchdog
from tests.support.httpserver import Asked, answer, pages, serving, until
from tests.support.terminal import Terminal, terminal

SECRETS = {"OMSORGSVAGT_GATEWAYAPI_TOKEN": "tegn"}
WELL = pages({"/system_0000": answer(200, "Log ind"), "/system_0001": answer(200, "Log ind")})


def quick(at: Terminal) -> Terminal:
    """The same, each check asked each second and believed at once."""
    path = at.config / "systems.yaml"
    text = path.read_text(encoding="utf-8").replace("every: 30s", "every: 1s, confirm: 1, recover: 1")
    path.write_text(text, encoding="utf-8")
    return at


@asynccontextmanager
async def running(at: Terminal, watchdog: Watchdog | None = None) -> AsyncIterator[Service]:
    """The service when a first probe has ended; told to stop at the end."""
    settings = ServiceSettings.model_validate({"STATE_DIRECTORY": at.state, "config": at.config, "database_url": ""})
    ready = asyncio.Event()
    loaded = read(at.config, Clock().now().date())
    with socket.create_server(("127.0.0.1", 0)) as door:
        service = Service(settings, loaded, Secrets(SECRETS), watchdog or Watchdog(), door)
        task = asyncio.create_task(service.run(lambda _: ready.set()))
        try:
            await until(lambda: task.done() or (ready.is_set() and service.probed.is_set()))
            yield service
        finally:
            service.stopping.set()
            await task


async def get(service: Service, path: str) -> httpx.Response:
    port = service.door.getsockname()[1]
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        return await client.get(path)


def heard(manager: socket.socket) -> list[str]:
    """What the manager has been told since it last listened."""
    found = []
    while True:
        try:
            found.append(manager.recv(4096).decode())
        except BlockingIOError:
            return found


@asynccontextmanager
async def managed(folder: Path, every: float) -> AsyncIterator[tuple[socket.socket, Watchdog]]:
    """A service manager's socket, and the way to it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(folder / "notify"))
        manager.setblocking(False)
        yield manager, Watchdog(str(folder / "notify"), every)


async def test_it_is_ready_and_well(tmp_path: Path) -> None:
    async with serving(WELL) as web, running(terminal(tmp_path, web.port)) as service:
        assert (await get(service, "/readyz")).status_code == 200
        assert (await get(service, "/healthz")).status_code == 200
        metrics = (await get(service, "/metrics")).text
        digest = service.loaded.digest[:12]
    assert f'omsorgsvagt_plan_info{{digest="{digest}"}} 1.0' in metrics
    assert "omsorgsvagt_check_findings_total{" in metrics


async def test_what_can_wait_comes_after_the_first_probe(tmp_path: Path) -> None:
    async with serving(WELL) as web, running(terminal(tmp_path, web.port)) as service:
        await until(lambda: bool(service.bounds))
        assert service.ticker is not None
        metrics = (await get(service, "/metrics")).text
    assert 'omsorgsvagt_time_to_phone_bound_seconds{period="arbejdstid",system="system_0000"}' in metrics


async def test_a_loop_that_hangs_stops_the_feeding_and_is_named_until_it_turns_again(tmp_path: Path) -> None:
    hanging = asyncio.Event()

    async def cycle() -> None:
        await hanging.wait()
        await asyncio.sleep(0.001)

    async with serving(WELL) as web, managed(tmp_path, 1.0) as (manager, watchdog):
        async with running(terminal(tmp_path, web.port), watchdog) as service:
            assert heard(manager)[0].startswith("READY=1\nSTATUS=plan ")
            await service._feed(0)
            assert heard(manager) == ["WATCHDOG=1"]

            service.supervisor.start("haenger", cycle, 0.05)
            await until(lambda: bool(service.supervisor.stuck()))
            heard(manager)
            await service._feed(0)
            assert heard(manager) == []
            health = await get(service, "/healthz")
            assert (health.status_code, health.text.strip()) == (503, "loop haenger has not turned for 0.05 s")
            assert (await get(service, "/readyz")).status_code == 200

            hanging.set()
            await until(lambda: not service.supervisor.stuck())
            await service._feed(0)
            assert heard(manager) == ["WATCHDOG=1"]
            assert (await get(service, "/healthz")).status_code == 200
        assert heard(manager)[-1] == "STOPPING=1"


async def test_a_loop_that_hangs_is_an_incident_of_our_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.app._MIND_EVERY", 0.01)
    async with serving(WELL) as web, running(terminal(tmp_path, web.port)) as service:
        service.supervisor.start("haenger", asyncio.Event().wait, 0.05)  # type: ignore[arg-type]
        await until(lambda: any(one.system == "vagten" for one in service.engine.desk.ledger.active()))
        [incident] = [one for one in service.engine.desk.ledger.active() if one.system == "vagten"]
    assert "haenger" in incident.cause


@pytest.mark.parametrize("every", [0.5, 5.0, 30.0, 600.0])
async def test_the_feeding_never_finds_itself_stuck(tmp_path: Path, every: float) -> None:
    """Its turn is shorter than its patience, and than what the manager waits for, whatever the unit says."""
    async with managed(tmp_path, every) as (_, watchdog), running(terminal(tmp_path), watchdog) as service:
        assert service.supervisor.loops["watchdog"].patience > min(every, 5.0)


async def test_a_plan_with_faults_keeps_the_old_one_and_says_where(tmp_path: Path) -> None:
    async with serving(WELL) as web, managed(tmp_path, 60.0) as (manager, watchdog):
        at = terminal(tmp_path, web.port)
        async with running(at, watchdog) as service:
            before = service.loaded
            at.edit("plan.yaml", "owner: it", "owner: ingen")
            heard(manager)
            await service.reload()
            told = [one.splitlines() for one in heard(manager)]
            assert [one[0] for one in told] == ["RELOADING=1", "READY=1"]
            assert told[1][1] == "STATUS=old plan kept: the new one has faults"
            assert service.loaded is before
            assert "plan_reload_ok 0.0" in (await get(service, "/metrics")).text
            await until(lambda: any(one.system == "vagten" for one in service.engine.desk.ledger.active()))
            [incident] = [one for one in service.engine.desk.ledger.active() if one.system == "vagten"]
            assert "plan.yaml linje 3" in incident.cause

            at.edit("plan.yaml", "owner: ingen", "owner: it")
            at.edit("systems.yaml", "c-system-0001-0", "nyt-navn")
            await service.reload()
            assert heard(manager)[-1] == f"READY=1\nSTATUS=plan {service.loaded.digest[:8]}"
            assert service.loaded.digest != before.digest
            assert set(service.watch.checks) == {"c-system-0000-0", "nyt-navn"}
            assert "plan_reload_ok 1.0" in (await get(service, "/metrics")).text


class Gateway:
    """An SMS gateway that keeps each text waiting until it is let go."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []
        self.go = asyncio.Event()

    async def __call__(self, asked: Asked) -> None:
        self.taken.append(asked.body)
        await self.go.wait()
        await asked.write(answer(200, '{"ids": [1]}'))


@asynccontextmanager
async def alarming(folder: Path) -> AsyncIterator[tuple[Service, Gateway, Callable[[], bool]]]:
    """A service whose first alarm lies at the gateway; the last thing given tells whether it was accepted."""
    gateway = Gateway()
    down = pages({"/system_0000": answer(503), "/system_0001": answer(200, "Log ind")})
    async with serving(down) as web, serving(gateway) as sms:
        at = quick(terminal(folder, web.port, sms.port))
        async with running(at) as service:
            await until(lambda: bool(gateway.taken))
            yield service, gateway, lambda: not service.engine.desk.ledger.queue


async def test_told_to_stop_it_finishes_what_is_being_sent(tmp_path: Path) -> None:
    async with alarming(tmp_path) as (service, gateway, accepted):
        service.stopping.set()
        await until(lambda: service.engine.senders[ChannelName.SMS].stopping)
        assert not accepted()
        gateway.go.set()
        await until(accepted)
    assert len(gateway.taken) == 1


async def test_a_new_plan_does_not_cut_off_what_is_being_sent(tmp_path: Path) -> None:
    async with alarming(tmp_path) as (service, gateway, accepted):
        old = service.engine.desk.plan
        reloading = asyncio.create_task(service.reload())
        await until(lambda: service.engine.desk.plan is not old)
        gateway.go.set()
        await until(accepted)
        await reloading
    assert len(gateway.taken) == 1
