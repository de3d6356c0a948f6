"""Finds secrets written in clear where their names should stand.

The value is never repeated: not in a fault, not in a log.
"""

import re
from collections.abc import Iterator

from monitor.plan.parse import IN_CLEAR, NAME_IT, SECRETISH
from monitor.plan.part import Part
from monitor.plan.settings import LOOKUP_NAME

_NAME = re.compile(LOOKUP_NAME)
_PLACE = re.compile(r"\{[a-z][a-z0-9_:]*\}")
"""Where a value or a secret is filled in when the text is used."""
_RANDOM = re.compile(r"(?=(?:[^0-9]*[0-9]){4})[a-z0-9]{16,}")
"""No name a person would choose: long, without _, digits here and there."""
_IN_ADDRESS = re.compile(r"://[^/\s:@?#]*:[^/\s@?#]+@")
_SENT = frozenset({"headers", "form"})
"""Below these a text is sent as it stands; elsewhere what stands under a secret's key is its name."""
_SEEN = frozenset({"expect", "take"})
"""Below these nothing is a secret: it says what comes back."""


def in_clear(part: Part) -> None:
    """Tell every value below `part` that looks like the secret itself."""
    for below, path in _texts(part, ()):
        text, sent = below.text, bool(_SENT & set(path))
        named = not sent and _NAME.fullmatch(text) and not _RANDOM.fullmatch(text)
        if text and _is_secret(path) and not named and not _PLACE.search(text):
            below.wrong(IN_CLEAR, NAME_IT)
        elif _IN_ADDRESS.search(text):
            below.wrong("this address has a password written in clear", "Take user and password out of the address")


def _is_secret(path: tuple[str, ...]) -> bool:
    key = path[-1] if path else ""
    cookie = key.lower() == "cookie" and "headers" in path
    return not _SEEN & set(path) and (cookie or bool(SECRETISH.search(key)))


def _texts(part: Part, path: tuple[str, ...]) -> Iterator[tuple[Part, tuple[str, ...]]]:
    """Every text below, with the keys that lead to it."""
    value = part.node.value
    if isinstance(value, str):
        yield part, path
        return
    for step in value if isinstance(value, dict) else range(len(value)):
        below = part.get(step)
        if below is not None:
            yield from _texts(below, (*path, step) if isinstance(step, str) else path)
