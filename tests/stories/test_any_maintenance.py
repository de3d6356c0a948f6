"""Scenario 35 as a property: whatever happened before, during and after, people hear of the difference once.

The real engine over a store that outlives its restarts; every notice of the time in question is counted.
"""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.finding import Outcome, SystemName
from monitor.core.plan import Plan, Severity
from monitor.core.reasons import Kind
from monitor.core.records import Notice
from monitor.core.withholding import Sort, Withholding
from monitor.engine import announce
from tests.support.memory_store import Fate, MemoryStore
from tests.support.plans import small_plan, with_check
from tests.support.story import Story

MORNING = datetime(2026, 3, 5, 8, 0)
UP = None
STATES = (UP, Severity.ADVISORY, Severity.DEGRADED, Severity.DOWN)
RESTART = "restart"


class Kept(Story):
    """A story in memory, its rows kept across restarts."""

    rows: dict[type, dict[str, Any]]

    def _store(self) -> Any:
        self.rows = getattr(self, "rows", {})
        return MemoryStore(self.rows, Fate())

    async def becomes(self, state: Severity | None) -> None:
        """The system is confirmed to be so."""
        door = {Severity.DOWN: Outcome.FAIL, Severity.DEGRADED: Outcome.WARN}.get(
            state or Severity.ADVISORY, Outcome.OK
        )
        side = Outcome.FAIL if state is Severity.ADVISORY else Outcome.OK
        for _ in range(3):
            await self.later(2)
            await self.canaries(Outcome.OK)
            self.hear("phoniro-1", door)
            await self.find("phoniro-certifikat", side)

    def sent(self, since: datetime, who: str = "nexus") -> Counter[Kind]:
        """What was decided to be sent to somebody since then, by kind."""
        rows = self.rows.get(Notice, {}).values()
        return Counter(row.kind for row in rows if row.created >= since and row.person == who)


def owed(before: Severity | None, after: Severity | None) -> set[Kind]:
    """The rule, written down a second time."""
    if before is after:
        return set()
    if after is UP:
        return {Kind.ALL_CLEAR}
    if before is UP:
        return {Kind.ALARM}
    return {Kind.WORSENED} if after > before else {Kind.EASED}


@dataclass(frozen=True)
class Course:
    """What happens. `has_it`: somebody acknowledged before; `split`: two windows that abut."""

    before: Severity | None
    during: tuple[Any, ...]
    after: Severity | None
    has_it: bool
    split: bool
    critical: bool


def plan_of(course: Course) -> Plan:
    plan = with_check(small_plan(), "phoniro", "phoniro-certifikat", fail_means=Severity.ADVISORY)
    system = replace(plan.systems[SystemName("phoniro")], critical=course.critical)
    return replace(plan, systems={**plan.systems, system.id: system})


async def _told(course: Course) -> None:
    before, after = course.before, course.after
    s = Kept(Path(), MORNING, plan_of(course))
    await s.engine.open()
    await s.becomes(UP)
    await s.becomes(before)
    if course.has_it and before is not UP:
        await s.acknowledge("Nexus")
    began = s.clock.at = s.clock.at + timedelta(seconds=1)
    await _announce(s, course.split)
    for state in course.during:
        await (s.restart(away=60) if state is RESTART else s.becomes(state))
    await s.becomes(after)
    await s.mind()
    assert s.sent(began) == {}
    gone = any(state in (Severity.DEGRADED, Severity.DOWN) for state in (before, *course.during, after))
    assert bool(s.sent(began, "it")[Kind.REROUTED]) == (course.critical and gone)
    s.clock.at = began + timedelta(minutes=20, seconds=-3)
    # Nobody looked meanwhile: what is believed at the end is old, and is asked for anew.
    await s.later(4, step=1)
    assert s.sent(began) == {}
    await s.becomes(after)
    await s.later(120, step=5)
    found = s.sent(began)
    found.pop(Kind.REMINDER, None)
    assert dict(found) == dict.fromkeys(owed(before, after), 1)
    assert s.engine.desk.ledger.withheld() == {}
    await s.kill()


async def _announce(s: Story, split: bool) -> None:
    end = s.clock.at + timedelta(minutes=20)
    window = Withholding("", Sort.MAINTENANCE, "phoniro", s.clock.at, end, "Leverandøren", "Servicevindue")
    middle = s.clock.at + timedelta(minutes=10)
    for one in [replace(window, end=middle), replace(window, start=middle)] if split else [window]:
        assert (await announce.announce(s.engine.desk, one)).refused is None
    await s.engine.turn()


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(
    st.builds(
        Course,
        st.sampled_from(STATES),
        st.lists(st.sampled_from([*STATES, RESTART]), max_size=6).map(tuple),
        st.sampled_from(STATES),
        st.booleans(),
        st.booleans(),
        st.booleans(),
    )
)
async def test_one_notice_if_and_only_if_the_state_after_differs_from_the_one_before(course: Course) -> None:
    await _told(course)
