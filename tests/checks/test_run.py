"""One probe, bounded and classified: whatever happens inside ends as a finding."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest

from checks.run import run
from monitor.core.fault import ProbeFault
from monitor.core.finding import CheckName, Finding, Held, Miss, Outcome, Phase, Reason, Verdict
from monitor.ports import ProbeContext, SecretMissing
from tests.support.httpserver import NOW, context

GOOD = Verdict(Outcome.OK, (), (Held("status 200"),))


@dataclass
class Bounds:
    """The one setting `run` looks at."""

    timeout: float = 5.0


class Kind:
    """A kind whose probe and judge are given."""

    Settings = Bounds

    def __init__(self, probe: Callable[[ProbeContext], Awaitable[Any]], verdict: Verdict | Exception = GOOD) -> None:
        self._probe, self._verdict = probe, verdict

    async def probe(self, settings: Any, context: ProbeContext) -> Any:
        return await self._probe(context)

    def judge(self, settings: Any, measurement: Any, now: datetime) -> Verdict:
        if isinstance(self._verdict, Exception):
            raise self._verdict
        return self._verdict


async def fine(_: ProbeContext) -> None:
    """Measures nothing."""


def raises(exc: BaseException) -> Callable[[ProbeContext], Awaitable[None]]:
    async def probe(_: ProbeContext) -> None:
        raise exc

    return probe


async def of(kind: Kind, bounds: Bounds | None = None) -> Finding:
    return await run(CheckName("prove"), kind, bounds or Bounds(), context())


async def test_a_good_one() -> None:
    async def probe(given: ProbeContext) -> None:
        given.facts["status"] = 200
        with given.phase(Phase.CONNECT):
            await asyncio.sleep(0)

    finding = await of(Kind(probe))

    assert (finding.check, finding.outcome, finding.at) == ("prove", Outcome.OK, NOW)
    assert finding.held == GOOD.held
    assert finding.facts == {"status": 200}
    assert list(finding.phases) == ["connect"]
    assert finding.took > 0


@pytest.mark.parametrize(
    ("exc", "outcome", "reason"),
    [
        (ConnectionRefusedError(111, "x"), Outcome.FAIL, Reason.REFUSED),
        (TimeoutError(), Outcome.FAIL, Reason.TIMEOUT),
        (ProbeFault(Reason.BODY, "a", "b"), Outcome.FAIL, Reason.BODY),
        (SecretMissing("nexus_client_secret"), Outcome.UNKNOWN, Reason.SECRET),
        (OSError(101, "x"), Outcome.UNKNOWN, Reason.NO_ROUTE),
        (RuntimeError("x"), Outcome.UNKNOWN, Reason.INTERNAL),
        (MemoryError(), Outcome.UNKNOWN, Reason.INTERNAL),
        (asyncio.CancelledError(), Outcome.UNKNOWN, Reason.INTERNAL),
    ],
)
async def test_what_a_probe_raises_is_a_finding(exc: BaseException, outcome: Outcome, reason: Reason) -> None:
    finding = await of(Kind(raises(exc)))

    assert (finding.outcome, finding.reason) == (outcome, reason)


async def test_what_a_judge_raises_is_our_own_fault() -> None:
    finding = await of(Kind(fine, ZeroDivisionError()))

    assert (finding.outcome, finding.reason) == (Outcome.UNKNOWN, Reason.INTERNAL)


@pytest.mark.parametrize(
    ("phase", "miss"),
    [
        (None, Miss(Reason.TIMEOUT, "svar inden 0.02 s", "intet svar")),
        (Phase.CONNECT, Miss(Reason.TIMEOUT, "svar inden 0.02 s", "ingen forbindelse")),
        (Phase.TLS, Miss(Reason.TIMEOUT, "svar inden 0.02 s", "ingen TLS-forbindelse")),
        (Phase.RESOLVE, Miss(Reason.RESOLVER, "navneopslag inden 0.02 s", "intet svar")),
    ],
)
async def test_a_hanging_probe_tells_how_far_it_came(phase: Phase | None, miss: Miss) -> None:
    async def probe(given: ProbeContext) -> None:
        if phase is None:
            await asyncio.Event().wait()
        with given.phase(phase or ""):
            await asyncio.Event().wait()

    finding = await of(Kind(probe), Bounds(0.02))

    assert finding.misses == (miss,)
    assert finding.outcome is (Outcome.UNKNOWN if phase is Phase.RESOLVE else Outcome.FAIL)
    assert list(finding.phases) == ([phase] if phase else [])


async def test_being_stopped_is_passed_on() -> None:
    begun = asyncio.Event()

    async def probe(_: ProbeContext) -> None:
        begun.set()
        await asyncio.Event().wait()

    task = asyncio.get_running_loop().create_task(of(Kind(probe)))
    await begun.wait()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_what_is_told_is_short_and_printable() -> None:
    told = Miss(Reason.BODY, "x" * 500, "a\x00\x1b[31m\r\nb\u202e\U0001f600c")
    finding = await of(Kind(fine, Verdict(Outcome.WARN, (told,), (Held("y" * 500),), grade=2)))

    assert finding.misses == (Miss(Reason.BODY, "x" * 79 + "…", "a [31m b \U0001f600c"),)
    assert len(finding.held[0].expected) == 80
    assert (finding.outcome, finding.grade) == (Outcome.WARN, 2)
