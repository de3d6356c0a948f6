"""The fleets over a store that fails: reports are kept and written later; what cannot be read is asked for again."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import update

from monitor.core.fleet import DeviceState
from monitor.engine.fleets import WRITE_EVERY
from monitor.engine.registry import Entry
from monitor.ports import BlockRow, DeviceRow, StoreFault
from monitor.store import schema
from monitor.store.fleets import FleetStore
from tests.support.fleet_story import CHECK, NAME, FleetStory, fleet_story

START = datetime(2026, 3, 5, 10, 0)


class Failing(FleetStore):
    """The real store, which fails while it is told to."""

    fails = False
    writes = 0

    @classmethod
    def over(cls, other: FleetStore) -> "Failing":
        return cls(other._engine, other._turn)

    async def write(self, blocks: Sequence[BlockRow]) -> None:
        if self.fails:
            raise StoreFault("the disk is full")
        self.writes += 1
        await super().write(blocks)

    async def devices(self, fleet: str) -> AsyncIterator[Sequence[DeviceRow]]:
        if self.fails:
            raise StoreFault("the database is gone")
        async for rows in super().devices(fleet):
            yield rows


async def over_failing(fleet: FleetStory) -> Failing:
    rows = Failing.over(fleet.story.store.fleets)
    fleet.story.engine.fleets.rows = rows
    return rows


async def seconds(fleet: FleetStory, count: int) -> None:
    """Turns of the loop, one a second."""
    for _ in range(count):
        await fleet.story.later(1.0, step=1.0)


async def test_a_report_is_on_disk_within_two_turns_of_writing_also_when_we_are_killed(tmp_path: Path) -> None:
    async with fleet_story(tmp_path, START, 3) as fleet:
        await fleet.enrol()
        await seconds(fleet, 3)
        fleet.beat([1])
        at = fleet.now
        await seconds(fleet, int(WRITE_EVERY))

        await fleet.story.restart(away=1.0)

        assert fleet.devices.last(1) == at


async def test_while_the_store_fails_reports_are_taken_and_written_when_it_is_back(tmp_path: Path) -> None:
    async with fleet_story(tmp_path, START, 3) as fleet:
        await fleet.enrol()
        await seconds(fleet, 3)
        rows = await over_failing(fleet)
        fleets = fleet.story.engine.fleets
        rows.fails = True
        fleet.beat([0, 2])
        await seconds(fleet, 60)

        assert fleets.registry.degraded is True
        assert fleets.unwritten() >= 55
        assert fleet.devices.state(0) is DeviceState.OK
        rows.fails = False
        await seconds(fleet, 4)
        assert (fleets.registry.degraded, rows.writes > 0) == (False, True)
        assert fleets.unwritten() <= 4
        await fleet.story.restart(away=1.0)
        assert (fleet.devices.last(0) > 0, fleet.devices.last(1), fleet.devices.last(2) > 0) == (True, 0, True)


async def test_what_has_not_changed_is_not_written(tmp_path: Path) -> None:
    async with fleet_story(tmp_path, START, 3) as fleet:
        await fleet.enrol()
        rows = await over_failing(fleet)
        fleet.beat([1])
        await seconds(fleet, 4)
        before = rows.writes
        await seconds(fleet, 50)

        assert rows.writes == before


async def test_a_store_that_cannot_be_read_at_the_start_is_asked_again(tmp_path: Path) -> None:
    async with fleet_story(tmp_path, START, 3) as fleet:
        await fleet.enrol()
        await seconds(fleet, 3)
        story = fleet.story
        await story.kill()
        story.engine = story._engine()
        await story.engine.open()
        rows = Failing.over(story.store.fleets)
        rows.fails = True
        fleets = story.engine.fleets

        await fleets.open(rows)
        assert (fleets.registry.read, fleets.find(NAME)) == (False, None)
        with pytest.raises(StoreFault):
            await fleets.registry.put(NAME, [Entry("d9")])
        rows.fails = False
        await seconds(fleet, 10)

        assert fleets.registry.read
        assert len(fleet.devices) == 3


async def test_a_block_that_is_not_whole_loses_its_own_devices_and_no_others(tmp_path: Path) -> None:
    async with fleet_story(tmp_path, START, 4100) as fleet:
        await fleet.enrol()
        fleet.beat([0, 4099])
        await seconds(fleet, 3)
        table = schema.fleet_blocks
        broken = update(table).where(table.c.block == 0).values(data=b"OVF1 and then nothing")
        await fleet.story.store._engine.run(lambda connection: connection.execute(broken))

        await fleet.story.restart(away=1.0)

        assert fleet.devices.state(0) is DeviceState.NEW
        assert fleet.devices.state(4099) is DeviceState.OK


async def test_a_cid_is_found_in_fleets_that_speak_scaip(tmp_path: Path) -> None:
    async with fleet_story(tmp_path, START, 3) as fleet:
        await fleet.enrol()
        fleets = fleet.story.engine.fleets

        assert fleets.by_cid("990002") == (NAME, 2)
        assert fleets.by_cid("1") is None


async def test_the_fleets_check_is_looked_at_when_it_stirs(tmp_path: Path) -> None:
    async with fleet_story(tmp_path, START, 100) as fleet:
        await fleet.enrol()
        fleet.beat(range(100))
        for _ in range(3 * 60 - 1):
            fleet.story.clock.at = fleet.story.clock.at.fromtimestamp(fleet.now + 60, fleet.story.clock.at.tzinfo)
            fleet.beat(range(1, 100))
            fleet.book.tick(fleet.now)
        fleet.story.urged.clear()

        await seconds(fleet, 61)

        assert fleet.devices.counts()[DeviceState.SILENT] == 1
        assert CHECK in fleet.story.urged
