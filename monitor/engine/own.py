"""The service's watch on itself: its plan, store, loops, coverage and ways out are checks like any other.

What fails here is found, confirmed, told and cleared by the same path as a care system's outage.
"""

from dataclasses import replace

from monitor.core import words
from monitor.core.finding import CheckName, Finding, Miss, Outcome, Reason
from monitor.core.plan import ALARM_PATH, WATCH, ChannelName, CheckRule, Plan, Severity, System
from monitor.core.state import Level
from monitor.engine.desk import Desk
from monitor.engine.ingest import Ingest
from monitor.supervisor import Loop

PLAN = CheckName("vagten-plan")
STORE = CheckName("vagten-lager")
LOOPS = CheckName("vagten-loekker")
COVERAGE = CheckName("vagten-daekning")
PHONES = CheckName("alarmvej-sms")
_COVERAGE_LOST = frozenset({Reason.CREDENTIALS, Reason.SECRET, Reason.INTERNAL})


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
        store = Miss(Reason.STORE, seen=f"{journal.fault}, {journal.waiting} venter") if journal.degraded else None
        self._say(STORE, store)
        names = ", ".join(loop.name for loop in stuck)
        self._say(LOOPS, Miss(Reason.LOOP, seen=names[:80]) if stuck else None)
        self._say(COVERAGE, self._coverage())

    def _coverage(self) -> Miss | None:
        for name, belief in self.desk.ledger.beliefs.items():
            rule = self.desk.plan.checks.get(name)
            if rule is None or belief.unknowns.count < rule.confirm or not belief.misses:
                continue
            if belief.misses[0].reason in _COVERAGE_LOST:
                return Miss(Reason.COVERAGE, seen=f"{rule.title or name}: {words.cause(belief.misses)}"[:80])
        return None

    def _say(self, check: CheckName, miss: Miss | None) -> None:
        outcome = Outcome.FAIL if miss else Outcome.OK
        before = self.desk.ledger.beliefs.get(check)
        wanted = Level.DOWN if miss else Level.UP
        # Said when it changes: a fault that lasts is one run of findings, not a thousand.
        if before is None or before.level is not wanted:
            misses = (miss,) if miss else ()
            self.ingest.heard(Finding(check, outcome, self.desk.clock.now(), misses=misses))
