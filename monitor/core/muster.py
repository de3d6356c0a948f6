"""The roll-call: a fleet's devices and signs as one frozen picture.

Everything in it is a sum over profiles; no device is looked at.
"""

from array import array
from collections import deque
from typing import Final

from monitor.core.columns import LATE, LEARNING, OK, SILENT
from monitor.core.devices import Devices
from monitor.core.early import Early
from monitor.core.fleet import DeviceState, FleetSight, GroupSight, Homes, Sign, Trait
from monitor.core.profiles import CRITICAL, CRITICAL_MISSING, Profiles
from monitor.core.trait import EVIDENCE, SIGNED, trait

MOST: Final = 10
"""As many of the worst groups are shown."""
_EVERY: Final = 600
_PICTURES: Final = 24


class Muster:
    """The roll-call of one fleet, called every minute or so.

    It remembers who was missing before the sign came: what the missing share is told from those that fell out then,
    not from who is always late or gone for long.
    """

    def __init__(self, devices: Devices, early: Early) -> None:
        self._devices = devices
        self._early = early
        self._calm: deque[tuple[int, array[int]]] = deque(maxlen=_PICTURES)
        self._named: Trait | None = None
        self._since: int | None = None

    def call(self, now: int) -> FleetSight:
        """The fleet as it stands."""
        devices, profiles = self._devices, self._devices.profiles
        counts = devices.counts()
        watched = counts[DeviceState.OK] + counts[DeviceState.LATE] + counts[DeviceState.SILENT]
        missing = counts[DeviceState.LATE] + counts[DeviceState.SILENT]
        signs = self._early.signs
        shared = self._shared(now, signs)
        return FleetSight(
            fleet=devices.rule.name,
            at=now,
            counts=counts,
            watched=watched,
            silent_share=counts[DeviceState.SILENT] / watched if watched else 0.0,
            missing_share=missing / watched if watched else 0.0,
            homes=_homes(missing, sum(profiles.column(CRITICAL_MISSING))),
            reach=self._reach(shared),
            signs=signs,
            trait=shared,
            since=self._since,
            flags=dict(devices.flagged),
            groups=_worst(profiles),
        )

    def _shared(self, now: int, signs: tuple[Sign, ...]) -> Trait | None:
        profiles = self._devices.profiles
        fresh = _missing(profiles)
        if signs:
            # Of the signs that come later some began to climb long before, by chance.
            self._since = signs[0].since if self._since is None else self._since
            for profile, count in enumerate(self._before(self._since)):
                fresh[profile] -= min(count, fresh[profile])
        else:
            self._named = self._since = None
            if not self._calm or now - self._calm[-1][0] >= _EVERY:
                self._calm.append((now, _missing(profiles)))
        enough = SIGNED if signs else EVIDENCE
        found = trait(profiles.groups, profiles.sums(fresh), profiles.sums(_watched(profiles)), enough)
        self._named = found or self._named
        return self._named

    def _before(self, since: int) -> "array[int]":
        """Who was missing before the trouble began; nobody, where it began before we did."""
        found = [missing for at, missing in self._calm if at <= since]
        return found[-1] if found else array("I")

    def _reach(self, shared: Trait | None) -> Homes:
        profiles = self._devices.profiles
        group = profiles.number((shared.attribute, shared.value)) if shared else None
        if group is None:
            return Homes()
        critical = profiles.sums(profiles.column(CRITICAL))[group]
        return Homes(critical, profiles.sizes[group] - critical)


def _homes(all_of_them: int, critical: int) -> Homes:
    return Homes(critical, all_of_them - critical)


def _missing(profiles: Profiles) -> "array[int]":
    columns = [profiles.column(code) for code in (LATE, SILENT)]
    return array("I", map(sum, zip(*columns, strict=True)))


def _watched(profiles: Profiles) -> "array[int]":
    columns = [profiles.column(code) for code in (OK, LEARNING, LATE, SILENT)]
    return array("I", map(sum, zip(*columns, strict=True)))


def _worst(profiles: Profiles) -> tuple[GroupSight, ...]:
    """The groups with the largest part missing, of those with as many missing as would be more than stragglers."""
    missing = profiles.sums(_missing(profiles))
    watched = profiles.sums(_watched(profiles))
    found = [
        GroupSight(attribute, value, missing[at], watched[at])
        for at, (attribute, value) in enumerate(profiles.groups)
        if attribute and missing[at]
    ]
    found.sort(key=lambda group: (-group.missing / group.watched, -group.missing, group.attribute, group.value))
    return tuple(found[:MOST])
