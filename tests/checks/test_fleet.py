"""The many are judged by what they share and how many they are; a threshold is left lower than it is met."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from checks import fleet
from checks.fleet import Look, Settings, judge
from checks.run import run
from monitor.core.finding import CheckName, Outcome, Reason
from monitor.core.fleet import DeviceState, Flag, FleetSight, Homes, Sign, Trait
from monitor.core.plan import Severity
from monitor.ports import ProbeContext

NOW = datetime(2026, 3, 5, 2, 30, tzinfo=UTC)
SINCE = datetime(2026, 3, 5, 2, 14, tzinfo=UTC)
OPERATOR = Trait("operator", "X", 0.98, 0.37, "98 % af de tavse har operatør X, mod 37 % af alle")


def settings(**more: Any) -> Settings:
    return Settings.model_validate({"name": "kald", "kind": "fleet", "fleet": "kald", **more})


def sight(silent: int = 0, watched: int = 2000, late: int = 0, **more: Any) -> FleetSight:
    counts = {DeviceState.OK: watched - silent - late, DeviceState.LATE: late, DeviceState.SILENT: silent}
    share, missing = silent / watched if watched else 0.0, (silent + late) / watched if watched else 0.0
    given: dict[str, Any] = {
        "homes": Homes(silent // 10, silent + late - silent // 10),
        "reach": Homes(),
        "signs": (),
        "trait": None,
        "since": None,
        "flags": {},
        "groups": (),
    }
    return FleetSight("kald", int(NOW.timestamp()), counts, watched, share, missing, **(given | more))


def found(seen: FleetSight | None, before: Outcome = Outcome.OK, **more: Any) -> tuple[Outcome, Reason | None, str]:
    verdict = judge(settings(**more), Look(seen, before), NOW)
    miss = verdict.misses[0] if verdict.misses else None
    return verdict.outcome, miss.reason if miss else None, miss.seen if miss else ""


@pytest.mark.parametrize(
    ("silent", "outcome"),
    [(0, Outcome.OK), (100, Outcome.OK), (101, Outcome.WARN), (400, Outcome.WARN), (401, Outcome.FAIL)],
)
def test_a_share_over_its_threshold_counts(silent: int, outcome: Outcome) -> None:
    assert found(sight(silent))[0] is outcome


def test_what_they_share_is_said_with_how_many() -> None:
    outcome, reason, seen = found(sight(740, trait=OPERATOR))

    assert (outcome, reason, seen) == (Outcome.FAIL, Reason.SILENT, "740 af 2000, 98 % har operatør X")


def test_a_long_value_is_cut_and_the_counts_are_not() -> None:
    trait = replace(OPERATOR, value="Et meget langt navn på en operatør med mange ord")
    seen = found(sight(740, trait=trait))[2]

    assert seen.startswith("740 af 2000, 98 % har operatør Et meget langt navn på")
    assert len(seen) <= 60


@pytest.mark.parametrize(
    ("before", "silent", "outcome"),
    [
        (Outcome.FAIL, 281, Outcome.FAIL),
        (Outcome.FAIL, 279, Outcome.WARN),
        (Outcome.WARN, 71, Outcome.WARN),
        (Outcome.WARN, 69, Outcome.OK),
        (Outcome.OK, 90, Outcome.OK),
    ],
)
def test_a_threshold_is_left_lower_than_it_is_met(before: Outcome, silent: int, outcome: Outcome) -> None:
    assert found(sight(silent), before)[0] is outcome


def test_few_devices_are_no_fleet_outage_whatever_their_share() -> None:
    assert found(sight(2, watched=4))[0] is Outcome.OK
    assert found(sight(3, watched=4))[0] is Outcome.FAIL
    assert found(sight(4, watched=4), at_least=5)[0] is Outcome.OK


def sign(part: float, size: int, missing: int = 20, attribute: str = "operator") -> Sign:
    return Sign(attribute, "X" if attribute else "", int(SINCE.timestamp()), int(NOW.timestamp()), missing, size, part)


def test_an_early_sign_weighs_what_its_group_comes_to_and_says_since_when() -> None:
    early = sight(late=34, signs=(sign(1.0, 740),), trait=OPERATOR, since=int(SINCE.timestamp()), reach=Homes(80, 660))

    assert found(early) == (Outcome.FAIL, Reason.EARLY, "34 af 2000, op til 740 med operatør X")
    assert judge(settings(), Look(early), NOW).began == SINCE


@pytest.mark.parametrize(
    ("signs", "outcome"),
    [
        ((sign(1.0, 120),), Outcome.WARN),
        ((sign(1.0, 30),), Outcome.WARN),
        ((sign(0.1, 1200), sign(1.0, 120)), Outcome.WARN),
        ((sign(0.9, 2000, attribute=""),), Outcome.FAIL),
        ((sign(0.0, 740, missing=500),), Outcome.FAIL),
    ],
)
def test_a_part_of_a_group_is_not_the_whole_of_it(signs: tuple[Sign, ...], outcome: Outcome) -> None:
    assert found(sight(late=20, signs=signs))[:2] == (outcome, Reason.EARLY)


def test_who_does_not_want_the_early_sign_waits_for_the_deadline() -> None:
    assert found(sight(late=34, signs=(sign(1.0, 740),)), early=False)[0] is Outcome.OK


def test_silence_that_is_worse_than_the_sign_is_what_is_said() -> None:
    assert found(sight(740, signs=(sign(1.0, 30),), trait=OPERATOR))[:2] == (Outcome.FAIL, Reason.SILENT)


@pytest.mark.parametrize("seen", [None, sight(watched=0)])
def test_an_empty_fleet_is_not_known(seen: FleetSight | None) -> None:
    assert found(seen)[:2] == (Outcome.UNKNOWN, Reason.EMPTY)


def test_work_is_an_advisory_above_its_share() -> None:
    flags = {Flag.BATTERY_LOW: 201, Flag.NO_POWER: 20}

    assert found(sight(flags=flags), of="work") == (Outcome.WARN, Reason.WORN, "201 af 2000 lavt batteri")
    assert found(sight(flags={Flag.BATTERY_LOW: 200}), of="work")[0] is Outcome.OK
    assert found(sight(flags={Flag.BATTERY_LOW: 150}), Outcome.WARN, of="work")[0] is Outcome.WARN
    assert found(sight(900, flags={}), of="work")[0] is Outcome.OK
    assert {settings(of="work").warn_means, settings(of="work").fail_means} == {Severity.ADVISORY}
    assert settings(of="work", warn_means="degraded").warn_means is Severity.DEGRADED


@pytest.mark.parametrize("more", [{"down_over": "3 %"}, {"at_least": "0"}, {"of": "all"}, {"fleet": "Kald"}])
def test_settings_that_make_no_sense_are_refused(more: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        settings(**more)


async def test_a_probe_reads_the_fleet_and_remembers_since_when() -> None:
    seen = {"sight": sight(late=600)}
    at = {"now": NOW}
    memory: dict[str, Any] = {}

    async def probe() -> Any:
        context = ProbeContext(str, lambda: at["now"], lambda: 0.0, memory=memory, fleet={"kald": seen["sight"]}.get)
        return await run(CheckName("kald"), fleet, settings(early=False), context)

    assert (await probe()).outcome is Outcome.OK
    at["now"] += timedelta(hours=2)
    seen["sight"] = sight(600)
    finding = await probe()

    assert (finding.outcome, finding.began) == (Outcome.FAIL, NOW)
    assert finding.facts["devices_silent"] == 600.0
    assert (finding.facts["homes_missing"], finding.facts["homes_critical"]) == (600.0, 60.0)
    seen["sight"] = sight(10)
    assert (await probe()).outcome is Outcome.OK
    assert memory["since"] is None
