"""The running service and a database gone wrong: the alarm arrives, it is said, and afterwards the rows are there."""

import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.crash import plan
from tests.crash.plan import DAY, OWNER
from tests.crash.sinks import World, sinks
from tests.support.lab import until
from tests.support.service import Service, running
from tests.support.tiny_disk import tiny_disk

pytestmark = pytest.mark.real

SYSTEMS = ["s01", "s02"]
DEGRADED, FINE = "omsorgsvagt_store_degraded 1.0", "omsorgsvagt_store_degraded 0.0"


@dataclass(frozen=True, slots=True)
class Place:
    """What a story needs: the sinks' world, the service's folder and its configuration."""

    world: World
    folder: Path

    @property
    def file(self) -> Path:
        return self.folder / "state" / "omsorgsvagt.db"

    @contextmanager
    def service(self, **environ: str) -> Iterator[Service]:
        token = {"gatewayapi_token": "tegn"}
        with running(self.folder / "config", self.folder, token, by="tests.support.bad_disk", **environ) as one:
            yield one

    def alarmed(self, system: str = "s01") -> None:
        """It goes down, and the one who must know is told."""
        self.world.down.add(system)
        self.told(DAY, f"{system.upper()} NEDE")

    def told(self, to: str, *words: str) -> str:
        """The first text to this phone with these words, once it has come."""

        def found() -> str:
            texts = (one.text for one in self.world.messages() if f"+{one.to}" == to)
            return next((text for text in texts if all(word.lower() in text.lower() for word in words)), "")

        said: str = until(found, within=60)
        return said

    def alarms(self) -> list[str]:
        """Every alarm by SMS so far."""
        return [one.text for one in self.world.messages() if one.channel == "sms" and "NEDE siden" in one.text]

    def kept(self) -> set[tuple[str, str, str]]:
        """System, kind and state of every notice that stands in the database."""
        query = "SELECT system, kind, state FROM notices JOIN incidents ON incidents.id = notices.incident"
        with closing(sqlite3.connect(self.file)) as file:
            return set(file.execute(query))

    def aside(self) -> list[str]:
        names = (path.name for path in self.file.parent.glob("omsorgsvagt.db.corrupt-*"))
        return sorted(name for name in names if not name.endswith(("-wal", "-shm")))


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    world = World()
    with sinks(world) as ports:
        (tmp_path / "config").mkdir()
        # The day ends in an hour or two: nobody waits for it here.
        plan.write(tmp_path / "config", SYSTEMS, ports, plan.boundary(time.time(), 3600))
        yield Place(world, tmp_path)


def shows(service: Service, line: str) -> None:
    until(lambda: line in service.get("/metrics").text, within=60)


def written(place: Place, *systems: str) -> None:
    """Nothing waits any more, and of each of these systems the alarm stands as sent."""
    until(lambda: {(system, "alarm", "accepted") for system in systems} <= place.kept(), within=60)


def moved_in(path: Path) -> None:
    """What stands in the log beside the file is moved into it: until then the file's own pages are not read."""
    with closing(sqlite3.connect(path, timeout=10)) as file:
        until(lambda: file.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0)


def scribble(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(100)
        file.write(b"kradset over " * 4_000)


def cut(path: Path) -> None:
    os.truncate(path, 5_000)


def test_locked_by_another_program(place: Place) -> None:
    with place.service() as service:
        with closing(sqlite3.connect(place.file, isolation_level=None, timeout=10)) as other:
            other.execute("BEGIN IMMEDIATE")
            place.alarmed()
            shows(service, DEGRADED)
            place.told(OWNER, "Omsorgsvagt FORRINGET", "databasen kan ikke skrives")
            other.execute("ROLLBACK")
        shows(service, FINE)
        written(place, "s01", "vagten")


def test_a_disk_on_which_each_commit_takes_seconds(place: Place) -> None:
    with place.service(BAD_DISK_COMMIT="1.2") as service:
        place.alarmed()
        written(place, "s01")
        place.world.down.clear()
        place.told(DAY, "S01 OPPE IGEN")
        assert service.status()["incidents"]


def test_a_disk_on_which_no_commit_ends_in_time(place: Place) -> None:
    """What cannot be written in time waits, and is written once the disk is well; here, by the next start."""
    with place.service(BAD_DISK_COMMIT="3.2") as service:
        place.alarmed()
        shows(service, DEGRADED)
        place.alarmed("s02")
    with place.service():
        place.world.down.clear()
        place.told(DAY, "S01 OPPE IGEN")
        place.told(DAY, "S02 OPPE IGEN")


@pytest.mark.parametrize("damage", [scribble, cut])
def test_damaged_while_running(place: Place, damage: Callable[[Path], None]) -> None:
    with place.service(BAD_DISK_LOOK="1") as service:
        place.alarmed()
        written(place, "s01")
        moved_in(place.file)
        damage(place.file)
        place.alarmed("s02")
        until(place.aside, within=60)
        (kept_as,) = place.aside()
        place.told(OWNER, "Omsorgsvagt FORRINGET", "databasen gik tabt", kept_as)
        shows(service, FINE)
        written(place, "s01", "s02", "vagten")
        assert f'"damaged_one": "{kept_as}"' in service.log
    # What was open is known to the next one: nobody is told again.
    before = place.alarms()
    with place.service():
        place.world.down.discard("s01")
        place.told(DAY, "S01 OPPE IGEN")
    assert place.alarms() == before


@pytest.mark.parametrize("damage", [scribble, cut])
def test_damaged_at_a_start(place: Place, damage: Callable[[Path], None]) -> None:
    with place.service():
        place.alarmed()
        written(place, "s01")
    damage(place.file)
    damaged = place.file.read_bytes()
    with place.service() as service:
        (kept_as,) = place.aside()
        place.told(OWNER, "Omsorgsvagt FORRINGET", kept_as, "historikken kunne ikke")
        shows(service, FINE)
        written(place, "s01", "vagten")
    assert place.file.with_name(kept_as).read_bytes() == damaged, "what is set aside is as it was"


def test_a_folder_removed_while_running(place: Place) -> None:
    with place.service() as service:
        place.alarmed()
        shutil.rmtree(place.file.parent)
        place.alarmed("s02")
        place.told(OWNER, "Omsorgsvagt FORRINGET", "databasen gik tabt", "filen var væk")
        shows(service, FINE)
        written(place, "s01", "s02", "vagten")


def test_a_disk_that_is_full(place: Place, tmp_path: Path) -> None:
    with tiny_disk(tmp_path, "4m") as disk:
        (tmp_path / "state").symlink_to(disk.folder)
        with place.service() as service:
            filler = disk.fill()
            place.alarmed()
            shows(service, DEGRADED)
            place.told(OWNER, "Omsorgsvagt FORRINGET", "databasen kan ikke skrives")
            filler.unlink()
            shows(service, FINE)
            written(place, "s01", "vagten")
        assert place.aside() == []
