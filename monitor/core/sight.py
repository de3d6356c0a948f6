"""Whether it is they who are gone or we who cannot see.

A check reached over our own line is believed to have failed only when a canary answered after its trouble began;
while our own line is known to be gone, the finding is UNKNOWN for the reason `blind`. Nothing is called blind before
our own line has its incident: what silences others must itself be told.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from monitor.core.finding import CheckName, Finding, Miss, Outcome, Reason
from monitor.core.plan import CheckRule, Rules


class Answer(StrEnum):
    """What the canaries say of a failure."""

    CLEAR = "clear"
    BLIND = "blind"
    WAIT = "wait"


@dataclass(frozen=True, slots=True)
class Look:
    """One canary's latest finding. `good` is None when it could not look: that says nothing of our line."""

    at: datetime
    good: bool | None


@dataclass(frozen=True, slots=True)
class Sight:
    """The latest look of every canary, and the latest good one of any; we are blind when all `canaries` are gone."""

    canaries: frozenset[CheckName] = frozenset()
    looks: Mapping[CheckName, Look] = field(default_factory=dict)
    clear_at: datetime | None = None

    def after(self, finding: Finding) -> "Sight":
        """The sight after a canary's finding."""
        good = None if finding.outcome is Outcome.UNKNOWN else finding.outcome in (Outcome.OK, Outcome.WARN)
        looks = {**self.looks, finding.check: Look(finding.at, good)}
        clear = self.clear_at
        if good and (clear is None or clear < finding.at):
            clear = finding.at
        return replace(self, looks=looks, clear_at=clear)

    def over(self, canaries: frozenset[CheckName]) -> "Sight":
        """The same sight with another set of canaries: what the ones that stay have seen is kept."""
        looks = {name: look for name, look in self.looks.items() if name in canaries}
        return Sight(canaries, looks, self.clear_at if looks else None)

    @property
    def blind(self) -> bool:
        """True when every canary has looked, and the latest look of each that could look failed."""
        if not self.canaries or any(name not in self.looks for name in self.canaries):
            return False
        goods = [look.good for look in self.looks.values() if look.good is not None]
        return bool(goods) and not any(goods)

    def answer(self, trouble_began: datetime, *, told: bool) -> Answer:
        """Whether a trouble that began then can be believed.

        `told`: our own line is believed to be down, so somebody hears of it. Until then a failing canary is no reason
        to call anything blind, only to wait (at most `patience`).
        """
        if self.blind:
            return Answer.BLIND if told else Answer.WAIT
        if not self.canaries or (self.clear_at is not None and self.clear_at >= trouble_began):
            return Answer.CLEAR
        return Answer.WAIT


def patience(canaries: Iterable[CheckRule], rules: Rules) -> float:
    """Seconds a full count of failures waits for the canaries at the most: enough to confirm that all are gone."""
    needs = (rule.confirm * max(rule.retry_every, rule.timeout) + rule.timeout for rule in canaries)
    return max([rules.fresh_within, *needs])


def as_canary(finding: Finding) -> Finding:
    """A canary that our own side could not reach has failed: that is just what it is there to show."""
    if finding.outcome is Outcome.UNKNOWN and finding.reason in (Reason.NO_ROUTE, Reason.RESOLVER):
        return replace(finding, outcome=Outcome.FAIL)
    return finding


def as_unknown(finding: Finding) -> Finding:
    """The same finding, said by somebody who is blind."""
    return replace(finding, outcome=Outcome.UNKNOWN, misses=(Miss(Reason.BLIND), *finding.misses), grade=0)
