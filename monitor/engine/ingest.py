"""Findings become beliefs, beliefs incidents, and the first alarm is in the same transaction as its incident.

`heard` runs for every probe and only touches memory; what changed is decided in `cycle`, many changes in one
transaction, so five hundred systems that fall together cost a handful of commits.
"""

import asyncio
from dataclasses import replace
from datetime import datetime

from monitor.core import words
from monitor.core.dependencies import ancestors, hold_for
from monitor.core.escalation import due
from monitor.core.finding import CheckName, Finding, Outcome, SystemName
from monitor.core.incidents import observe, tick
from monitor.core.plan import OWN_SYSTEMS, CheckRule
from monitor.core.records import Batch, BeliefRow, Entry, Incident, IncidentId, TransitionRow
from monitor.core.sight import Answer, as_canary, as_unknown
from monitor.core.state import Belief, State, SystemView, Transition, changed, step
from monitor.engine.compose import all_clear_rows, due_rows, line
from monitor.engine.desk import Desk

_IDLE = 1.0
_NOBODY = Belief()


class Ingest:
    """The way in: `heard` takes a finding, `cycle` settles what findings have changed."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._changed: dict[SystemName, None] = {}
        self._held: dict[CheckName, Finding] = {}
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

    @property
    def waiting(self) -> bool:
        """True while a change waits to be settled."""
        return bool(self._changed)

    def _note(self, finding: Finding) -> None:
        self.desk.findings[finding.check] = finding
        counts = self.desk.outcomes.setdefault(finding.check, {})
        counts[finding.outcome.value] = counts.get(finding.outcome.value, 0) + 1

    def _look(self, finding: Finding) -> None:
        """A canary has answered: what waited for it can be settled."""
        self.desk.sight = self.desk.sight.after(finding)
        held, self._held = self._held, {}
        for name, waiting in held.items():
            rule = self.desk.plan.checks.get(name)
            if rule is not None:
                self._believe(waiting, rule)

    def _believe(self, finding: Finding, rule: CheckRule) -> bool:
        before = self.desk.ledger.beliefs.get(finding.check, _NOBODY)
        finding, may_confirm = self._from_here(finding, rule, before)
        after = step(before, finding, rule, may_confirm=may_confirm)
        self.desk.ledger.beliefs[finding.check] = after
        if not may_confirm and after.fails.count >= rule.confirm:
            self._held[finding.check] = finding
        if after.state is State.SUSPECT and before.state is not State.SUSPECT:
            self._ask_around(rule)
        moved = changed(finding.check, before, after, self.desk.clock.now())
        if moved is not None:
            self.desk.journal.later(*self._rows(moved, after, rule))
        if moved is not None or after.level != before.level or after.grade > before.grade:
            self.touch(rule.system)
        return after.settled

    def _from_here(self, finding: Finding, rule: CheckRule, before: Belief) -> tuple[Finding, bool]:
        """A failure over our own line is believed, called blind, or held until a canary has answered."""
        system = self.desk.plan.systems[rule.system]
        if finding.outcome is not Outcome.FAIL or rule.system in OWN_SYSTEMS or not system.over_own_line:
            return finding, True
        answer = self.desk.sight.answer(before.fails.since or finding.at)
        if answer is Answer.BLIND:
            return as_unknown(finding), True
        if answer is Answer.WAIT:
            self.desk.urge(tuple(self.desk.sight.canaries))
        return finding, answer is Answer.CLEAR

    def _ask_around(self, rule: CheckRule) -> None:
        """A fresh look at the canaries and the parents, while the failure itself is being confirmed."""
        if rule.system in OWN_SYSTEMS:
            return
        names = [*self.desk.sight.canaries]
        for parent in ancestors(self.desk.plan, rule.system):
            names.extend(self.desk.plan.systems[parent].checks)
        self.desk.urge(tuple(names))

    def _rows(self, moved: Transition, after: Belief, rule: CheckRule) -> list[TransitionRow | BeliefRow]:
        said = words.explain(moved.misses[0]) if moved.misses else ""
        reason = moved.misses[0].reason.value if moved.misses else ""
        rows: list[TransitionRow | BeliefRow] = [
            TransitionRow(
                self.desk.clock.new_id(),
                moved.check,
                rule.system,
                moved.before.value,
                moved.after.value,
                moved.began,
                moved.noticed,
                reason,
                said,
            )
        ]
        if after.level is not None and after.since is not None:
            rows.append(BeliefRow(moved.check, int(after.level), after.state.value, after.since, after.grade))
        return rows

    async def cycle(self) -> None:
        """Wait for a change, then settle everything that has changed, in one transaction."""
        try:
            async with asyncio.timeout(_IDLE):
                await self._wake.wait()
        except TimeoutError:
            return
        await self.turn()

    async def turn(self) -> None:
        """Settle what has changed up to now."""
        self._wake.clear()
        if not self._changed:
            return
        async with self.desk.journal.turn:
            systems, self._changed = tuple(self._changed), {}
            batch = Batch()
            now = self.desk.clock.now()
            # Parents first, so that a child sees its parent's incident of the same turn.
            for system in sorted(systems, key=lambda s: len(tuple(ancestors(self.desk.plan, s)))):
                batch.add(*settle_system(self.desk, system, now).rows)
            await self.desk.journal.commit(batch)
        if batch:
            self.desk.wake_deliver()
            self.desk.wake_escalate()


def settle_system(desk: Desk, system: SystemName, now: datetime) -> Batch:
    """What a system's present state makes of its incident, with the notices that are due at once."""
    if system not in desk.plan.systems:
        return Batch()
    view = desk.view(system)
    incident = desk.ledger.by_system.get(system)
    if incident is None or not incident.open:
        return Batch() if view.severity is None else _open(desk, system, view, now)
    change = observe(incident, view, desk.plan.rules, now)
    return settle_incident(desk, change.incident, change.events, view, now)


def _open(desk: Desk, system: SystemName, view: SystemView, now: datetime) -> Batch:
    assert view.severity is not None
    number = desk.ledger.next_number(desk.plan.calendar.local(now))
    if not desk.journal.numbered:
        number = f"{number[:2]}-M{desk.clock.new_id()[-3:].upper()}"
    incident = Incident(
        id=IncidentId(desk.clock.new_id()),
        number=number,
        system=system,
        severity=view.severity,
        grade=view.grade,
        current=view.severity,
        began=min(view.began or now, now),
        detected=now,
        chain_from=now,
        downs=(now,),
        cause=words.cause(view.misses),
    )
    # The number is taken within the turn, before the batch is committed: two incidents of one turn differ.
    if desk.journal.numbered:
        desk.ledger.last_number = number
    desk.metrics.incidents.labels(system, view.severity.word).inc()
    desk.ledger.by_system[system] = incident
    return settle_incident(desk, incident, (Entry.OPENED,), view, now)


def settle_incident(
    desk: Desk, incident: Incident, events: tuple[Entry, ...], view: SystemView | None, now: datetime
) -> Batch:
    """The rows of an incident after events: itself, its timeline, its all-clear or what its chain asks for."""
    batch = Batch()
    if view is not None and view.misses:
        incident = replace(incident, cause=words.cause(view.misses))
    incident, released = _hold(desk, incident, now)
    lines = [line(incident, event, now, _event_text(desk, incident, event, view)) for event in events]
    lines += [line(incident, Entry.RELEASED, now, "")] if released else []
    if incident.hold is not None:
        key = f"{incident.id}/{incident.generation}/{incident.hold}/{incident.held_by}"
        title = desk.plan.systems[incident.held_by].title if incident.held_by else ""
        lines.append(line(incident, Entry.WITHHELD, now, f"venter på {title}", key, reason=incident.hold.value))
    fresh = [ln for ln in lines if ln.key not in desk.ledger.told.get(incident.id, ())]
    known = desk.ledger.incidents.get(incident.id)
    if incident != known:
        batch.add(incident)
    batch.add(*fresh)
    if Entry.RECOVERED in events:
        batch.add(*all_clear_rows(desk, incident, now))
    told = desk.ledger.told.get(incident.id, set())
    asked = due(incident, desk.plan, now, told | {ln.key for ln in fresh})
    batch.add(*due_rows(desk, incident, asked, now).rows)
    return batch


def _hold(desk: Desk, incident: Incident, now: datetime) -> tuple[Incident, bool]:
    """Hold or release for the parents' sake; a chain that has begun is not held back again."""
    begun = any(True for _ in desk.ledger.notices_of(incident.id))
    if not incident.active or (begun and incident.hold is None):
        return incident, False
    why, by = hold_for(incident, desk.plan, desk.ledger.by_system, desk.ledger.beliefs, now)
    if why is incident.hold and by == incident.held_by:
        return incident, False
    if why is None:
        return replace(incident, hold=None, held_by=None, chain_from=now), incident.hold is not None
    return replace(incident, hold=why, held_by=by), False


def _event_text(desk: Desk, incident: Incident, event: Entry, view: SystemView | None) -> str:
    if event in (Entry.RECOVERED, Entry.CLOSED) or view is None:
        return ""
    if event is Entry.EASED and view.severity is None:
        return "oppe, men ustabil"
    check = desk.plan.checks[view.cause].title if view.cause else ""
    seen = words.explain(view.misses[0]) if view.misses else ""
    return f"{words.SEVERITIES[incident.severity]}. {check}: {seen}".strip(". :")


def tick_incident(desk: Desk, incident: Incident, now: datetime) -> Batch:
    """What time alone does to an open incident."""
    change = tick(incident, desk.plan.rules, now)
    return settle_incident(desk, change.incident, change.events, None, now)
