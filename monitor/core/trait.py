"""What the missing devices share: the one value that tells them best from the rest, or nothing when none does.

A value is named only when it holds for much more of the missing than of all, by more than chance makes it.
"""

from collections.abc import Mapping, Sequence
from math import log
from typing import Final

from monitor.core.fleet import Trait

NAMES: Final[Mapping[str, str]] = {
    "vendor": "leverandør",
    "model": "model",
    "operator": "operatør",
    "receiver": "modtager",
    "area": "område",
    "firmware": "firmware",
}
LEAST: Final = 4
LIFT: Final = 1.3
EVIDENCE: Final = 12.0
"""G² at which a value stands out: by chance in one of 2,000 cases for each value."""
SIGNED: Final = 6.0
"""The same where the early sign says that something is shared."""
_LONGEST: Final = 80


def trait(
    groups: Sequence[tuple[str, str]], missing: Sequence[int], sizes: Sequence[int], enough: float = EVIDENCE
) -> Trait | None:
    """The value that tells the missing from the rest best; None when nothing stands out.

    `groups` are (attribute, value), the first being all devices; `missing` and `sizes` count each group's devices.
    """
    if missing[0] < LEAST or sizes[0] <= missing[0]:
        return None
    told = [
        (evidence(missing[at], sizes[at], missing[0], sizes[0]), -at, attribute, value)
        for at, (attribute, value) in enumerate(groups)
        if attribute and missing[at] * sizes[0] >= LIFT * sizes[at] * missing[0]
    ]
    best = max(told, default=None)
    if best is None or best[0] < enough + 2 * log(len(told)):
        return None
    _, at, attribute, value = best
    of_missing, of_all = missing[-at] / missing[0], sizes[-at] / sizes[0]
    return Trait(attribute, value, of_missing, of_all, words(attribute, value, of_missing, of_all))


def evidence(inside: int, size: int, missing: int, whole: int) -> float:
    """G² of a group against the rest: twice the log-likelihood ratio of two shares missing against one."""
    rest, left = missing - inside, whole - size
    return 2 * (_entropy(inside, size, missing / whole) + (_entropy(rest, left, missing / whole) if left else 0.0))


def _entropy(count: int, size: int, share: float) -> float:
    part = count * log(count / (size * share)) if count else 0.0
    other = size - count
    return part + (other * log(other / (size * (1 - share))) if other else 0.0)


def words(attribute: str, value: str, of_missing: float, of_all: float) -> str:
    """The trait in Danish, at most 80 characters: a long value is cut, never the shares."""
    before = f"{_percent(of_missing)} af de tavse har {NAMES.get(attribute, attribute[:16])} "
    after = f", mod {_percent(of_all)} af alle"
    room = _LONGEST - len(before) - len(after)
    shown = value if len(value) <= room else value[: room - 1].rstrip() + "."
    return before + shown + after


def _percent(share: float) -> str:
    """Whole per cent; what is not none or all is never shown as that."""
    whole = round(100 * share)
    if 0 < share < 1:
        whole = min(max(whole, 1), 99)
    return f"{whole} %"
