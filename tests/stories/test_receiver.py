"""Scenario 2: a nødkald receiver that carries every message and acknowledges none, looked at by the real probes."""

import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from checks import kind
from checks.run import run
from monitor.core.finding import CheckName, Finding, Outcome
from monitor.core.plan import CheckRule, Plan
from monitor.ports import ProbeContext
from tests.plan.real import CONFIG, really_loaded
from tests.support.lab import Lab, running_lab
from tests.support.plans import small_plan, with_check
from tests.support.story import Story, story

pytestmark = pytest.mark.real

NIGHT = datetime(2026, 3, 5, 2, 14)
SHIPPED = really_loaded(CONFIG).plan.checks


def paced(plan: Plan, name: str, shipped: str) -> Plan:
    """The plan with one more look at nødkald, at the pace the shipped configuration gives it."""
    rule = SHIPPED[CheckName(shipped)]
    pace = {"every": rule.every, "timeout": rule.timeout, "confirm": rule.confirm, "retry_every": rule.retry_every}
    return with_check(plan, "noedkald", name, **pace)


PLAN = paced(paced(small_plan(), "scaip", "noedkald-scaip"), "options", "noedkald-sip")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with running_lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


class Watch:
    """The two looks at the lab's receiver, at the plan's own pace on the story's clock."""

    def __init__(self, told: Story, lab: Lab) -> None:
        self._story = told
        host, _, port = lab.addresses["sip"].partition(":")
        # A look that gets no acknowledgement takes its whole timeout; the story's clock is turned by the plan's.
        self._at: dict[str, Any] = {"host": host, "port": port, "timeout": "1s"}

    async def look(self) -> tuple[Finding, Finding]:
        """One look with each kind, heard by the engine when its time is gone."""
        options = await self._probe("options", kind="sip")
        scaip = await self._probe("scaip", kind="scaip", cid="990001")
        for finding in (options, scaip):
            self._story.engine.heard(finding)
        await self._story.engine.turn()
        await self._story.canaries(Outcome.OK)
        return options, scaip

    async def _probe(self, name: str, **values: Any) -> Finding:
        module, clock = kind(values["kind"]), self._story.clock
        settings = module.Settings.model_validate({"name": name, **self._at, **values})
        context = ProbeContext(str, clock.now, time.monotonic, settings.timeout)
        return await run(CheckName(name), module, settings, context)


async def gone(told: Story, rule: CheckRule, finding: Finding) -> None:
    """The time until the next look: the interval, or the timeout and the pause before asking again."""
    await told.later(rule.every if finding.outcome is Outcome.OK else rule.timeout + rule.retry_every, step=5)


@pytest.mark.parametrize(
    ("how", "numbers", "why"),
    [("no-mrs", {}, "svarede SIP 200, men kvitterede ikke"), ("snu", {"number": 5}, "snu 5")],
)
async def test_a_receiver_that_carries_and_does_not_acknowledge_is_down_within_three_minutes(
    tmp_path: Path, lab: Lab, how: str, numbers: dict[str, float], why: str
) -> None:
    lab.mend()
    async with story(tmp_path, NIGHT, PLAN) as s:
        watch, rule = Watch(s, lab), PLAN.checks[CheckName("scaip")]
        for _ in range(3):
            assert [one.outcome for one in await watch.look()] == [Outcome.OK, Outcome.OK]
            await s.later(rule.every)

        lab.break_("sip", how, **numbers)
        # At the worst it breaks just after a good look.
        broke = s.clock.at
        await s.later(rule.every)
        while not s.texts():
            options, scaip = await watch.look()
            assert (options.outcome, scaip.outcome) == (Outcome.OK, Outcome.FAIL)
            await gone(s, rule, scaip)
            assert (s.clock.at - broke).total_seconds() <= 180

        assert why in s.expect("chef", "Noedkald NEDE", why)
        s.expect("brand", "Noedkald NEDE")
        assert s.incident.system == "noedkald"

        lab.mend("sip")
        for _ in range(rule.recover):
            assert [one.outcome for one in await watch.look()] == [Outcome.OK, Outcome.OK]
            await s.later(rule.every)
        s.expect("chef", "OPPE IGEN")
        s.expect("brand", "OPPE IGEN")
