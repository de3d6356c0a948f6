"""What announced work and mutes do to an incident: its notices wait, and at the end people hear what has changed.

Context: work makes a system come and go, and whoever was told of it must neither be rung up for each turn nor be left
with what is no longer true. Choice: while notices are withheld the incident keeps what people know of it (`known`)
beside what is so; at the end the two are compared and told once: the same is no news, worse begins the chain, better
is said, well is the all-clear. Price: a period's later steps that fell due meanwhile are dropped, not caught up with.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from monitor.core.finding import SystemName
from monitor.core.incidents import Change, restart
from monitor.core.plan import OWN_SYSTEMS, Plan, Rules, Severity
from monitor.core.reasons import Entry, Hold, HumanState, Kind
from monitor.core.records import Incident
from monitor.core.state import State, SystemView
from monitor.core.withholding import Sort, Source, Withholding

WITHHELD = (Hold.MAINTENANCE, Hold.MUTED)
_SURE = (State.UP, State.DEGRADED, State.DOWN)
_IN_A_ROW = 50
"""Windows that abut, followed at the most."""

Announced = Mapping[str, Withholding]
"""What users of the service have announced, ended or moved, by id."""


def windows(
    plan: Plan, announced: Announced, system: SystemName, begun_by: datetime | None = None
) -> Iterator[Withholding]:
    """Every window over a system, the plan's as users have changed them. Our own systems have none.

    With `begun_by` the plan's later ones, a year of them, are left out.
    """
    if system in OWN_SYSTEMS:
        return
    for window in plan.windows.get(system, ()):
        if begun_by is not None and window.start > begun_by:
            break
        yield announced.get(window.id, window)
    for window in announced.values():
        if window.source not in (Source.PLAN, Source.ICS) and system in window.names:
            yield window


def holding(plan: Plan, announced: Announced, system: SystemName, at: datetime) -> tuple[Withholding, ...]:
    """The windows that withhold a system's notices at an instant: work before mutes, the one that ends last first."""
    if not announced and system not in plan.windows:
        return ()
    found = [window for window in windows(plan, announced, system, at) if window.holds(at)]
    found.sort(key=lambda window: (window.kind is Sort.MUTE, -window.over.timestamp(), window.id))
    return tuple(found)


def until(plan: Plan, announced: Announced, system: SystemName, at: datetime) -> datetime | None:
    """When notices go again: the end of all the windows that overlap or abut from `at` on; None when none holds."""
    end = None
    for _ in range(_IN_A_ROW):
        found = holding(plan, announced, system, end or at)
        if not found:
            break
        end = max(window.over for window in found)
    return end


def withhold(incident: Incident, window: Withholding, known: Severity | None, now: datetime) -> Incident:
    """The incident's notices wait from now on; `known` is what people have been told of it (None: nothing)."""
    why = Hold.MUTED if window.kind is Sort.MUTE else Hold.MAINTENANCE
    if incident.hold in WITHHELD:
        return replace(incident, hold=why, window=window.id, let_go=None)
    return replace(incident, hold=why, held_by=None, window=window.id, held_since=now, let_go=None, known=known)


def known_of(incident: Incident, *, told: bool, begun: bool) -> Severity | None:
    """What people know when withholding begins. `told`: somebody's last word was of this outage; `begun`: of its
    present turn.

    Whoever has acknowledged has looked, and knows what it was then; of a turn nobody was told of yet, nobody knows.
    """
    if not told:
        return None
    if not begun:
        return Severity.ADVISORY
    if incident.acknowledged is not None and incident.current is not None:
        return incident.current
    return incident.eased or incident.severity


def meanwhile(incident: Incident, view: SystemView, now: datetime) -> Change:
    """An outage people know of meets its system's state while its notices wait: noted, and nothing more."""
    severity = view.severity
    if not view.known or (severity is None and incident.good_since is not None):
        return Change(incident)
    if severity is None:
        return Change(replace(incident, good_since=_back(incident, view, now), current=None), (Entry.EASED,))
    if incident.good_since is not None:
        # An unstable one is an outage like any other once it only stays away: counted from here.
        downs = (*incident.downs, now) if incident.unstable else incident.downs
        return Change(replace(incident, good_since=None, current=severity, downs=downs), (Entry.BACK,))
    if severity is incident.current:
        return Change(incident)
    eased = incident.current is not None and severity < incident.current
    return Change(replace(incident, current=severity), (Entry.EASED if eased else Entry.WORSENED,))


def is_sure(view: SystemView, let_go: datetime, looked: datetime | None, rules: Rules, now: datetime) -> bool:
    """Whether the state after the end may be compared: confirmed, and looked at afresh since (`looked`: the oldest
    look of its checks).

    A system nobody can look at so soon is compared as it was last seen; one that is being confirmed is waited for
    longer; of one nobody knows anything of, nothing is said.
    """
    if not view.known:
        return False
    patience = timedelta(seconds=rules.fresh_within)
    if view.state not in _SURE:
        return now - let_go >= 3 * patience
    return (looked is not None and looked >= let_go) or now - let_go >= patience


def released(incident: Incident, view: SystemView, rules: Rules, now: datetime, *, told: bool) -> Change:
    """The notices go again: what people know is compared with what is so. `told`: people had heard of it earlier."""
    free = replace(incident, hold=None, held_since=None, known=None, let_go=incident.let_go or now)
    # Silence while notices were withheld is nobody's: whoever has it is asked for news from here on.
    free = replace(free, news=now) if incident.acknowledged is not None else free
    if incident.known is None:
        return _unheard_of(free, view, now, told=told)
    if view.severity is None:
        return _well(free, view, rules, now)
    if (view.severity, view.grade) > (incident.known, incident.grade):
        worse = replace(free, severity=view.severity, grade=view.grade)
        return Change(_anew(worse, view.severity, Kind.WORSENED, now), (Entry.RELEASED, Entry.WORSENED))
    same = replace(free, current=view.severity, good_since=None)
    if view.severity < incident.known:
        return Change(replace(same, eased=view.severity), (Entry.RELEASED, Entry.EASED))
    return Change(same, (Entry.RELEASED,))


def _unheard_of(free: Incident, view: SystemView, now: datetime, *, told: bool) -> Change:
    """An outage nobody but those told instead has heard of: an alarm like any other, or nothing at all."""
    if view.severity is not None:
        fresh = replace(free, severity=view.severity, grade=view.grade, unstable=False, downs=free.downs[-1:])
        return Change(_anew(fresh, view.severity, Kind.REOPENED if told else Kind.ALARM, now), (Entry.RELEASED,))
    if free.recovered is not None:
        return Change(free)
    good = _back(free, view, now)
    over = replace(free, unstable=False, good_since=good, current=None, recovered=now, human=HumanState.RESOLVED)
    return Change(over, (Entry.RELEASED, Entry.RECOVERED))


def _well(free: Incident, view: SystemView, rules: Rules, now: datetime) -> Change:
    good = _back(free, view, now)
    well = replace(free, good_since=good, current=None)
    if free.unstable and now - good < timedelta(seconds=rules.stable_for):
        return Change(well, (Entry.RELEASED,))
    return Change(replace(well, recovered=now, human=HumanState.RESOLVED), (Entry.RELEASED, Entry.RECOVERED))


def _anew(incident: Incident, severity: Severity, told_as: Kind, now: datetime) -> Incident:
    present = replace(incident, current=severity, good_since=None, recovered=None)
    return replace(restart(present, told_as, now), let_go=incident.let_go)


def _back(incident: Incident, view: SystemView, now: datetime) -> datetime:
    return incident.good_since or min(max(view.back or now, incident.began), now)
