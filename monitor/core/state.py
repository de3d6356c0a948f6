"""From findings to what we believe of a check, and from checks to what we believe of a system.

A level is confirmed by `confirm` findings in a row and left by `recover` in a row; an UNKNOWN finding is neither
good nor bad, so it moves no level. A change is stamped with when it began: the first finding of the run.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import IntEnum, StrEnum

from monitor.core.finding import CheckName, Finding, Miss, Outcome
from monitor.core.plan import CheckRule, Severity


class State(StrEnum):
    """What we believe (DESIGN §1). `suspect` and `recovering` are the roads between the confirmed three."""

    UP = "up"
    SUSPECT = "suspect"
    DEGRADED = "degraded"
    DOWN = "down"
    RECOVERING = "recovering"
    UNKNOWN = "unknown"


class Level(IntEnum):
    """A confirmed belief, ordered by badness."""

    UP = 0
    DEGRADED = 1
    DOWN = 2


_SEEN = {Outcome.OK: Level.UP, Outcome.WARN: Level.DEGRADED, Outcome.FAIL: Level.DOWN}
_SHOWN = {Level.UP: State.UP, Level.DEGRADED: State.DEGRADED, Level.DOWN: State.DOWN}


@dataclass(frozen=True, slots=True)
class Run:
    """Findings in a row of one sort: how many, and when the first of them began."""

    count: int = 0
    since: datetime | None = None

    def grow(self, at: datetime) -> "Run":
        """One more."""
        return Run(self.count + 1, self.since or at)


_NONE = Run()


@dataclass(frozen=True, slots=True)
class Belief:
    """What we believe of one check. `level` is None until the first finding that says something.

    The runs count findings in a row: `fails` FAIL, `bads` FAIL or WARN, `goods` OK, `bearable` OK or WARN,
    `unknowns` UNKNOWN. `since` is when the shown state began; `misses` are those of the latest bad finding.
    """

    level: Level | None = None
    state: State = State.UNKNOWN
    since: datetime | None = None
    fails: Run = _NONE
    bads: Run = _NONE
    goods: Run = _NONE
    bearable: Run = _NONE
    unknowns: Run = _NONE
    grade: int = 0
    misses: tuple[Miss, ...] = ()
    seen_at: datetime | None = None

    @property
    def settled(self) -> bool:
        """True when the next probe may wait the whole interval: nothing is being confirmed."""
        return self.state in (State.UP, State.DOWN, State.DEGRADED) and self.unknowns.count == 0


@dataclass(frozen=True, slots=True)
class Transition:
    """A change of a check's state; `began` is when it began, `noticed` when we knew."""

    check: CheckName
    before: State
    after: State
    began: datetime
    noticed: datetime
    misses: tuple[Miss, ...] = ()


def step(belief: Belief, finding: Finding, rule: CheckRule, *, may_confirm: bool = True) -> Belief:
    """The belief after one finding.

    `may_confirm` False holds a check at suspect although its count is full: we do not yet know whether it is they or
    we who are gone (`monitor.core.sight`). The count is kept, so one more look settles it.
    """
    if finding.outcome is Outcome.UNKNOWN:
        return _unsure(belief, finding, rule)
    at, seen = finding.at, _SEEN[finding.outcome]
    counted = replace(
        belief,
        fails=belief.fails.grow(at) if seen is Level.DOWN else _NONE,
        bads=belief.bads.grow(at) if seen > Level.UP else _NONE,
        goods=belief.goods.grow(at) if seen is Level.UP else _NONE,
        bearable=belief.bearable.grow(at) if seen < Level.DOWN else _NONE,
        unknowns=_NONE,
        grade=finding.grade if finding.misses else 0,
        misses=finding.misses,
        seen_at=at,
    )
    level = _level(counted, rule, may_confirm)
    return _stamp(replace(counted, level=level), belief)


def _unsure(belief: Belief, finding: Finding, rule: CheckRule) -> Belief:
    unknowns = belief.unknowns.grow(finding.at)
    unsure = replace(belief, unknowns=unknowns, misses=finding.misses, seen_at=finding.at)
    if unknowns.count < rule.confirm or belief.state is State.UNKNOWN:
        return unsure
    return replace(unsure, state=State.UNKNOWN, since=unknowns.since, fails=_NONE, bads=_NONE, goods=_NONE)


def _level(counted: Belief, rule: CheckRule, may_confirm: bool) -> Level:
    level = counted.level if counted.level is not None else Level.UP
    if may_confirm and counted.fails.count >= rule.confirm:
        return Level.DOWN
    if may_confirm and level is Level.UP and counted.bads.count >= rule.confirm:
        return Level.DEGRADED
    # A check that was never seen well has nothing to recover from.
    enough = rule.recover if counted.level is not None else 1
    if counted.goods.count >= enough:
        return Level.UP
    if level is Level.DOWN and counted.bearable.count >= enough:
        return Level.DEGRADED
    return level


def _stamp(now: Belief, before: Belief) -> Belief:
    assert now.level is not None
    state = _shown(now)
    if state is before.state:
        return now
    began = {
        State.DOWN: now.fails.since,
        State.SUSPECT: now.bads.since,
        State.DEGRADED: now.bads.since,
        State.RECOVERING: now.bearable.since,
        State.UP: now.goods.since,
    }[state]
    return replace(now, state=state, since=began or now.seen_at)


def _shown(belief: Belief) -> State:
    level = belief.level
    assert level is not None
    if level is Level.UP:
        return State.SUSPECT if belief.bads.count else State.UP
    better = belief.goods.count if level is Level.DEGRADED else belief.bearable.count
    return State.RECOVERING if better else _SHOWN[level]


def changed(check: CheckName, before: Belief, after: Belief, now: datetime) -> Transition | None:
    """The transition between two beliefs of one check, or None when the shown state is the same."""
    if before.state is after.state:
        return None
    return Transition(check, before.state, after.state, after.since or now, now, after.misses)


@dataclass(frozen=True, slots=True)
class SystemView:
    """What we believe of a system: the worst its checks say.

    `severity` is None when nothing is confirmed bad; `known` is False when no check says anything at all, so that
    blindness closes no incident. `cause` is the check that weighs most, `misses` what it saw.
    """

    state: State
    severity: Severity | None = None
    grade: int = 0
    began: datetime | None = None
    cause: CheckName | None = None
    misses: tuple[Miss, ...] = ()
    known: bool = True


def view(rules: Iterable[CheckRule], beliefs: Mapping[CheckName, Belief], *, needs_all: bool = False) -> SystemView:
    """The system's state from its checks. `needs_all`: bad only when every check is (canaries of our own line)."""
    pairs = [(rule, beliefs.get(rule.name, Belief())) for rule in rules]
    heard = [(rule, b) for rule, b in pairs if b.level is not None]
    if not heard:
        return SystemView(State.UNKNOWN, known=False)
    bad = [(rule, b) for rule, b in heard if b.level]
    if bad and (not needs_all or len(bad) == len(pairs)):
        return _bad(bad)
    watched = [b for _, b in heard if b.state is not State.UNKNOWN]
    if not watched:
        return SystemView(State.UNKNOWN, known=False)
    suspects = [b for b in watched if b.state is State.SUSPECT]
    first = min((b.since for b in suspects if b.since), default=None)
    return SystemView(State.SUSPECT if suspects else State.UP, began=first)


def _bad(bad: list[tuple[CheckRule, Belief]]) -> SystemView:
    def weight(pair: tuple[CheckRule, Belief]) -> tuple[Severity, int]:
        return _means(*pair), pair[1].grade

    rule, worst = max(bad, key=weight)
    severity, grade = weight((rule, worst))
    began = min((_began(b) for r, b in bad if _means(r, b) is severity), default=None)
    state = State.DOWN if severity is Severity.DOWN else State.DEGRADED
    if all(b.state is State.RECOVERING for r, b in bad if _means(r, b) is severity):
        state = State.RECOVERING
    return SystemView(state, severity, grade, began, rule.name, worst.misses)


def _means(rule: CheckRule, belief: Belief) -> Severity:
    return rule.fail_means if belief.level is Level.DOWN else rule.warn_means


def _began(belief: Belief) -> datetime:
    run = belief.fails if belief.level is Level.DOWN else belief.bads
    moment = run.since or belief.since or belief.seen_at
    assert moment is not None
    return moment
