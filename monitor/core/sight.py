"""Whether it is they who are gone or we who cannot see.

A check reached over our own line is believed to have failed only when a canary answered after its trouble began;
when every canary is gone too, the finding is UNKNOWN for the reason `blind`, and our own line has the incident.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from monitor.core.finding import CheckName, Finding, Miss, Outcome, Reason


class Answer(StrEnum):
    """What the canaries say of a failure."""

    CLEAR = "clear"
    BLIND = "blind"
    WAIT = "wait"


@dataclass(frozen=True, slots=True)
class Look:
    """One canary's latest finding."""

    at: datetime
    good: bool


@dataclass(frozen=True, slots=True)
class Sight:
    """The latest look of every canary, and the latest good one of any. `canaries` are the names that must all be gone."""

    canaries: frozenset[CheckName] = frozenset()
    looks: Mapping[CheckName, Look] = field(default_factory=dict)
    clear_at: datetime | None = None

    def after(self, finding: Finding) -> "Sight":
        """The sight after a canary's finding."""
        good = finding.outcome in (Outcome.OK, Outcome.WARN)
        looks = {**self.looks, finding.check: Look(finding.at, good)}
        clear = max(self.clear_at, finding.at) if good and self.clear_at else self.clear_at
        return replace(self, looks=looks, clear_at=finding.at if good and clear is None else clear)

    @property
    def blind(self) -> bool:
        """True when there are canaries and the latest look of every one of them failed."""
        return bool(self.canaries) and all(name in self.looks and not self.looks[name].good for name in self.canaries)

    def answer(self, trouble_began: datetime) -> Answer:
        """Whether a trouble that began then can be believed: a canary has answered since, none does, or wait."""
        if not self.canaries or (self.clear_at is not None and self.clear_at >= trouble_began):
            return Answer.CLEAR
        return Answer.BLIND if self.blind else Answer.WAIT


def as_canary(finding: Finding) -> Finding:
    """A canary that our own side could not reach has failed: that is just what it is there to show."""
    if finding.outcome is Outcome.UNKNOWN and finding.reason in (Reason.NO_ROUTE, Reason.RESOLVER):
        return replace(finding, outcome=Outcome.FAIL)
    return finding


def as_unknown(finding: Finding) -> Finding:
    """The same finding, said by somebody who is blind."""
    return replace(finding, outcome=Outcome.UNKNOWN, misses=(Miss(Reason.BLIND), *finding.misses), grade=0)
