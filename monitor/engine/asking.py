"""What a notice carries so that its reader can answer it: a code in an SMS, a link in a mail.

A text asks for an answer only where one can arrive: a code when a route takes replies, a link when we have an address.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from monitor.core.answers import ASKING, code_of
from monitor.core.escalation import Call
from monitor.core.plan import ChannelName, PersonId, RouteInfo
from monitor.core.records import Incident, IncidentId, Notice
from monitor.engine.desk import Desk
from monitor.engine.links import LASTS, Asking, Link


def ask(desk: Desk, incident: Incident, call: Call, now: datetime) -> dict[str, str]:
    """The facts `code`, `reply` and `link` for one notice; empty where it asks for nothing."""
    facts = {"code": "", "reply": "", "link": ""}
    if desk.asking is None or call.kind not in ASKING:
        return facts
    if call.channel is ChannelName.MAIL:
        return facts | {"link": link(desk, incident, call.person, now)}
    route = replying(desk)
    if route is None:
        return facts
    code = _code(desk, desk.asking, incident, call.person)
    return facts | {"code": code, "reply": _reply(route, code)}


def ask_of_all(desk: Desk, bundle: str, members: Iterable[Notice]) -> tuple[str, str]:
    """The code that answers a whole bundle, and how its text asks for it; empty where it asks for nothing."""
    asked = [one for one in members if one.code]
    route = replying(desk)
    if desk.asking is None or route is None or not asked:
        return "", ""
    first = asked[0]
    code = code_of(desk.asking.key, IncidentId(bundle), first.person, desk.ledger.asked.codes(first.to))
    for one in asked:
        if one.incident is not None:
            desk.ledger.asked.share(first.to, code, (one.incident, one.person))
    return code, _reply(route, code)


def link(desk: Desk, incident: Incident, person: PersonId, now: datetime) -> str:
    """The address at which a person answers for an incident once; one that has not been used. Empty: there is none."""
    if desk.asking is None or not desk.asking.url:
        return ""
    used, one = desk.ledger.told.get(incident.id, set()), Link(incident.id, person, incident.generation, now + LASTS)
    while one.key in used:
        one = replace(one, turn=one.turn + 1)
    return desk.asking.address(one)


def replying(desk: Desk) -> RouteInfo | None:
    """The first route people can answer by SMS."""
    return next((r for r in desk.plan.routes if r.replies and r.channel is ChannelName.SMS), None)


def _reply(route: RouteInfo, code: str) -> str:
    words = f"{route.keyword} OK {code}".strip()
    return f" Svar {words}."


def _code(desk: Desk, asking: Asking, incident: Incident, person: PersonId) -> str:
    """The person's code for this incident. In use at once: two incidents of one turn are told apart."""
    asked, number = desk.ledger.asked, desk.plan.people[person].sms
    code = asked.code(number, (incident.id, person))
    if not code:
        code = code_of(asking.key, incident.id, person, asked.codes(number))
        asked.give(number, code, (incident.id, person))
    return code
