"""The SCAIP identities of a fleet and whose they are: a million of them in 16 MB.

An identity is 1 to 16 digits, leading zeros counted; what is not of that form belongs to nobody.

Context: a dictionary of a million texts costs 120 MB, and an identity is looked up once for each SCAIP message, which
takes a hundred times as long to read. Choice: numbers in one array by place, and an open-addressed table of places
(linear probing, at most half full). Price: a lookup takes 1 µs instead of 0.1, and doubling the table for a million
takes a second, once.
"""

from array import array
from typing import Final

_NONE: Final = 0xFFFFFFFF
_GONE: Final = 0xFFFFFFFE
_SPREAD: Final = 0x9E3779B97F4A7C15
"""2⁶⁴ divided by the golden ratio: identities that follow each other are strewn all over (Knuth, TAOCP 3, 6.4)."""
_LONGEST: Final = 16
_FEWEST: Final = 8
_WRONG: Final = "a cid is 1 to 16 digits"


class Cids:
    """`find` gives the place of an identity, `of` the identity at a place ('' where there is none)."""

    def __init__(self) -> None:
        self._keys = array("Q")
        self._table = array("I", [_NONE]) * _FEWEST
        self._used = 0

    def grow(self, count: int) -> None:
        """Room for `count` more places."""
        self._keys.extend(array("Q", [0]) * count)

    def of(self, place: int) -> str:
        """The identity at this place."""
        key = self._keys[place]
        return str(key)[1:] if key else ""

    def find(self, cid: str) -> int | None:
        """Whose identity it is; None when it is nobody's."""
        key = _key(cid)
        place = self._table[self._slot(key)] if key else _NONE
        return None if place == _NONE else place

    def put(self, place: int, cid: str) -> None:
        """This place has this identity from now on ('': none). Raises ValueError for what is no identity."""
        key = _key(cid)
        if cid and not key:
            raise ValueError(_WRONG)
        if key == self._keys[place]:
            return
        if self._keys[place]:
            self._table[self._slot(self._keys[place])] = _GONE
        self._keys[place] = key
        if key:
            self._enter(key, place)

    def _enter(self, key: int, place: int) -> None:
        self._table[self._slot(key)] = place
        self._used += 1
        if 2 * self._used > len(self._table):
            self._anew()

    def _anew(self) -> None:
        """A table at most a quarter full, without what is gone."""
        held = [(key, place) for place, key in enumerate(self._keys) if key]
        self._table = array("I", [_NONE]) * max(_FEWEST, 1 << (4 * len(held) - 1).bit_length())
        self._used = len(held)
        for key, place in held:
            self._table[self._slot(key)] = place

    def _slot(self, key: int) -> int:
        """Where the key stands, or the first free slot on its way."""
        table, keys, mask = self._table, self._keys, len(self._table) - 1
        at = (key * _SPREAD >> 32) & mask
        while (place := table[at]) != _NONE and (place == _GONE or keys[place] != key):
            at = (at + 1) & mask
        return at


def refuse(cid: str) -> None:
    """Raises ValueError for what is neither an identity nor ''."""
    if cid and not _key(cid):
        raise ValueError(_WRONG)


def _key(cid: str) -> int:
    """The digits as a number that keeps leading zeros; 0 for what is no identity."""
    return int(f"1{cid}") if cid.isdecimal() and cid.isascii() and len(cid) <= _LONGEST else 0
