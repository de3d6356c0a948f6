"""One probe from beginning to finding: bounded in time, judged, classified.

A sick check is a finding like any other: what a probe or a judge raises ends as data here; only being stopped passes.
"""

import asyncio
from dataclasses import replace
from typing import Any, TypeVar

from checks.failure import miss_of, outcome_of, short, timed_out
from monitor.core.finding import CheckName, Finding, Held, Miss, Verdict
from monitor.ports import CheckKind, ProbeContext

_Told = TypeVar("_Told", Miss, Held)


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
    except TimeoutError:
        verdict = _verdict(timed_out(settings.timeout, context.phases))
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
        held=_tidy(verdict.held),
        phases=dict(context.phases),
        facts=dict(context.facts),
        grade=verdict.grade,
        began=verdict.began,
    )


def _stopped() -> bool:
    """Whether somebody asked this task to stop; else the probe's own inner parts were cancelled by mistake."""
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0


def _verdict(miss: Miss) -> Verdict:
    return Verdict(outcome_of(miss.reason), (miss,))


def _tidy(told: tuple[_Told, ...]) -> tuple[_Told, ...]:
    """What is told is short and printable, wherever it came from."""
    return tuple(
        one if short(one.expected) is one.expected and short(one.seen) is one.seen else _cut(one) for one in told
    )


def _cut(one: _Told) -> _Told:
    return replace(one, expected=short(one.expected), seen=short(one.seen))
