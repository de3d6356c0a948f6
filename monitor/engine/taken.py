"""Who has it, told to the others: one notice each for everybody who was told of the outage.

In the same transaction as the acknowledgement, so that nobody goes on alone with what somebody else has.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from monitor.core import words
from monitor.core.delivery import owed_all_clear
from monitor.core.plan import ChannelName, PersonId
from monitor.core.reasons import Entry, Kind
from monitor.core.records import Incident, Notice, Row, TimelineLine
from monitor.core.withhold import WITHHELD
from monitor.engine.compose import follow_up, incident_facts, line
from monitor.engine.desk import Desk


def taken_rows(desk: Desk, incident: Incident, who: str, said: Sequence[TimelineLine], now: datetime) -> list[Row]:
    """The notices and their lines for everybody told but `who`: a person's name or id, or a role's title."""
    if incident.hold in WITHHELD:
        return []
    holders = meant(desk, who, now)
    rows: list[Row] = []
    facts = incident_facts(desk, incident, said, now)
    known = desk.ledger.told.get(incident.id, set())
    stem = f"{incident.id}/{incident.generation}/taken"
    for told in _one_each(owed_all_clear(desk.ledger.notices_of(incident.id), incident)):
        key = f"{stem}/{told.person}"
        if told.person in holders or key in known:
            continue
        person = desk.plan.people.get(told.person)
        name = person.name if person else told.person
        kind = Kind.TAKEN.value
        again = follow_up(desk, incident, told, Kind.TAKEN, stem, facts | {"created": now})
        # Once for each person, whichever channel it goes by.
        rows.append(replace(again, key=key))
        said_of_it = f"{words.CHANNELS[told.channel]} til {name}: {words.KINDS[Kind.TAKEN]}"
        rows.append(line(incident, Entry.QUEUED, now, said_of_it, f"{key}/queued", who=name, reason=kind))
    return rows


def _one_each(told: Iterable[Notice]) -> list[Notice]:
    """One notice for each person, by SMS where they were told by SMS."""
    found: dict[PersonId, Notice] = {}
    for notice in told:
        if notice.person not in found or notice.channel is ChannelName.SMS:
            found[notice.person] = notice
    return list(found.values())


def meant(desk: Desk, who: str, now: datetime) -> set[PersonId]:
    """Who goes by a name, an id, or a role's title at an instant."""
    wanted = who.strip().casefold()
    people = {p.id for p in desk.plan.people.values() if wanted in (p.id.casefold(), p.name.casefold())}
    roles = [role for role in desk.plan.roles.values() if role.title.casefold() == wanted]
    return people | {person for role in roles for person in role.on_duty(now)}
