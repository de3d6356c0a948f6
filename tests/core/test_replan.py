"""Which steps still to come a new plan takes away."""

from datetime import UTC, datetime, timedelta

from monitor.core.finding import SystemName
from monitor.core.plan import Severity
from monitor.core.records import Incident, IncidentId
from monitor.core.replan import removed_steps
from tests.support.plans import ZONE, small_plan, step, with_steps

START = datetime(2026, 3, 5, 10, 0, tzinfo=ZONE).astimezone(UTC)
OLD = small_plan()


def outage(**more: datetime) -> Incident:
    severity = Severity.DOWN
    return Incident(IncidentId("i"), "26-0001", SystemName("noedkald"), severity, START, START, START, **more)  # type: ignore[arg-type]


def removed(new_steps: tuple[object, ...], seconds: float, one: Incident | None = None) -> list[str]:
    new = with_steps(OLD, "nedbrud_dag", *new_steps)  # type: ignore[arg-type]
    return [str(role) for role, _ in removed_steps(one or outage(), OLD, new, START + timedelta(seconds=seconds))]


FIRST, LEADER = step(0, "nexus_support", repeat=300.0), step(600, "afdelingsledelse", unacknowledged_only=True)


def test_what_is_taken_away_is_named_and_what_stays_is_not() -> None:
    assert removed((FIRST, LEADER), 0) == ["sektionsleder"]
    assert removed((FIRST,), 0) == ["afdelingsledelse", "sektionsleder"]
    assert removed(OLD.chains[0].steps, 0) == []


def test_what_has_been_done_is_not_taken_away() -> None:
    assert removed((FIRST,), 600) == ["sektionsleder"]
    assert removed((FIRST,), 901) == []


def test_a_step_that_comes_at_another_time_is_another_step() -> None:
    assert removed((FIRST, step(601, "afdelingsledelse", unacknowledged_only=True)), 0) == [
        "afdelingsledelse",
        "sektionsleder",
    ]


def test_of_an_outage_that_is_over_nothing_is_taken_away() -> None:
    assert removed((FIRST,), 0, outage(recovered=START)) == []
    assert removed((FIRST,), 0, outage(closed=START)) == []
