"""GSM 03.38: what an SMS may be written with, what it costs and how it is cut.

Every text that leaves by SMS is written in this alphabet: one foreign character would cut a part from 160 to 70.
"""

import re
import unicodedata

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""The default alphabet, one septet each (3GPP TS 23.038 §6.2.1)."""
EXTENSION = frozenset("\f^{}\\[~]|€")
"""The extension table, an escape and a septet each (3GPP TS 23.038 §6.2.1.1)."""

ONE_PART = 160
JOINED_PART = 153
"""Septets in each part when several are joined: the user data header takes seven (3GPP TS 23.040 §9.2.3.24)."""
LONGEST = 4_000
"""Characters looked at; normalising a longer run of combining marks would cost time by the square."""

_ELLIPSIS = "..."
_WORD_BACK = 24
"""A cut goes back to the end of a word when there is one within this many septets."""

_STANDS_FOR = {
    **dict.fromkeys("‘’‚‛‹›′ʼ`´", "'"),
    **dict.fromkeys("“”„‟«»″", '"'),
    **dict.fromkeys("‐‑‒–—―−•‣◦·⁃¬", "-"),
    **dict.fromkeys("\r\u0085\u2028\u2029\v\f", "\n"),
    **dict.fromkeys("✓✔✅", "OK"),
    **dict.fromkeys("✗✖❌", "X"),
    **dict.fromkeys("⚠❗", "!"),
    **dict.fromkeys("ðđ", "d"),
    "…": _ELLIPSIS, "⁄": "/", "÷": "/", "×": "x", "±": "+/-", "≤": "<=", "≥": ">=", "≈": "ca.", "→": "->", "←": "<-",
    "\t": " ", "©": "(c)", "®": "(R)", "¢": "c", "¦": "|", "œ": "oe", "Œ": "OE", "þ": "th", "Þ": "Th", "ł": "l",
    "Ł": "L", "Đ": "D", "Ð": "D", "ı": "i", "ẞ": "SS",
}  # fmt: skip


def transliterate(text: str) -> str:
    """The text in GSM 03.38, as near to what was written as the alphabet allows; always `is_gsm`.

    Quotes, dashes and accents become their plain forms; emoji, zero-width and control characters are dropped; a
    letter of a foreign script becomes `?`, so that it is seen to be missing. Runs of spaces become one, line ends are
    `\\n`, and the ends are stripped. Transliterating twice changes nothing more. Only the first LONGEST characters
    are looked at.
    """
    composed = unicodedata.normalize("NFC", text[:LONGEST].replace("\r\n", "\n"))
    plain = "".join(map(_plain, composed))
    return re.sub(r" *\n *", "\n", re.sub(r" {2,}", " ", plain)).strip()


def is_gsm(text: str) -> bool:
    """Whether every character is in the alphabet or its extension table."""
    return all(c in BASIC or c in EXTENSION for c in text)


def septets(text: str) -> int:
    """What the text costs in septets once transliterated; a character of the extension table costs two."""
    return _cost(transliterate(text))


def parts(text: str) -> int:
    """How many SMS the text is sent as once transliterated; never 0. No escape pair is split over two parts."""
    plain = transliterate(text)
    if _cost(plain) <= ONE_PART:
        return 1
    count, room = 1, JOINED_PART
    for character in plain:
        cost = _cost(character)
        if cost > room:
            count, room = count + 1, JOINED_PART
        room -= cost
    return count


def cut(text: str, septets: int = ONE_PART) -> str:
    """The transliterated text within `septets`, the first words kept; ends in `...` when something was left out.

    Never ends in half an escape pair. Goes back to the end of a word when one is near.
    """
    plain = transliterate(text)
    if _cost(plain) <= septets:
        return plain
    kept = _first(plain, septets - len(_ELLIPSIS))
    if not plain[len(kept)].isspace():
        word_end = max(kept.rfind(" "), kept.rfind("\n"))
        if word_end > 0 and _cost(kept[word_end:]) <= _WORD_BACK:
            kept = kept[:word_end]
    return (kept.rstrip(" \n.,;:-") + _ELLIPSIS)[: max(septets, 0)]


def _first(plain: str, room: int) -> str:
    """The longest beginning that costs at most `room`."""
    for index, character in enumerate(plain):
        room -= _cost(character)
        if room < 0:
            return plain[:index]
    return plain


def _cost(plain: str) -> int:
    return len(plain) + sum(character in EXTENSION for character in plain)


def _plain(character: str) -> str:
    """One character's stand-in; a decomposition is taken apart until nothing foreign is left."""
    known = _STANDS_FOR.get(character)
    if known is not None:
        return known
    if character in BASIC or character in EXTENSION:
        return character
    decomposed = unicodedata.normalize("NFKD", character)
    if decomposed != character:
        return "".join(map(_plain, decomposed))
    return _for_category(character, unicodedata.category(character))


def _for_category(character: str, category: str) -> str:
    if category == "Nd":
        return str(unicodedata.decimal(character))
    if category.startswith("Z"):
        return " "
    return "?" if category.startswith(("L", "N")) else ""
