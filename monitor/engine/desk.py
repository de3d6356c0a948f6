"""The desk everything in the engine works at: the plan in force, the ledger, the journal, the clock.

Swapped as a whole when the plan is reloaded; nobody keeps a copy of the plan of his own.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import structlog

from monitor.core.finding import CheckName, Finding, SystemName
from monitor.core.plan import OWN_LINE, Plan
from monitor.core.records import Notice
from monitor.core.sight import Sight
from monitor.core.state import SystemView, view
from monitor.engine.early import Early
from monitor.engine.journal import Journal
from monitor.engine.ledger import Ledger
from monitor.engine.links import Asking
from monitor.engine.silence import Silence
from monitor.metrics import Metrics
from monitor.plan.texts import Texts

log = structlog.get_logger(__name__)

_SICK_FOR = 60.0


class Clockwork(Protocol):
    """What the engine needs of a clock; `monitor.clock.Clock` is the real one."""

    def now(self) -> datetime:
        """The present instant, aware, UTC."""

    def monotonic(self) -> float:
        """Seconds that never jump."""

    def new_id(self) -> str:
        """An id that sorts by time."""


@dataclass(slots=True)
class Desk:
    """Shared by the loops. `wake_*` are set by the app: they make a loop look at once instead of at its next turn."""

    plan: Plan
    texts: Texts
    cards: Mapping[str, str]
    clock: Clockwork
    ledger: Ledger
    journal: Journal
    metrics: Metrics
    findings: dict[CheckName, Finding] = field(default_factory=dict)
    outcomes: dict[CheckName, dict[str, int]] = field(default_factory=dict)
    sight: Sight = field(default_factory=Sight)
    wake_escalate: Callable[[], None] = lambda: None
    wake_deliver: Callable[[], None] = lambda: None
    urge: Callable[[tuple[CheckName, ...]], None] = lambda names: None
    pulsed: Callable[[Notice], None] = lambda notice: None
    """A pulse has gone the whole way."""
    asking: Asking | None = None
    """How answers are asked for; None: they are not."""
    early: Early = field(default_factory=Early)
    silence: Silence = field(default_factory=Silence)
    report_route: Callable[[Finding], object] = lambda finding: None
    sick: dict[str, float] = field(default_factory=dict)
    """What could not be decided, by what it was about, and when that was last so (monotonic)."""

    @contextmanager
    def isolated(self, about: str) -> Iterator[None]:
        """One sick item never stops the rest: an exception is logged once, and said by `vagten` while it lasts."""
        try:
            yield
        except Exception:
            if about not in self.sick:
                log.exception("item_fell", about=about)
            self.sick[about] = self.clock.monotonic()
        else:
            if self.sick and self.sick.pop(about, None) is not None:
                log.info("item_returned", about=about)

    def sick_now(self) -> list[str]:
        """What is still failing; what has not been tried for a while is forgotten."""
        limit = self.clock.monotonic() - _SICK_FOR
        for about in [about for about, at in self.sick.items() if at < limit]:
            del self.sick[about]
        return list(self.sick)

    def view(self, system: SystemName) -> SystemView:
        """What we believe of a system now. Our own line is gone only when every canary is."""
        names = self.plan.systems[system].checks
        rules = [self.plan.checks[name] for name in names]
        if system != OWN_LINE:
            return view(rules, self.ledger.beliefs)
        canaries = [rule for rule in rules if rule.canary]
        return view(canaries or rules, self.ledger.beliefs, needs_all=bool(canaries))
