"""What one message for several incidents says: the worst first, cut with care, bounded however many there are.

An SMS is one part where its template leaves room for that; a mail shows some in full and the rest as lines.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from monitor.core import words
from monitor.core.answers import ASKING
from monitor.core.bundles import FIRST, said_as
from monitor.core.gsm import ONE_PART, cut, septets
from monitor.core.plan import ChannelName
from monitor.core.reasons import Kind
from monitor.core.records import Incident, Notice
from monitor.engine.asking import link
from monitor.engine.desk import Desk
from monitor.plan.texts import DRILL, Text

log = structlog.get_logger(__name__)

IN_FULL = 10
LINES = 300
_PLAIN_LIST = 60


@dataclass(frozen=True, slots=True)
class Part:
    """One word of a bundle with its incident."""

    notice: Notice
    incident: Incident

    @property
    def kind(self) -> Kind:
        """What is said of the incident."""
        return self.notice.kind


def worst_first(desk: Desk, parts: Sequence[Part]) -> list[Part]:
    """The worst first, of those the systems with the shortest time to a phone, then the oldest."""
    demands = {need.system: need.phone_within for need in desk.plan.requirements}

    def order(part: Part) -> tuple[int, float, datetime, str]:
        one = part.incident
        return -(one.current or one.severity), demands.get(one.system, float("inf")), one.began, one.number

    return sorted(parts, key=order)


def bundle_text(desk: Desk, parts: Sequence[Part], reply: str, now: datetime) -> Text:
    """The text for one company of notices, in the order given; a plain one when its template falls.

    `reply` is how an SMS is answered (` Svar OK 4711.`), empty where it asks for nothing.
    """
    channel, drill = parts[0].notice.channel, parts[0].incident.drill
    facts = _facts(desk, parts, now) | {"reply": reply}
    try:
        if channel is ChannelName.MAIL:
            return desk.texts.render(Kind.BUNDLE, channel, facts | {"list": _mail_list(desk, parts, now)}, drill=drill)
        bare = desk.texts.render(Kind.BUNDLE, channel, facts | {"list": ""}, drill=drill)
        listed = _sms_list(desk, parts, ONE_PART - 1 - septets(bare.body))
        return desk.texts.render(Kind.BUNDLE, channel, facts | {"list": listed}, drill=drill)
    except Exception:
        log.exception("text_not_rendered", kind=Kind.BUNDLE.value, channel=channel.value)
    plain = f"{DRILL if drill else ''}{facts['head']}"
    if channel is ChannelName.MAIL:
        return Text(_mail_list(desk, parts, now), plain)
    return Text(cut(f"{plain} {_sms_list(desk, parts, _PLAIN_LIST)}{reply}"))


def _facts(desk: Desk, parts: Sequence[Part], now: datetime) -> dict[str, Any]:
    first = parts[0]
    kind, incidents = said_as(first.kind), {part.incident.id: part.incident for part in parts}
    holders = {one.acknowledged_by for one in incidents.values()}
    task = desk.plan.tasks.get(first.notice.task) if first.notice.task else None
    head = words.BUNDLES.get(kind, words.BUNDLE).format(
        count=len(incidents),
        state=_state(list(incidents.values())),
        since=words.clock(min(map(_began, incidents.values())), now, desk.plan.calendar.zone),
        who=first.incident.acknowledged_by if len(holders) == 1 else words.OTHERS,
        task=(task.sms or task.title) if task else "",
        kind=words.KINDS[kind],
    )
    return {
        "head": head,
        "count": len(incidents),
        "number": first.incident.number,
        "see": words.SEE_MAIL if _mailed(desk, first) else "",
        "task_text": task.text.strip() if task else "",
    }


def _state(incidents: Sequence[Incident]) -> str:
    """`NEDE` when all are, else how many of each: `ramt (12 NEDE, 3 FORRINGET)`."""
    counts = Counter(one.current or one.severity for one in incidents)
    if len(counts) == 1:
        return words.SEVERITIES[next(iter(counts))]
    states = (f"{counts[severity]} {words.SEVERITIES[severity]}" for severity in sorted(counts, reverse=True))
    return words.AMONG.format(states=", ".join(states))


def _mailed(desk: Desk, part: Part) -> bool:
    """Whether the reader of an SMS is told of the same by mail."""
    return part.notice.channel is ChannelName.SMS and any(
        one.person == part.notice.person and one.channel is ChannelName.MAIL
        for one in desk.ledger.notices_of(part.incident.id)
    )


def _began(incident: Incident) -> datetime:
    again = incident.told_as is Kind.REOPENED and incident.downs
    return incident.downs[-1] if again else incident.began


def _sms_list(desk: Desk, parts: Sequence[Part], room: int) -> str:
    """As many as there is room for, in septets, ended by a full stop; dots say that there are more."""
    shown = ""
    for index, part in enumerate(parts):
        more = f"{shown}{', ' if shown else ''}{_name(desk, part, in_full=False)}{_mark(part)} {part.incident.number}"
        end = "." if index == len(parts) - 1 else " ..."
        if septets(more + end) > room:
            return f"{shown} ..." if shown else ""
        shown = more
    return f"{shown}."


def _name(desk: Desk, part: Part, *, in_full: bool) -> str:
    system = desk.plan.systems.get(part.incident.system)
    return (system.title if in_full else system.short) if system else part.incident.system


def _mark(part: Part) -> str:
    """What sets one first word apart from a plain alarm: ` igen`, ` forværret`."""
    return f" {words.KINDS[part.kind]}" if part.kind in FIRST and part.kind is not Kind.ALARM else ""


def _mail_list(desk: Desk, parts: Sequence[Part], now: datetime) -> str:
    shown = [_line(desk, part, now) for part in parts[:LINES]]
    cards: dict[str, None] = {}
    for part in parts[:IN_FULL]:
        system = desk.plan.systems.get(part.incident.system)
        card = desk.cards.get(system.card, "").strip() if system and part.kind is not Kind.ALL_CLEAR else ""
        if card:
            cards[card] = None
    left_out = [words.AND_MORE.format(count=len(parts) - LINES)] if len(parts) > LINES else []
    return "\n".join([*shown, *left_out, *(f"\nACTION CARD\n{card}" for card in cards)])


def _line(desk: Desk, part: Part, now: datetime) -> str:
    return "\n   ".join(_said(desk, part, now))


def _said(desk: Desk, part: Part, now: datetime) -> Iterator[str]:
    one, zone = part.incident, desk.plan.calendar.zone
    began = words.clock(_began(one), now, zone)
    name = f"{one.number}  {_name(desk, part, in_full=True)}"
    if part.kind is Kind.ALL_CLEAR:
        back = one.good_since or one.recovered or now
        yield f"{name}: oppe igen {words.clock(back, now, zone)}, nede fra {began}"
        return
    severity = words.SEVERITIES[one.current or one.severity]
    yield f"{name}: {severity}{_mark(part)} siden {began}" + (f", {one.cause}" if one.cause else "")
    if part.kind in ASKING and (address := link(desk, one, part.notice.person, now)):
        yield f"Svar her: {address}"
