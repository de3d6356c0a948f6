"""GSM 03.38: every text comes out in the alphabet, at its price, and cut where a reader would cut it."""

import unicodedata
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.gsm import (
    BASIC,
    EXTENSION,
    JOINED_PART,
    LONGEST,
    ONE_PART,
    cut,
    is_gsm,
    parts,
    septets,
    transliterate,
)

ALPHABET = "".join(sorted(BASIC | EXTENSION))
anything = st.text(max_size=400)
awkward = st.text(
    alphabet=st.sampled_from([*"aæ €{}[]~\\|^'.\n", "\u00a0", "\u200b", "“", "é", "\u0301", "🔥"]), max_size=400
)
sendable = st.text(alphabet=ALPHABET, max_size=700)


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("Nødkald nede: æøå ÆØÅ é ü ß", "Nødkald nede: æøå ÆØÅ é ü ß"),
        ("“Nexus” ’svarer‘ „ikke‟", "\"Nexus\" 'svarer' \"ikke\""),
        ("nede – siden — kl. 14", "nede - siden - kl. 14"),
        ("vent…", "vent..."),
        ("• første • anden", "- første - anden"),
        ("kl.\u00a014:30\u202fi\u2009dag", "kl. 14:30 i dag"),
        ("Om\u200bsorgs\u00advagt\ufeff", "Omsorgsvagt"),
        ("á í ó ú ê â ç ã õ ÿ Š ž", "a i o u e a c a o y S z"),
        ("a\u030a e\u0301 A\u0308", "å é Ä"),
        ("alarm 🔥 nu 👩‍🚒!", "alarm nu !"),
        ("⚠️ nede, ✅ oppe, ❌ nej", "! nede, OK oppe, X nej"),
        ("1\ufe0f\u20e3 dansk 🇩🇰", "1 dansk"),
        ("½ m², 38 °C, № 5 ™ ﬁ ＡＢ", "1/2 m2, 38 C, No 5 TM fi AB"),
        ("Привет 你好", "?????? ??"),
        ("٣ og ३", "3 og 3"),
        ("linje\r\nlinje\rlinje\u2028slut\tx", "linje\nlinje\nlinje\nslut x"),
        ("a\x00b\x1bc\x7f\x9b", "abc"),
        ("to   ord  \n  her ", "to ord\nher"),
        ("\ud800\udfff\ue000", ""),
        ("€ {x} [y] ~ \\ | ^", "€ {x} [y] ~ \\ | ^"),
        ("`kode´ × 3 ± 1 → nu", "'kode' x 3 +/- 1 -> nu"),
        ("łđðþœŁÐÞŒẞ", "lddthoeLDThOESS"),
    ],
)  # fmt: skip
def test_what_is_written_and_what_is_sent(written: str, sent: str) -> None:
    assert transliterate(written) == sent


def test_no_character_of_unicode_gets_through_as_it_is() -> None:
    ideographs_and_private = range(0x20000, 0x110000, 97)
    for code in chain(range(0x20000), range(0xE0000, 0xE0200), ideographs_and_private):
        sent = transliterate(chr(code))
        assert is_gsm(sent), hex(code)
        assert not any(unicodedata.category(c) == "Cc" and c != "\n" for c in sent), hex(code)


@given(anything | awkward)
def test_transliterating_twice_changes_nothing_more(text: str) -> None:
    assert transliterate(transliterate(text)) == transliterate(text)
    assert is_gsm(transliterate(text))


@given(st.text(alphabet="abcæøåÆØÅ0123456789.,:;!?€{}", max_size=400))
def test_what_is_already_right_is_not_touched(text: str) -> None:
    assert transliterate(text) == text


@given(sendable)
def test_the_price_is_one_and_two(text: str) -> None:
    plain = transliterate(text)
    assert septets(text) == sum(2 if character in EXTENSION else 1 for character in plain)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        # 153 is odd: the 77th escape pair does not fit in what is left, and starts the second part.
        ("€" * 152, 2),
        ("€" * 153, 3),
        ("æ" * 160, 1),
        ("“" * 160, 1),
        ("…" * 54, 2),
    ],
)
def test_parts(text: str, count: int) -> None:
    assert parts(text) == count


@given(sendable)
def test_parts_are_neither_more_nor_fewer_than_can_be(text: str) -> None:
    price = septets(text)
    if price <= ONE_PART:
        assert parts(text) == 1
    else:
        assert -(-price // JOINED_PART) <= parts(text) <= -(-price // (JOINED_PART - 1))


@given(anything | awkward | sendable, st.integers(0, 400))
def test_a_cut_is_within_its_limit_and_begins_as_the_text_does(text: str, limit: int) -> None:
    short = cut(text, limit)
    plain = transliterate(text)
    assert is_gsm(short)
    assert septets(short) <= limit
    if septets(text) <= limit:
        assert short == plain
    elif limit >= 3:
        assert short.endswith("...")
        assert plain.startswith(short[:-3])


@given(st.lists(st.text(alphabet="abcæøå€{", min_size=1, max_size=8), min_size=82, max_size=100).map(" ".join))
def test_a_cut_leaves_out_no_more_than_the_word_it_would_break(text: str) -> None:
    longest_word = 2 * 8
    assert 160 - len("...") - longest_word - 1 <= septets(cut(text)) <= 160


def test_a_cut_ends_at_a_word_and_keeps_what_and_where() -> None:
    text = "NEDE Nødkald siden 14:32. Hændelse 26-0007. Svar OK 4711. " + "Ring til kollegerne på aftenholdet nu. " * 6

    short = cut(text)

    assert short.startswith(text[:40])
    assert short[:-3].rstrip() in text
    assert short.removesuffix("...").rsplit(" ", 1)[-1] in text.split()
    assert 130 <= septets(short) <= 160


def test_a_cut_splits_no_escape_pair() -> None:
    assert cut("a" * 156 + "€€€€") == "a" * 156 + "..."
    assert cut("a" * 155 + "€€€€") == "a" * 155 + "€..."


def test_a_long_word_is_cut_in_the_middle() -> None:
    assert cut("Ja " + "x" * 300) == "Ja " + "x" * 154 + "..."


def test_a_huge_text_costs_no_more_than_its_beginning() -> None:
    marks = "a" + "\u0301\u0323\u0327" * 1_000_000

    assert len(transliterate(marks)) <= LONGEST
    assert len(cut("nede " * 1_000_000)) <= 160
