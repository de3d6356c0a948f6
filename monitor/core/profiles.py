"""What the devices of a fleet share, and how many stand where: counts per profile, kept as devices move.

A profile is one combination of attribute values, a group one value of one attribute; group counts are sums over
profiles, never over devices. A value that is not known ('') makes no group.
"""

from array import array
from collections.abc import Iterator, Mapping
from typing import Final

WIDTH: Final = 8
"""Cells per profile: one per state code (0–5), and two for the critical devices."""
CRITICAL: Final = 6
CRITICAL_MISSING: Final = 7
MOST: Final = 65_535
"""As many profiles are told apart; attributes that vary from home to home say nothing of what homes share."""
WHOLE: Final = 0
"""The group of every device."""

Group = tuple[str, str]


class Profiles:
    """The profiles and groups of one fleet.

    `counts` holds WIDTH cells per profile. `groups` are (attribute, value), the first ('', '') being the whole fleet;
    `sizes` how many devices each has; `groups_of[profile]` the groups a profile belongs to.
    """

    def __init__(self, attributes: tuple[str, ...]) -> None:
        self.attributes = attributes
        self.counts = array("I")
        self.groups: list[Group] = [("", "")]
        self.sizes = array("I", [0])
        self.groups_of: list[tuple[int, ...]] = []
        self._values: list[tuple[str, ...]] = []
        self._profiles: dict[tuple[str, ...], int] = {}
        self._groups: dict[Group, int] = {("", ""): WHOLE}
        self.of({})

    def __len__(self) -> int:
        return len(self._values)

    def of(self, attributes: Mapping[str, str]) -> int:
        """The profile of these values, made if it is new; that of no values where there are too many to tell apart."""
        values = tuple(attributes.get(name, "") for name in self.attributes)
        known = self._profiles.get(values)
        if known is not None:
            return known
        return 0 if len(self) >= MOST else self._add(values)

    def _add(self, values: tuple[str, ...]) -> int:
        profile = len(self._values)
        self._profiles[values] = profile
        self._values.append(values)
        named = [(name, value) for name, value in zip(self.attributes, values, strict=True) if value]
        self.groups_of.append((WHOLE, *map(self._group, named)))
        self.counts.extend([0] * WIDTH)
        return profile

    def _group(self, group: Group) -> int:
        number = self._groups.setdefault(group, len(self.groups))
        if number == len(self.groups):
            self.groups.append(group)
            self.sizes.append(0)
        return number

    def number(self, group: Group) -> int | None:
        """The group's number; None where no device was ever in it."""
        return self._groups.get(group)

    def join(self, profile: int, code: int, critical: bool, count: int = 1) -> None:
        """One more device of this profile stands at this code (or, with -1, one fewer)."""
        self.counts[profile * WIDTH + code] += count
        self.counts[profile * WIDTH + CRITICAL] += critical * count
        for group in self.groups_of[profile]:
            self.sizes[group] += count

    def column(self, cell: int) -> "array[int]":
        """One cell of every profile."""
        return self.counts[cell::WIDTH]

    def sums(self, column: "array[int]") -> list[int]:
        """The column added up for each group."""
        sums = [0] * len(self.groups)
        for profile, count in enumerate(column):
            if count:
                for group in self.groups_of[profile]:
                    sums[group] += count
        return sums

    def within(self, group: int) -> Iterator[int]:
        """The profiles of a group."""
        return (profile for profile, groups in enumerate(self.groups_of) if group in groups)
