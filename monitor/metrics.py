"""What Prometheus sees (DESIGN §4).

What is counted is counted where it happens; what is a state is read from the engine at the scrape, so a probe costs
nothing here and a label set that is gone leaves with its check. No metric has a label for a device or a person.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from monitor.core.state import State
from monitor.core.turned import Withheld

_FAST = (0.05, 0.1, 0.2, 0.3, 0.5, 1, 2, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600)
_SLOW = (30, 60, 120, 180, 300, 600, 900, 1800, 3600, 7200)
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class CheckSample:
    """One check at the scrape. `up` is 1, 0 or None (unknown); `phases` are seconds of the last probe."""

    check: str
    system: str
    kind: str
    state: State
    up: float | None
    phases: Mapping[str, float]
    outcomes: Mapping[str, int]
    tls_expiry: float | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that is a state, at one instant."""

    now: datetime
    checks: Iterable[CheckSample] = ()
    systems: Mapping[str, State] = field(default_factory=dict)
    open_incidents: Mapping[tuple[str, str], int] = field(default_factory=dict)
    unacknowledged: Mapping[str, int] = field(default_factory=dict)
    withheld: Mapping[str, int] = field(default_factory=dict)
    withheld_since: Mapping[str, datetime] = field(default_factory=dict)
    oldest_unsent: datetime | None = None
    flagged: Mapping[str, int] = field(default_factory=dict)
    routes: Mapping[tuple[str, str], float] = field(default_factory=dict)
    credits: Mapping[tuple[str, str], float] = field(default_factory=dict)
    bounds: Mapping[tuple[str, str], float] = field(default_factory=dict)
    required: Mapping[str, float] = field(default_factory=dict)
    loops: Mapping[str, float] = field(default_factory=dict)
    plan_digest: str = ""
    plan_reload_ok: bool = True
    blind: bool = False
    store_degraded: bool = False
    rows_waiting: int = 0
    without_next_step: int = 0


class Metrics:
    """The counters, and a collector over the snapshot that `watch` hands in."""

    def __init__(self, version: str) -> None:
        self.registry = registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=registry)
        self.incidents = Counter(
            "omsorgsvagt_incidents", "Incidents opened.", ["system", "severity"], registry=registry
        )
        self.notices = Counter(
            "omsorgsvagt_notices",
            "Tries to send a notice, by what became of them and why the notice is sent.",
            ["channel", "route", "outcome", "reason"],
            registry=registry,
        )
        self.delivery = Histogram(
            "omsorgsvagt_notice_delivery_seconds",
            "From the decision to a rung of the ladder.",
            ["channel", "rung"],
            buckets=_FAST,
            registry=registry,
        )
        self.fault_to_accepted = Histogram(
            "omsorgsvagt_fault_to_accepted_seconds",
            "From the first failing probe to the first alarm accepted by a carrier.",
            buckets=_FAST,
            registry=registry,
        )
        self.to_acknowledge = Histogram(
            "omsorgsvagt_time_to_acknowledge_seconds",
            "From the confirmed outage to the first acknowledgement.",
            buckets=_SLOW,
            registry=registry,
        )
        self.replies = Counter(
            "omsorgsvagt_replies",
            "Replies that came in, by the way they came and what became of them.",
            ["route", "verdict"],
            registry=registry,
        )
        self.receipts = Counter(
            "omsorgsvagt_receipts",
            "Receipts of carriers, by route and what became of them.",
            ["route", "verdict"],
            registry=registry,
        )
        self._of_ourselves(version, registry)

    def _of_ourselves(self, version: str, registry: CollectorRegistry) -> None:
        """What the service counts of itself."""
        self.bounces_read = Gauge(
            "omsorgsvagt_bounces_read",
            "1 when a mail route's mailbox of bounces could be read at the last look, else 0.",
            ["route"],
            registry=registry,
        )
        self.clock_steps = Counter(
            "omsorgsvagt_clock_steps", "Times the wall clock was set.", ["direction"], registry=registry
        )
        for direction in ("forward", "back"):
            self.clock_steps.labels(direction)
        self.clock_moved = Gauge(
            "omsorgsvagt_clock_offset_seconds",
            "How far the wall clock has moved against running time since the start.",
            registry=registry,
        )
        self.dead_man_sent = Gauge(
            "omsorgsvagt_dead_man_last_sent_timestamp_seconds",
            "When the outside was last told that we live; 0 while it never was.",
            registry=registry,
        )
        self.dead_man_withheld = Counter(
            "omsorgsvagt_dead_man_withheld", "Signs of life not given, by why.", ["reason"], registry=registry
        )
        for why in Withheld:
            self.dead_man_withheld.labels(why.value)
        self.dead_man_failed = Counter(
            "omsorgsvagt_dead_man_failed", "Signs of life that were not taken.", registry=registry
        )
        self.pulse = Gauge(
            "omsorgsvagt_pulse_timestamp_seconds",
            "When a pulse last came out of every channel.",
            registry=registry,
        )
        self.late = Counter("omsorgsvagt_probe_late", "Probes started later than allowed.", registry=registry)
        self.loop_falls = Counter(
            "omsorgsvagt_loop_falls", "Times a loop fell and returned.", ["loop"], registry=registry
        )
        build = Gauge("omsorgsvagt_build_info", "The running version.", ["version"], registry=registry)
        build.labels(version).set(1)

    def watch(self, snapshot: Callable[[], Snapshot]) -> None:
        """Show this snapshot at every scrape."""
        self.registry.register(_States(snapshot))

    def expose(self) -> bytes:
        """The text exposition format, version 0.0.4. May run in a thread."""
        return generate_latest(self.registry)


class _States(Collector):
    def __init__(self, snapshot: Callable[[], Snapshot]) -> None:
        self._snapshot = snapshot

    def describe(self) -> Iterable[Metric]:
        """Nothing to check at registration: the names are this module's own."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """One scrape."""
        snapshot = self._snapshot()
        yield from _checks(snapshot)
        yield from _systems(snapshot)
        yield from _routes(snapshot)
        yield from _own(snapshot)


def _checks(snapshot: Snapshot) -> Iterator[Metric]:
    up = GaugeMetricFamily(
        "omsorgsvagt_check_up", "1 when the last probe was well.", labels=["check", "system", "kind"]
    )
    state = GaugeMetricFamily("omsorgsvagt_check_state", "The state believed.", labels=["check", "system", "state"])
    took = GaugeMetricFamily(
        "omsorgsvagt_check_duration_seconds", "The last probe, by phase.", labels=["check", "phase"]
    )
    outcomes = CounterMetricFamily("omsorgsvagt_check_findings", "Probes by outcome.", labels=["check", "outcome"])
    expiry = GaugeMetricFamily(
        "omsorgsvagt_tls_expiry_timestamp_seconds", "When the first certificate of the chain expires.", labels=["check"]
    )
    for sample in snapshot.checks:
        if sample.up is not None:
            up.add_metric([sample.check, sample.system, sample.kind], sample.up)
        for each in State:
            state.add_metric([sample.check, sample.system, each.value], float(each is sample.state))
        for phase, seconds in sample.phases.items():
            took.add_metric([sample.check, phase], seconds)
        for outcome, count in sample.outcomes.items():
            outcomes.add_metric([sample.check, outcome], count)
        if sample.tls_expiry is not None:
            expiry.add_metric([sample.check], sample.tls_expiry)
    yield from (up, state, took, outcomes, expiry)


def _systems(snapshot: Snapshot) -> Iterator[Metric]:
    states = GaugeMetricFamily("omsorgsvagt_system_state", "The state believed.", labels=["system", "state"])
    for system, now in snapshot.systems.items():
        for each in State:
            states.add_metric([system, each.value], float(each is now))
    incidents = GaugeMetricFamily("omsorgsvagt_incidents_open", "Incidents now open.", labels=["system", "severity"])
    for (system, severity), count in snapshot.open_incidents.items():
        incidents.add_metric([system, severity], count)
    unacknowledged = GaugeMetricFamily(
        "omsorgsvagt_incidents_unacknowledged", "Open incidents nobody has acknowledged.", labels=["system"]
    )
    for system, count in snapshot.unacknowledged.items():
        unacknowledged.add_metric([system], count)
    bounds = GaugeMetricFamily(
        "omsorgsvagt_time_to_phone_bound_seconds",
        "The proved longest time from a fault to a phone.",
        labels=["system", "period"],
    )
    for (system, period), seconds in snapshot.bounds.items():
        bounds.add_metric([system, period], seconds)
    required = GaugeMetricFamily(
        "omsorgsvagt_time_to_phone_required_seconds", "The longest time the plan allows to a phone.", labels=["system"]
    )
    for system, seconds in snapshot.required.items():
        required.add_metric([system], seconds)
    yield from (states, incidents, unacknowledged, bounds, required)


def _routes(snapshot: Snapshot) -> Iterator[Metric]:
    routes = GaugeMetricFamily(
        "omsorgsvagt_route_up", "1 while a route's last try was taken.", labels=["channel", "route"]
    )
    for (channel, route), value in snapshot.routes.items():
        routes.add_metric([channel, route], value)
    credit = GaugeMetricFamily(
        "omsorgsvagt_route_credit", "What a route's account had left, in its currency.", labels=["channel", "route"]
    )
    for (channel, route), value in snapshot.credits.items():
        credit.add_metric([channel, route], value)
    yield from (routes, credit)


def _own(snapshot: Snapshot) -> Iterator[Metric]:
    withheld = GaugeMetricFamily("omsorgsvagt_notices_withheld", "Incidents whose notices wait.", labels=["reason"])
    waiting = GaugeMetricFamily(
        "omsorgsvagt_oldest_withheld_age_seconds", "How long the longest withheld has waited.", labels=["reason"]
    )
    for reason, count in snapshot.withheld.items():
        withheld.add_metric([reason], count)
        since = snapshot.withheld_since.get(reason, snapshot.now)
        waiting.add_metric([reason], (snapshot.now - since).total_seconds())
    loops = GaugeMetricFamily(
        "omsorgsvagt_loop_last_cycle_timestamp_seconds", "When the loop last ended a whole cycle.", labels=["loop"]
    )
    for loop, ago in snapshot.loops.items():
        loops.add_metric([loop], snapshot.now.timestamp() - ago)
    plan = GaugeMetricFamily("omsorgsvagt_plan_info", "The plan in force.", labels=["digest"])
    plan.add_metric([snapshot.plan_digest], 1)
    oldest = (snapshot.now - snapshot.oldest_unsent).total_seconds() if snapshot.oldest_unsent else 0.0
    flagged = GaugeMetricFamily(
        "omsorgsvagt_addresses_flagged", "Addresses a carrier says are no more.", labels=["channel"]
    )
    for channel, count in snapshot.flagged.items():
        flagged.add_metric([channel], count)
    yield from (flagged, withheld, waiting, loops, plan)
    yield from (
        _gauge("oldest_unsent_notice_age_seconds", "How long the oldest unsent notice has waited.", oldest),
        _gauge("plan_reload_ok", "1 when the last load of the plan went well.", snapshot.plan_reload_ok),
        _gauge("blind", "1 while we cannot see out.", snapshot.blind),
        _gauge("store_degraded", "1 while the database cannot be written.", snapshot.store_degraded),
        _gauge("store_rows_waiting", "Rows waiting to be written.", snapshot.rows_waiting),
        _gauge(
            "incidents_without_next_step",
            "Open incidents that wait for nothing, as the auditor last found.",
            snapshot.without_next_step,
        ),
    )


def _gauge(name: str, text: str, value: float) -> Metric:
    family = GaugeMetricFamily(f"omsorgsvagt_{name}", text)
    family.add_metric([], float(value))
    return family
