"""Carriers that take texts and never confirm one any more.

Two different phones without a receipt, and none since, is a route that fails, though it takes every text: one phone
that is switched off is not. A receipt, whatever it says, makes the route well again.
"""

from collections.abc import Iterable
from datetime import datetime

from monitor.core.finding import CheckName, Finding, Miss, Outcome, Reason
from monitor.core.plan import RouteName
from monitor.core.records import Notice

_PHONES = 2
_SEEN = "kvitteringer udebliver"


class Silence:
    """Counts, for each route, the addresses that no receipt has come from since its last one."""

    def __init__(self) -> None:
        self._missed: dict[RouteName, dict[str, None]] = {}

    def missed(self, notice: Notice) -> bool:
        """No receipt came in time; True when its route counts as silent."""
        if notice.route is None:
            return False
        mine = self._missed.setdefault(notice.route, {})
        if len(mine) < _PHONES:
            mine[notice.to] = None
        return len(mine) >= _PHONES

    def heard(self, route: RouteName) -> bool:
        """A receipt has come; True when the route was silent until now."""
        return len(self._missed.pop(route, ())) >= _PHONES

    def silent(self) -> set[RouteName]:
        """The routes that are silent now."""
        return {route for route, mine in self._missed.items() if len(mine) >= _PHONES}

    def resume(self, notices: Iterable[Notice]) -> set[RouteName]:
        """Count anew after a start, from what is kept; gives the silent routes."""
        told = [notice for notice in notices if notice.route is not None and notice.bundle is None]
        times = [(at, notice) for notice in told if (at := notice.delivered or notice.overdue) is not None]
        for _, notice in sorted(times, key=lambda pair: (pair[0], pair[1].id)):
            if notice.delivered is not None or notice.undelivered:
                self.heard(RouteName(str(notice.route)))
            else:
                self.missed(notice)
        return self.silent()


def finding(route: RouteName, at: datetime, *, silent: bool) -> Finding:
    """What is said of a route when it has fallen silent, or is heard again."""
    name = CheckName(f"alarmvej-{route}")
    if not silent:
        return Finding(name, Outcome.OK, at)
    return Finding(name, Outcome.FAIL, at, misses=(Miss(Reason.ROUTE, seen=f"{route}: {_SEEN}"),))
