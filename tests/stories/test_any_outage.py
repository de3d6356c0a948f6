"""Any outage, whatever befalls it: states × chains × answers × carriers × windows × plans × crashes × a failing store.

Rules make things happen in any order over the real engine; after each of them every promise of
`tests.support.promises` must hold. More of it: `OMSORGSVAGT_OUTAGES=5000` makes so many runs, each another one.
"""

import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import structlog
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from monitor.core.finding import Outcome, SystemName
from monitor.core.plan import Plan, RouteName, Shift, TaskId
from monitor.core.reasons import HumanState
from monitor.core.receipts import Delivery, Receipt
from monitor.core.withholding import Sort, Withholding
from monitor.engine import announce, people
from monitor.engine.answers import Answers, Reply
from monitor.engine.links import Forged
from monitor.engine.receipts import Receipts
from monitor.ports import SendOutcome
from tests.support.hasty import Hasty
from tests.support.plans import MAIL, SMS, ZONE, small_plan, step, with_check, with_parent, with_roles, with_steps
from tests.support.promises import at_the_end, breaches
from tests.support.world import URL, World, care

RUNS = int(os.environ.get("OMSORGSVAGT_OUTAGES", "0"))
STARTS = (
    datetime(2026, 3, 5, 10, 0),
    datetime(2026, 3, 5, 14, 50),
    datetime(2026, 3, 6, 13, 45),
    datetime(2026, 3, 29, 1, 30),
    datetime(2026, 10, 25, 1, 40),
    datetime(2026, 12, 24, 7, 50),
)
"""Among them both nights on which the clock is set, a Friday, and the day before Christmas."""
WAITS = (1, 20, 70, 70, 200, 200, 700, 700, 1900, 4000, 15_000, 40_000)
_CODE = re.compile(r"OK (\d{4})")
_LINK = re.compile(re.escape(f"{URL}/a/") + r"(\S+)")


@contextmanager
def silence() -> Iterator[None]:
    """Nobody reads a million lines of log."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        yield
    finally:
        structlog.reset_defaults()


def shifts(start: datetime, *names: str) -> list[Shift]:
    """A roster that goes round every so many hours, with a gap in each round."""
    first = start.replace(tzinfo=ZONE).astimezone(UTC) - timedelta(hours=1)
    hours = [first + timedelta(hours=5 * number) for number in range(16)]
    people_in_turn = [*names, ""] * 16
    pairs = zip(hours, hours[1:], people_in_turn, strict=False)
    return [Shift(begins, ends, name) for begins, ends, name in pairs if name]  # type: ignore[arg-type]


def base(start: datetime) -> Plan:
    """The stories' plan with more of everything: two steps with reminders, a standing chain's worth, rosters."""
    plan = small_plan()
    day = (
        step(0, "nexus_support", by=(SMS, MAIL), repeat=300.0),
        step(600, "afdelingsledelse", unacknowledged_only=True),
        step(900, "sektionsleder", task=TaskId("region")),
    )
    night = (step(0, "afdelingschef", "brand_og_redning", repeat=300.0), step(600, "afdelingsledelse"))
    plan = with_steps(with_steps(plan, "nedbrud_dag", *day), "nedbrud_nat", *night)
    plan = with_roles(plan, afdelingsledelse=shifts(start, "leder", "sektion"), brand_og_redning=shifts(start, "brand"))
    plan = with_check(with_parent(plan, "phoniro", "noedkald"), "noedkald", "noedkald-2")
    critical = replace(plan.systems[SystemName("noedkald")], critical=True)
    routes = tuple(replace(r, receipts=r.name != "relay", replies=r.name == "primary") for r in plan.routes)
    return replace(plan, systems={**plan.systems, critical.id: critical}, routes=routes)


def plans(start: datetime) -> tuple[Plan, ...]:
    """The plan, and what it may become: a step less, others on duty, one route less, another order of routes."""
    plan = base(start)
    fewer = with_steps(plan, "nedbrud_dag", step(0, "nexus_support", by=(SMS, MAIL), repeat=300.0))
    others = with_roles(plan, nexus_support=("chef", "nexus"), afdelingsledelse=shifts(start, "brand", "leder"))
    lone = replace(plan, routes=tuple(r for r in plan.routes if r.name != "modem"))
    turned = replace(plan, routes=(plan.routes[1], plan.routes[0], plan.routes[2]))
    return tuple(replace(one, digest=f"plan{number}") for number, one in enumerate((plan, fewer, others, lone, turned)))


class Outages(RuleBasedStateMachine):
    """What may happen to the service, in any order."""

    world: World

    @initialize(start=st.sampled_from(STARTS), number=st.integers(0, 4))
    def begin(self, start: datetime, number: int) -> None:
        self.plans = plans(start)
        self.loop = Hasty(self._skipped)
        self.world = World(start, self.plans[number])
        self.loop.run(self._begun())

    async def _begun(self) -> None:
        await self.world.alive(self.world.open)
        await self.world.passes(10)

    def _skipped(self, seconds: float) -> None:
        self.world.clock.at += timedelta(seconds=seconds)

    def _do(self, work: object) -> None:
        self.world.quiet_for = 0.0
        self.loop.run(self._then_settle(work))

    async def _then_settle(self, work: object) -> None:
        await self.world.alive(lambda: work)  # type: ignore[arg-type,return-value]
        await self.world.settle()

    @rule(seconds=st.sampled_from(WAITS))
    def time_goes_by(self, seconds: float) -> None:
        self.loop.run(self.world.passes(seconds))

    @rule(at=st.integers(0, 4), truth=st.sampled_from(Outcome))
    def a_check_turns(self, at: int, truth: Outcome) -> None:
        self._turns(at, truth)

    def _turns(self, at: int, truth: Outcome) -> None:
        names = sorted(care(self.world.plan))
        self.world.truth[names[at % len(names)]] = truth
        self.world.quiet_for = 0.0

    @rule(at=st.integers(0, 4), killed_after=st.sampled_from([0, 0, 2, 3, 4, 5, 7, 11, 16]))
    def an_outage(self, at: int, killed_after: int) -> None:
        self._confirmed(at, Outcome.FAIL, killed_after)

    @rule(at=st.integers(0, 4), killed_after=st.sampled_from([0, 0, 2, 3, 4, 5, 7, 11, 16]))
    def a_recovery(self, at: int, killed_after: int) -> None:
        self._confirmed(at, Outcome.OK, killed_after)

    def _confirmed(self, at: int, truth: Outcome, killed_after: int) -> None:
        """A check turns and is believed; meanwhile the process is killed after so many steps (0: it is not)."""
        self._turns(at, truth)
        if killed_after:
            self._dies_after(killed_after)
        self.loop.run(self.world.passes(20))

    @rule(blind=st.booleans())
    def the_line_goes(self, blind: bool) -> None:
        self.world.blind = blind
        self.world.quiet_for = 0.0

    @rule(
        route=st.sampled_from(["primary", "primary", "modem", "relay"]),
        outcome=st.sampled_from([SendOutcome.ACCEPTED, *SendOutcome]),
        hangs=st.sampled_from([False, False, False, True]),
        goes=st.booleans(),
    )
    def a_carrier_turns(self, route: str, outcome: SendOutcome, hangs: bool, goes: bool) -> None:
        self.world.feels(route, outcome, hangs=hangs, goes=goes)

    @precondition(lambda self: self.world.landed)
    @rule(back=st.integers(0, 12), delivery=st.sampled_from(list(Delivery)), ours=st.booleans())
    def a_receipt_comes(self, back: int, delivery: Delivery, ours: bool) -> None:
        one = self.world.landed[-1 - back % len(self.world.landed)]
        ident = one.notice.id if ours else one.ident
        receipt = Receipt(one.route, ident, delivery, self.world.clock.at, "word")
        self._do(Receipts(self.world.engine.desk).take(receipt))

    @rule(route=st.sampled_from(["primary", "modem"]), tells=st.booleans())
    def a_carrier_falls_silent(self, route: str, tells: bool) -> None:
        self.world.ways[RouteName(route)].tells = tells

    @precondition(lambda self: self.world.landed)
    @rule(back=st.integers(0, 12), word=st.sampled_from(["OK", "ja", "nøddrift", "hvad"]), wrong=st.integers(0, 5))
    def somebody_answers_by_sms(self, back: int, word: str, wrong: int) -> None:
        one = self.world.landed[-1 - back % len(self.world.landed)]
        code = _CODE.search(one.message.text)
        text = f"{word} {code[1] if code and wrong != 1 else '0000'}"
        number = "+4500000099" if wrong == 2 else one.message.to
        answers = Answers(self.world.engine.desk)
        self._do(answers.take(Reply("primary", number, text)))
        if wrong == 3:
            self._do(answers.take(Reply("primary", number, text)))

    @precondition(lambda self: self.world.landed)
    @rule(back=st.integers(0, 12), human=st.sampled_from([*people.BY_PEOPLE, None]))
    def somebody_follows_a_link(self, back: int, human: HumanState | None) -> None:
        mails = [one for one in self.world.landed if one.route == "relay" and _LINK.search(one.message.text)]
        if not mails:
            return
        found = _LINK.search(mails[-1 - back % len(mails)].message.text)
        desk = self.world.engine.desk
        assert found is not None and desk.asking is not None
        try:
            link = desk.asking.read(found[1])
        except Forged as forged:
            raise AssertionError(found[0]) from forged
        name = desk.plan.people[link.person].name
        self._do(people.acknowledge(desk, link.incident, name, human, link))

    @rule(at=st.integers(0, 3), what=st.sampled_from(["acknowledge", "working", "note", "resolve", "task"]))
    def somebody_at_the_command_line(self, at: int, what: str) -> None:
        desk = self.world.engine.desk
        found = list(desk.ledger.incidents.values())
        if not found:
            return
        number = found[at % len(found)].number
        work = {
            "acknowledge": lambda: people.acknowledge(desk, number, "Nexus", HumanState.SEEN),
            "working": lambda: people.acknowledge(desk, number, "Chef", HumanState.WORKING),
            "note": lambda: people.note(desk, number, "Chef", "set"),
            "resolve": lambda: people.resolve(desk, number, "Chef"),
            "task": lambda: people.tick_off(desk, number, TaskId("region"), "Sektion"),
        }
        self._do(work[what]())

    @rule(
        system=st.sampled_from(["noedkald", "phoniro", "omsorgssystem"]),
        sort=st.sampled_from(Sort),
        begins=st.sampled_from([0, 0, 300]),
        lasts=st.sampled_from([60, 900, 7200]),
    )
    def a_window_is_announced(self, system: str, sort: Sort, begins: float, lasts: float) -> None:
        start = self.world.clock.at + timedelta(seconds=begins)
        window = Withholding("", sort, system, start, start + timedelta(seconds=lasts), "Nexus", "arbejde")
        self._do(self._announced(window))

    async def _announced(self, window: Withholding) -> None:
        granted = await announce.announce(self.world.engine.desk, window)
        self.world.windows += [granted.window] if granted.window else []

    @precondition(lambda self: self.world.windows)
    @rule(at=st.integers(0, 5), longer=st.sampled_from([0, 0, 600, 7200]))
    def a_window_ends_early_or_later(self, at: int, longer: float) -> None:
        one, desk = self.world.windows[at % len(self.world.windows)], self.world.engine.desk
        end = self.world.clock.at + timedelta(seconds=longer)
        self._do(announce.extend(desk, one.id, end) if longer else announce.cancel(desk, one.id, "Nexus"))

    @rule(number=st.integers(0, 4))
    def the_plan_is_read_anew(self, number: int) -> None:
        self.loop.run(self._replanned(self.plans[number]))

    async def _replanned(self, plan: Plan) -> None:
        await self.world.replanned(plan)
        await self.world.settle()

    @rule(away=st.sampled_from([0, 1, 30, 400, 4000]))
    def it_is_killed(self, away: float) -> None:
        self.world.quiet_for = 0.0
        self.loop.run(self._killed(away))

    async def _killed(self, away: float) -> None:
        await self.world.die(away)
        await self.world.settle()

    @rule(steps=st.integers(1, 12))
    def it_will_be_killed(self, steps: int) -> None:
        self._dies_after(steps)

    def _dies_after(self, steps: int) -> None:
        fate = self.world.fate
        fate.kill_at |= {fate.count + steps}

    @rule(mood=st.sampled_from(["well", "well", "slow", "hanging", "broken"]))
    def the_store_turns(self, mood: str) -> None:
        self.world.stored(mood)

    @invariant()
    def every_promise_holds(self) -> None:
        if hasattr(self, "world"):
            found = breaches(self.world) + self.loop.run(self.world.findings())
            assert found == [], found

    def teardown(self) -> None:
        """All is well again, and what is owed comes."""
        if not hasattr(self, "world"):
            return
        try:
            self.world.fate.kill_at = frozenset()
            self.world.mended()
            self.loop.run(self.world.passes(4000))
            self.loop.run(self.world.passes(4000))
            self.every_promise_holds()
            found = at_the_end(self.world)
            assert found == [], found
        finally:
            self.loop.run(self.world.kill())
            self.loop.close()


LEAN = settings(
    max_examples=40, stateful_step_count=25, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)
LONG = settings(LEAN, max_examples=max(RUNS, 1), stateful_step_count=40, derandomize=False, print_blob=True)


@pytest.mark.timeout(600 + RUNS)
def test_whatever_happens_every_promise_holds() -> None:
    with silence():
        run_state_machine_as_test(Outages, settings=LONG if RUNS else LEAN)
