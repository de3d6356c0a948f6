"""What an expectation looks for in a text: a plain text, or a regular expression written `/like this/i`.

No pattern can take the whole service with it, whatever a stranger's server sends.

Context: Python's matcher cannot be stopped while it runs and holds everything else up; `(a+)+` over a hostile page
takes years, and `.*x` already grows with the square of the page. Choice: each repetition has an upper bound, a group
is never repeated, the bounds multiply to at most 256, and a regular expression sees the first 65,536 characters only
(a plain text sees all): at most some 0.1 s. Price: `.*` is refused while loading; `.{0,100}` is written instead.
"""

import re
from dataclasses import dataclass, field
from typing import Annotated, Final

from pydantic import PlainValidator

_WRITTEN: Final = re.compile(r"/(.+)/([ims]{0,3})", re.DOTALL)
_REPEAT: Final = re.compile(r"\{(\d*)(,?)(\d*)\}[?+]?")
_TOKEN: Final = re.compile(
    r"""\\.                                # an escaped character
    |\[\^?\]?(?:\\.|[^\]\\])*\]            # a class
    |\((?:\?[^()]{0,40}?[:=!>)])?           # a group's beginning, or flags
    |\{\d*,?\d*\}[?+]?|[*+?][?+]?|.       # a repetition, or any other character
    """,
    re.DOTALL | re.VERBOSE,
)
_FLAGS: Final = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL}
_LONGEST: Final = 300
_MOST: Final = 256
_SIGHT: Final = 65_536
_WALK: Final = 64


@dataclass(frozen=True, slots=True)
class Pattern:
    """One thing to look for. `label` is what the operator wrote."""

    label: str
    regex: re.Pattern[str] | None = field(default=None, repr=False)

    def found(self, text: str) -> bool:
        """Whether the text holds it."""
        return self.label in text if self.regex is None else self.regex.search(text, 0, _SIGHT) is not None

    def taken(self, text: str) -> str | None:
        """The first group's text, or the whole match's; None when nothing matches."""
        match = self.regex.search(text, 0, _SIGHT) if self.regex else None
        return match[1 if match.re.groups else 0] if match else None


def parse(text: object) -> Pattern:
    """The pattern behind a setting. Raises ValueError naming what to write instead."""
    if isinstance(text, Pattern):
        return text
    label = str(text)
    written = _WRITTEN.fullmatch(label)
    if not label or len(label) > _LONGEST:
        raise ValueError(f"a pattern has 1 to {_LONGEST} characters")
    if written is None:
        return Pattern(label)
    _affordable(written[1])
    try:
        return Pattern(label, re.compile(written[1], sum(_FLAGS[flag] for flag in set(written[2]))))
    except (re.error, OverflowError, RecursionError) as exc:
        raise ValueError(f"not a regular expression: {exc}") from exc


def _affordable(source: str) -> None:
    """Raises ValueError unless the repetitions' bounds multiply to little enough."""
    if re.search(r"\(\?[a-zA-Z]{0,6}x", source):
        raise ValueError("the flag x is not known; use i, m and s after the last /")
    cost, before = 1, ""
    for token in _TOKEN.findall(source):
        bound = _bound(token)
        if before == ")" and _REPEAT.fullmatch(token):
            raise ValueError(f"a group is not repeated by {token}; write it out, or repeat one character")
        cost *= bound
        if cost > _MOST:
            raise ValueError(f"the bounds of the repetitions multiply to more than {_MOST}; lower them")
        before = token


def _bound(token: str) -> int:
    """How many ways a token multiplies the work: 1 when it repeats nothing. Raises ValueError for one without end."""
    repeat = _REPEAT.fullmatch(token)
    if token[0] in "*+" or (repeat and repeat[2] and not repeat[3]):
        raise ValueError(f"{token} repeats without end; write a bound, for instance .{{0,100}}")
    if repeat and repeat[3]:
        return max(2, int(repeat[3]))
    # `{8}` leaves nothing to choose, but a long one is walked from each place in the text.
    exactly = int(repeat[1]) if repeat and repeat[1] else 1
    return 2 if token[0] == "?" else exactly if exactly > _WALK else 1


PatternText = Annotated[Pattern, PlainValidator(parse)]
"""A setting that is a plain text or a /regular expression/ with the flags i, m, s."""
