"""Which text a receipt speaks of that names only a number.

Context: gammu-smsd lays a status report in its inbox as a text from the number it is about, and says not of which of
our texts. Choice: it speaks of the oldest of the last day that this route has sent there and nobody has confirmed; a
modem sends, and a network delivers, one after the other. Price: of two texts to one phone, the later may be called
delivered when only the earlier was; the phone was on all the same.
"""

from datetime import datetime, timedelta

from monitor.core.records import Notice, NoticeState
from monitor.engine.ledger import Ledger

_OLDEST = timedelta(days=1)


def oldest(ledger: Ledger, route: str, number: str, now: datetime) -> Notice | None:
    """The text, or None when none is waited for."""
    waited = [
        notice
        for notice in ledger.notices.values()
        if (notice.route, notice.to, notice.state) == (route, number, NoticeState.ACCEPTED)
        and notice.delivered is None
        and not notice.undelivered
        and notice.settled is not None
        and now - notice.settled < _OLDEST
    ]
    return min(waited, key=lambda notice: (notice.settled or now, notice.id), default=None)
