"""What an incident becomes when a system's state does.

One incident per system; a worsening restarts its chain, a return within `rejoin_within` is the same incident, and one
that comes and goes is marked unstable, after which its ups and downs are noted and not told, until it has been well
or away for `stable_for`. Nothing here closes an incident because somebody acknowledged it.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from monitor.core.finding import SystemName
from monitor.core.plan import Rules, Severity
from monitor.core.reasons import Entry, Hold, HumanState, Kind
from monitor.core.records import Incident
from monitor.core.state import SystemView


@dataclass(frozen=True, slots=True)
class Change:
    """The incident after an observation, and what happened to it, in order (empty: nothing)."""

    incident: Incident
    events: tuple[Entry, ...] = ()


def observe(incident: Incident, view: SystemView, rules: Rules, now: datetime) -> Change:
    """An open incident meets its system's present state. A view that knows nothing changes nothing."""
    if not view.known:
        return Change(incident)
    if view.severity is None:
        return _better(incident, view, now)
    if incident.good_since is not None:
        return _again(incident, view, view.severity, rules, now)
    return _worse_or_eased(incident, view, view.severity, now)


def tick(incident: Incident, rules: Rules, now: datetime) -> Change:
    """What time alone does.

    An unstable incident has been well long enough, or down long enough to be an outage like any other; a recovered one
    can no longer be rejoined.
    """
    # What people know waits to be compared with what is so: time alone must not end it meanwhile.
    if incident.closed is not None or incident.known is not None:
        return Change(incident)
    if incident.good_since is None:
        return _lasting(incident, rules, now)
    if incident.recovered is None:
        if now - incident.good_since < timedelta(seconds=rules.stable_for):
            return Change(incident)
        return Change(replace(incident, recovered=now, human=HumanState.RESOLVED), (Entry.RECOVERED,))
    if now - incident.recovered >= timedelta(seconds=rules.rejoin_within):
        return Change(replace(incident, closed=now), (Entry.CLOSED,))
    return Change(incident)


def _lasting(incident: Incident, rules: Rules, now: datetime) -> Change:
    """Told as coming and going, it now only stays away: silence would hide an outage."""
    last = incident.downs[-1] if incident.downs else incident.detected
    if not incident.unstable or now - last < timedelta(seconds=rules.stable_for):
        return Change(incident)
    return Change(restart(replace(incident, unstable=False), Kind.REOPENED, now), (Entry.REOPENED,))


def _better(incident: Incident, view: SystemView, now: datetime) -> Change:
    if incident.good_since is not None:
        return Change(incident)
    good = min(max(view.back or now, incident.began, *incident.downs), now)
    better = replace(incident, good_since=good, current=None)
    if incident.unstable:
        return Change(better, (Entry.EASED,))
    return Change(replace(better, recovered=now, human=HumanState.RESOLVED), (Entry.RECOVERED,))


def _again(incident: Incident, view: SystemView, severity: Severity, rules: Rules, now: datetime) -> Change:
    window = timedelta(seconds=rules.unstable_window)
    began = min(max(view.began or now, incident.good_since or now), now)
    downs = (*(d for d in incident.downs if now - d < window), began)
    # Who was told that all is well must hear that it is not, however unstable it was before.
    unsteady = incident.unstable and incident.recovered is None
    turned = len(downs) >= rules.unstable_after
    worse = severity > incident.severity
    back = replace(
        incident,
        downs=downs,
        good_since=None,
        recovered=None,
        current=severity,
        severity=max(severity, incident.severity),
        grade=max(view.grade, incident.grade),
        unstable=unsteady or turned,
    )
    if unsteady and not worse:
        return Change(back, (Entry.BACK,))
    event = Entry.WORSENED if worse else Entry.UNSTABLE if turned else Entry.REOPENED
    return Change(restart(back, Kind(event.value), now), (event,))


def _worse_or_eased(incident: Incident, view: SystemView, severity: Severity, now: datetime) -> Change:
    current = incident.current
    moved = replace(incident, severity=max(severity, incident.severity), current=severity)
    if (severity, view.grade) > (incident.severity, incident.grade):
        return Change(restart(replace(moved, grade=view.grade), Kind.WORSENED, now), (Entry.WORSENED,))
    if severity is current:
        return Change(incident)
    if current is not None and severity < current:
        return Change(moved, (Entry.EASED,))
    # As bad as it once was: whoever has acknowledged the lesser evil, or was told of it, must hear of it.
    lesser = incident.acknowledged is not None or (incident.eased is not None and severity > incident.eased)
    if lesser and not incident.unstable:
        return Change(restart(moved, Kind.WORSENED, now), (Entry.WORSENED,))
    return Change(moved, (Entry.BACK,))


def restart(incident: Incident, told_as: Kind, now: datetime) -> Incident:
    """The chain starts again: nobody has acknowledged this yet."""
    if incident.hold is not None and told_as is Kind.REOPENED and incident.told_as is not Kind.UNSTABLE:
        # Held back until now, so nobody has heard of the first time.
        told_as = incident.told_as
    return replace(
        incident,
        told_as=told_as,
        generation=incident.generation + 1,
        chain_from=now,
        acknowledged=None,
        acknowledged_by="",
        human=HumanState.UNSEEN,
        eased=None,
        let_go=None,
    )


def no_news(incident: Incident, now: datetime) -> Change:
    """Nobody answered when asked: the chain starts again. `holder` stays, so that people hear who had it."""
    had = incident.holder or incident.acknowledged_by
    return Change(restart(replace(incident, holder=had), Kind.NO_NEWS, now), (Entry.NO_NEWS,))


def news(incident: Incident, now: datetime) -> Incident:
    """Somebody has said something of it."""
    return replace(incident, news=now)


def acknowledge(incident: Incident, who: str, human: HumanState, now: datetime) -> Incident:
    """Somebody has it: stops reminders and the unacknowledged steps of this severity, closes nothing."""
    return replace(
        incident,
        acknowledged=incident.acknowledged or now,
        acknowledged_by=incident.acknowledged_by or who,
        first_acknowledged=incident.first_acknowledged or now,
        human=human,
        news=now,
        holder=incident.acknowledged_by or who,
    )


def hold(incident: Incident, why: Hold | None, by: SystemName | None, now: datetime) -> Incident:
    """Withhold the incident's notices, or let them go: then the chain runs from now."""
    if (why, by) == (incident.hold, incident.held_by):
        return incident
    if why is None:
        free = replace(incident, hold=None, held_by=None, held_since=None)
        return replace(free, chain_from=now, releases=incident.releases + 1)
    return replace(incident, hold=why, held_by=by, held_since=incident.held_since or now)
