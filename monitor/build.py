"""From a configuration folder to what the engine runs on: the plan, its checks as things to call, its ways out.

The only place where the registries meet the plan; a route that cannot be built (a certificate that is none) leaves
the others standing and is said.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import structlog

import checks
from checks.run import run
from monitor import channels
from monitor.core.finding import CheckName, Finding
from monitor.core.fleet import FleetSight
from monitor.core.plan import Plan, RouteName
from monitor.core.proof import worst
from monitor.engine.desk import Clockwork
from monitor.engine.engine import Material
from monitor.engine.watch import Watched
from monitor.plan.load import Aids, Loaded, load
from monitor.plan.settings import CheckSettings, RouteSettings
from monitor.ports import Channel, ChannelContext, ProbeContext, SecretMissing

log = structlog.get_logger(__name__)

Secret = Callable[[str], str]
Sighting = Callable[[str], FleetSight | None]
Arrival = Callable[[str], datetime | None]


def read(folder: Path, today: date, *, prove: bool = False) -> Loaded:
    """The configuration in a folder. Raises `monitor.plan.faults.PlanFaults` with everything that is wrong."""
    aids = Aids(tuple(checks.KINDS), tuple(channels.VIAS), _prover(today) if prove else None)
    return load(folder, _settings_of_kind, _settings_of_via, today, aids)


def _settings_of_kind(name: str) -> type[CheckSettings]:
    found: type[CheckSettings] = checks.kind(name).Settings
    return found


def _settings_of_via(name: str) -> tuple[str, type[RouteSettings]]:
    channel, _ = channels.VIAS[name]
    return channel, channels.via(name).Settings


def _prover(today: date) -> Callable[[Plan, Any], list[tuple[Any, str]]]:
    """Which systems cannot keep their `phone_within`, with the sum that says so."""

    def prove(plan: Plan, _settings: Any) -> list[tuple[Any, str]]:
        start = plan.calendar.instant(today, datetime.min.time())
        found = []
        limits = {r.system: r.phone_within for r in plan.requirements}
        for (system, period), bound in worst(plan, start).items():
            limit = limits.get(system)
            if limit is not None and not bound.reaches:
                found.append((system, f"nobody with a phone is on duty in {period} from {bound.start:%Y-%m-%d %H:%M}Z"))
            elif limit is not None and bound.total > limit:
                found.append((system, f"{bound.total:.0f} s in {period}, the plan demands {limit:.0f} s"))
        return found

    return prove


def bounds(plan: Plan, now: datetime) -> dict[tuple[str, str], float]:
    """The proved seconds until a phone rings, by system and period; endless where nobody's does."""
    found = worst(plan, now - timedelta(hours=1))
    return {(key[0], key[1]): bound.total if bound.reaches else float("inf") for key, bound in found.items()}


def material(loaded: Loaded, secret: Secret, clock: Clockwork, here: str = "") -> Material:
    """The plan with its texts, cards and built ways out. Texts are whole because loading refuses faults.

    `here` is where programs on this machine reach us (`ports.ChannelContext.here`).
    """
    if loaded.texts is None:
        raise ValueError("a configuration without texts cannot tell anybody anything")
    return Material(loaded.plan, loaded.texts, loaded.cards, _channels(loaded, secret, clock, here))


def _channels(loaded: Loaded, secret: Secret, clock: Clockwork, here: str) -> dict[RouteName, Channel]:
    built: dict[RouteName, Channel] = {}
    for settings in loaded.routes:
        context = ChannelContext(secret, clock.now, settings.timeout, here)
        try:
            built[RouteName(settings.name)] = channels.via(settings.via).Channel(settings, context)
        except (SecretMissing, OSError) as error:
            # ssl.SSLError among them: a certificate file that is none.
            log.error("route_not_built", route=settings.name, wrong=f"{type(error).__name__}: {error}")
        except Exception:
            log.exception("route_not_built", route=settings.name)
    return built


def _unseen(_name: str) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Probe:
    """One configured check, ready to be asked. What a check keeps between turns (a token) lives in `memory`."""

    settings: CheckSettings
    secret: Secret
    clock: Clockwork
    memory: dict[str, Any]
    fleet: Sighting = _unseen
    canary: Arrival = _unseen

    async def __call__(self) -> Finding:
        """Probe once; never raises."""
        context = ProbeContext(
            self.secret,
            self.clock.now,
            self.clock.monotonic,
            self.settings.timeout,
            memory=self.memory,
            fleet=self.fleet,
            canary=self.canary,
        )
        kind = checks.kind(self.settings.kind)
        return await run(CheckName(self.settings.name), kind, self.settings, context)


def watched(
    loaded: Loaded,
    secret: Secret,
    clock: Clockwork,
    fleet: Sighting = _unseen,
    canary: Arrival = _unseen,
    before: Iterable[Watched] = (),
) -> list[Watched]:
    """Every configured check for the schedule; those of systems the plan sets a limit for start first.

    `fleet` gives a fleet as it is now, `canary` when one last came by webhook; without them nobody knows of any. What
    the checks of `before` keep between turns goes on where their settings are still the same.
    """
    urgent = {r.system for r in loaded.plan.requirements}
    known = {one.name: one.run for one in before if isinstance(one.run, Probe)}
    found = []
    for name, settings in loaded.checks.items():
        system = loaded.plan.checks[name].system
        old = known.get(name)
        memory = old.memory if old is not None and old.settings == settings else {}
        probe = Probe(settings, secret, clock, memory, fleet, canary)
        found.append(Watched(name, settings.every, settings.retry_every, probe, system in urgent))
    return found
