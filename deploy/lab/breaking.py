"""Ways to break a stand-in, and what a fault does to a request at a given moment.

A fault is a name with numbers and the time it began; everything it does is a pure function of the time since.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Act(StrEnum):
    """What becomes of one request before the stand-in itself sees it."""

    ANSWER = "answer"
    UNAVAILABLE = "unavailable"
    RESET = "reset"
    HANG = "hang"


@dataclass(frozen=True, slots=True)
class How:
    """One way to break: what happens, and its numbers with their defaults (seconds, shares, days)."""

    says: str
    numbers: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fault:
    """A way to break that is in force. `since` is in seconds of the lab's clock."""

    how: str
    since: float
    numbers: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Wire:
    """How the wire behaves for one request: wait `delay` seconds, then `act`; `errors` is the share answered 500."""

    act: Act = Act.ANSWER
    delay: float = 0.0
    errors: float = 0.0


HEALTHY = Wire()

SHUT = frozenset({"refuse", "down"})
"""Faults that close the port."""

ON_THE_WIRE: dict[str, How] = {
    "refuse": How("the port is closed: connections are refused"),
    "reset": How("the request is read, then the connection is reset"),
    "hang": How("the request is read and never answered"),
    "503": How("every request is answered 503"),
    "slow": How("every answer is delayed", {"seconds": 3.0}),
    "slowing": How(
        "the delay grows evenly, errors rise to a share, and when the time is up all is 503 (SCENARIOS 4)",
        {"first": 0.4, "last": 8.0, "over": 4 * 3600.0, "errors": 0.3},
    ),
    "flap": How("503 for a while at the start of each period (SCENARIOS 5)", {"down": 20.0, "every": 180.0}),
}
"""Ways to break that every HTTP stand-in has."""


def wire(fault: Fault | None, now: float) -> Wire:
    """What `fault` does to a request that arrives at `now`; a fault of the stand-in's own leaves the wire alone."""
    if fault is None:
        return HEALTHY
    elapsed = max(0.0, now - fault.since)
    numbers = fault.numbers
    match fault.how:
        case "reset":
            return Wire(Act.RESET)
        case "hang":
            return Wire(Act.HANG)
        case "503":
            return Wire(Act.UNAVAILABLE)
        case "slow":
            return Wire(delay=numbers["seconds"])
        case "slowing":
            return _slowing(numbers, elapsed)
        case "flap":
            return Wire(Act.UNAVAILABLE) if elapsed % numbers["every"] < numbers["down"] else HEALTHY
        case _:
            return HEALTHY


def _slowing(numbers: Mapping[str, float], elapsed: float) -> Wire:
    gone = elapsed / numbers["over"] if numbers["over"] > 0 else 1.0
    if gone >= 1.0:
        return Wire(Act.UNAVAILABLE)
    delay = numbers["first"] + (numbers["last"] - numbers["first"]) * gone
    return Wire(delay=delay, errors=numbers["errors"] * gone)


class Unknown(LookupError):
    """A system or a way to break that the lab has not; the text lists those it has."""


def chosen(hows: Mapping[str, How], how: str, given: Mapping[str, str], now: float) -> Fault:
    """The fault a request asks for. Raises Unknown for a way or number that is not there, else ValueError."""
    if how not in hows:
        raise Unknown(f"no way to break called {how!r}; there are: {', '.join(sorted(hows))}")
    numbers = dict(hows[how].numbers)
    for key, text in given.items():
        if key not in numbers:
            raise Unknown(f"{how} has no number {key!r}; it has: {', '.join(numbers) or 'none'}")
        numbers[key] = _number(key, text)
    if numbers.get("every", 1.0) <= 0:
        raise ValueError("every must be above 0")
    return Fault(how, now, numbers)


def _number(key: str, text: str) -> float:
    value = float(text)
    if not -1e9 < value < 1e9:
        raise ValueError(f"{key} must be a plain number, not {text!r}")
    return value
