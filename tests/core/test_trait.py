"""What the missing share: the right value is named, chance is not, and the words fit."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from monitor.core.fleet import Trait
from monitor.core.trait import evidence, trait, words

ALL = ("", "")


def test_the_operator_is_named_with_both_shares() -> None:
    groups = [ALL, ("operator", "X"), ("operator", "Y"), ("vendor", "A"), ("vendor", "B")]
    found = trait(groups, [50, 49, 1, 26, 24], [2000, 740, 1260, 1000, 1000])

    assert found == Trait("operator", "X", 0.98, 0.37, "98 % af de tavse har operatør X, mod 37 % af alle")


def test_the_narrower_of_two_values_that_hold_for_all_is_named() -> None:
    groups = [ALL, ("vendor", "A"), ("model", "A1")]
    found = trait(groups, [30, 30, 30], [1000, 500, 100])

    assert found is not None and (found.attribute, found.value) == ("model", "A1")


def test_nothing_is_named_where_nothing_stands_out() -> None:
    groups = [ALL, ("operator", "X"), ("operator", "Y")]

    assert trait(groups, [100, 40, 60], [2000, 740, 1260]) is None
    assert trait(groups, [3, 3, 0], [2000, 20, 1980]) is None
    assert trait(groups, [0, 0, 0], [0, 0, 0]) is None
    assert trait(groups, [2000, 740, 1260], [2000, 740, 1260]) is None
    assert trait([ALL], [500], [2000]) is None
    # Nine of ten have it, and so have all others.
    assert trait([ALL, ("vendor", "A")], [100, 90], [2000, 1800]) is None


def test_chance_is_hardly_ever_named() -> None:
    random = Random(3)
    groups = [ALL, *(("area", f"D{n}") for n in range(40))]
    sizes = [2000, *[50] * 40]
    named = 0
    for _ in range(500):
        missing = [0] * 41
        for home in random.sample(range(2000), 20):
            missing[0] += 1
            missing[1 + home % 40] += 1
        named += trait(groups, missing, sizes) is not None

    assert named <= 2


@given(st.text(max_size=200), st.text(max_size=200), st.floats(0, 1), st.floats(0, 1))
def test_the_words_fit_and_keep_the_shares(attribute: str, value: str, of_missing: float, of_all: float) -> None:
    text = words(attribute, value, of_missing, of_all)

    assert len(text) <= 80
    assert " af alle" in text and " % af de tavse har " in text


def test_part_is_never_shown_as_all_or_none() -> None:
    assert words("area", "Nord", 0.999, 0.001) == "99 % af de tavse har område Nord, mod 1 % af alle"
    assert words("area", "Nord", 1.0, 0.0) == "100 % af de tavse har område Nord, mod 0 % af alle"


@given(st.integers(1, 500), st.integers(0, 500), st.data())
def test_evidence_is_never_negative_and_grows_with_the_gap(missing: int, well: int, data: st.DataObject) -> None:
    whole = missing + well + 1
    inside = data.draw(st.integers(0, missing))
    size = inside + data.draw(st.integers(0, well + 1))
    if 0 < size < whole:
        assert evidence(inside, size, missing, whole) >= -1e-9
