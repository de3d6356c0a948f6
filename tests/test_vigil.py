"""The word to the outside, from the service put together: it goes while all turns, and stops with any part of it."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from monitor.app import Service
from monitor.build import read
from monitor.clock import Clock
from monitor.core.audit import Complaint, Wrong
from monitor.engine import deliver, escalate, ingest, watch
from monitor.plan.dead_man import DeadMan
from monitor.secrets import Secrets
from monitor.settings import ServiceSettings
from monitor.watchdog import Watchdog
from tests.support.httpserver import Asked, Server, answer, serving, until
from tests.support.terminal import Terminal, terminal
from tests.test_app import SECRETS, WELL, get, quick

EVERY = 0.25


@dataclass
class Outside:
    """Whoever waits for signs of life: what it answers, and what it got."""

    status: int = 200
    got: list[Asked] = field(default_factory=list)

    async def __call__(self, asked: Asked) -> None:
        self.got.append(asked)
        await asked.write(answer(self.status))


@asynccontextmanager
async def watched(at: Terminal, outside: Server, **more: object) -> AsyncIterator[Service]:
    """The service, telling the outside four times a second that it lives."""
    settings = ServiceSettings.model_validate({"STATE_DIRECTORY": at.state, "config": at.config, "database_url": ""})
    given = {"url": outside.url("/ping/hemmelig"), "secret": None, "every": EVERY, "timeout": 1.0, "fail": False}
    dead_man = DeadMan.model_construct(**{**given, **more})  # type: ignore[arg-type]
    loaded = replace(read(at.config, Clock().now().date()), dead_man=dead_man)
    with socket.create_server(("127.0.0.1", 0)) as door:
        service = Service(settings, loaded, Secrets(SECRETS), Watchdog(), door)
        ready = asyncio.Event()
        task = asyncio.create_task(service.run(lambda _: ready.set()))
        try:
            await until(lambda: task.done() or ready.is_set())
            yield service
        finally:
            service.stopping.set()
            await task


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every idle loop turns some times between two words."""
    for module, name in ((ingest, "_IDLE"), (escalate, "_TURN"), (deliver, "_TURN"), (watch, "_IDLE")):
        monkeypatch.setattr(module, name, 0.02)
    monkeypatch.setattr("monitor.core.turned._SPARE", 0.5)
    monkeypatch.setattr("monitor.vigil._LOOK", 0.05)


class Gate:
    """Holds a loop's cycle up while it is shut."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.open.set()

    def before(self, cycle: Callable[..., object]) -> Callable[..., object]:
        async def gated(*given: object) -> None:
            await self.open.wait()
            await cycle(*given)  # type: ignore[misc]

        return gated


LOOPS = [
    (ingest.Ingest, "cycle", "loop"),
    (escalate.Escalate, "cycle", "loop"),
    (deliver.Deliver, "cycle", "loop"),
    (deliver.Deliver, "_one", "pulse"),
    (watch.Watch, "cycle", "probe"),
]


@pytest.mark.parametrize(("part", "method", "reason"), LOOPS)
async def test_it_stops_with_any_part_that_hangs_and_comes_back_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: type, method: str, reason: str
) -> None:
    gate, outside = Gate(), Outside()
    monkeypatch.setattr(part, method, gate.before(getattr(part, method)))
    async with (
        serving(WELL) as web,
        serving(outside) as hc,
        watched(quick(terminal(tmp_path, web.port)), hc) as service,
    ):
        await until(lambda: len(outside.got) >= 2)
        gate.open.clear()
        # A busy machine may miss the pulse before the loop that carries it counts as stuck.
        await until(lambda: service.vigil.last == reason)
        before = len(outside.got)
        shown = service.metrics.expose().decode()
        assert f'omsorgsvagt_dead_man_withheld_total{{reason="{reason}"}}' in shown
        await until(lambda: service.vigil._withheld >= 3)
        assert len(outside.got) == before
        gate.open.set()
        await until(lambda: len(outside.got) > before)
        assert {one.target for one in outside.got} == {"/ping/hemmelig"}


async def test_silence_is_the_sign_unless_the_plan_wants_it_said(tmp_path: Path) -> None:
    outside = Outside()
    async with (
        serving(WELL) as web,
        serving(outside) as hc,
        watched(quick(terminal(tmp_path, web.port)), hc, fail=True) as service,
    ):
        await until(lambda: bool(outside.got))
        service.vigil.auditor.standing = frozenset({Complaint(Wrong.NO_NEXT_STEP, "26-0001")})
        await until(lambda: outside.got[-1].target.endswith("/fail"))
        assert service.vigil._withheld == 2
        assert outside.got[-1].body == b"standset: audit"


async def test_without_a_store_it_goes_all_the_same_and_says_so(tmp_path: Path) -> None:
    outside = Outside()
    async with (
        serving(WELL) as web,
        serving(outside) as hc,
        watched(quick(terminal(tmp_path, web.port)), hc) as service,
    ):
        await until(lambda: bool(outside.got))
        service.engine.desk.journal.degraded = True
        await until(lambda: outside.got[-1].method == "POST")
        assert outside.got[-1].body.decode().startswith("databasen kan ikke skrives")


async def test_a_word_nobody_takes_is_told_by_our_own_watch_and_that_it_is_taken_again(tmp_path: Path) -> None:
    outside = Outside(status=404)
    async with (
        serving(WELL) as web,
        serving(outside) as hc,
        watched(quick(terminal(tmp_path, web.port)), hc) as service,
    ):
        incidents = service.engine.desk.ledger.by_system
        await until(lambda: "vagten" in incidents)
        assert incidents["vagten"].severity.word == "advisory"  # type: ignore[index]
        assert "livstegnet kan ikke afleveres (svarer 404)" in incidents["vagten"].cause  # type: ignore[index]
        metrics = (await get(service, "/metrics")).text
        assert "omsorgsvagt_dead_man_failed_total" in metrics and "hemmelig" not in metrics
        assert "omsorgsvagt_dead_man_last_sent_timestamp_seconds 0.0" in metrics
        outside.status = 200
        await until(lambda: incidents["vagten"].good_since is not None)  # type: ignore[index]
        assert "hemmelig" not in str(service.engine.desk.ledger.lines)


async def test_a_probe_from_before_a_time_nobody_watched_is_not_believed(tmp_path: Path) -> None:
    async with (
        serving(WELL) as web,
        serving(Outside()) as hc,
        watched(quick(terminal(tmp_path, web.port)), hc) as service,
    ):
        await until(service.probed.is_set)
        check = next(iter(service.loaded.checks))
        await until(lambda: check in service.engine.desk.findings)
        old = service.engine.desk.findings[check]
        assert not service.vigil.stale(replace(old, at=service.clock.now()))
        service.vigil.keeper._looked -= 60.0
        assert service.vigil.stale(old)
        assert service.vigil.stale(replace(old, at=service.vigil.keeper.back_at)) is False


async def test_health_says_that_no_pulse_has_come_through(tmp_path: Path) -> None:
    async with serving(WELL) as web, serving(Outside()) as hc, watched(terminal(tmp_path, web.port), hc) as service:
        await until(service.probed.is_set)
        assert (await get(service, "/healthz")).status_code == 200
        service.vigil._turned -= 3600.0
        health = await get(service, "/healthz")
        assert health.status_code == 503 and "no pulse has come through" in health.text
