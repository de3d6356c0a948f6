"""Identities and whose they are: as a dictionary would have it, whatever is put and taken out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.cids import Cids

_CIDS = st.from_regex(r"[0-9]{1,16}", fullmatch=True) | st.sampled_from(["", "0", "00", "1", "01", "9" * 16])


@given(moves=st.lists(st.tuples(st.integers(0, 19), _CIDS), max_size=120))
def test_it_is_what_a_dictionary_would_be(moves: list[tuple[int, str]]) -> None:
    cids, plain = Cids(), dict[int, str]()
    cids.grow(20)
    for place, cid in moves:
        if cid and cid in plain.values() and plain.get(place) != cid:
            continue
        cids.put(place, cid)
        plain[place] = cid

    assert {place: cids.of(place) for place in plain} == plain
    assert {cid: cids.find(cid) for cid in plain.values() if cid} == {c: place for place, c in plain.items() if c}
    assert all(cids.find(cid) is None for _, cid in moves if cid not in plain.values())


@pytest.mark.parametrize("step", [1, 8, 1 << 16, 1_000_003])
def test_many_are_found_whatever_lies_between_them(step: int) -> None:
    cids = Cids()
    cids.grow(5000)
    for place in range(5000):
        cids.put(place, str(place * step))
    for place in range(0, 5000, 2):
        cids.put(place, "")

    assert all(cids.find(str(place * step)) == (place if place % 2 else None) for place in range(5000))
    assert len(cids._table) <= 1 << 15


@pytest.mark.parametrize("cid", ["x", "1" * 17, "-1", "+1", "1 ", "٣", "²", "1.0", "1_0"])
def test_what_is_no_identity_is_nobody_s_and_cannot_be_given(cid: str) -> None:
    cids = Cids()
    cids.grow(1)

    assert cids.find(cid) is None
    with pytest.raises(ValueError, match="digits"):
        cids.put(0, cid)
    assert cids.of(0) == ""
