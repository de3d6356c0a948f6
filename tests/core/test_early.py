"""The early sign: how often it may be wrong, what it must bear without one, and that it ends and survives a restart."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from math import exp, log
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.cusum import HIGHEST, LOWEST, Cusum, costs, usual
from monitor.core.early import DEPTHS, FALSE_A_YEAR, Early, threshold
from monitor.core.fleet import Device, FleetRule
from monitor.core.nights import nights
from monitor.core.profiles import Profiles
from tests.support.fleets import DAY, HOUR, START, Kind, Town

COPENHAGEN = ZoneInfo("Europe/Copenhagen")
AUTUMN = int(datetime(2026, 10, 25, 1, tzinfo=UTC).timestamp())
SPRING = int(datetime(2026, 3, 29, 1, tzinfo=UTC).timestamp())


def test_the_height_is_as_stated() -> None:
    trials = 10_000 * 8766

    assert threshold(trials, 6) == pytest.approx(log(trials * 7 * DEPTHS / FALSE_A_YEAR))
    # N / e^h, for seven groupings with two depths each.
    assert trials * 7 * DEPTHS / exp(threshold(trials, 6)) <= 0.1001


@given(st.floats(0, 1))
def test_each_score_keeps_the_bound_by_construction(share: float) -> None:
    """Lorden's bound needs no more than that a trial's likelihood ratio is 1 in the mean on usual days, or less."""
    cost = costs(share)
    p0 = max(LOWEST, 2 * share)
    if p0 > HIGHEST:
        assert cost.miss == 0 and cost.hit > 1e9
        return
    for miss, hit in ((cost.miss, cost.hit), (cost.soft_miss, cost.soft_hit)):
        assert p0 * exp(miss) + (1 - p0) * exp(-hit) == pytest.approx(1)
        assert share * exp(miss) + (1 - share) * exp(-hit) <= 1 + 1e-9


def test_false_signs_come_no_oftener_than_the_bound_says() -> None:
    """At a height low enough to see them: the mean run to a false sign is e^h trials or more, at p0 itself."""
    random, height, p0 = Random(5), 5.0, 0.02
    signs = trials = 0
    score = trained(p0 / 2)
    while trials < 400_000:
        hits = int(log(1 - random.random()) / log(1 - p0))
        score.take(hits, 1, 1)
        trials += hits + 1
        if score.reached(height):
            signs += 1
            score = trained(p0 / 2)

    assert signs > 20
    assert signs / trials <= DEPTHS * exp(-height)


def trained(share: float, trials: int = 1_000_000) -> Cusum:
    score = Cusum()
    score.take(round(trials * (1 - share)), round(trials * share), 0)
    score.learn(10, share)
    assert score.ready and not score.reached(0.1)
    return score


def test_what_is_usual_is_learnt_with_a_margin() -> None:
    assert usual(0, 0) == pytest.approx(0.005)
    assert usual(50, 1000) == pytest.approx(0.0425, abs=0.001)
    assert costs(usual(50, 1000)).miss < costs(usual(1, 1000)).miss


def living(kind: Kind, days: float, rule: FleetRule | None = None, count: int = 600, step: int = 20) -> Town:
    town = Town(count, kind, rule)
    town.live(int(days * DAY), step)
    return town


@pytest.mark.parametrize(
    ("kind", "days"),
    [
        (Kind(), 4),
        (Kind(given=False, jitter=60.0), 4),
        (Kind(lost=0.04), 4),
        (Kind(interval=9 * HOUR, drift=2e-3), 14),
        (Kind(interval=9 * HOUR, given=False, drift=2e-2), 14),
        (Kind(interval=DAY, together=True, jitter=20.0), 21),
        (Kind(interval=90), 0.2),
    ],
    ids=["hourly", "learnt", "lossy", "9-hourly drifting", "9-hourly learnt", "all at two", "90 s"],
)
def test_usual_days_give_no_sign_and_an_outage_gives_one(kind: Kind, days: float) -> None:
    town = living(kind, days)
    assert town.signed == []

    town.dead = lambda attributes: attributes["operator"] == "Alfa"
    took = town.until_signed(2 * kind.interval, 20)
    assert took is not None and took <= (2 * DAY if kind.together else max(300, kind.interval // 6))


@pytest.mark.parametrize("night", [AUTUMN, SPRING])
@pytest.mark.parametrize(("interval", "given_"), [(DAY, True), (DAY, False), (HOUR, True)])
def test_the_two_nights_give_no_sign(night: int, interval: int, given_: bool) -> None:
    """Half of the devices keep local time: they come an hour later, or earlier, from that night on."""

    def local(at: float) -> float:
        shift = -HOUR if night == SPRING else HOUR
        return shift if at >= night and int(at) % 2 else 0.0

    kind = Kind(interval=interval, given=given_, local=local, lost=0.0)
    town = Town(300, kind, FleetRule("f", interval=interval if given_ else 0, zone=COPENHAGEN))
    start = night - 12 * DAY if interval == DAY else night - DAY
    town.move(start)
    town.live(night - start + 3 * DAY if interval == DAY else 2 * DAY, 30)

    assert town.signed == []


def test_the_nights_are_found() -> None:
    found = nights(COPENHAGEN, AUTUMN - 3 * DAY)
    assert (found.autumn, found.spring) == (AUTUMN, 0)
    assert nights(COPENHAGEN, SPRING + DAY).spring == SPRING
    assert nights(COPENHAGEN, START).between(START - 8 * DAY, START + 8 * DAY) is False
    assert nights(None, AUTUMN).autumn == 0


def test_a_part_of_a_fleet_with_nothing_in_common_is_a_sign_of_the_whole() -> None:
    town = Town(2000, Kind(), FleetRule("f", interval=HOUR, attributes=()))
    town.live(12 * HOUR, 20)
    gone = {id(device.attributes) for device in town.random.sample(town.folk, 200)}
    town.dead = lambda attributes: id(attributes) in gone
    took = town.until_signed(2 * HOUR, 20)

    assert took is not None and took < 40 * 60
    sign = town.early.signs[0]
    assert (sign.attribute, sign.value, sign.size) == ("", "", 2000)


def test_a_fleet_that_has_become_worse_for_good_is_usual_in_the_end() -> None:
    score = trained(0.005, 5000)
    random, began, now = Random(2), 0, 0
    for now in range(0, 40 * DAY, 60):
        score.take(9, 0, now) if random.random() > 0.5 else score.take(8, 1, now)
        score.learn(600, 0.005)
        if not score.on and score.reached(22):
            score.begin(now)
            began += 1
        elif score.on and score.over(now):
            score.end(now)

    assert 1 <= began < 20
    assert not score.on and usual(score.misses, score.trials) > 0.04


@pytest.mark.parametrize("away", [40, 1800, 9 * HOUR])
def test_a_time_in_which_nobody_listened_gives_no_sign(away: int) -> None:
    town = living(Kind(lost=0.0), 0.5)
    town.now += away
    town.pass_by()
    town.devices.resume(town.now, away)
    sight = town.live(4 * HOUR, 20)

    assert town.signed == []
    assert sight.missing_share == 0


def lively() -> Town:
    town = Town(400, Kind())
    town.live(5 * HOUR, 20)
    return town


def test_a_restart_in_the_middle_keeps_the_sign_and_what_is_usual() -> None:
    town = lively()
    town.dead = lambda attributes: attributes["operator"] == "Alfa"
    town.until_signed(HOUR)
    town.live(1200, 20)
    signs = town.early.signs
    again = Early(town.devices.profiles)
    again.back(town.early.keep())

    assert again.signs == signs
    town.early = again
    town.live(2 * HOUR, 20)
    assert again.signs
    town.dead = lambda _attributes: False
    town.live(2 * HOUR, 20)
    assert again.signs == ()


def put_back(text: str) -> None:
    profiles = Profiles(("operator",))
    profiles.of({"operator": "X"})
    Early(profiles).back(text)


@pytest.mark.parametrize(
    "harm",
    [
        lambda kept: "",
        lambda kept: "[]",
        lambda kept: json.dumps({"rate": 1}),
        lambda kept: json.dumps({"rate": "x", "groups": []}),
        lambda kept: json.dumps({"rate": 1, "groups": [["operator", "X", 1]]}),
        lambda kept: json.dumps({"rate": 1, "groups": [["operator", "X", *[float("nan")] * 9]]}),
        lambda kept: json.dumps({"rate": 1, "groups": [["operator", "X", *[1e300] * 9]]}),
        lambda kept: json.dumps({"rate": 1, "groups": 7}),
        lambda kept: kept[:-2],
    ],
)
def test_what_was_not_kept_by_us_is_refused(harm: Callable[[str], str]) -> None:
    kept = lively().early.keep()
    put_back(kept)

    # What is no JSON says so in the parser's own words.
    with pytest.raises(ValueError, match=r"not what was kept|line 1"):
        put_back(harm(kept))


def test_few_devices_are_single_devices() -> None:
    town = lively()
    for n in range(5):
        index = town.devices.put(Device(f"few{n}", attributes={"operator": "few"}))
        town.devices.heard(index, town.now)
    town.live(4 * HOUR, 20)

    assert town.signed == []
