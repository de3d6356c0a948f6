"""The clock: `now` goes on when the wall is set, until it is followed; small corrections are taken as they come."""

import time
from datetime import UTC

import pytest

from monitor.clock import Clock


def near(clock: Clock, wall: float) -> bool:
    return abs(clock.now().timestamp() - wall) < 1.0


def test_it_shows_the_wall_clock() -> None:
    clock = Clock()
    assert near(clock, time.time())
    assert clock.now().tzinfo is UTC
    assert abs(clock.apart()) < 0.1
    assert clock.running() >= clock.monotonic() - 0.1


@pytest.mark.parametrize("step", [3600.0, -3600.0, 2.5])
def test_a_step_is_held_back_until_it_is_followed(monkeypatch: pytest.MonkeyPatch, step: float) -> None:
    clock, real = Clock(), time.time
    monkeypatch.setattr(time, "time", lambda: real() + step)
    assert near(clock, real())
    assert clock.apart() == pytest.approx(step, abs=0.1)
    clock.follow(clock.apart())
    assert near(clock, real() + step)
    assert abs(clock.apart()) < 0.1


def test_a_small_correction_is_taken_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, real = Clock(), time.time
    monkeypatch.setattr(time, "time", lambda: real() + 1.5)
    assert clock.now().timestamp() == pytest.approx(real() + 1.5, abs=0.2)


def test_ids_sort_by_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, real = Clock(), time.time
    first = clock.new_id()
    monkeypatch.setattr(time, "time", lambda: real() + 0.01)
    assert first < clock.new_id()
