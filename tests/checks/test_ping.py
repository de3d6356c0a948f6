"""`ping`: what is made of echoes, and real ones in a network of our own where the kernel answers, or does not."""

from typing import Any

import pytest

from checks.ping import Echoes, Settings, judge
from monitor.core.finding import Outcome, Reason
from tests.support.httpserver import NOW
from tests.support.ping_namespace import available, pings

real = pytest.mark.skipif(not available(), reason="this machine lets us make no network namespace")
ALLOWED = {"allow": "0 0"}
HOME = {"host": "127.0.0.1", "interval": "10ms", "timeout": "10s"}


def settings(**values: Any) -> Settings:
    return Settings.model_validate({"name": "ekko", "kind": "ping", "host": "relay.example", **values})


@pytest.mark.parametrize(
    ("echoes", "loss", "outcome", "reason"),
    [
        (Echoes(3, (0.1, 0.1, 0.1)), "0", Outcome.OK, None),
        (Echoes(3, (0.1, 0.1)), "0", Outcome.WARN, Reason.LOSS),
        (Echoes(3, (0.1, 0.1)), "34", Outcome.OK, None),
        (Echoes(3, (0.1,)), "34", Outcome.WARN, Reason.LOSS),
        (Echoes(4, (0.1,)), "75", Outcome.OK, None),
        (Echoes(3), "99", Outcome.FAIL, Reason.LOSS),
        (Echoes(2, (0.1, 0.5)), "0", Outcome.WARN, Reason.SLOW),
        (Echoes(2, (0.1, 0.3)), "0", Outcome.OK, None),
    ],
)
def test_judging(echoes: Echoes, loss: str, outcome: Outcome, reason: Reason | None) -> None:
    verdict = judge(settings(loss=loss, degraded_over="200ms"), echoes, NOW)

    assert verdict.outcome is outcome
    assert [miss.reason for miss in verdict.misses] == ([reason] if reason else [])


def test_lost_and_slow_are_both_told() -> None:
    verdict = judge(settings(degraded_over="200ms"), Echoes(3, (0.5, 0.5)), NOW)

    assert [(miss.reason, miss.seen) for miss in verdict.misses] == [
        (Reason.LOSS, "2 af 3 svar"),
        (Reason.SLOW, "0.500 s"),
    ]


@real
@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_the_kernel_answers(host: str) -> None:
    [found] = pings(ALLOWED, HOME | {"host": host})

    assert found["outcome"] == "ok"
    assert (found["facts"]["sent"], found["facts"]["received"]) == (3, 3)
    assert 0 < found["facts"]["trip_seconds"] <= found["facts"]["trip_max_seconds"]


@real
def test_a_group_that_may_not_is_unknown_and_told_how_to_mend_it_once() -> None:
    first, second, third = pings({"allow": "1 0"}, HOME, HOME, ALLOWED, HOME)

    assert [found["outcome"] for found in (first, second, third)] == ["unknown", "unknown", "ok"]
    assert first["reason"] == "internal"
    assert "net.ipv4.ping_group_range" in first["expected"]
    assert first["logs"] == [
        'ping not allowed; sysctl -w net.ipv4.ping_group_range="0 2147483647" (or our group alone)'
    ]
    assert second["logs"] == []
    assert third["logs"] == ["ping allowed again; "]


@real
def test_no_route_is_unknown() -> None:
    [found] = pings(ALLOWED, HOME | {"host": "192.0.2.1"})

    assert (found["outcome"], found["reason"]) == ("unknown", "no_route")


@real
@pytest.mark.parametrize(
    ("answer", "outcome", "received", "reason"),
    [
        ("never", "fail", 0, "loss"),
        ("with another token", "fail", 0, "loss"),
        ("every second", "warn", 2, "loss"),
        ("twice", "ok", 3, None),
        ("with a flood", "ok", 3, None),
    ],
)
def test_echoes_that_are_lost_forged_or_repeated(answer: str, outcome: str, received: int, reason: str | None) -> None:
    [found] = pings(ALLOWED, {"answer": answer}, HOME | {"timeout": "800ms" if reason else "10s"})

    assert (found["outcome"], found["facts"]["received"], found["reason"]) == (outcome, received, reason)
