"""What the web is given to show: the engine, a way to read history, metrics, health.

The web only looks; the few things people may change go through `monitor.engine.people`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from monitor.core.records import Incident, IncidentId, Notice, TaskItem, TimelineLine
from monitor.engine.engine import Engine
from monitor.metrics import Metrics
from monitor.web.answer import App, Quick

Told = tuple[tuple[TimelineLine, ...], tuple[Notice, ...], tuple[TaskItem, ...]]


class History(Protocol):
    """Reads what was kept. Each call raises `monitor.ports.StoreFault` when the database cannot be read."""

    async def incidents(self, limit: int = 50) -> tuple[Incident, ...]:
        """The newest incidents, newest first."""

    async def incident(self, wanted: str) -> Incident | None:
        """An incident by its number (`26-0007`) or its id."""

    async def story(self, incident: IncidentId) -> Told:
        """An incident's timeline, notices and tasks, oldest first."""


@dataclass(frozen=True, slots=True)
class Health:
    """Whether the service is well.

    `reasons` are short words for people (a stuck loop's name, what is still awaited) and empty exactly when `ok`;
    `loops` are seconds since each loop's last whole cycle, by name.
    """

    ok: bool
    reasons: tuple[str, ...] = ()
    loops: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Site:
    """Everything the web needs, handed in by the app.

    `health` is ok while every loop has turned within its patience; `ready` once the plan is loaded, the store opened
    or knowingly degraded, and the first probes done. Both are cheap and never raise. `api_token` opens the actions
    under `/api/v1/incidents/…`; empty, they are shut.
    """

    engine: Engine
    history: History
    metrics: Metrics
    health: Callable[[], Health]
    ready: Callable[[], Health]
    version: str
    api_token: str = field(default="", repr=False)
    replies: App | None = None
    """Answers `/api/v1/sms/…`: what the gateways bring; None where nobody takes replies."""
    canaries: App | None = None
    """Answers `/api/v1/canaries/…`: test units' messages that came out; None where nobody waits for any."""
    heartbeats: App | None = None
    """Answers `/api/v1/heartbeats…`; None where there are no fleets."""
    quick: Quick | None = None
    """Answers single heartbeats without a cycle each."""
