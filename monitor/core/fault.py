"""The one exception a probe raises when its own reading of the wire fails: a named reason with what was seen."""

from monitor.core.finding import Miss, Reason


class ProbeFault(Exception):
    """A probe cannot go on; carries the expectation that failed."""

    def __init__(self, reason: Reason, expected: str = "", seen: str = "") -> None:
        super().__init__(f"{reason}: expected {expected or '-'}, saw {seen or '-'}")
        self.miss = Miss(reason, expected, seen)
