"""The service's watch on itself: its plan, store, loops, coverage and ways out are checks like any other.

What fails here is found, confirmed, told and cleared by the same path as a care system's outage.
"""

from dataclasses import replace

from monitor.core import words
from monitor.core.finding import CheckName, Finding, Miss, Outcome, Reason
from monitor.core.plan import ALARM_PATH, WATCH, ChannelName, CheckRule, Plan, Severity, System
from monitor.core.state import Belief, Level
from monitor.engine.desk import Desk
from monitor.engine.ingest import Ingest
from monitor.supervisor import Loop

PLAN = CheckName("vagten-plan")
STORE = CheckName("vagten-lager")
LOOPS = CheckName("vagten-loekker")
COVERAGE = CheckName("vagten-daekning")
PHONES = CheckName("alarmvej-sms")
_OUR_WAY = frozenset({Reason.NO_ROUTE, Reason.RESOLVER})


def with_own_checks(plan: Plan) -> Plan:
    """The plan with the service's own checks under `vagten` and `alarmvej`, whether or not it names these systems."""
    rules = [
        CheckRule(PLAN, WATCH, "Planen", 1, 1, fail_means=Severity.DEGRADED),
        CheckRule(STORE, WATCH, "Databasen", 1, 1, fail_means=Severity.DEGRADED),
        CheckRule(LOOPS, WATCH, "Løkkerne", 1, 1, fail_means=Severity.DOWN),
        CheckRule(COVERAGE, WATCH, "Dækningen", 1, 1, fail_means=Severity.ADVISORY),
        CheckRule(PHONES, ALARM_PATH, "Alle SMS-veje", 1, 1, fail_means=Severity.DOWN),
    ]
    for route in plan.routes:
        name = CheckName(f"alarmvej-{route.name}")
        rules.append(CheckRule(name, ALARM_PATH, f"Vejen {route.name}", 1, 1, fail_means=Severity.DEGRADED))
    systems = dict(plan.systems)
    for ident, title in ((WATCH, "Omsorgsvagt selv"), (ALARM_PATH, "Alarmvejen")):
        mine = tuple(rule.name for rule in rules if rule.system == ident)
        known = systems.get(ident, System(ident, title, title, over_own_line=False))
        systems[ident] = replace(known, checks=(*known.checks, *mine))
    return replace(plan, systems=systems, checks={**plan.checks, **{rule.name: rule for rule in rules}})


class Own:
    """Reports on the service itself. `heard` is ingest's."""

    def __init__(self, desk: Desk, ingest: Ingest) -> None:
        self.desk = desk
        self.ingest = ingest
        self.plan_fault = ""
        self.reload_ok = True

    def route(self, finding: Finding) -> None:
        """A try on a route has ended; when no SMS route is well, the whole way to the phones is gone."""
        self.ingest.heard(finding)
        beliefs = self.desk.ledger.beliefs
        levels = []
        for route in self.desk.plan.routes:
            if route.channel is ChannelName.SMS:
                belief = beliefs.get(CheckName(f"alarmvej-{route.name}"))
                levels.append(belief.level if belief else None)
        gone = bool(levels) and all(level is Level.DOWN for level in levels)
        self._say(PHONES, Miss(Reason.ROUTE, seen="ingen SMS-vej virker") if gone else None)

    def plan(self, fault: str) -> None:
        """The last load of the plan went well (empty) or not (the first fault, with file and line)."""
        self.plan_fault, self.reload_ok = fault, not fault
        self._say(PLAN, Miss(Reason.PLAN, seen=fault[:80]) if fault else None)

    def look(self, stuck: list[Loop]) -> None:
        """The store, the loops and the coverage, as they are now."""
        journal = self.desk.journal
        store = Miss(Reason.STORE, seen=f"{journal.waiting} linjer venter") if journal.degraded else None
        self._say(STORE, store)
        names = ", ".join([*(loop.name for loop in stuck), *self.desk.sick_now()])
        self._say(LOOPS, Miss(Reason.LOOP, seen=names[:80]) if names else None)
        lost = self._uncovered()
        # Told again when it has doubled, not with every check: they tend to go together.
        self._say(COVERAGE, Miss(Reason.COVERAGE, seen=lost[0][:80]) if lost else None, len(lost).bit_length())

    def _uncovered(self) -> list[str]:
        """The checks that have not been able to look, for a reason of ours that no other incident tells of."""
        return [
            f"{rule.title or name}: {words.cause(belief.misses)}"
            for name, belief in self.desk.ledger.beliefs.items()
            if (rule := self.desk.plan.checks.get(name)) and self._lost(rule, belief)
        ]

    def _lost(self, rule: CheckRule, belief: Belief) -> bool:
        if belief.unknowns.count < rule.confirm or not belief.misses or belief.unknowns.since is None:
            return False
        reason = belief.misses[0].reason
        if reason in _OUR_WAY:
            # Unless a canary has answered since, our own line is the trouble and tells of it.
            clear_at = self.desk.sight.clear_at
            return not self.desk.sight.canaries or (clear_at is not None and clear_at >= belief.unknowns.since)
        return reason is not Reason.BLIND

    def _say(self, check: CheckName, miss: Miss | None, grade: int = 0) -> None:
        outcome = Outcome.FAIL if miss else Outcome.OK
        before = self.desk.ledger.beliefs.get(check)
        wanted = Level.DOWN if miss else Level.UP
        # Said when it changes: a fault that lasts is one run of findings, not a thousand.
        if before is None or before.level is not wanted or grade > before.grade:
            misses = (miss,) if miss else ()
            self.ingest.heard(Finding(check, outcome, self.desk.clock.now(), misses=misses, grade=grade))
