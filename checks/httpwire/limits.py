"""How much of an answer a probe takes in, and the fault it raises beyond that.

Every figure a stranger's server can drive up is bounded here, so a hostile answer costs a probe's own time and no more.
"""

from dataclasses import dataclass

from monitor.core.fault import ProbeFault
from monitor.core.finding import Reason


@dataclass(frozen=True, slots=True)
class Limits:
    """Upper bounds for one answer, in bytes and counts; `body` bounds the bytes on the wire and, apart, the decoded."""

    body: int = 262_144
    head: int = 65_536
    """All header lines together, those of interim answers and trailers included."""
    headers: int = 200
    interim: int = 8
    """Answers 1xx before the final one (RFC 9110 section 15.2 sets no bound)."""

    @property
    def wire(self) -> int:
        """All bytes of the answer: chunks of one byte carry six of framing each (RFC 9112 section 7.1)."""
        return self.head + 8 * self.body


def too_large(what: str, limit: int) -> ProbeFault:
    """A fault of reason TOO_LARGE: `what` went beyond `limit`."""
    return ProbeFault(Reason.TOO_LARGE, f"{what} højst {limit}", "mere")


def garbled(seen: str) -> ProbeFault:
    """A fault of reason PROTOCOL: the answer is not HTTP/1.1 as RFC 9112 has it."""
    return ProbeFault(Reason.PROTOCOL, "HTTP/1.1", seen)
