"""`status` asks the running service; `check` asks one system once and explains what it saw."""

import asyncio
from typing import Annotated, Any

import typer

from monitor.build import watched
from monitor.cli import frame, remote
from monitor.clock import Clock
from monitor.core import words
from monitor.core.finding import CheckName, Finding, Outcome

_MARK = {Outcome.OK: "OK", Outcome.WARN: "WARN", Outcome.FAIL: "FAIL", Outcome.UNKNOWN: "UNKNOWN"}


def status(config: frame.Config = None, as_json: frame.Json = False) -> None:
    """What the running service believes now; exit 1 when an incident is open."""
    found = remote.get(frame.settings(config), "/api/v1/status")
    frame.answer(as_json, found, lambda: _status_text(found))
    raise typer.Exit(frame.FOUND if any(one["active"] for one in found["incidents"]) else frame.FINE)


def _status_text(found: dict[str, Any]) -> str:
    period = found["period"]
    lines = [f"{found['plan']['municipality']}: {period['name']}" + (" (BLIND)" if found["blind"] else "")]
    lines += [f"{s['title']:<34} {s['state']:<11} {s['words']}".rstrip() for s in found["systems"]]
    for one in found["incidents"]:
        who = one["acknowledged_by"] or "nobody has acknowledged"
        state = "recovered" if one["recovered"] else one["current"] or one["severity"]
        lines.append(f"{one['number']}  {one['system']}: {state}, {one['cause']} ({who})")
    return "\n".join(lines)


def check(
    name: Annotated[str, typer.Argument(help="The check's name in systems.yaml.")],
    config: frame.Config = None,
    as_json: frame.Json = False,
) -> None:
    """Probe once and explain, phase by phase and expectation by expectation; exit 1 unless all held."""
    loaded = frame.loaded(config)
    every = {w.name: w for w in watched(loaded, frame.secrets(), Clock())}
    if CheckName(name) not in every:
        frame.fail(f"there is no check '{name}'. The checks are: {', '.join(sorted(every))}")
    finding = asyncio.run(_once(every[CheckName(name)].run))
    kind = loaded.checks[CheckName(name)].kind
    frame.answer(as_json, _data(finding, kind), lambda: explain(finding, kind))
    raise typer.Exit(frame.FINE if finding.outcome is Outcome.OK else frame.FOUND)


async def _once(run: Any) -> Finding:
    finding: Finding = await run()
    return finding


def explain(finding: Finding, kind: str) -> str:
    """A finding for a person at a terminal."""
    lines = [f"{_MARK[finding.outcome]}  {finding.check} ({kind})  {finding.took * 1000:.0f} ms"]
    lines += [f"  phase  {phase:<12} {seconds * 1000:8.1f} ms" for phase, seconds in finding.phases.items()]
    lines += [f"  fact   {fact:<12} {value}" for fact, value in finding.facts.items()]
    lines += [f"  held   {held.expected}" + (f": {held.seen}" if held.seen else "") for held in finding.held]
    lines += [f"  MISSED [{miss.reason}] {words.explain(miss)}" for miss in finding.misses]
    return "\n".join(lines)


def _data(finding: Finding, kind: str) -> dict[str, Any]:
    return {
        "check": finding.check,
        "kind": kind,
        "outcome": finding.outcome.value,
        "at": finding.at.isoformat(),
        "seconds": round(finding.took, 6),
        "phases": dict(finding.phases),
        "facts": dict(finding.facts),
        "held": [{"expected": h.expected, "seen": h.seen} for h in finding.held],
        "missed": [
            {"reason": m.reason.value, "expected": m.expected, "seen": m.seen, "words": words.explain(m)}
            for m in finding.misses
        ],
    }
