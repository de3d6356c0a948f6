"""What a notice carries so that its reader can answer it: a code in an SMS, a link in a mail.

A text asks for an answer only where one can arrive: a code when a route takes replies, a link when we have an address.
"""

from datetime import datetime

from monitor.core.answers import ASKING, code_of
from monitor.core.escalation import Call
from monitor.core.plan import ChannelName, PersonId, RouteInfo
from monitor.core.records import Incident
from monitor.engine.desk import Desk
from monitor.engine.links import LASTS, Asking, Link


def ask(desk: Desk, incident: Incident, call: Call, now: datetime) -> dict[str, str]:
    """The facts `code`, `reply` and `link` for one notice; empty where it asks for nothing."""
    facts = {"code": "", "reply": "", "link": ""}
    if desk.asking is None or call.kind not in ASKING:
        return facts
    if call.channel is ChannelName.MAIL:
        link = Link(incident.id, call.person, incident.generation, now + LASTS)
        return facts | {"link": desk.asking.address(link)}
    route = replying(desk)
    if route is None:
        return facts
    code = _code(desk, desk.asking, incident, call.person)
    words = f"{route.keyword} OK {code}".strip()
    return facts | {"code": code, "reply": f" Svar {words}."}


def replying(desk: Desk) -> RouteInfo | None:
    """The first route people can answer by SMS."""
    return next((r for r in desk.plan.routes if r.replies and r.channel is ChannelName.SMS), None)


def _code(desk: Desk, asking: Asking, incident: Incident, person: PersonId) -> str:
    """The person's code for this incident. In use at once: two incidents of one turn are told apart."""
    asked, number = desk.ledger.asked, desk.plan.people[person].sms
    code = asked.code(number, (incident.id, person))
    if not code:
        code = code_of(asking.key, incident.id, person, asked.codes(number))
        asked.give(number, code, (incident.id, person))
    return code
