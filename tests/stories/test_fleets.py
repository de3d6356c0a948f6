"""Fleets on the ground (SCENARIOS 3, 30–32, 34): the many that fall silent are one incident, the single ones a list."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from monitor.core.finding import Outcome
from monitor.core.fleet import Device, DeviceState, Said
from monitor.core.plan import Severity
from monitor.core.reasons import Kind
from monitor.core.records import Incident
from tests.support.fleet_story import FLEET, HOUR, NAME, FleetStory, described, fleet_plan, fleet_story
from tests.support.plans import MAIL, ZONE

NIGHT = datetime(2026, 3, 4, 20, 14)
DAY = datetime(2026, 3, 5, 3, 0)


def began(incident: Incident) -> datetime:
    return incident.began.astimezone(ZONE)


def notes(fleet: FleetStory) -> list[str]:
    return [ln.text for ln in fleet.story.timeline("note")]


async def taught(fleet: FleetStory, critical: int = 0) -> None:
    """Everybody is known, has its rhythm, and is well; every so many of them are marked critical."""
    await fleet.enrol(range(0, fleet.count, critical) if critical else ())
    fleet.beat(range(fleet.count))
    fleet.teach(6)
    assert fleet.devices.counts()[DeviceState.OK] == fleet.count
    await fleet.look()


async def test_one_operator_dies_at_night_and_one_incident_names_it_within_minutes(tmp_path: Path) -> None:
    async with fleet_story(tmp_path, NIGHT, 2000) as fleet:
        await taught(fleet, critical=10)
        story = fleet.story

        fleet.reports = lambda number: described(number)["operator"] != "X"
        took = await fleet.until(lambda: bool(story.engine.desk.ledger.incidents), 10 * 60)

        assert took <= 5 * 60
        assert story.incident.severity is Severity.DOWN
        assert began(story.incident).strftime("%H:%M") in ("02:14", "02:15")
        for who in ("chef", "brand"):
            text = story.expect(who, "NEDE siden 02:1", "op til 740 med operatør X")
            assert len(text) <= 160
        story.done()
        await fleet.later(60)
        assert "100 % af de tavse har operatør X, mod 37 % af alle: 740 hjem, heraf 80 kritiske" in notes(fleet)[0]

        # Deadlines pass one by one; it stays one incident, nobody is paged of a single home, and the count grows.
        await story.acknowledge()
        await fleet.later(3 * HOUR, 60)
        assert fleet.devices.counts()[DeviceState.SILENT] > 600
        assert len(story.engine.desk.ledger.incidents) == 1
        assert any("kritiske enheder er tavse af samme grund" in text for text in notes(fleet))
        assert not [m for phone in story.phones.values() for m in phone.got if "enhed " in m.text]
        story.forget()


async def test_the_backlog_comes_back_in_a_minute_and_it_is_over_once(tmp_path: Path) -> None:
    async with fleet_story(tmp_path, NIGHT, 2000) as fleet:
        await taught(fleet)
        story = fleet.story
        fleet.reports = lambda number: described(number)["operator"] != "X"
        await fleet.later(2 * HOUR, 60)
        await story.acknowledge()
        story.forget()

        # 740 units send what they queued, in three gusts, all within a minute; what they say of the time is not asked.
        fleet.reports = lambda number: True
        gone = [number for number in range(2000) if described(number)["operator"] == "X"]
        for gust in range(3):
            fleet.beat(gone[gust::3])
            await fleet.later(20, 10)
        await fleet.later(HOUR, 60)

        assert story.engine.desk.ledger.incidents == {} or not story.incident.active
        assert fleet.devices.counts()[DeviceState.OK] == 2000
        for who in ("chef", "brand"):
            story.expect(who, "OPPE IGEN")
        story.done()


async def test_eight_hundred_old_messages_at_once_are_judged_by_when_they_came(tmp_path: Path) -> None:
    async with fleet_story(tmp_path, NIGHT, 2000) as fleet:
        await taught(fleet)
        for _ in range(3):
            fleet.beat(range(800))
            await fleet.later(20, 10)

        index = fleet.devices.index["d5"]
        assert fleet.now - fleet.devices.last(index) <= 60
        await fleet.later(2 * HOUR, 60)
        assert fleet.devices.counts()[DeviceState.OK] == 2000
        fleet.story.done()


async def test_new_late_and_silent_are_told_apart_and_the_stamp_is_the_deadline(tmp_path: Path) -> None:
    async with fleet_story(tmp_path, NIGHT, 100) as fleet:
        await fleet.enrol()
        heard, fleet.reports = fleet.now, lambda number: False
        fleet.beat([7])
        await fleet.later(2 * HOUR, 60)

        counts = fleet.devices.counts()
        index = fleet.devices.index["d7"]
        assert (counts[DeviceState.NEW], fleet.devices.state(index)) == (99, DeviceState.LATE)
        await fleet.later(HOUR + 60, 60)
        assert fleet.devices.state(index) is DeviceState.SILENT
        assert fleet.devices.deadline(index) == heard + 3 * HOUR
        fleet.story.done()


async def test_a_fleet_nobody_has_filled_is_not_known_and_nobody_is_told(tmp_path: Path) -> None:
    async with fleet_story(tmp_path, DAY, 0) as fleet:
        finding = await fleet.look()
        await fleet.later(2 * HOUR, 60)
        await fleet.story.mind()

        assert (finding.outcome.value, finding.reason) == ("unknown", "empty")
        fleet.story.done()


async def test_an_hour_away_silences_nobody_and_is_said(tmp_path: Path) -> None:
    async with fleet_story(tmp_path, NIGHT, 500) as fleet:
        await taught(fleet)
        story = fleet.story
        await fleet.later(60)
        heard = {f"d{n}": fleet.devices.last(fleet.devices.index[f"d{n}"]) for n in range(500)}

        await story.restart(away=HOUR)

        assert {name: fleet.devices.last(fleet.devices.index[name]) for name in heard} == heard
        await fleet.later(HOUR, 60)
        assert fleet.devices.counts()[DeviceState.OK] == 500
        story.done()
        # After that hour the deadlines count as before.
        fleet.reports = lambda number: False
        await fleet.until(lambda: bool(story.engine.desk.ledger.incidents), HOUR)
        story.forget()


async def test_the_grace_is_capped(tmp_path: Path) -> None:
    async with fleet_story(tmp_path, NIGHT, 200) as fleet:
        await taught(fleet)
        await fleet.story.restart(away=30 * 24 * HOUR)
        back, fleet.reports = fleet.now, lambda number: False

        await fleet.until(lambda: fleet.devices.counts()[DeviceState.SILENT] == 200, 10 * HOUR, 60)

        assert fleet.now - back <= 7 * HOUR
        fleet.story.forget()


async def test_an_incident_goes_on_over_a_restart_and_its_operator_is_named_again(tmp_path: Path) -> None:
    async with fleet_story(tmp_path, NIGHT, 2000) as fleet:
        await taught(fleet)
        story = fleet.story
        fleet.reports = lambda number: described(number)["operator"] != "X"
        await fleet.until(lambda: bool(story.engine.desk.ledger.incidents), 10 * 60)
        await story.acknowledge()
        await fleet.later(2 * HOUR, 60)
        story.forget()
        before = story.incident

        await story.restart(away=60)
        await fleet.later(2 * HOUR, 60)

        assert (story.incident.id, story.incident.began) == (before.id, before.began)
        assert story.incident.active
        story.forget()


async def test_a_hundred_thousand_at_once_are_one_incident_and_one_text_for_each(tmp_path: Path) -> None:
    async with fleet_story(tmp_path, NIGHT, 150_000) as fleet:
        for number in range(fleet.count):
            about = {**described(number), "operator": "X" if number % 3 else "Y"}
            fleet.book.put(Device(f"d{number}", attributes=about, critical=number % 100 == 1), number)
        story, devices = fleet.story, fleet.devices
        devices.heard_all(range(fleet.count), fleet.now)
        heard = fleet.now
        fleet.reports = lambda number: False
        living = [index for index in range(fleet.count) if not index % 3]
        for _ in range(3 * 60 - 1):
            story.clock.at += timedelta(seconds=60)
            devices.heard_all(living, fleet.now)
            fleet.book.tick(fleet.now)
        await fleet.look()
        await story.canaries(Outcome.OK)
        story.done()

        story.clock.at = datetime.fromtimestamp(heard + 3 * HOUR, UTC)
        story.urged.clear()
        while fleet.devices.counts()[DeviceState.SILENT] < 100_000:
            await story.engine.turn()
        assert fleet.settings.name in story.urged
        await fleet.look()
        await story.canaries(Outcome.OK)
        await fleet.later(60)

        assert len(story.engine.desk.ledger.incidents) == 1
        for who in ("chef", "brand"):
            story.expect(who, "100000 af 150000, 100 % har operatør X")
        story.done()


async def test_single_silent_devices_are_on_the_list_of_the_next_working_day(tmp_path: Path) -> None:
    async with fleet_story(tmp_path, datetime(2026, 3, 6, 16, 0), 300) as fleet:
        await taught(fleet)
        story, devices = fleet.story, fleet.devices
        fleet.reports = lambda number: number not in (7, 42)
        devices.report(devices.index["d9"], fleet.now, Said.OK, battery=5)
        await fleet.later(4 * HOUR, 60)
        story.done()

        # Saturday and Sunday nobody gets it.
        fleet.teach(
            (story.clock.at.replace(day=9, hour=6, minute=29, second=0) - story.clock.at).total_seconds() / HOUR
        )
        await fleet.later(120)
        text = story.expect("nexus", "arbejdsliste, 3 enheder", channel=MAIL)
        assert "d7  distrikt 7  M0  tavs, sidst hørt" in text
        assert "d9  distrikt 9  M2  lavt batteri" in text
        assert "operator" not in text
        await fleet.later(HOUR, 60)
        story.done()


async def test_the_list_goes_once_a_day_also_over_a_restart(tmp_path: Path) -> None:
    async with fleet_story(tmp_path, datetime(2026, 3, 5, 7, 0), 50) as fleet:
        await fleet.enrol()
        fleet.devices.report(fleet.devices.index["d9"], fleet.now, battery=5)
        await fleet.later(40 * 60, 60)
        fleet.story.expect("nexus", "arbejdsliste, 1 enheder", channel=MAIL)

        await fleet.story.restart(away=600)
        await fleet.later(HOUR, 60)

        fleet.story.done()


async def test_many_low_batteries_are_an_advisory_and_no_outage(tmp_path: Path) -> None:
    async with fleet_story(tmp_path, datetime(2026, 3, 5, 9, 0), 200, of="work", work_over="10 %") as fleet:
        plan = fleet.story.plan
        rule = replace(plan.checks[fleet.settings.name], warn_means=Severity.ADVISORY)  # type: ignore[index]
        await fleet.story.replan(replace(plan, checks={**plan.checks, rule.name: rule}))
        await fleet.enrol()
        fleet.beat(range(200))
        for number in range(20):
            fleet.devices.report(fleet.devices.index[f"d{number}"], fleet.now, battery=8)
        await fleet.look()
        fleet.story.done()
        fleet.devices.report(fleet.devices.index["d150"], fleet.now, battery=8)

        await fleet.later(60)

        assert fleet.story.incident.severity is Severity.ADVISORY
        fleet.story.expect("nexus", "21 af 200 lavt batteri", channel=MAIL)
        fleet.story.done()


async def test_a_silent_critical_device_is_told_of_once(tmp_path: Path) -> None:
    async with fleet_story(tmp_path, NIGHT, 300) as fleet:
        await taught(fleet, critical=50)
        fleet.reports = lambda number: number not in (50, 51)
        story = fleet.story
        await fleet.later(4 * HOUR, 60)

        text = story.expect("brand", "enhed d50 er tavs siden 0", "se til borgeren")
        assert len(text) <= 160
        story.done()
        await story.restart(away=60)
        await fleet.later(2 * HOUR, 60)
        assert "d50  distrikt 0  M1  tavs" in story.expect("nexus", "arbejdsliste, 2 enheder", channel=MAIL)
        story.done()

        # Back, and silent again: that is another silence.
        fleet.beat([50])
        await fleet.later(4 * HOUR, 60)
        story.expect("brand", "enhed d50")
        story.done()


async def test_critical_devices_an_outage_explained_are_told_of_when_it_is_over(tmp_path: Path) -> None:
    async with fleet_story(tmp_path, NIGHT, 1000) as fleet:
        await taught(fleet, critical=100)
        story = fleet.story
        fleet.reports = lambda number: described(number)["operator"] != "X"
        await fleet.later(4 * HOUR, 60)
        await story.acknowledge()
        story.forget()

        # The operator is back, but three of the critical homes are not.
        fleet.reports = lambda number: number not in (100, 200, 300)
        await fleet.later(2 * HOUR, 60)

        story.expect("brand", "OPPE IGEN")
        story.expect("brand", "og 2 andre er tavs siden")
        story.forget()
        await story.restart(away=60)
        await fleet.later(600, 60)
        assert [text for _, text in story.texts() if text.startswith("Nødkaldsenheder")] == []
        story.forget()


async def test_while_our_own_line_is_gone_nobody_falls_silent(tmp_path: Path) -> None:
    async with fleet_story(tmp_path, NIGHT, 300) as fleet:
        await taught(fleet)
        story = fleet.story
        for _ in range(3):
            await story.canaries(Outcome.FAIL)
            await fleet.later(10, 10)
        assert story.engine.desk.sight.blind
        story.forget()

        fleet.reports = lambda number: False
        await fleet.later(4 * HOUR, 60)
        assert fleet.devices.counts()[DeviceState.SILENT] == 0
        fleet.reports = lambda number: True
        await story.canaries(Outcome.OK)
        await fleet.later(HOUR, 60)

        assert fleet.devices.counts()[DeviceState.OK] == 300
        assert story.incident_of("noedkald") is None
        story.forget()


async def test_some_seconds_without_our_line_silence_not_even_a_quick_fleet(tmp_path: Path) -> None:
    quick = fleet_plan(replace(FLEET, interval=10.0, deadline=30.0))
    async with fleet_story(tmp_path, NIGHT, 300, quick) as fleet:
        story = fleet.story

        async def seconds(count: int, *, heard: bool) -> None:
            for _ in range(0, count, 5):
                story.clock.at += timedelta(seconds=5)
                fleet.beat(range(300) if heard else ())
                await fleet.look()

        await fleet.enrol()
        await seconds(60, heard=True)
        for _ in range(3):
            await story.canaries(Outcome.FAIL)
            await seconds(5, heard=False)
        assert story.engine.desk.sight.blind
        story.forget()
        await seconds(25, heard=False)
        for _ in range(2):
            await story.canaries(Outcome.OK)
            await seconds(5, heard=False)
        assert fleet.devices.counts()[DeviceState.SILENT] == 0
        await seconds(30, heard=True)

        assert fleet.devices.counts()[DeviceState.OK] == 300
        assert story.incident_of("noedkald") is None
        story.forget()


async def test_a_muted_device_is_not_missed_until_its_time_is_out(tmp_path: Path) -> None:
    async with fleet_story(tmp_path, NIGHT, 100) as fleet:
        await taught(fleet, critical=50)
        story = fleet.story
        await story.engine.fleets.registry.mute(NAME, "d50", 6 * HOUR, "borgeren er på ferie")
        fleet.reports = lambda number: number != 50
        await fleet.later(5 * HOUR, 60)
        assert fleet.devices.counts()[DeviceState.MUTED] == 1
        story.done()

        await story.restart(away=60)
        assert fleet.devices.counts()[DeviceState.MUTED] == 1
        await fleet.later(5 * HOUR, 60)

        story.expect("brand", "enhed d50 er tavs")
        story.done()


async def test_another_deadline_is_taken_up_with_what_was_heard(tmp_path: Path) -> None:
    async with fleet_story(tmp_path, NIGHT, 300) as fleet:
        await taught(fleet)
        last = fleet.devices.last(fleet.devices.index["d9"])
        await fleet.story.replan(fleet_plan(replace(FLEET, deadline=9.0 * HOUR, title="Kald")))

        assert fleet.devices.rule.deadline == 9 * HOUR
        assert fleet.devices.last(fleet.devices.index["d9"]) == last
        await fleet.later(HOUR, 60)
        assert fleet.devices.counts()[DeviceState.OK] == 300
        await fleet.story.replan(replace(fleet_plan(), fleets={}, digest="none"))
        assert fleet.story.engine.fleets.find(NAME) is None
        fleet.story.done()


def test_the_kinds_of_this_part_have_their_texts() -> None:
    assert {Kind.SILENT_DEVICE, Kind.WORKLIST} <= set(Kind)
