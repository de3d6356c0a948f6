"""One probe from beginning to finding: bounded in time, judged, classified.

A sick check is a finding like any other: what a probe or a judge raises ends as data here; only being stopped passes.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from checks.failure import miss_of, outcome_of, short
from monitor.core.finding import CheckName, Finding, Miss, Phase, Reason, Verdict
from monitor.ports import CheckKind, ProbeContext

_PHASE_WORDS = {
    Phase.RESOLVE: "navneopslag",
    Phase.CONNECT: "forbindelse",
    Phase.TLS: "TLS",
    Phase.PROCESSING: "svar",
    Phase.TRANSFER: "overførsel",
}


async def run(name: CheckName, kind: CheckKind, settings: Any, context: ProbeContext) -> Finding:
    """Probe once within `settings.timeout` seconds and say what was seen. Raises nothing but CancelledError.

    The phases and facts reached are kept however it ended. A reason of `monitor.core.finding.OURS` makes an
    exception UNKNOWN, any other FAIL; a verdict's own outcome stands as the kind's judge gave it.
    """
    at, began = context.now(), context.monotonic()
    try:
        async with asyncio.timeout(settings.timeout):
            measurement = await kind.probe(settings, context)
        verdict = kind.judge(settings, measurement, context.now())
    except TimeoutError as exc:
        verdict = _verdict(_timed_out(exc, settings.timeout, context))
    except asyncio.CancelledError as exc:
        if _stopped():
            raise
        verdict = _verdict(miss_of(exc))
    except Exception as exc:
        verdict = _verdict(miss_of(exc))
    return Finding(
        check=name,
        outcome=verdict.outcome,
        at=at,
        took=max(0.0, context.monotonic() - began),
        misses=_tidy(verdict.misses),
        held=verdict.held,
        phases=dict(context.phases),
        facts=dict(context.facts),
        grade=verdict.grade,
    )


def _stopped() -> bool:
    """Whether somebody asked this task to stop; else the probe's own inner parts were cancelled by mistake."""
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0


def _verdict(miss: Miss) -> Verdict:
    return Verdict(outcome_of(miss.reason), (miss,))


def _timed_out(exc: TimeoutError, timeout: float, context: ProbeContext) -> Miss:
    """Says how far the probe came: the last phase begun is the one it stood in.

    A name that is not looked up in time is the resolver's silence, and the resolver is ours.
    """
    reached = next(reversed(context.phases), None)
    if reached == Phase.RESOLVE:
        return Miss(Reason.RESOLVER, f"navneopslag inden {timeout:g} s", "intet svar")
    seen = f"standset under {_PHASE_WORDS[Phase(reached)]}" if reached in _PHASE_WORDS else miss_of(exc).seen
    return Miss(Reason.TIMEOUT, f"svar inden {timeout:g} s", seen)


def _tidy(misses: Sequence[Miss]) -> tuple[Miss, ...]:
    return tuple(replace(miss, expected=short(miss.expected), seen=short(miss.seen)) for miss in misses)
