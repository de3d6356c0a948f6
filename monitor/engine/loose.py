"""A notice that belongs to no incident: one text for one person about something that is no system's outage.

A text that cannot be rendered is replaced by a plain one: no fault in a template holds it back.
"""

from collections.abc import Mapping
from typing import Any

import structlog

from monitor.core.gsm import cut
from monitor.core.plan import ChannelName, Person
from monitor.core.reasons import Kind
from monitor.core.records import Notice, NoticeId
from monitor.engine.desk import Desk
from monitor.plan.texts import Text

log = structlog.get_logger(__name__)


def loose(
    desk: Desk, kind: Kind, whom: tuple[Person, ChannelName], stem: str, facts: Mapping[str, Any], plain: str
) -> Notice:
    """The notice, keyed by its stem, person and channel. `plain` says it where the template falls."""
    person, channel = whom
    text = _text(desk, kind, channel, facts, plain)
    return Notice(
        id=NoticeId(desk.clock.new_id()),
        key=f"{stem}/{person.id}/{channel}",
        incident=None,
        kind=kind,
        person=person.id,
        channel=channel,
        to=person.address(channel),
        text=text.body,
        subject=text.subject,
        created=desk.clock.now(),
        reason=kind.value,
    )


def _text(desk: Desk, kind: Kind, channel: ChannelName, facts: Mapping[str, Any], plain: str) -> Text:
    try:
        return desk.texts.render(kind, channel, facts)
    except Exception:
        log.exception("text_not_rendered", kind=kind.value, channel=channel.value)
    return Text(cut(plain, 153)) if channel is ChannelName.SMS else Text(f"{plain}\n", plain.partition("\n")[0])
