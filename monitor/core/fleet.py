"""The values of a fleet: its rule, its devices, what a status code says, and the frozen picture that is judged.

A value says what is so and decides nothing; no picture holds a device's id, only counts.

How the parts fit: `Devices` (monitor.core.devices) keeps every device of one fleet in arrays, `Devices.tick` gives a
`Ticked`, `Early.feed` (monitor.core.early) takes it, and `muster` (monitor.core.muster) makes the `FleetSight`.
"""

from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntFlag, StrEnum
from typing import Final
from zoneinfo import ZoneInfo

ATTRIBUTES: Final = ("vendor", "model", "operator", "receiver", "area", "firmware")
"""What devices may share, in the order in which the likelier cause is named first when two tell as much."""


class DeviceState(StrEnum):
    """Where a device stands. `new` was never heard; `late` missed its beat; `silent` is past its deadline."""

    NEW = "new"
    OK = "ok"
    LATE = "late"
    SILENT = "silent"
    MUTED = "muted"


class Said(StrEnum):
    """What a device says of itself: it begins, it is well, it failed."""

    START = "start"
    OK = "ok"
    FAIL = "fail"


class Flag(IntFlag):
    """What is remembered of a device until it says otherwise."""

    BATTERY_LOW = 1
    NO_RADIO_TEST = 2
    NO_POWER = 4
    FAILING = 8
    STARTED = 16


WORK: Final = (Flag.BATTERY_LOW, Flag.NO_RADIO_TEST, Flag.NO_POWER, Flag.FAILING)
"""The flags somebody must do something about."""


NO_FLAG: Final = Flag(0)


@dataclass(frozen=True, slots=True)
class Status:
    """What a status code sets and clears, and what it says of the device as a whole."""

    sets: Flag = NO_FLAG
    clears: Flag = NO_FLAG
    said: Said | None = None


_STATUS: Final[Mapping[str, Status]] = {
    "0014": Status(sets=Flag.BATTERY_LOW),
    "0015": Status(clears=Flag.BATTERY_LOW),
    "0016": Status(sets=Flag.BATTERY_LOW),
    "0042": Status(said=Said.FAIL),
    "0067": Status(said=Said.FAIL),
    "0078": Status(said=Said.FAIL),
    "0085": Status(sets=Flag.NO_POWER),
    "0086": Status(clears=Flag.NO_POWER),
    "0123": Status(sets=Flag.NO_RADIO_TEST),
    "0124": Status(clears=Flag.NO_RADIO_TEST),
}
NOTHING: Final = Status()
"""What a code that says nothing of the device's state comes to."""


def status_of(stc: str) -> Status:
    """What a SCAIP status code of four digits says (SS 91100:2014; DOMAIN §4); nothing for any other."""
    return _STATUS.get(stc, NOTHING)


@dataclass(frozen=True, slots=True)
class FleetRule:
    """What the configuration says of a fleet. All times are seconds.

    `interval` 0: each device's rhythm is learnt from its arrivals; `floor` is the shortest a learnt one may be, and
    what comes closer than it is one beat. `deadline` 0: three intervals. `grace_cap`: by how much a time in which
    nobody listened puts deadlines off at most. `battery_low`: per cent at or below which it is low.
    `zone`: where devices that keep local time live; None leaves the two nights of the year out of account.
    """

    name: str
    title: str = ""
    system: str = ""
    interval: int = 0
    floor: int = 60
    deadline: int = 0
    attributes: tuple[str, ...] = ATTRIBUTES
    zone: ZoneInfo | None = None
    grace_cap: int = 6 * 3600
    battery_low: int = 20


@dataclass(frozen=True, slots=True)
class Device:
    """One device of the registry. `cid` is its SCAIP identity ('' without one); `interval` 0 is the fleet's.

    `muted_until`: unix seconds, 0 when it is not muted.
    """

    id: str
    cid: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    critical: bool = False
    interval: int = 0
    muted_until: int = 0


@dataclass(slots=True)
class Trials:
    """Beats that were due of one profile: `hits` came in time, `misses` did not; `first` is when the first was due."""

    hits: int = 0
    misses: int = 0
    first: int = 0


@dataclass(frozen=True, slots=True)
class Ticked:
    """What one tick brought. `trials` and `gone` are by profile: `gone` is how many more are late or silent now.

    `silent` went past their deadline and `back` were heard again after it: indexes, since the tick before. `more`: not
    all that is due was looked at; tick again, with the same `now`.
    """

    trials: Mapping[int, Trials]
    gone: Mapping[int, int]
    silent: "array[int]"
    back: "array[int]"
    late: int = 0
    more: bool = False


@dataclass(frozen=True, slots=True)
class Sign:
    """The early sign of one group; `attribute` and `value` are '' for the fleet as a whole.

    `since`: when the first beat that did not come was due; `seen`: when the sign came. `missing` of the group's `size`
    devices have fallen out since then. Times are unix seconds. `part` is the share of the beats due since then that had
    not come when the sign came: how much of the group is gone, long before all of it is missed (0: not known).
    """

    attribute: str
    value: str
    since: int
    seen: int
    missing: int
    size: int
    part: float = 0.0


@dataclass(frozen=True, slots=True)
class Trait:
    """What the missing share: `of_missing` and `of_all` are the shares (0–1) that have this value."""

    attribute: str
    value: str
    of_missing: float
    of_all: float
    text: str
    """In Danish, at most 80 characters."""


@dataclass(frozen=True, slots=True)
class Homes:
    """How many homes, by how much hangs on the device."""

    critical: int = 0
    other: int = 0

    @property
    def all(self) -> int:
        """Both."""
        return self.critical + self.other


@dataclass(frozen=True, slots=True)
class GroupSight:
    """One value of one attribute: how many of its watched devices are late or silent."""

    attribute: str
    value: str
    missing: int
    watched: int


@dataclass(frozen=True, slots=True)
class FleetSight:
    """A fleet at one instant, to be judged.

    `watched` is ok, late and silent; shares are of it (0–1, 0 when nothing is watched). `homes` are those whose device
    is late or silent; `reach` all that have the value of `trait`. `since` is when the trouble named began (unix
    seconds): of the sign, or None without one. `flags` are counts by flag. `groups` are the worst, at most ten.
    """

    fleet: str
    at: int
    counts: Mapping[DeviceState, int]
    watched: int
    silent_share: float
    missing_share: float
    homes: Homes
    reach: Homes
    signs: tuple[Sign, ...]
    trait: Trait | None
    since: int | None
    flags: Mapping[Flag, int]
    groups: tuple[GroupSight, ...]

    def share_of(self, flag: Flag) -> float:
        """The share of the watched devices that have the flag."""
        return self.flags.get(flag, 0) / self.watched if self.watched else 0.0
