"""What the metrics show, read from the desk at the scrape."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from monitor.core.finding import CheckName, Outcome
from monitor.core.state import Belief, Level
from monitor.engine.engine import Engine
from monitor.metrics import CheckSample, Snapshot

_UP = {Outcome.OK: 1.0, Outcome.WARN: 1.0, Outcome.FAIL: 0.0, Outcome.UNKNOWN: None}


def snapshot(
    engine: Engine,
    kinds: Mapping[CheckName, str],
    rest: Callable[[], tuple[Mapping[tuple[str, str], float], Mapping[str, float]]],
) -> Snapshot:
    """Everything that is a state, now. `rest` gives the proved bounds and the age of each loop's last cycle."""
    desk = engine.desk
    bounds, loops = rest()
    incidents = Counter((str(i.system), i.severity.word) for i in tuple(desk.ledger.incidents.values()) if i.active)
    return Snapshot(
        now=desk.clock.now(),
        checks=_checks(engine, kinds),
        systems={name: desk.view(name).state for name in desk.plan.systems},
        open_incidents=incidents,
        unacknowledged=_unacknowledged(engine),
        withheld=desk.ledger.withheld(),
        withheld_since=desk.ledger.withheld_since(),
        oldest_unsent=desk.ledger.oldest_unsent(),
        flagged=desk.ledger.flags.counted(),
        routes=_routes(engine),
        credits={
            (route.channel.value, route.name): engine.health.credits[route.name]
            for route in desk.plan.routes
            if route.name in engine.health.credits
        },
        bounds=bounds,
        required={one.system: one.phone_within for one in desk.plan.requirements},
        loops=loops,
        plan_digest=desk.plan.digest[:12],
        plan_reload_ok=engine.own.reload_ok,
        blind=desk.sight.blind,
        store_degraded=desk.journal.degraded,
        rows_waiting=desk.journal.waiting,
    )


def _checks(engine: Engine, kinds: Mapping[CheckName, str]) -> Iterator[CheckSample]:
    desk = engine.desk
    for name, rule in tuple(desk.plan.checks.items()):
        belief = desk.ledger.beliefs.get(name, Belief())
        finding = desk.findings.get(name)
        expiry = finding.facts.get("tls_expiry_timestamp_seconds") if finding else None
        yield CheckSample(
            name,
            rule.system,
            kinds.get(name, "self"),
            belief.state,
            _UP[finding.outcome] if finding else None,
            {**finding.phases, "total": finding.took} if finding else {},
            dict(desk.outcomes.get(name, {})),
            expiry if isinstance(expiry, float) else None,
        )


def _unacknowledged(engine: Engine) -> dict[str, int]:
    open_now = [one for one in tuple(engine.desk.ledger.incidents.values()) if one.active]
    waiting = Counter(str(one.system) for one in open_now if one.acknowledged is None)
    return {str(system): waiting[system] for system in engine.desk.plan.systems}


def _routes(engine: Engine) -> dict[tuple[str, str], float]:
    desk = engine.desk
    found: dict[tuple[str, str], float] = {}
    for route in desk.plan.routes:
        belief = desk.ledger.beliefs.get(CheckName(f"alarmvej-{route.name}"))
        found[route.channel.value, route.name] = 0.0 if belief and belief.level is Level.DOWN else 1.0
    return found
