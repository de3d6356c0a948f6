"""Every device of a fleet as one row over parallel arrays, with its counts and its blocks of bytes.

A count changes where a device moves and nowhere else. A block of bytes is taken whole or refused.
"""

import sys
from array import array
from collections.abc import Iterator
from typing import Final
from zlib import crc32

from monitor.core.fleet import DeviceState, Flag
from monitor.core.profiles import CRITICAL_MISSING, WIDTH, Profiles
from monitor.core.rhythm import Rhythm

BLOCK: Final = 4096
NEW, OK, LATE, SILENT, MUTED, LEARNING, GONE = range(7)
"""State codes. LEARNING is ok with a rhythm not known yet; GONE is out of the registry and in no count."""
SHOWN: Final = (
    DeviceState.NEW,
    DeviceState.OK,
    DeviceState.LATE,
    DeviceState.SILENT,
    DeviceState.MUTED,
    DeviceState.OK,
)
NO_BATTERY: Final = 255
_MAGIC: Final = b"OVF1"
_WIDE: Final = ("I", "I", "I", "I", "f", "f")
_ROW: Final = 4 * len(_WIDE) + 5
_HEAD: Final = len(_MAGIC) + 2 + 4
_FLAGS: Final = tuple(Flag)
_LONGEST: Final = 40 * 86_400.0


class BadBlock(ValueError):
    """The bytes are no block of this format, or not whole; nothing was taken from them."""


class Columns:
    """The arrays. `ids[index]` is None where no device is (any more); `top` is the first index never used."""

    def __init__(self, attributes: tuple[str, ...]) -> None:
        self.profiles = Profiles(attributes)
        self.rhythm = Rhythm()
        self.ids: list[str | None] = []
        self.top = 0
        self.flagged: dict[Flag, int] = dict.fromkeys(_FLAGS, 0)
        self._last = array("I")
        self._gap = array("I")
        self._grace = array("I")
        self._base = array("I")
        self._profile = array("H")
        self._state = bytearray()
        self._flags = bytearray()
        self._battery = bytearray()
        self._critical = bytearray()
        self._dirty = bytearray()
        self._gone: dict[int, int] = {}

    def _grow(self, to: int) -> int:
        """Room for at least `to` devices, by whole blocks; gives how many rows were added."""
        count = -(-(to - len(self.ids)) // BLOCK) * BLOCK
        self.ids.extend([None] * count)
        for column in (self._last, self._gap, self._grace, self._base):
            column.extend(array("I", [0]) * count)
        self._profile.extend(array("H", [0]) * count)
        self._state.extend(bytes([GONE]) * count)
        for flags in (self._flags, self._critical):
            flags.extend(bytes(count))
        self._battery.extend(bytes([NO_BATTERY]) * count)
        self.rhythm.grow(count)
        self._dirty.extend(bytes(count // BLOCK))
        return count

    def _move(self, index: int, code: int) -> None:
        """From the state it stands in to another, with every count."""
        before = self._state[index]
        profile = self._profile[index]
        counts, base = self.profiles.counts, profile * WIDTH
        counts[base + before] -= 1
        counts[base + code] += 1
        self._state[index] = code
        # Late and silent stand beside each other: 2 and 3.
        change = (code >> 1 == 1) - (before >> 1 == 1)
        if change:
            self._gone[profile] = self._gone.get(profile, 0) + change
            if self._critical[index]:
                counts[base + CRITICAL_MISSING] += change

    def _leave(self, index: int) -> None:
        """Out of every count, as before a change of what the counts go by."""
        missing = self._state[index] >> 1 == 1
        profile = self._profile[index]
        self.profiles.join(profile, self._state[index], bool(self._critical[index]), -1)
        self.profiles.counts[profile * WIDTH + CRITICAL_MISSING] -= missing and self._critical[index]
        if missing:
            self._gone[profile] = self._gone.get(profile, 0) - 1

    def _enter(self, index: int) -> None:
        """Into every count."""
        missing = self._state[index] >> 1 == 1
        profile = self._profile[index]
        self.profiles.join(profile, self._state[index], bool(self._critical[index]))
        self.profiles.counts[profile * WIDTH + CRITICAL_MISSING] += missing and self._critical[index]
        if missing:
            self._gone[profile] = self._gone.get(profile, 0) + 1

    def _empty(self, index: int) -> None:
        """The row of a device taken out is as if none had ever been there."""
        self._state[index] = GONE
        self._last[index] = self._grace[index] = self._base[index] = self._gap[index] = self._critical[index] = 0
        self._battery[index] = NO_BATTERY
        self.rhythm.forget(index)
        self._dirty[index // BLOCK] = 1

    def _flag(self, index: int, flags: int) -> None:
        """Replace the device's flags, with their counts."""
        changed = self._flags[index] ^ flags
        self._flags[index] = flags
        for flag in _FLAGS:
            if changed & flag:
                self.flagged[flag] += 1 if flags & flag else -1

    def __len__(self) -> int:
        return sum(self.counts().values())

    def counts(self) -> dict[DeviceState, int]:
        """How many devices stand in each state; kept, not counted."""
        found = dict.fromkeys(DeviceState, 0)
        for code, state in enumerate(SHOWN):
            found[state] += sum(self.profiles.column(code))
        return found

    def state(self, index: int) -> DeviceState | None:
        """Where the device stands; None when it was taken out."""
        code = self._state[index]
        return None if code == GONE else SHOWN[code]

    def last(self, index: int) -> int:
        """When the device was last heard, in unix seconds; 0 when never."""
        return self._last[index]

    def flags(self, index: int) -> Flag:
        """What is remembered of the device."""
        return Flag(self._flags[index])

    def battery(self, index: int) -> int | None:
        """The battery in per cent, as last said; None when it never was."""
        return None if self._battery[index] == NO_BATTERY else self._battery[index]

    def critical(self, index: int) -> bool:
        """Whether somebody is to be told at once when it falls silent."""
        return bool(self._critical[index])

    def attributes(self, index: int) -> dict[str, str]:
        """What the device shares with others, as the registry says it."""
        groups = self.profiles.groups
        return dict(groups[group] for group in self.profiles.groups_of[self._profile[index]] if group)

    def interval(self, index: int) -> float | None:
        """Seconds between beats, given or learnt; None while it is not known."""
        return self.rhythm.interval[index] if self.rhythm.known(index) else None

    def silent(self, limit: int) -> list[int]:
        """The indexes of silent devices in the order of the registry, at most `limit`."""
        return list(_found(self._state, SILENT, limit))

    def flagged_with(self, flag: Flag, limit: int) -> list[int]:
        """The indexes of devices that have the flag, at most `limit`."""
        table = bytes(1 if byte & flag else 0 for byte in range(256))
        return list(_found(self._flags.translate(table), 1, limit))

    @property
    def blocks(self) -> int:
        """How many blocks there are."""
        return len(self._dirty)

    def take_dirty(self, limit: int = 1 << 20) -> list[int]:
        """The blocks changed since they were last taken, at most `limit`; what is taken is no longer dirty."""
        taken = list(_found(self._dirty, 1, limit))
        for number in taken:
            self._dirty[number] = 0
        return taken

    def mark_dirty(self, numbers: list[int]) -> None:
        """Give blocks back that could not be written."""
        for number in numbers:
            self._dirty[number] = 1

    def block(self, number: int) -> bytes:
        """What is to be kept of the devices `number` · 4096 and on, at most 4096 of them; about 100 kB.

        Layout: magic, count (u16), CRC-32 (u32) of the rest, then the columns little-endian one after the other: last
        heard, base, grace, gap (u32), interval, spread (f32), beats, odd, state, flags, battery (u8).
        """
        part = slice(number * BLOCK, min((number + 1) * BLOCK, self.top))
        rhythm = self.rhythm
        given = (self._last, self._base, self._grace, self._gap, rhythm.interval, rhythm.spread)
        wide = [column[part] for column in given]
        if sys.byteorder == "big":
            for column in wide:
                column.byteswap()
        narrow = (rhythm.beats, rhythm.odd, self._state, self._flags, self._battery)
        body = b"".join([*(column.tobytes() for column in wide), *(bytes(column[part]) for column in narrow)])
        return _MAGIC + len(wide[0]).to_bytes(2, "little") + crc32(body).to_bytes(4, "little") + body

    def restore(self, number: int, data: bytes) -> None:
        """Take a block back after the devices were put; `resume` must follow before the first tick.

        What the registry says goes before what the bytes say: rows of devices no longer in it are passed over. Raises
        BadBlock, with nothing taken.
        """
        wide, narrow = _columns(data)
        start = number * BLOCK
        if not 0 <= number < self.blocks:
            raise BadBlock("more devices than the registry has")
        rhythm = self.rhythm
        for offset in range(min(len(narrow[0]), self.top - start)):
            index = start + offset
            if self._state[index] == GONE:
                continue
            self._last[index], self._base[index], self._grace[index], self._gap[index] = (
                column[offset] for column in wide[:4]
            )
            beats, rhythm.odd[index], code, flags, self._battery[index] = (column[offset] for column in narrow)
            if not rhythm.fixed(index):
                rhythm.interval[index] = wide[4][offset]
                rhythm.beats[index] = min(beats, 8)
            rhythm.spread[index] = wide[5][offset]
            self._flag(index, flags)
            self._move(index, self._code(index, code))
        self._gone.clear()

    def _code(self, index: int, saved: int) -> int:
        """The state to resume in, whatever the registry has changed since the block was written."""
        if self._state[index] == MUTED:
            return MUTED
        if not self._last[index]:
            return NEW
        if saved in (LATE, SILENT):
            return saved
        return OK if self.rhythm.known(index) else LEARNING


def _found(data: bytes | bytearray, byte: int, limit: int) -> Iterator[int]:
    at = data.find(byte)
    while at >= 0 and limit > 0:
        yield at
        limit -= 1
        at = data.find(byte, at + 1)


def _columns(data: bytes) -> tuple[list["array[int]"], list[bytes]]:
    """The wide and the narrow columns of a block. Raises BadBlock."""
    count = int.from_bytes(data[4:6], "little")
    body = data[_HEAD:]
    if data[:4] != _MAGIC or not 0 < count <= BLOCK or len(body) != count * _ROW:
        raise BadBlock("not a block of this format")
    if crc32(body) != int.from_bytes(data[6:10], "little"):
        raise BadBlock("the block is not whole")
    wide = []
    for place, kind in enumerate(_WIDE):
        column: array[int] = array(kind)
        column.frombytes(body[place * 4 * count : (place + 1) * 4 * count])
        if sys.byteorder == "big":
            column.byteswap()
        wide.append(column)
    rest = body[4 * len(_WIDE) * count :]
    narrow = [rest[place * count : (place + 1) * count] for place in range(5)]
    _refuse_nonsense(wide, narrow)
    return wide, narrow


def _refuse_nonsense(wide: list["array[int]"], narrow: list[bytes]) -> None:
    fits = (
        all(1.0 <= interval <= _LONGEST for interval in wide[4])
        and all(0.0 <= spread <= _LONGEST for spread in wide[5])
        and max(narrow[2]) <= GONE
        and max(narrow[3]) < 2 * max(_FLAGS)
        and all(battery <= 100 or battery == NO_BATTERY for battery in narrow[4])
    )
    if not fits:
        raise BadBlock("values out of bounds")
