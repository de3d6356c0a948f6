"""Scenario 20, a file that has lost what it held: alarms go out, what is open is kept, and the fault names the file."""

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest

from tests.support.fleet_story import NAME, fleet_story
from tests.support.plans import MAIL, small_plan, step, with_steps
from tests.support.story import Story, story, until

THURSDAY_AT_TEN = datetime(2026, 3, 5, 10, 0)
PLAN = with_steps(small_plan(), "nedbrud_dag", step(0, "nexus_support"), step(600, "afdelingsledelse"))


def moved_in(path: Path) -> None:
    """What stands in the log beside the file is moved into it: until then the file's own pages are not read."""
    with closing(sqlite3.connect(path)) as file:
        assert file.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone() == (0, 0, 0)


def scribble(path: Path) -> None:
    moved_in(path)
    with path.open("r+b") as file:
        file.seek(100)
        file.write(b"kradset over " * 4_000)


def cut(path: Path) -> None:
    moved_in(path)
    os.truncate(path, 5_000)


def aside(folder: Path) -> list[str]:
    """Set-aside files, without what belongs to them."""
    return sorted(f.name for f in folder.glob("*.corrupt-*") if not f.name.endswith(("-wal", "-shm")))


async def told_anew(s: Story, *words: str) -> None:
    """The fault is an incident of `vagten`, and it ends."""
    await s.mind()
    s.expect("nexus", "Omsorgsvagt selv", "databasen gik tabt", *words, channel=MAIL)
    await s.mind()
    s.expect("nexus", "Omsorgsvagt selv", "OPPE IGEN", channel=MAIL)
    assert not s.engine.desk.journal.waiting


@pytest.mark.parametrize("damage", [scribble, cut])
async def test_damaged_while_running(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN, PLAN) as s:
        await s.down("noedkald-1")
        s.expect("nexus", "Noedkald NEDE", "26-0001")
        damage(tmp_path / "story.db")
        await s.later(60)
        await s.down("phoniro-1")
        s.expect("nexus", "Phoniro NEDE", "26-0002")
        await s.mind()
        (kept_as,) = aside(tmp_path)
        await told_anew(s, f"sat til side som {kept_as}")
        # What was open stands in the new file: nobody is told again, and the chain goes on.
        await s.restart(away=30)
        s.done()
        assert {i.number for i in await s.store.incidents()} == {"26-0001", "26-0002", "26-0003"}
        incident, lines, notices = await s.kept("26-0001")
        assert incident.active and [n.state.value for n in notices] == ["accepted"]
        assert {"opened", "queued", "accepted", "not_watched"} <= {ln.entry.value for ln in lines}
        await s.later(600)
        s.expect("leder", "Noedkald NEDE")
        s.expect("leder", "Phoniro NEDE")
        await s.up("noedkald-1")
        s.expect("nexus", "Noedkald OPPE IGEN")
        s.expect("leder", "Noedkald OPPE IGEN")


@pytest.mark.parametrize("damage", [scribble, cut, lambda path: path.write_bytes(b"noget andet " * 1000)])
async def test_damaged_at_a_start(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN, PLAN) as s:
        await s.down("noedkald-1")
        s.expect("nexus", "Noedkald NEDE", "26-0001")
        await s.kill()
        damage(tmp_path / "story.db")
        await s.restart()
        (kept_as,) = aside(tmp_path)
        await s.down("noedkald-1")
        s.expect("nexus", "Noedkald NEDE", "26-0001")
        await told_anew(s, f"sat til side som {kept_as}; historikken kunne ikke læses")
        incident, _, notices = await s.kept("26-0001")
        assert incident.active and [n.state.value for n in notices] == ["accepted"]


async def test_a_folder_removed_while_running(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    async with story(tmp_path, THURSDAY_AT_TEN, PLAN, f"sqlite+aiosqlite:///{folder / 'story.db'}") as s:
        await s.down("noedkald-1")
        s.expect("nexus", "Noedkald NEDE", "26-0001")
        shutil.rmtree(folder)
        await s.down("phoniro-1")
        s.expect("nexus", "Phoniro NEDE", "26-0002")
        await s.mind()
        await told_anew(s, "filen var væk")
        await s.restart(away=30)
        await s.up("noedkald-1")
        s.expect("nexus", "Noedkald OPPE IGEN", "26-0001")


async def test_damaged_while_it_could_not_be_written(tmp_path: Path) -> None:
    """What is told of the one is told again of the other, which is more."""
    async with story(tmp_path, THURSDAY_AT_TEN, PLAN) as s:
        save = s.store.save

        async def full(rows: object) -> None:
            raise OSError(f"no space left on device for {rows}")

        s.engine.desk.journal.store.save = full  # type: ignore[method-assign]
        await s.down("noedkald-1")
        s.expect("nexus", "Noedkald NEDE", "26-0001")
        await s.mind()
        s.expect("nexus", "Omsorgsvagt selv", "databasen kan ikke skrives", channel=MAIL)
        s.engine.desk.journal.store.save = save  # type: ignore[method-assign]
        scribble(tmp_path / "story.db")
        await s.later(60)
        await s.mind()
        await told_anew(s, *aside(tmp_path))
        incident, _, _ = await s.kept("26-0001")
        assert incident.active


async def test_the_registry_of_devices_is_written_to_the_new_one(tmp_path: Path) -> None:
    async with fleet_story(tmp_path, THURSDAY_AT_TEN, 300) as fleet:
        s = fleet.story
        await fleet.enrol()
        token = await s.engine.fleets.registry.enrol(NAME, "d7", "")
        fleet.beat(range(300))
        fleet.teach(6)
        await s.engine.fleets.write()
        before = (fleet.devices.counts(), list(fleet.devices.ids), dict(s.engine.fleets.tokens))
        scribble(tmp_path / "story.db")
        await s.later(60)
        await s.mind()
        assert aside(tmp_path)
        await until(lambda: not s._tasks)
        await s.engine.fleets.write()
        s.engine.desk.journal.anew = None

        await s.restart()

        assert (fleet.devices.counts(), list(fleet.devices.ids), dict(s.engine.fleets.tokens)) == before
        assert token
