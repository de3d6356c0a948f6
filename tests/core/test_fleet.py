"""A fleet as it is seen: a town of devices lives, an operator goes, and the picture says what the plan needs."""

import pytest

from monitor.core.devices import Devices
from monitor.core.early import Early
from monitor.core.fleet import Device, DeviceState, Flag, FleetRule, Said, status_of
from monitor.core.muster import MOST, Muster
from tests.support.fleets import HOUR, START, Kind, Town


def alfa(attributes: object) -> bool:
    return isinstance(attributes, dict) and attributes["operator"] == "Alfa"


@pytest.mark.parametrize(
    ("stc", "sets", "clears", "said"),
    [
        ("0014", Flag.BATTERY_LOW, Flag(0), None),
        ("0015", Flag(0), Flag.BATTERY_LOW, None),
        ("0016", Flag.BATTERY_LOW, Flag(0), None),
        ("0042", Flag(0), Flag(0), Said.FAIL),
        ("0085", Flag.NO_POWER, Flag(0), None),
        ("0086", Flag(0), Flag.NO_POWER, None),
        ("0102", Flag(0), Flag(0), None),
        ("0123", Flag.NO_RADIO_TEST, Flag(0), None),
        ("0124", Flag(0), Flag.NO_RADIO_TEST, None),
        ("", Flag(0), Flag(0), None),
        ("16", Flag(0), Flag(0), None),
    ],
)
def test_a_status_code_says_what_the_standard_gives_it(stc: str, sets: Flag, clears: Flag, said: Said | None) -> None:
    status = status_of(stc)

    assert (status.sets, status.clears, status.said) == (sets, clears, said)


def test_an_operator_dies_in_the_night_and_is_named_in_minutes_by_one_sign() -> None:
    town = Town(2000, Kind())
    town.live(26 * HOUR + 14 * 60, 30)
    assert town.signed == []
    died = town.now
    town.dead = alfa

    took = town.until_signed(HOUR)
    assert took is not None and took <= 5 * 60
    sight = town.live(120)
    assert sight.trait is not None
    assert (sight.trait.attribute, sight.trait.value) == ("operator", "Alfa")
    assert sight.trait.of_missing > 0.9 and 0.3 < sight.trait.of_all < 0.45
    assert sight.since is not None and died - 60 <= sight.since <= died + 120
    homes = [device for device in town.folk if alfa(device.attributes)]
    assert sight.reach.all == len(homes)
    assert sight.reach.critical == sum(device.critical for device in homes)
    assert sight.counts[DeviceState.SILENT] == 0, "nobody is overdue yet"

    later = town.live(5 * HOUR, 30)
    assert later.counts[DeviceState.SILENT] == len(homes)
    assert later.homes.all - later.homes.critical == pytest.approx(sum(not d.critical for d in homes), abs=20)
    assert later.silent_share == pytest.approx(len(homes) / 2000, abs=0.01)
    assert later.trait is not None and later.trait.value == "Alfa"
    assert (later.groups[0].attribute, later.groups[0].value) == ("operator", "Alfa")
    assert len(later.groups) == MOST
    assert town.signed == [died + took], "one sign, not one for each group that fades"


def test_the_backlog_after_an_outage_ends_the_sign_once() -> None:
    town = Town(2000, Kind())
    town.live(12 * HOUR, 30)
    town.dead = alfa
    town.until_signed(HOUR)
    town.live(4 * HOUR, 30)
    town.dead = lambda _attributes: False
    homes = [index for index, device in enumerate(town.folk) if alfa(device.attributes)]
    for second in range(60):
        town.live(1)
        # Eight hundred and more old messages, in one minute.
        town.devices.heard_all(homes[second::60] * 2, town.now)

    assert town.live(10 * 60).signs == ()
    sight = town.live(12 * HOUR, 30)
    assert len(town.signed) == 1
    assert sight.counts[DeviceState.SILENT] == 0


def test_single_devices_that_die_are_never_a_sign_and_do_not_blur_the_name_when_one_comes() -> None:
    town = Town(2000, Kind())
    town.live(6 * HOUR, 30)
    dying = town.random.sample(range(2000), 60)
    sight = town.live(60, 30)
    town.dead = lambda attributes: "died" in attributes
    for index in dying:
        town.folk[index] = Device(town.folk[index].id, attributes={**town.folk[index].attributes, "died": "1"})
        sight = town.live(HOUR // 2, 30)
        assert sight.signs == ()
    assert sight.trait is None
    assert sight.counts[DeviceState.SILENT] >= 50

    town.dead = lambda attributes: "died" in attributes or attributes["operator"] == "Delta"
    assert town.until_signed(HOUR, 30) is not None
    found = town.live(600, 30).trait
    assert found is not None and found.value == "Delta" and found.of_missing > 0.7


def test_an_empty_fleet_and_one_never_heard_are_nothing_to_judge() -> None:
    devices = Devices(FleetRule("f"))
    muster = Muster(devices, Early(devices.profiles))
    empty = muster.call(START)
    devices.put(Device("a", critical=True))
    sight = muster.call(START)

    assert (empty.watched, empty.silent_share, empty.missing_share, empty.groups) == (0, 0.0, 0.0, ())
    assert (sight.counts[DeviceState.NEW], sight.watched, sight.trait, sight.since) == (1, 0, None, None)
    assert sight.share_of(Flag.BATTERY_LOW) == 0.0


def test_flags_are_shares_of_those_watched() -> None:
    devices = Devices(FleetRule("f", interval=HOUR))
    for n in range(4):
        devices.report(devices.put(Device(f"d{n}")), START, battery=5 if n else 90)
    sight = Muster(devices, Early(devices.profiles)).call(START)

    assert sight.share_of(Flag.BATTERY_LOW) == 0.75
    assert sight.share_of(Flag.NO_POWER) == 0.0
