"""The service's watch on itself: its plan, store, loops, coverage and ways out are checks like any other.

What fails here is found, confirmed, told and cleared by the same path as a care system's outage.
"""

from dataclasses import replace
from typing import Final, Literal

from monitor.core import words
from monitor.core.finding import CheckName, Finding, Miss, Outcome, Reason
from monitor.core.plan import ALARM_PATH, WATCH, ChannelName, CheckRule, Plan, Severity, System
from monitor.core.state import Belief, Level
from monitor.engine.desk import Desk
from monitor.engine.ingest import Ingest
from monitor.engine.journal import Anew
from monitor.supervisor import Loop

PLAN = CheckName("vagten-plan")
STORE = CheckName("vagten-lager")
LOOPS = CheckName("vagten-loekker")
COVERAGE = CheckName("vagten-daekning")
CLOCK = CheckName("vagten-ur")
AUDITOR = CheckName("vagten-revisor")
SIGN_OF_LIFE = CheckName("vagten-livstegn")
PHONES = CheckName("alarmvej-sms")
_FAIL: Final = Outcome.FAIL
_LEVELS = {Outcome.FAIL: Level.DOWN, Outcome.WARN: Level.DEGRADED}
_OUR_WAY = frozenset({Reason.NO_ROUTE, Reason.RESOLVER})


def with_own_checks(plan: Plan) -> Plan:
    """The plan with the service's own checks under `vagten` and `alarmvej`, whether or not it names these systems."""
    rules = [
        CheckRule(PLAN, WATCH, "Planen", 1, 1, fail_means=Severity.DEGRADED),
        CheckRule(STORE, WATCH, "Databasen", 1, 1, fail_means=Severity.DEGRADED),
        CheckRule(LOOPS, WATCH, "Løkkerne", 1, 1, fail_means=Severity.DOWN),
        CheckRule(COVERAGE, WATCH, "Dækningen", 1, 1, fail_means=Severity.ADVISORY),
        CheckRule(CLOCK, WATCH, "Uret", 1, 1, warn_means=Severity.ADVISORY, fail_means=Severity.DEGRADED),
        CheckRule(AUDITOR, WATCH, "Revisoren", 1, 1, fail_means=Severity.DOWN),
        CheckRule(SIGN_OF_LIFE, WATCH, "Livstegnet", 1, 1, fail_means=Severity.ADVISORY),
        CheckRule(PHONES, ALARM_PATH, "Alle SMS-veje", 1, 1, fail_means=Severity.DOWN),
    ]
    for route in plan.routes:
        name = CheckName(f"alarmvej-{route.name}")
        rules.append(CheckRule(name, ALARM_PATH, f"Vejen {route.name}", 1, 1, fail_means=Severity.DEGRADED))
        if route.credit_below:
            title, low = f"Saldoen på {route.name}", Severity.ADVISORY
            rules.append(CheckRule(CheckName(f"{name}-saldo"), ALARM_PATH, title, 1, 1, warn_means=low))
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
        """A try on a route has ended; when no SMS route is well, the whole way to the phones is gone.

        That a silent carrier takes a text says nothing for it.
        """
        if finding.outcome is Outcome.OK and any(finding.check == f"alarmvej-{r}" for r in self.desk.silence.silent()):
            return
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

    def clock(self, miss: Miss | None, *, grave: bool) -> None:
        """The clock has lately been set, or slides; `grave` when by more than anybody would overlook."""
        self._say(CLOCK, miss, outcome=Outcome.FAIL if grave else Outcome.WARN)

    def standstill(self, seen: str, count: int) -> None:
        """What the auditor has found (empty: nothing); told again when it has doubled."""
        self._say(AUDITOR, Miss(Reason.STANDSTILL, seen=seen[:80]) if seen else None, count.bit_length())

    def sign_of_life(self, wrong: str) -> None:
        """Whether the outside can be told that we live (empty), and why not."""
        self._say(SIGN_OF_LIFE, Miss(Reason.SIGN_OF_LIFE, seen=wrong[:80]) if wrong else None)

    def look(self, stuck: list[Loop]) -> None:
        """The store, the loops and the coverage, as they are now."""
        self._store()
        names = ", ".join([*(loop.name for loop in stuck), *self.desk.sick_now()])
        self._say(LOOPS, Miss(Reason.LOOP, seen=names[:80]) if names else None)
        lost = self._uncovered()
        # Told again when it has doubled, not with every check: they tend to go together.
        self._say(COVERAGE, Miss(Reason.COVERAGE, seen=lost[0][:80]) if lost else None, len(lost).bit_length())

    def _store(self) -> None:
        journal = self.desk.journal
        if journal.anew is not None:
            # More than not being able to write: told again, where that was told already.
            self._say(STORE, Miss(Reason.STORE_LOST, seen=_anew(journal.anew)), 1)
            journal.anew = None
        elif not journal.lost:
            waits = Miss(Reason.STORE, seen=f"{journal.waiting} linjer venter") if journal.degraded else None
            self._say(STORE, waits)

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
        # An empty fleet is nothing we have lost sight of: nobody has told us of a device yet. Nor is a unit that sends
        # by itself before its first time has come.
        return reason not in (Reason.BLIND, Reason.EMPTY, Reason.AWAITED)

    def _say(
        self, check: CheckName, miss: Miss | None, grade: int = 0, outcome: Literal[Outcome.FAIL, Outcome.WARN] = _FAIL
    ) -> None:
        before = self.desk.ledger.beliefs.get(check)
        wanted = _LEVELS[outcome] if miss else Level.UP
        # Said when it changes: a fault that lasts is one run of findings, not a thousand.
        if before is None or before.level is not wanted or grade > before.grade:
            misses = (miss,) if miss else ()
            now = self.desk.clock.now()
            self.ingest.heard(Finding(check, outcome if miss else Outcome.OK, now, misses=misses, grade=grade))


def _anew(anew: Anew) -> str:
    """What became of the old file, and of what stood in it."""
    file = f"sat til side som {anew.kept_as}" if anew.kept_as else "filen var væk"
    return f"{file}; det åbne er gemt i en ny" if anew.was_read else f"{file}; historikken kunne ikke læses"
