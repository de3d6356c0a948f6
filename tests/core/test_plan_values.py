"""The plan's values: who has a duty, and which chain speaks."""

from datetime import UTC, datetime, timedelta

import pytest

from monitor.core.calendar import Calendar, PeriodName
from monitor.core.finding import SystemName
from monitor.core.plan import (
    Chain,
    ChainId,
    ChannelName,
    Person,
    PersonId,
    Plan,
    Role,
    RoleId,
    Severity,
    Shift,
    Step,
)
from tests.core.test_calendar import CALENDAR, REST, WORK

T0 = datetime(2026, 3, 5, 8, 0, tzinfo=UTC)
A, B = PersonId("a"), PersonId("b")
NEXUS, KALD = SystemName("omsorgssystem"), SystemName("noedkald")


def shift(start: int, end: int, person: PersonId) -> Shift:
    return Shift(T0 + timedelta(hours=start), T0 + timedelta(hours=end), person)


def chain(name: str, period: PeriodName | None, *systems: SystemName, at: Severity = Severity.DOWN) -> Chain:
    step = Step(0, (RoleId("r"),), (ChannelName.SMS,))
    return Chain(ChainId(name), period, frozenset(systems), frozenset({at}), (step,))


def plan(*chains: Chain, calendar: Calendar = CALENDAR) -> Plan:
    return Plan("d", "Eksempel Kommune", RoleId("r"), calendar, {}, {}, chains, {}, {}, {}, ())


def test_severities_are_ordered_and_have_the_plans_words() -> None:
    assert Severity.ADVISORY < Severity.DEGRADED < Severity.DOWN
    assert [each.word for each in Severity] == ["advisory", "degraded", "down"]


def test_a_person_has_an_address_by_channel() -> None:
    anna = Person(A, "Anna", "+4500000001")

    assert anna.address(ChannelName.SMS) == "+4500000001"
    assert anna.address(ChannelName.MAIL) == ""


def test_a_duty_without_a_roster_is_always_had_by_all_its_people() -> None:
    assert Role(RoleId("r"), "R", (A, B)).on_duty(T0) == (A, B)


@pytest.mark.parametrize(
    ("hours", "people"),
    [(-1, ()), (0, (A,)), (1, (A,)), (2, (A, B)), (3, (B,)), (4, (B,)), (5, ())],
)
def test_a_shift_begins_at_its_start_and_ends_just_before_its_end(hours: int, people: tuple[PersonId, ...]) -> None:
    role = Role(RoleId("r"), "R", (), (shift(0, 3, A), shift(2, 4, B), shift(3, 5, B)), from_roster=True)

    assert role.on_duty(T0 + timedelta(hours=hours)) == people


def test_a_roster_without_shifts_gives_nobody() -> None:
    assert Role(RoleId("r"), "R", (A,), (), from_roster=True).on_duty(T0) == ()


def test_the_first_chain_that_fits_period_system_and_severity_speaks() -> None:
    found = plan(chain("kald", WORK, KALD), chain("alle", WORK, KALD, NEXUS), chain("ellers", REST, KALD, NEXUS))

    def named(period: PeriodName, system: SystemName) -> str | None:
        one = found.chain_for(period, system, Severity.DOWN)
        return one.id if one else None

    assert [named(WORK, KALD), named(WORK, NEXUS), named(REST, KALD)] == ["kald", "alle", "ellers"]
    assert found.chain_for(WORK, KALD, Severity.ADVISORY) is None
    assert named(PeriodName("nat"), KALD) is None


def test_a_chain_without_a_period_stands_beside_the_periods_own() -> None:
    found = plan(chain("krisestab", None, KALD), chain("dag", WORK, KALD))

    assert [one.id for one in found.standing_chains(KALD, Severity.DOWN)] == ["krisestab"]
    assert found.standing_chains(NEXUS, Severity.DOWN) == ()
    dag = found.chain_for(WORK, KALD, Severity.DOWN)
    assert dag is not None
    assert dag.id == "dag"
