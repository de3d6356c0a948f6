"""One fleet in memory: its devices, its early sign, what the plan says of it.

What the registry says and judging does not need (a device's own interval, why it is muted) is kept beside, by place.
"""

import json
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from monitor.core.devices import BadBlock, Devices
from monitor.core.early import Early
from monitor.core.fleet import Device, FleetRule, FleetSight, Ticked
from monitor.core.muster import Muster
from monitor.core.plan import Fleet, Plan
from monitor.ports import DeviceRow

EARLY, TOLD = -1, -2
"""What is kept beside the blocks of devices: what is usual of each group; of which silences somebody has been told."""


def rule_of(fleet: Fleet, plan: Plan) -> FleetRule:
    """What judging needs of a fleet."""
    return FleetRule(
        fleet.id,
        fleet.title,
        interval=int(fleet.interval or 0),
        floor=int(fleet.floor),
        deadline=int(fleet.deadline),
        attributes=fleet.attributes,
        zone=plan.calendar.zone,
    )


@dataclass(slots=True)
class Book:
    """A fleet that is watched. `devices` is what intakes call; `beats` counts by outcome, for the metrics."""

    fleet: Fleet
    devices: Devices
    early: Early
    muster: Muster
    intervals: "array[int]" = field(default_factory=lambda: array("I"))
    whys: dict[int, str] = field(default_factory=dict)
    beats: dict[str, int] = field(default_factory=dict)
    ticked: int = 0
    """When it was last looked at, unix seconds; 0: never."""
    deaf: bool = False
    """Nobody could be heard when it was last to be looked at."""
    clean: float = 0.0
    """When (monotonic) everything heard until then had been written."""
    told: dict[int, int] = field(default_factory=dict)
    """The silent critical devices somebody has been told of, by place: when each was last heard."""
    beside: set[int] = field(default_factory=set)
    early_kept: float = float("-inf")
    """When (monotonic) what is usual of its groups was last written."""
    _sight: FleetSight | None = None
    _attributes: dict[str, Mapping[str, str]] = field(default_factory=dict)

    @classmethod
    def of(cls, fleet: Fleet, plan: Plan) -> "Book":
        """An empty book."""
        devices = Devices(rule_of(fleet, plan))
        early = Early(devices.profiles, devices.rule.interval)
        return cls(fleet, devices, early, Muster(devices, early))

    def take(self, rows: Iterable[DeviceRow]) -> None:
        """Devices as they are kept."""
        for place, name, cid, attributes, critical, interval, muted, why in rows:
            until = int(muted.timestamp()) if muted else 0
            device = Device(name, cid, self._described(attributes), critical, interval, until)
            self.put(device, place, why)

    def put(self, device: Device, place: int, why: str = "") -> None:
        """One device at its place, new or described anew."""
        self.devices.put(device, place)
        if place >= len(self.intervals):
            self.intervals.extend(array("I", bytes(4 * (place + 1 - len(self.intervals)))))
        self.intervals[place] = device.interval
        if why:
            self.whys[place] = why

    def remove(self, place: int) -> None:
        """Take a device out; its place stays empty."""
        self.devices.remove(place)
        self.intervals[place] = 0
        self.whys.pop(place, None)

    def restore(self, number: int, data: bytes) -> None:
        """What was last written of a block. Raises BadBlock."""
        if number >= 0:
            self.devices.restore(number, data)
            return
        try:
            if number == EARLY:
                self.early.back(data.decode())
            else:
                self.told = {int(place): int(last) for place, last in json.loads(data)}
        except (ValueError, TypeError) as error:
            raise BadBlock("what stands beside the blocks cannot be read") from error

    def block(self, number: int) -> bytes:
        """What is to be kept under this number."""
        if number >= 0:
            return self.devices.block(number)
        return self.early.keep().encode() if number == EARLY else json.dumps(list(self.told.items())).encode()

    def take_changed(self, limit: int) -> list[int]:
        """The blocks to write, as `Devices.take_dirty`, with what has changed beside them."""
        found = [*self.beside, *self.devices.take_dirty(limit)]
        self.beside.clear()
        return found

    def not_written(self, numbers: Iterable[int]) -> None:
        """Give back blocks that could not be written."""
        self.beside.update(number for number in numbers if number < 0)
        self.devices.mark_dirty([number for number in numbers if number >= 0])

    def described(self, place: int) -> dict[str, str]:
        """What the device shares with others, by attribute."""
        return self.devices.attributes(place)

    def tick(self, now: int, limit: int = 50_000) -> Ticked:
        """Look at what is due now, at most so many."""
        ticked = self.devices.tick(now, limit)
        self.early.feed(now, ticked)
        self.ticked = now
        self._sight = None
        return ticked

    @property
    def signs(self) -> frozenset[tuple[str, str]]:
        """The groups that show the early sign."""
        return frozenset((sign.attribute, sign.value) for sign in self.early.signs)

    def sight(self, now: int) -> FleetSight:
        """The fleet as it is; made anew after each look."""
        if self._sight is None:
            self._sight = self.muster.call(now)
        return self._sight

    def _described(self, text: str) -> Mapping[str, str]:
        """Attributes as they are kept; many devices have the same."""
        found = self._attributes.get(text)
        if found is None:
            try:
                given = json.loads(text)
            except ValueError:
                given = {}
            found = {str(k): str(v) for k, v in given.items()} if isinstance(given, dict) else {}
            if len(self._attributes) < 65_536:
                self._attributes[text] = found
        return found


def kept(device: Device, place: int, why: str = "") -> DeviceRow:
    """A device as it is kept."""
    attributes = json.dumps(dict(sorted(device.attributes.items())), ensure_ascii=False, separators=(",", ":"))
    muted = datetime.fromtimestamp(device.muted_until, UTC) if device.muted_until else None
    return (place, device.id, device.cid, attributes, device.critical, device.interval, muted, why)
