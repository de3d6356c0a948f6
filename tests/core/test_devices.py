"""The devices of a fleet: their states against a plain model, their counts, their blocks, and what a restart does."""

from array import array
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from monitor.core.columns import BLOCK, BadBlock
from monitor.core.devices import Devices
from monitor.core.fleet import Device, DeviceState, Flag, FleetRule, Said, Ticked, status_of
from monitor.core.profiles import CRITICAL, CRITICAL_MISSING
from monitor.core.wheel import Wheel

START, HOUR = 1_767_571_200, 3600
NEW, OK, LATE, SILENT, MUTED = DeviceState
RULE = FleetRule("f", interval=HOUR)
SLACK = 31
"""Of an hourly device that never strayed: 30 s, and the second that has to be full."""


def fleet(rule: FleetRule = RULE, count: int = 1, **each: object) -> Devices:
    devices = Devices(rule)
    for n in range(count):
        devices.put(Device(f"d{n}", **each))  # type: ignore[arg-type]
    devices.resume(START, 0)
    return devices


def run(devices: Devices, start: int, end: int, step: int = 1) -> list[Ticked]:
    return [devices.tick(now) for now in range(start, end + 1, step)]


def test_a_device_never_heard_is_new_and_nothing_is_expected_of_it() -> None:
    devices = fleet()

    ticked = devices.tick(START + 400 * 24 * HOUR)

    assert devices.state(0) is NEW
    assert (list(ticked.silent), ticked.late, dict(ticked.trials)) == ([], 0, {})
    assert devices.deadline(0) == 0


def test_late_within_grace_silent_past_the_deadline_and_stamped_with_it() -> None:
    devices = fleet()
    devices.heard(0, START)
    due = START + HOUR + SLACK

    devices.tick(due - 1)
    assert devices.state(0) is OK
    late = devices.tick(due)
    assert devices.state(0) is LATE and late.late == 1
    assert [(trial.hits, trial.misses, trial.first) for trial in late.trials.values()] == [(0, 1, START + HOUR)]
    devices.tick(START + 3 * HOUR - 1)
    assert devices.state(0) is LATE
    fell = devices.tick(START + 3 * HOUR + 500)
    assert devices.state(0) is SILENT and list(fell.silent) == [0]
    assert devices.deadline(0) == START + 3 * HOUR

    devices.heard(0, START + 9 * HOUR)
    assert devices.state(0) is OK
    assert list(devices.tick(START + 9 * HOUR).back) == [0]


def test_a_beat_in_time_is_one_hit() -> None:
    devices = fleet()
    for beat in range(5):
        devices.heard(0, START + beat * HOUR)
        run(devices, START + beat * HOUR, START + (beat + 1) * HOUR - 1, 60)

    ticks = run(devices, START + 5 * HOUR - 1, START + 5 * HOUR)
    assert not any(tick.trials for tick in ticks)
    assert devices.state(0) is OK


def test_the_rhythm_is_learnt_from_arrivals() -> None:
    devices = fleet(FleetRule("f"))
    for beat in range(3):
        devices.heard(0, START + beat * 90)
    assert devices.interval(0) is None
    assert devices.state(0) is OK
    devices.heard(0, START + 270)

    assert devices.interval(0) == pytest.approx(90)
    devices.tick(START + 270 + 121)
    assert devices.state(0) is LATE


def test_a_rhythm_not_known_is_late_after_the_longest_interval() -> None:
    devices = fleet(FleetRule("f"))
    devices.heard(0, START)

    devices.tick(START + 25 * HOUR)
    assert devices.state(0) is OK
    devices.tick(START + 26 * HOUR)
    assert devices.state(0) is LATE


def test_a_burst_of_queued_messages_changes_nothing_of_the_rhythm() -> None:
    devices = fleet(FleetRule("f"))
    for beat in range(10):
        devices.heard(0, START + beat * HOUR)
        run(devices, START + beat * HOUR, START + (beat + 1) * HOUR - 1, 30)
    again = START + 40 * HOUR
    run(devices, START + 10 * HOUR, again, 600)
    assert devices.state(0) is SILENT

    for message in range(800):
        devices.heard(0, again + message // 14)
    assert devices.state(0) is OK
    assert devices.interval(0) == pytest.approx(HOUR)
    run(devices, again, again + HOUR)
    assert devices.state(0) is OK


def test_another_rhythm_that_lasts_is_taken_up() -> None:
    devices = fleet(FleetRule("f"))
    now = START
    for pace in (HOUR,) * 10 + (3 * HOUR,) * 10:
        now += pace
        run(devices, now - pace, now - 1, 60)
        devices.heard(0, now)

    assert devices.interval(0) == pytest.approx(3 * HOUR)


def test_a_muted_device_is_left_out_and_comes_back_into_judgement() -> None:
    devices = fleet(count=2)
    devices.heard_all([0, 1], START)
    devices.mute(0, START + 10 * HOUR)

    run(devices, START, START + 10 * HOUR - 60, 60)
    assert (devices.state(0), devices.state(1)) == (MUTED, SILENT)
    woken = devices.tick(START + 10 * HOUR)
    assert devices.state(0) is SILENT and list(woken.silent) == [0]
    assert not woken.trials


def test_away_for_an_hour_is_no_silence_and_no_miss() -> None:
    devices = fleet(count=60)
    for n in range(60):
        devices.heard(n, START + 60 * n)
    kept = devices.block(0)

    after = fleet(count=60)
    after.restore(0, kept)
    gone, back = START + HOUR - 60, START + 2 * HOUR
    after.resume(back, back - gone)
    ticks = []
    for now in range(back, back + HOUR + 60, 20):
        # Beats between `gone` and `back` were lost: what comes now is each device's next.
        after.heard_all([n for n in range(60) if back + 60 * n in range(now - 20, now)], now)
        ticks.append(after.tick(now))

    assert not any(tick.late or tick.silent for tick in ticks)
    assert after.counts()[OK] == 60


def test_the_time_away_is_grace_and_the_grace_is_capped() -> None:
    short, long = fleet(), fleet(FleetRule("f", interval=HOUR, grace_cap=HOUR))
    for devices in (short, long):
        devices.heard(0, START)
    short.resume(START + 2 * HOUR, 1800)
    assert short.deadline(0) == START + 3 * HOUR + 1800

    long.resume(START + 100 * HOUR, 99 * HOUR)
    assert long.deadline(0) == START + 101 * HOUR + SLACK
    long.tick(START + 101 * HOUR)
    assert long.state(0) is OK
    run(long, START + 101 * HOUR, START + 102 * HOUR, 10)
    assert long.state(0) is SILENT


def test_two_restarts_add_their_grace() -> None:
    devices = fleet()
    devices.heard(0, START)
    devices.resume(START + HOUR, 600)
    again = fleet()
    again.restore(0, devices.block(0))
    again.resume(START + 2 * HOUR, 300)

    assert again.deadline(0) == START + 3 * HOUR + 900


def test_a_clock_set_back_does_not_put_deadlines_off() -> None:
    devices = fleet()
    devices.heard(0, START + 9 * HOUR)
    devices.tick(START + 9 * HOUR)
    devices.resume(START, 0)
    run(devices, START, START + 4 * HOUR, 60)

    assert devices.last(0) == START
    assert devices.state(0) is SILENT


def test_what_a_device_says_is_remembered_and_counted() -> None:
    devices = fleet(count=2)
    devices.report(0, START, status=status_of("0016"))
    devices.report(1, START, status=status_of("0123"))
    devices.report(1, START, said=Said.FAIL, battery=10)
    assert devices.flags(0) == Flag.BATTERY_LOW
    assert devices.flags(1) == Flag.NO_RADIO_TEST | Flag.FAILING | Flag.BATTERY_LOW
    assert devices.flagged[Flag.BATTERY_LOW] == 2
    assert devices.flagged_with(Flag.FAILING, 9) == [1]

    devices.report(0, START + 1, status=status_of("0015"))
    devices.report(1, START + 1, said=Said.OK, battery=80, status=status_of("0124"))
    assert (devices.flags(0), devices.flags(1), devices.battery(1)) == (Flag(0), Flag(0), 80)
    assert set(devices.flagged.values()) == {0}
    devices.report(1, START + 2, said=Said.START, battery=400)
    assert (devices.flags(1), devices.battery(1)) == (Flag.STARTED, 80)


def test_names_belong_to_one_device() -> None:
    devices = fleet()
    devices.put(Device("x", cid="990001"))
    with pytest.raises(ValueError, match="another device"):
        devices.put(Device("990001"))
    with pytest.raises(ValueError, match="another device"):
        devices.put(Device("y", cid="990001"))
    with pytest.raises(ValueError, match="16 digits"):
        devices.put(Device("y", cid="d0"))
    with pytest.raises(ValueError, match="taken"):
        devices.put(Device("z"), 0)
    assert len(devices) == 2

    devices.put(Device("x", cid="990002"))
    assert devices.index == {"d0": 0, "x": 1} and devices.place("990002") == 1 and devices.place("990001") is None
    devices.remove(1)
    devices.heard(1, START)
    devices.report(1, START, battery=3)
    assert devices.index == {"d0": 0} and devices.state(1) is None and devices.by_cid("990002") is None
    assert devices.put(Device("x"), 1) == 1
    assert (devices.state(1), devices.battery(1)) == (NEW, None)


@pytest.mark.parametrize("harm", ["short", "magic", "count", "bit", "long", "empty"])
def test_a_block_that_is_not_whole_is_refused_and_nothing_taken(harm: str) -> None:
    devices = fleet(count=3)
    devices.heard_all(range(3), START)
    whole = devices.block(0)
    harmed = {
        "short": whole[:-1],
        "magic": b"OVF9" + whole[4:],
        "count": whole[:4] + (2).to_bytes(2, "little") + whole[6:],
        "bit": whole[:20] + bytes([whole[20] ^ 4]) + whole[21:],
        "long": whole + b"\0",
        "empty": b"",
    }[harm]
    other = fleet(count=3)

    with pytest.raises(BadBlock):
        other.restore(0, harmed)
    with pytest.raises(BadBlock, match="more devices"):
        other.restore(1, whole)
    assert other.counts()[NEW] == 3


@given(st.binary(max_size=400))
def test_any_bytes_are_a_block_or_refused(data: bytes) -> None:
    with pytest.raises(BadBlock):
        fleet(count=3).restore(0, data)


def test_only_the_blocks_with_changes_are_to_be_written() -> None:
    devices = fleet(count=BLOCK + 10)
    assert devices.take_dirty() == [0, 1]
    devices.heard(BLOCK + 1, START)
    assert devices.take_dirty() == [1]
    devices.mark_dirty([0])
    assert devices.take_dirty(1) == [0]
    assert devices.take_dirty() == []
    assert len(devices.block(1)) < 400


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(1, 90)), max_size=60),
    st.lists(st.integers(0, 25), max_size=20),
    st.integers(1, 7),
)
def test_the_wheel_gives_what_a_sorted_list_would(filed: list[tuple[int, int]], pauses: list[int], limit: int) -> None:
    wheel, plain, now = Wheel(), dict[int, int](), 0
    wheel.grow(31)
    for at, pause in zip(range(0, len(filed), 3), [*pauses, *([9] * 60)], strict=False):
        for index, after in filed[at : at + 3]:
            wheel.file(index, now + after)
            plain[index] = now + after
        wheel.drop(at % 31)
        plain.pop(at % 31, None)
        now += pause
        found = array("I")
        while True:
            part = wheel.due(now, limit)
            found.extend(part)
            if len(part) < limit:
                break
        assert sorted(found) == sorted(index for index, due in plain.items() if due <= now)
        assert [plain[index] for index in found] == sorted(plain[index] for index in found)
        plain = {index: due for index, due in plain.items() if due > now}


@dataclass
class Plain:
    """One device as anyone would write it down; given interval, no spread."""

    last: int = 0
    muted: int = 0
    removed: bool = False
    critical: bool = False
    silent: bool = False
    late: bool = False
    vendor: str = field(default="")

    def look(self, now: int) -> DeviceState:
        if self.muted > now:
            return MUTED
        if not self.last:
            return NEW
        self.late = self.late or now >= self.last + HOUR + SLACK
        self.silent = self.silent or (self.late and now >= self.last + 3 * HOUR)
        return SILENT if self.silent else LATE if self.late else OK


class AgainstAPlainModel(RuleBasedStateMachine):
    """Beats, ticks, mutings, changes and removals in any order: the wheel and the counts say what a scan would."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.devices = Devices(FleetRule("f", interval=HOUR, attributes=("vendor",)))
        self.plain: list[Plain] = []

    @rule(vendor=st.sampled_from(["", "a", "b"]), critical=st.booleans())
    def put(self, vendor: str, critical: bool) -> None:
        at = len(self.plain)
        device = Device(f"d{at}", attributes={"vendor": vendor}, critical=critical)
        # A restart forgets the places of devices taken out at the end.
        assert self.devices.put(device, at if self.devices.top < at else None) == at
        self.plain.append(Plain(critical=critical, vendor=vendor))

    @precondition(lambda self: self.plain)
    @rule(pick=st.integers(0, 99), vendor=st.sampled_from(["", "a", "b"]), critical=st.booleans())
    def change(self, pick: int, vendor: str, critical: bool) -> None:
        at = pick % len(self.plain)
        one = self.plain[at]
        if not one.removed:
            until = one.muted if one.muted > self.now else 0
            self.devices.put(Device(f"d{at}", attributes={"vendor": vendor}, critical=critical, muted_until=until))
            one.vendor, one.critical = vendor, critical

    @precondition(lambda self: self.plain)
    @rule(picks=st.lists(st.integers(0, 99), max_size=5))
    def heard(self, picks: list[int]) -> None:
        for pick in picks:
            at = pick % len(self.plain)
            one = self.plain[at]
            # One beat an hour, so that no spread is learnt.
            if not one.removed and (not one.last or (self.now - one.last) % HOUR == 0):
                self.devices.heard(at, self.now)
                one.last, one.late, one.silent = self.now, False, False

    @precondition(lambda self: self.plain)
    @rule(pick=st.integers(0, 99), hours=st.integers(0, 5))
    def mute(self, pick: int, hours: int) -> None:
        at = pick % len(self.plain)
        if not self.plain[at].removed:
            self.plain[at].muted = self.now + hours * HOUR if hours else 0
            self.devices.mute(at, self.plain[at].muted)

    @precondition(lambda self: self.plain)
    @rule(pick=st.integers(0, 99))
    def remove(self, pick: int) -> None:
        at = pick % len(self.plain)
        if not self.plain[at].removed:
            self.devices.remove(at)
        self.plain[at].removed = True

    @rule(pause=st.sampled_from([0, 1, 29, 30, 31, HOUR - 31, HOUR, 2 * HOUR, 9 * HOUR]), limit=st.integers(1, 9))
    def tick(self, pause: int, limit: int) -> None:
        self.now += pause
        while self.devices.tick(self.now, limit).more:
            continue

    @rule(anew=st.booleans())
    def restart(self, anew: bool) -> None:
        """At once: nobody was away, so nothing may change."""
        before = self.devices
        if anew:
            self.devices = Devices(before.rule)
            for at, one in enumerate(self.plain):
                until = one.muted if one.muted > self.now else 0
                if not one.removed:
                    again = Device(f"d{at}", "", {"vendor": one.vendor}, one.critical, muted_until=until)
                    self.devices.put(again, at)
            if self.devices.top:
                self.devices.restore(0, before.block(0))
        self.devices.resume(self.now, 0)

    @invariant()
    def says_the_same(self) -> None:
        while self.devices.tick(self.now).more:
            continue
        there = [(at, one) for at, one in enumerate(self.plain) if not one.removed]
        states = {at: one.look(self.now) for at, one in there}
        assert {at: self.devices.state(at) for at in states} == states
        counts = self.devices.counts()
        assert counts == {state: list(states.values()).count(state) for state in DeviceState}
        missing = {at for at, state in states.items() if state in {LATE, SILENT}}
        profiles = self.devices.profiles
        assert sum(profiles.column(CRITICAL)) == sum(one.critical for _, one in there)
        assert sum(profiles.column(CRITICAL_MISSING)) == sum(one.critical for at, one in there if at in missing)
        for vendor in ("a", "b"):
            group = profiles.number(("vendor", vendor))
            size = sum(one.vendor == vendor for _, one in there)
            assert (profiles.sizes[group] if group is not None else 0) == size


AgainstAPlainModel.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
test_against_a_plain_model = AgainstAPlainModel.TestCase
