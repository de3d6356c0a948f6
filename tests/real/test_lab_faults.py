"""What a fault of the lab does to a request at a given moment, by a clock the test turns."""

from typing import Any

import pytest

from tests.support.lab import LAB, part

breaking = part("breaking")
HOURS = 3600.0


def wire_at(how: str, elapsed: float, **numbers: float) -> Any:
    fault = breaking.Fault(how, 1000.0, dict(breaking.ON_THE_WIRE[how].numbers) | numbers)
    return breaking.wire(fault, 1000.0 + elapsed)


@pytest.mark.parametrize(
    ("elapsed", "delay", "errors"),
    [(0, 0.4, 0), (1 * HOURS, 2.3, 0.075), (2 * HOURS, 4.2, 0.15), (3.999 * HOURS, 7.998, 0.3)],
)
def test_latency_grows_evenly_and_errors_with_it(elapsed: float, delay: float, errors: float) -> None:
    wire = wire_at("slowing", elapsed)
    assert (wire.act, wire.delay, wire.errors) == ("answer", pytest.approx(delay, 0.01), pytest.approx(errors, 0.01))


@pytest.mark.parametrize("elapsed", [4 * HOURS, 5 * HOURS])
def test_latency_ends_in_a_total_outage(elapsed: float) -> None:
    assert wire_at("slowing", elapsed).act == "unavailable"


@pytest.mark.parametrize(
    ("elapsed", "act"),
    [
        (0, "unavailable"),
        (19.9, "unavailable"),
        (20, "answer"),
        (179, "answer"),
        (180, "unavailable"),
        (7105, "answer"),
    ],
)
def test_a_flap_is_down_twenty_seconds_of_every_three_minutes(elapsed: float, act: str) -> None:
    assert wire_at("flap", elapsed).act == act


def test_a_fault_before_its_time_and_no_fault_at_all_leave_the_wire_alone() -> None:
    assert wire_at("slowing", -5).delay == 0.4
    assert breaking.wire(None, 5.0).act == "answer"
    assert breaking.wire(breaking.Fault("home-500", 0.0), 5.0).act == "answer"


def test_no_module_of_the_lab_shadows_another() -> None:
    import sys
    from importlib.metadata import packages_distributions

    mine = {path.stem for path in LAB.glob("*.py")} - {"__main__"}
    assert mine & set(sys.stdlib_module_names) == set()
    assert mine & set(packages_distributions()) == set()
