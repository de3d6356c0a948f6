"""Findings become beliefs, beliefs incidents, and the first alarm is in the same transaction as its incident.

`heard` runs for every probe and only touches memory; what changed is decided in `cycle`, many changes in one
transaction, so five hundred systems that fall together cost a handful of commits.
"""

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta

from monitor.core import words
from monitor.core.dependencies import ancestors
from monitor.core.finding import CheckName, Finding, Outcome, Reason, SystemName
from monitor.core.plan import OWN_LINE, OWN_SYSTEMS, CheckRule
from monitor.core.records import Batch, BeliefRow, TransitionRow
from monitor.core.sight import Answer, as_canary, as_unknown, patience
from monitor.core.state import Belief, State, Transition, changed, confirmed, step
from monitor.engine.desk import Desk
from monitor.engine.settle import settle_system

_IDLE = 1.0
_NOBODY = Belief()
_OUR_WAY = frozenset({Reason.NO_ROUTE, Reason.RESOLVER})
_REACH = frozenset({Reason.TIMEOUT, Reason.REFUSED, Reason.RESET, Reason.NAME_UNKNOWN, Reason.TLS})
"""What a dead line of ours looks like, however mildly a check judges it; slow or wrong answers came over a live one."""


@dataclass(frozen=True, slots=True)
class Held:
    """A full count of failures that waits for a canary, `since` (monotonic) when."""

    finding: Finding
    since: float


class Ingest:
    """The way in: `heard` takes a finding, `cycle` settles what findings have changed."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._changed: dict[SystemName, None] = {}
        self._failed: dict[SystemName, None] = {}
        self._held: dict[CheckName, Held] = {}
        self._wake = asyncio.Event()

    def heard(self, finding: Finding) -> bool:
        """Take one finding into memory. True when the check may rest for its whole interval."""
        rule = self.desk.plan.checks.get(finding.check)
        if rule is None:
            return True
        self._note(finding)
        if rule.canary:
            finding = as_canary(finding)
            self._look(finding)
        return self._believe(finding, rule)

    def touch(self, system: SystemName) -> None:
        """Look at this system again at the next cycle, though no finding came."""
        self._changed[system] = None
        self._wake.set()

    def forget_held(self) -> None:
        """What waits for a canary was seen before a time in which nobody watched: it is found anew."""
        self._held.clear()

    def move(self, by: timedelta) -> None:
        """The clock has been set: what is held was seen that much earlier or later."""
        moved = {name: replace(held.finding, at=held.finding.at + by) for name, held in self._held.items()}
        self._held = {name: replace(self._held[name], finding=finding) for name, finding in moved.items()}

    @property
    def waiting(self) -> bool:
        """True while a change waits to be settled."""
        return bool(self._changed)

    def _note(self, finding: Finding) -> None:
        self.desk.findings[finding.check] = finding
        counts = self.desk.outcomes.setdefault(finding.check, {})
        counts[finding.outcome.value] = counts.get(finding.outcome.value, 0) + 1

    def _look(self, finding: Finding) -> None:
        """A canary has answered."""
        self.desk.sight = self.desk.sight.after(finding)

    def _believe(self, finding: Finding, rule: CheckRule) -> bool:
        before = self.desk.ledger.beliefs.get(finding.check, _NOBODY)
        finding, may_confirm = self._from_here(finding, rule, before)
        after = step(before, finding, rule, may_confirm=may_confirm)
        # A newer finding speaks for the check: what it said before is not taken up again.
        held = self._held.pop(finding.check, None)
        if not may_confirm and after.bads.count >= rule.confirm:
            since = held.since if held else self.desk.clock.monotonic()
            self._held[finding.check] = Held(finding, since)
        if after.state is State.SUSPECT and before.state is not State.SUSPECT:
            self._ask_around(rule)
        self._take(before, after, rule)
        if rule.canary and self._held:
            self._settle_held()
        return after.settled

    def _take(self, before: Belief, after: Belief, rule: CheckRule) -> None:
        """The new belief, with the rows and the look at the system that follow from it."""
        self.desk.ledger.beliefs[rule.name] = after
        if after.state is before.state and after.level is before.level and after.grade == before.grade:
            return
        moved = changed(rule.name, before, after, self.desk.clock.now())
        self.desk.journal.later(*self._rows(moved, after, rule))
        if moved is not None or after.level is not before.level or after.grade > before.grade:
            self.touch(rule.system)

    def _from_here(self, finding: Finding, rule: CheckRule, before: Belief) -> tuple[Finding, bool]:
        """A failure over our own line is believed, called blind, or held until a canary has answered."""
        if finding.outcome is Outcome.UNKNOWN and finding.reason in _OUR_WAY:
            self.desk.urge(tuple(self.desk.sight.canaries))
        if not _unreached(finding) or not self._over_own_line(rule):
            return finding, True
        answer = self._answer(before, finding)
        if answer is Answer.BLIND:
            return as_unknown(finding), True
        if answer is Answer.WAIT:
            self.desk.urge(tuple(self.desk.sight.canaries))
        return finding, answer is Answer.CLEAR

    def _over_own_line(self, rule: CheckRule) -> bool:
        return rule.system not in OWN_SYSTEMS and self.desk.plan.systems[rule.system].over_own_line

    def _answer(self, before: Belief, finding: Finding) -> Answer:
        told = OWN_LINE in self.desk.plan.systems and self.desk.view(OWN_LINE).severity is not None
        run = before.fails if finding.outcome is Outcome.FAIL else before.bads
        return self.desk.sight.answer(run.since or finding.began or finding.at, told=told)

    def _settle_held(self) -> None:
        """What waits for a canary is settled when one has answered, and believed when none does in time."""
        limit = patience([self.desk.plan.checks[name] for name in self.desk.sight.canaries], self.desk.plan.rules)
        for name, held in tuple(self._held.items()):
            rule = self.desk.plan.checks.get(name)
            belief = self.desk.ledger.beliefs.get(name)
            if rule is None or belief is None:
                del self._held[name]
                continue
            answer = self._answer(belief, held.finding)
            if answer is Answer.WAIT and self.desk.clock.monotonic() - held.since < limit:
                continue
            del self._held[name]
            blind = answer is Answer.BLIND
            after = step(belief, as_unknown(held.finding), rule) if blind else confirmed(belief, rule)
            self._take(belief, after, rule)

    def _ask_around(self, rule: CheckRule) -> None:
        """A fresh look at the canaries and the parents, while the failure itself is being confirmed."""
        if rule.system in OWN_SYSTEMS:
            return
        names = [*self.desk.sight.canaries]
        for parent in ancestors(self.desk.plan, rule.system):
            names.extend(self.desk.plan.systems[parent].checks)
        self.desk.urge(tuple(names))

    def _rows(self, moved: Transition | None, after: Belief, rule: CheckRule) -> list[TransitionRow | BeliefRow]:
        rows: list[TransitionRow | BeliefRow] = []
        if moved is not None:
            said = words.explain(moved.misses[0]) if moved.misses else ""
            reason = moved.misses[0].reason.value if moved.misses else ""
            ident, states = self.desk.clock.new_id(), (moved.before.value, moved.after.value)
            began, noticed = moved.began, moved.noticed
            rows.append(TransitionRow(ident, rule.name, rule.system, *states, began, noticed, reason, said))
        if after.level is not None and after.since is not None:
            rows.append(BeliefRow(rule.name, int(after.level), after.state.value, after.since, after.grade))
        return rows

    async def cycle(self) -> None:
        """Wait for a change, then settle everything that has changed, in one transaction."""
        try:
            async with asyncio.timeout(_IDLE):
                await self._wake.wait()
        except TimeoutError:
            if not self._held and not self._failed:
                return
        await self.turn()

    async def turn(self) -> None:
        """Settle what has changed up to now."""
        self._wake.clear()
        if self._held:
            self._settle_held()
        if not self._changed and not self._failed:
            return
        desk, batch = self.desk, Batch()
        async with desk.journal.turn:
            systems, self._changed, self._failed = {**self._failed, **self._changed}, {}, {}
            now = desk.clock.now()
            # Parents first, so that a child sees its parent's incident of the same turn.
            for system in sorted(systems, key=lambda s: len(tuple(ancestors(desk.plan, s)))):
                with desk.isolated(f"settle/{system}"):
                    batch.add(*settle_system(desk, system, now).rows)
                if f"settle/{system}" in desk.sick:
                    self._failed[system] = None
            await desk.journal.commit(batch)
        if batch:
            desk.wake_deliver()
            desk.wake_escalate()


def _unreached(finding: Finding) -> bool:
    """Whether this may be our own line's doing: any failure, or a warning that nothing was reached."""
    return finding.outcome is Outcome.FAIL or (finding.outcome is Outcome.WARN and finding.reason in _REACH)
