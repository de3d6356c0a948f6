"""Announced work and mutes over an incident: when its notices wait, what goes out all the same, what the end brings.

Checks and incidents go on as always; every notice that is held back stands on the timeline with the reason.
"""

from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import replace
from datetime import datetime

from monitor.core import words
from monitor.core.delivery import owed_all_clear
from monitor.core.escalation import Call, due
from monitor.core.incidents import Change, observe
from monitor.core.plan import ChannelName, PersonId, RoleId, Severity
from monitor.core.reasons import Entry, Kind
from monitor.core.records import Incident, Notice, NoticeState, TimelineLine
from monitor.core.state import SystemView
from monitor.core.withhold import WITHHELD, is_sure, known_of, meanwhile, released, withhold
from monitor.engine.announced import announced, holds, passed_over, rerouted, role_of, said, told_instead
from monitor.engine.compose import follow_up, incident_facts, line
from monitor.engine.desk import Desk
from monitor.engine.questions import aged

_OF_THE_OUTAGE = frozenset(Kind) - {Kind.REROUTED, Kind.ALL_CLEAR, Kind.NOBODY_ON_DUTY, Kind.TAKEN, Kind.ANSWER}


def meet(desk: Desk, incident: Incident, view: SystemView | None, now: datetime) -> Change:
    """An open incident meets its system's state (None: only time has passed), and what is announced."""
    held = begin(desk, incident, now)
    if held.hold in WITHHELD:
        seen = view or desk.view(held.system)
        held, free = _ends(desk, held, seen, now)
        if free:
            return released(held, seen, desk.plan.rules, now, told=bool(_told_ever(desk, held)))
        if held.known is not None:
            return meanwhile(held, seen, now)
    change = aged(desk, held, now) if view is None else observe(held, view, desk.plan.rules, now)
    return replace(change, incident=begin(desk, change.incident, now))


def begin(desk: Desk, incident: Incident, now: datetime) -> Incident:
    """The incident with its notices held where a window holds them now."""
    found = holds(desk, incident, now) if incident.active else []
    same = incident.hold in WITHHELD and incident.let_go is None and incident.window == (found and found[0].id)
    if not found or same:
        return incident
    ever = _told_ever(desk, incident)
    told = bool(
        owed_all_clear((n for n in desk.ledger.notices_of(incident.id) if n.kind is not Kind.REROUTED), incident)
    )
    begun = any(notice.generation >= incident.generation for notice in ever)
    return withhold(incident, found[0], known_of(incident, told=told, begun=begun), now)


def _told_ever(desk: Desk, incident: Incident) -> list[Notice]:
    """What was sent of the outage by its chain."""
    mine = desk.ledger.notices_of(incident.id)
    return [n for n in mine if n.kind in _OF_THE_OUTAGE and n.state is not NoticeState.FAILED]


def _ends(desk: Desk, held: Incident, view: SystemView, now: datetime) -> tuple[Incident, bool]:
    """The incident when no window holds it any more, and whether its notices may go."""
    if holds(desk, held, now):
        return held, False
    checks = desk.plan.systems[held.system].checks
    if held.let_go is None:
        held = replace(held, let_go=now)
        desk.urge(checks)
    if announced(desk, held.system, now) and view.known:
        # Announced still, and yet nobody can be told in the chain's place: nothing to wait for.
        return held, True
    beliefs = [desk.ledger.beliefs.get(check) for check in checks]
    looks = [belief.seen_at for belief in beliefs if belief is not None and belief.seen_at is not None]
    oldest = min(looks, default=None) if len(looks) == len(checks) else None
    return held, is_sure(view, held.let_go or now, oldest, desk.plan.rules, now)


def hold_lines(desk: Desk, incident: Incident, now: datetime) -> list[TimelineLine]:
    """What is announced over an incident, each window once: who withholds, until when and why."""
    windows = announced(desk, incident.system, now) if incident.active else ()
    critical = desk.plan.systems[incident.system].critical if windows else False
    lines = []
    for window in windows:
        role, text = desk.plan.roles[role_of(desk, window)].title, said(desk, window, now)
        if incident.hold in WITHHELD:
            key = f"{incident.id}/{incident.generation}/withheld/{window.id}/{window.over:%Y%m%dT%H%M%S}"
            text += f"; {role} får besked i stedet" if critical else ""
            lines.append(line(incident, Entry.WITHHELD, now, text, key, reason=incident.hold.value))
        elif critical:
            text = f"{role}: ingen kan nås, så {text} holder intet tilbage"
            lines.append(line(incident, Entry.NOBODY_ON_DUTY, now, text, passed_over(incident, window)))
    return lines


def calls_instead(desk: Desk, incident: Incident, told: Set[str], now: datetime) -> tuple[Call, ...]:
    """Whoever is told of a critical system's outage in the chain's place: once for each time it is gone, or worse."""
    severity = incident.current or incident.severity
    if not _is_rerouted(desk, incident) or incident.good_since is not None or severity < Severity.DEGRADED:
        return ()
    stem = f"{incident.id}/{incident.generation}/rerouted/{_turns(incident, told)}"
    calls: dict[str, Call] = {}
    for person, role in _instead(desk, incident, now):
        for channel in ChannelName:
            ends = f"{person}/{channel}"
            heard = any(f"{stem}/{each.word}/{ends}" in told for each in Severity if each >= severity)
            if desk.plan.people[person].address(channel) and not heard:
                key = f"{stem}/{severity.word}/{ends}"
                calls.setdefault(key, Call(key, Kind.REROUTED, person, channel, role, now))
    return tuple(calls.values())


def _instead(desk: Desk, incident: Incident, now: datetime) -> Iterator[tuple[PersonId, RoleId]]:
    for window in holds(desk, incident, now):
        for person in told_instead(desk, window, now):
            yield person, role_of(desk, window)


def _clear_instead(
    desk: Desk, incident: Incident, told: Set[str], lines: Sequence[TimelineLine], now: datetime
) -> list[Notice]:
    """Back for the moment, for those told in the chain's place; after some turns it is silent until the end."""
    turn = _turns(incident, told)
    if not _is_rerouted(desk, incident) or turn + 1 >= desk.plan.rules.unstable_after:
        return []
    mine = {(notice.person, notice.channel) for notice in rerouted(desk, incident)}
    owed = owed_all_clear(desk.ledger.notices_of(incident.id), incident)
    stem = f"{incident.id}/{incident.generation}/cleared/{turn}"
    return _follow_ups(
        desk, incident, [n for n in owed if (n.person, n.channel) in mine], Kind.ALL_CLEAR, stem, (lines, now)
    )


def _is_rerouted(desk: Desk, incident: Incident) -> bool:
    held = incident.active and incident.hold in WITHHELD and incident.let_go is None
    return held and desk.plan.systems[incident.system].critical


def _turns(incident: Incident, told: Iterable[str]) -> int:
    """How often those told in the chain's place have heard that it was back, of this turn of the outage."""
    stem = f"{incident.id}/{incident.generation}/cleared/"
    return len({key[len(stem) :].partition("/")[0] for key in told if key.startswith(stem)})


def withheld_rows(
    desk: Desk, change: Change, told: Set[str], lines: Sequence[TimelineLine], now: datetime
) -> list[Notice | TimelineLine]:
    """What withholding brings beside the chain itself.

    While it lasts: that it is back, for those told in the chain's place. At its end: that it is better, and the steps
    that are dropped.
    """
    incident = change.incident
    if Entry.EASED in change.events and incident.known is not None and incident.good_since is not None:
        return [*_clear_instead(desk, incident, told, lines, now)]
    before = desk.ledger.incidents.get(incident.id)
    if Entry.RELEASED not in change.events or before is None or incident.generation != before.generation:
        return []
    rows: list[Notice | TimelineLine] = [*_dropped(desk, incident, before, told, now)]
    if Entry.EASED in change.events:
        owed = owed_all_clear(desk.ledger.notices_of(incident.id), incident)
        stem = f"{incident.id}/{incident.generation}/eased/{now.timestamp():.3f}"
        rows += _follow_ups(desk, incident, owed, Kind.EASED, stem, (lines, now))
    return rows


def _dropped(desk: Desk, incident: Incident, before: Incident, told: Set[str], now: datetime) -> list[TimelineLine]:
    """The steps that fell due meanwhile, none of which is sent afterwards.

    But a period that began meanwhile begins with its first step: who has the duty is another matter than the state.
    """
    changes = desk.plan.calendar.changes(before.held_since, now) if before.held_since else []
    lines = []
    for call in due(incident, desk.plan, now, told, desk.ledger.unreached(incident.id)).calls:
        if changes and call.due == changes[-1] and call.kind is not Kind.REMINDER:
            continue
        role = desk.plan.roles[call.role].title
        text = f"{words.CHANNELS[call.channel]} til {role}: {words.KINDS[call.kind]} faldt i tiden"
        reason = before.hold.value if before.hold else ""
        lines.append(line(incident, Entry.STEP_DROPPED, now, text, call.key, reason=reason))
    return lines


def _follow_ups(
    desk: Desk,
    incident: Incident,
    owed: Sequence[Notice],
    kind: Kind,
    stem: str,
    pending: tuple[Sequence[TimelineLine], datetime],
) -> list[Notice]:
    lines, now = pending
    facts = incident_facts(desk, incident, lines, now) | {"created": now} if owed else {}
    return [follow_up(desk, incident, told, kind, stem, facts) for told in owed]
