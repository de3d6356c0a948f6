"""`plan check`, `plan show`, `plan prove`: what is written, who is called when, and how long it takes at most."""

from datetime import datetime
from typing import Annotated

import typer

from monitor.cli import frame
from monitor.cli.flagged import flagged
from monitor.clock import Clock
from monitor.core.plan import Severity
from monitor.core.proof import Bound, worst
from monitor.plan.dead import dead_addresses
from monitor.plan.lint import lint
from monitor.plan.show import check_text, describe, show_text

plan = typer.Typer(no_args_is_help=True, help="The plan: check, show, prove.")


@plan.command()
def check(config: frame.Config = None, as_json: frame.Json = False) -> None:
    """Read everything and say what is wrong, all at once, with file and line; exit 1 on warnings, 2 on faults."""
    loaded = frame.loaded(config, prove=True)
    found = [*lint(loaded), *dead_addresses(loaded, flagged(frame.settings(config)))]
    data = {"digest": loaded.digest, "warnings": [warning.as_dict() for warning in found]}
    frame.answer(as_json, data, lambda: check_text(loaded, found))
    raise typer.Exit(frame.FOUND if found else frame.FINE)


@plan.command()
def show(
    at: Annotated[str, typer.Option(help='When, in local time: "2026-12-24 22:00".')] = "",
    system: Annotated[str, typer.Option(help="The system that fails.")] = "omsorgssystem",
    severity: Annotated[str, typer.Option(help="advisory, degraded or down.")] = "down",
    config: frame.Config = None,
    as_json: frame.Json = False,
) -> None:
    """Who would be told, when, how and why, if this system failed then."""
    try:
        wall = datetime.fromisoformat(at) if at else None
        bad = Severity[severity.upper()]
    except (ValueError, KeyError) as error:
        frame.fail(f'{error}: write --at as "2026-12-24 22:00" and --severity as advisory, degraded or down')
    # Rosters and holidays are worked out around the day asked for, however far ahead it lies.
    loaded = frame.loaded(config, day=wall.date() if wall else None)
    zone = loaded.plan.calendar.zone
    moment = wall.replace(tzinfo=zone) if wall else Clock().now().astimezone(zone)
    if system not in loaded.plan.systems:
        frame.fail(f"there is no system '{system}'. The systems are: {', '.join(loaded.plan.systems)}")
    described = describe(loaded.plan, moment, system, bad)
    frame.answer(as_json, described.as_dict(), lambda: show_text(described))


@plan.command()
def prove(
    days: Annotated[int, typer.Option(min=1, max=400)] = 400, config: frame.Config = None, as_json: frame.Json = False
) -> None:
    """The longest time from a fault to a phone, for every system and period; exit 1 where the plan demands less."""
    loaded = frame.loaded(config)
    limits = {r.system: r.phone_within for r in loaded.plan.requirements}
    found = list(worst(loaded.plan, Clock().now(), days).values())
    late = [b for b in found if not b.reaches or b.total > limits.get(b.system, float("inf"))]
    data = [_bound_data(b, limits.get(b.system)) for b in found]
    frame.answer(as_json, data, lambda: "\n".join(_bound_text(b, limits.get(b.system)) for b in found))
    raise typer.Exit(frame.FOUND if late else frame.FINE)


def _bound_text(bound: Bound, limit: float | None) -> str:
    head = f"{bound.system:<15} {bound.period:<22}"
    if not bound.reaches:
        return f"{head} NOBODY is reached by SMS, first from {bound.start:%Y-%m-%d %H:%M} UTC"
    verdict = "" if limit is None else f"  demanded {limit:.0f} s: {'kept' if bound.total <= limit else 'NOT KEPT'}"
    terms = (
        f"detect {bound.detect:.1f} + hold {bound.hold:.0f} + commit {bound.commit:.0f} + step {bound.step:.0f}"
        f" + send {bound.send:.1f}"
    )
    return f"{head} {bound.total:6.1f} s = {terms}{verdict}"


def _bound_data(bound: Bound, limit: float | None) -> dict[str, object]:
    return {
        "system": bound.system,
        "period": bound.period,
        "worst_from": bound.start.isoformat(),
        "reaches": bound.reaches,
        "seconds": round(bound.total, 3) if bound.reaches else None,
        "demanded_seconds": limit,
    }
