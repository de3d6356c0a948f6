"""Scenario 20 on PostgreSQL: the server stops answering, dies and comes back under an outage; the alarms go out."""

import signal
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import psutil
import pytest

from tests.support.plans import MAIL, small_plan, step, with_steps
from tests.support.postgres import Postgres, postgres
from tests.support.story import Story, story

pytestmark = pytest.mark.real

THURSDAY_AT_TEN = datetime(2026, 3, 5, 10, 0)
PLAN = with_steps(small_plan(), "nedbrud_dag", step(0, "nexus_support"))


@pytest.fixture(scope="module")
def cluster() -> Iterator[Postgres]:
    with postgres() as running:
        yield running


def everybody(cluster: Postgres, number: signal.Signals) -> None:
    """To the server and each process that serves a connection."""
    assert cluster._process is not None
    server = psutil.Process(cluster._process.pid)
    for process in (server, *server.children(recursive=True)):
        process.send_signal(number)


async def mended(s: Story) -> None:
    await s.mind()
    await s.mind()
    s.expect("nexus", "Omsorgsvagt selv", "OPPE IGEN", channel=MAIL)
    incident, lines, notices = await s.kept("26-0001")
    assert incident.active
    assert [n.state.value for n in notices] == ["accepted"]
    assert {"opened", "queued", "accepted"} <= {ln.entry.value for ln in lines}


async def test_an_outage_is_told_kept_and_taken_up_again(tmp_path: Path, cluster: Postgres) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN, PLAN, cluster.database()) as s:
        await s.down("noedkald-1")
        s.expect("nexus", "Noedkald NEDE", "26-0001")
        await s.mind()
        await s.restart(away=30)
        await s.later(60)
        s.done()
        await s.up("noedkald-1")
        s.expect("nexus", "Noedkald OPPE IGEN", "26-0001")


async def test_a_server_that_dies_stops_no_alarm(tmp_path: Path, cluster: Postgres) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN, PLAN, cluster.database()) as s:
        cluster.stop(at_once=True)
        await s.down("noedkald-1")
        s.expect("nexus", "Noedkald NEDE", "26-0001")
        await s.mind()
        s.expect("nexus", "Omsorgsvagt selv", "atabasen kan ikke skrives", channel=MAIL)
        cluster.start()
        await mended(s)


async def test_a_server_that_does_not_answer_is_left_within_its_limit(tmp_path: Path, cluster: Postgres) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN, PLAN, cluster.database()) as s:
        await s.mind()
        # Stopped, not ended: connections stand and nothing comes back.
        everybody(cluster, signal.SIGSTOP)
        try:
            await s.down("noedkald-1")
            s.expect("nexus", "Noedkald NEDE", "26-0001")
            s.engine.own.look([])
            await s.engine.turn()
            s.expect("nexus", "Omsorgsvagt selv", "atabasen kan ikke skrives", channel=MAIL)
        finally:
            everybody(cluster, signal.SIGCONT)
        await mended(s)


async def test_a_server_that_is_not_there_at_the_start(tmp_path: Path, cluster: Postgres) -> None:
    url = cluster.database()
    cluster.stop()
    async with story(tmp_path, THURSDAY_AT_TEN, PLAN, url) as s:
        await s.down("noedkald-1")
        s.expect("nexus", "Noedkald NEDE", "26-M")
        s.engine.own.look([])
        await s.engine.turn()
        s.expect("nexus", "Omsorgsvagt selv", channel=MAIL)
        cluster.start()
        await s.mind()
        await s.mind()
        s.expect("nexus", "Omsorgsvagt selv", "OPPE IGEN", channel=MAIL)
        assert {i.system for i in await s.store.incidents()} == {"noedkald", "vagten"}
