"""From findings to what we believe of a check, and from checks to what we believe of a system.

A level is confirmed by `confirm` findings in a row and left by `recover` in a row; an UNKNOWN finding is neither
good nor bad, so it moves no level. A change is stamped with when it began: the first finding of the run.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import IntEnum, StrEnum

from monitor.core.finding import CheckName, Finding, Miss, Outcome, Reason
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
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Belief:
    """What we believe of one check. `level` is None until the first finding that says something.

    The runs count findings in a row: `fails` FAIL, `bads` FAIL or WARN, `goods` OK, `bearable` OK or WARN,
    `unknowns` UNKNOWN. `since` is when the shown state began, `level_since` when the confirmed level did. `misses` are
    those of the latest finding, `evidence` those of the latest bad one, still said while we cannot look.
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
    level_since: datetime | None = None
    evidence: tuple[Miss, ...] = ()

    @property
    def settled(self) -> bool:
        """True when the next probe may wait the whole interval: nothing is being confirmed."""
        if self.state is State.UNKNOWN:
            # Confirmed: asking again at once would only wear our credentials out.
            return self.since is not None
        worsening = self.level is Level.DEGRADED and self.fails.count > 0
        return self.state in (State.UP, State.DOWN, State.DEGRADED) and not self.unknowns.count and not worsening


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
    we who are gone (`monitor.core.sight`). The count is kept; `confirmed` settles it.
    """
    if finding.outcome is Outcome.UNKNOWN:
        return _unsure(belief, finding, rule)
    at, seen = finding.began or finding.at, _SEEN[finding.outcome]
    if seen is Level.UP and belief.state is State.UP and not finding.misses:
        return _still_up(belief, at)
    counted = replace(
        belief,
        fails=belief.fails.grow(at) if seen is Level.DOWN else _NONE,
        bads=belief.bads.grow(at) if seen > Level.UP else _NONE,
        goods=belief.goods.grow(at) if seen is Level.UP else _NONE,
        bearable=belief.bearable.grow(at) if seen < Level.DOWN else _NONE,
        unknowns=_NONE,
        grade=finding.grade if finding.misses else 0,
        misses=finding.misses,
        evidence=finding.misses if seen > Level.UP else belief.evidence,
        seen_at=finding.at,
    )
    return _leveled(belief, counted, rule, may_confirm)


def confirmed(belief: Belief, rule: CheckRule) -> Belief:
    """The belief once its full count may be believed: what was held at suspect is settled without another finding."""
    return _leveled(belief, belief, rule, may_confirm=True) if belief.bads.count >= rule.confirm else belief


def _still_up(belief: Belief, at: datetime) -> Belief:
    """The everyday case, for every probe that is well: nothing but the time of the last look is new."""
    return Belief(
        Level.UP,
        State.UP,
        belief.since,
        goods=belief.goods.grow(at),
        bearable=belief.bearable.grow(at),
        seen_at=at,
        level_since=belief.level_since,
    )


def _unsure(belief: Belief, finding: Finding, rule: CheckRule) -> Belief:
    unknowns = belief.unknowns.grow(finding.at)
    unsure = replace(belief, unknowns=unknowns, misses=finding.misses, seen_at=finding.at)
    if finding.reason is Reason.BLIND:
        # What failed while we could not see out proves nothing: the run begins anew once we can.
        unsure = replace(unsure, fails=_NONE, bads=_NONE)
    if unknowns.count < rule.confirm:
        return unsure
    since = belief.since if belief.state is State.UNKNOWN else unknowns.since
    fresh = replace(unsure, fails=_NONE, bads=_NONE, goods=_NONE, bearable=_NONE)
    return replace(fresh, state=State.UNKNOWN, since=since or unknowns.since)


def _leveled(before: Belief, counted: Belief, rule: CheckRule, may_confirm: bool) -> Belief:
    level = _level(counted, rule, may_confirm)
    if level is not before.level:
        run = {Level.DOWN: counted.fails, Level.DEGRADED: _limping(counted, before)}.get(
            level or Level.UP, counted.goods
        )
        counted = replace(counted, level=level, level_since=run.since or counted.seen_at)
    return _stamp(counted, before)


def _limping(counted: Belief, before: Belief) -> Run:
    """What made a check degraded: getting worse, or no longer being as bad."""
    return counted.bearable if before.level is Level.DOWN else counted.bads


def _level(counted: Belief, rule: CheckRule, may_confirm: bool) -> Level | None:
    level = counted.level
    if may_confirm and counted.fails.count >= rule.confirm:
        return Level.DOWN
    if may_confirm and not level and counted.bads.count >= rule.confirm:
        return Level.DEGRADED
    # A check that was never seen well has nothing to recover from; one never seen but failing is not believed well.
    enough = rule.recover if level is not None else 1
    if counted.goods.count >= enough:
        return Level.UP
    if level is Level.DOWN and counted.bearable.count >= enough:
        return Level.DEGRADED
    return level


def _stamp(now: Belief, before: Belief) -> Belief:
    state = _shown(now)
    if state is before.state:
        return now
    began = {
        State.DOWN: now.fails.since,
        State.SUSPECT: now.bads.since,
        State.DEGRADED: _limping(now, before).since,
        State.RECOVERING: now.bearable.since,
        State.UP: now.goods.since,
    }[state]
    return replace(now, state=state, since=began or now.seen_at)


def _shown(belief: Belief) -> State:
    level = belief.level
    if not level:
        return State.SUSPECT if belief.bads.count else State.UP
    better = belief.goods.count if level is Level.DEGRADED else belief.bearable.count
    return State.RECOVERING if better else _SHOWN[level]


_NOBODY = Belief()


def changed(check: CheckName, before: Belief, after: Belief, now: datetime) -> Transition | None:
    """The transition between two beliefs of one check, or None when the shown state is the same."""
    if before.state is after.state:
        return None
    return Transition(check, before.state, after.state, after.since or now, now, after.misses)


@dataclass(frozen=True, slots=True)
class SystemView:
    """What we believe of a system: the worst its checks say.

    `severity` is None when nothing is confirmed bad; `known` is False when no check says anything, or one has begun to
    be heard and is not yet believed, so that neither blindness nor a restart closes an incident. `began` is when the
    present badness or suspicion did, `back` when the last of the checks of a system that is up came back. `cause` is
    the check that weighs most, `misses` what it saw last.
    """

    state: State
    severity: Severity | None = None
    grade: int = 0
    began: datetime | None = None
    cause: CheckName | None = None
    misses: tuple[Miss, ...] = ()
    known: bool = True
    back: datetime | None = None


def view(rules: Iterable[CheckRule], beliefs: Mapping[CheckName, Belief], *, needs_all: bool = False) -> SystemView:
    """The system's state from its checks. `needs_all`: bad only when every check that can look is (our own line)."""
    pairs = [(rule, beliefs.get(rule.name, _NOBODY)) for rule in rules]
    bad = [(rule, b) for rule, b in pairs if b.level]
    able = [b for _, b in pairs if b.level or b.state is not State.UNKNOWN]
    if bad and (not needs_all or len(bad) == len(able)):
        return _bad(bad)
    watched = [b for _, b in pairs if b.state is not State.UNKNOWN]
    if not watched:
        return SystemView(State.UNKNOWN, known=False)
    suspects = [b for b in watched if b.state is State.SUSPECT]
    first = min((b.since for b in suspects if b.since), default=None)
    back = max((b.level_since for b in watched if b.level_since), default=None)
    # A side check that is well (a file, a name) says nothing of a system none of whose own doors can be looked at.
    doors = [b for rule, b in pairs if rule.fail_means is Severity.DOWN]
    unseen = bool(doors) and all(b.state is State.UNKNOWN for b in doors)
    pending = any(b.level is None and not b.settled for rule, b in pairs if rule.name in beliefs)
    state = State.SUSPECT if suspects else State.UNKNOWN if unseen else State.UP
    return SystemView(state, began=first, known=not (pending or unseen), back=back)


def _bad(bad: list[tuple[CheckRule, Belief]]) -> SystemView:
    def weight(pair: tuple[CheckRule, Belief]) -> tuple[Severity, int]:
        return _means(*pair), pair[1].grade

    rule, worst = max(bad, key=weight)
    severity, grade = weight((rule, worst))
    began = min((_began(b) for r, b in bad if _means(r, b) is severity), default=None)
    state = State.DOWN if severity is Severity.DOWN else State.DEGRADED
    if all(b.state is State.RECOVERING for r, b in bad if _means(r, b) is severity):
        state = State.RECOVERING
    return SystemView(state, severity, grade, began, rule.name, worst.evidence)


def _means(rule: CheckRule, belief: Belief) -> Severity:
    return rule.fail_means if belief.level is Level.DOWN else rule.warn_means


def _began(belief: Belief) -> datetime:
    return belief.level_since or belief.since or belief.seen_at or _LONG_AGO
