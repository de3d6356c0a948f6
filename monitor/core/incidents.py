"""What an incident becomes when a system's state does.

One incident per system; a worsening restarts its chain, a return within `rejoin_within` is the same incident, and one
that comes and goes is marked unstable, after which its ups and downs are noted and not told, until it has been well
for `stable_for`. Nothing here closes an incident because somebody acknowledged it.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from monitor.core.finding import SystemName
from monitor.core.plan import Rules, Severity
from monitor.core.records import Entry, Hold, HumanState, Incident, Kind
from monitor.core.state import SystemView


@dataclass(frozen=True, slots=True)
class Change:
    """The incident after an observation, and what happened to it, in order (empty: nothing)."""

    incident: Incident
    events: tuple[Entry, ...] = ()


def observe(incident: Incident, view: SystemView, rules: Rules, now: datetime) -> Change:
    """An open incident meets its system's present state. A view that knows nothing changes nothing."""
    if not view.known or view.state.value == "unknown":
        return Change(incident)
    if view.severity is None:
        return _better(incident, view, now)
    if incident.good_since is not None:
        return _again(incident, view, view.severity, rules, now)
    return _worse_or_eased(incident, view, view.severity, now)


def tick(incident: Incident, rules: Rules, now: datetime) -> Change:
    """What time alone does: an unstable incident has been well long enough, a recovered one can no longer be rejoined."""
    good = incident.good_since
    if incident.closed or good is None:
        return Change(incident)
    if incident.recovered is None:
        if now - good < timedelta(seconds=rules.stable_for):
            return Change(incident)
        told = replace(incident, recovered=good, human=HumanState.RESOLVED)
        return Change(told, (Entry.RECOVERED,))
    if now - incident.recovered >= timedelta(seconds=rules.rejoin_within):
        return Change(replace(incident, closed=now), (Entry.CLOSED,))
    return Change(incident)


def _better(incident: Incident, view: SystemView, now: datetime) -> Change:
    if incident.good_since is not None:
        return Change(incident)
    good = view.began or now
    better = replace(incident, good_since=max(good, incident.began), current=None)
    if incident.unstable:
        return Change(better, (Entry.EASED,))
    return Change(replace(better, recovered=now, human=HumanState.RESOLVED), (Entry.RECOVERED,))


def _again(incident: Incident, view: SystemView, severity: Severity, rules: Rules, now: datetime) -> Change:
    window = timedelta(seconds=rules.unstable_window)
    downs = (*(d for d in incident.downs if now - d < window), now)
    back = replace(
        incident,
        downs=downs,
        good_since=None,
        recovered=None,
        current=severity,
        severity=max(severity, incident.severity),
    )
    worse = severity > incident.severity
    if incident.unstable and not worse:
        return Change(back, (Entry.BACK,))
    turned = not incident.unstable and len(downs) >= rules.unstable_after
    event = Entry.WORSENED if worse else Entry.UNSTABLE if turned else Entry.REOPENED
    back = replace(back, unstable=incident.unstable or turned, grade=max(view.grade, incident.grade))
    return Change(_restart(back, Kind(event.value), now), (event,))


def _worse_or_eased(incident: Incident, view: SystemView, severity: Severity, now: datetime) -> Change:
    if (severity, view.grade) > (incident.severity, incident.grade):
        worse = replace(incident, severity=severity, grade=view.grade, current=severity)
        return Change(_restart(worse, Kind.WORSENED, now), (Entry.WORSENED,))
    if severity is not incident.current:
        eased = incident.current is not None and severity < incident.current
        return Change(replace(incident, current=severity), (Entry.EASED if eased else Entry.BACK,))
    return Change(incident)


def _restart(incident: Incident, told_as: Kind, now: datetime) -> Incident:
    """The chain starts again: nobody has acknowledged this yet."""
    return replace(
        incident,
        told_as=told_as,
        generation=incident.generation + 1,
        chain_from=now,
        acknowledged=None,
        acknowledged_by="",
        human=HumanState.UNSEEN,
    )


def acknowledge(incident: Incident, who: str, human: HumanState, now: datetime) -> Incident:
    """Somebody has it: stops reminders and the unacknowledged steps of this severity, closes nothing."""
    return replace(
        incident,
        acknowledged=incident.acknowledged or now,
        acknowledged_by=incident.acknowledged_by or who,
        first_acknowledged=incident.first_acknowledged or now,
        human=human,
    )


def hold(incident: Incident, why: Hold | None, by: SystemName | None, now: datetime) -> Incident:
    """Withhold the incident's notices, or let them go: then the chain runs from now."""
    if why is incident.hold:
        return incident
    if why is None:
        return replace(incident, hold=None, held_by=None, chain_from=now)
    return replace(incident, hold=why, held_by=by)
