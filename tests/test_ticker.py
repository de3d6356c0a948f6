"""The calendar's own work: it comes round each day in the plan's zone, and one piece that falls stops nothing.

The scheduler reads the real clock, so a turn is put close ahead rather than waited for.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from monitor.clock import Clock
from monitor.ticker import Ticker
from tests.support.httpserver import until

ZONE = ZoneInfo("Europe/Copenhagen")


def next_turn(ticker: Ticker, name: str) -> datetime:
    found = ticker._scheduler.get_job(name).next_run_time
    assert isinstance(found, datetime)
    return found


async def nothing() -> None:
    """No work."""


def soon(ticker: Ticker, name: str) -> None:
    """This work's turn is now."""
    ticker._scheduler.modify_job(name, next_run_time=Clock().now())


async def test_its_turn_is_at_that_time_of_day_in_the_zone() -> None:
    ticker = Ticker(ZONE)
    ticker.daily("reread", 4, 10, nothing)
    ticker.start()
    try:
        turn, now = next_turn(ticker, "reread").astimezone(ZONE), Clock().now()
    finally:
        ticker.stop()
    assert (turn.hour, turn.minute) == (4, 10)
    assert timedelta(0) < turn - now <= timedelta(hours=25)


async def test_it_comes_round_again_the_next_day() -> None:
    turns: list[str] = []

    async def work() -> None:
        turns.append("turn")

    ticker = Ticker(ZONE)
    ticker.daily("reread", 4, 10, work)
    ticker.start()
    try:
        soon(ticker, "reread")
        await until(lambda: turns == ["turn"])
        assert next_turn(ticker, "reread") > Clock().now()
    finally:
        ticker.stop()


async def test_a_piece_of_work_that_falls_has_its_turn_again_and_stops_no_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    done: list[str] = []

    def falling(name: str) -> Callable[[], Awaitable[None]]:
        async def work() -> None:
            done.append(name)
            if name == "bad":
                raise RuntimeError("denne falder")

        return work

    ticker = Ticker(ZONE)
    for name in ("bad", "good"):
        ticker.daily(name, 4, 10, falling(name))
    ticker.start()
    with caplog.at_level(logging.ERROR, "apscheduler"):
        try:
            soon(ticker, "bad")
            soon(ticker, "good")
            await until(lambda: sorted(done) == ["bad", "good"])
            assert next_turn(ticker, "bad") > Clock().now()
        finally:
            ticker.stop()
    assert "denne falder" in caplog.text


async def test_the_same_name_again_takes_the_place_of_the_first() -> None:
    ticker = Ticker(ZONE)
    ticker.daily("reread", 4, 10, nothing)
    ticker.daily("reread", 5, 20, nothing)
    ticker.start()
    try:
        assert next_turn(ticker, "reread").astimezone(ZONE).hour == 5
    finally:
        ticker.stop()


async def test_stopped_it_starts_nothing_more() -> None:
    done: list[str] = []

    async def work() -> None:
        done.append("turn")

    ticker = Ticker(ZONE)
    ticker.daily("reread", 4, 10, work)
    ticker.start()
    ticker.stop()
    await asyncio.sleep(0)
    assert done == []
    assert not ticker._scheduler.running
