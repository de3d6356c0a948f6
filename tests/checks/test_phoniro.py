"""`phoniro`: the hours of synchronising, and the login that is critical always."""

from datetime import UTC, datetime, time
from typing import Any

import pytest
from pydantic import ValidationError

from checks.phoniro import Settings, judge, window
from checks.steps import Trail, Walked
from monitor.core.finding import Miss, Outcome, Reason
from tests.support.httpserver import answer, pages, probed, serving

STEPS = [
    {"name": "forside", "url": "https://phoniro.example/"},
    {"name": "login", "url": "https://phoniro.example/login", "login": "yes", "form": {"a": "b"}},
]
REFUSED = Miss(Reason.REFUSED, "forbindelse", "afvist")
MORNING = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
"""07:00 in Denmark in winter, 08:00 in summer."""


def settings(**more: Any) -> Settings:
    return Settings.model_validate({"name": "phoniro", "kind": "phoniro", "steps": STEPS, **more})


def trail(*faults: Miss | None) -> Trail:
    steps = settings().steps
    return Trail(tuple(Walked(step, fault=fault) for step, fault in zip(steps, faults, strict=False)), 0.1)


@pytest.mark.parametrize(
    ("now", "outcome"),
    [
        (datetime(2026, 3, 2, 5, 29, 59, tzinfo=UTC), Outcome.WARN),
        (datetime(2026, 3, 2, 5, 30, tzinfo=UTC), Outcome.FAIL),
        (datetime(2026, 3, 2, 6, 14, 59, tzinfo=UTC), Outcome.FAIL),
        (datetime(2026, 3, 2, 6, 15, tzinfo=UTC), Outcome.WARN),
        (datetime(2026, 3, 2, 13, 45, tzinfo=UTC), Outcome.FAIL),
        (datetime(2026, 3, 2, 22, 0, tzinfo=UTC), Outcome.FAIL),
        (datetime(2026, 3, 2, 11, 0, tzinfo=UTC), Outcome.WARN),
        (datetime(2026, 7, 2, 4, 30, tzinfo=UTC), Outcome.FAIL),
        (datetime(2026, 7, 2, 5, 30, tzinfo=UTC), Outcome.WARN),
        (datetime(2026, 3, 29, 4, 45, tzinfo=UTC), Outcome.FAIL),
        (datetime(2026, 10, 25, 5, 45, tzinfo=UTC), Outcome.FAIL),
    ],
)
def test_an_outage_is_critical_while_phones_synchronise(now: datetime, outcome: Outcome) -> None:
    verdict = judge(settings(), trail(REFUSED), now)

    assert verdict.outcome is outcome
    assert verdict.misses == (Miss(Reason.REFUSED, "forside: forbindelse", "afvist"),)


@pytest.mark.parametrize("hour", range(24))
def test_a_login_that_fails_is_critical_always(hour: int) -> None:
    verdict = judge(settings(), trail(None, REFUSED), datetime(2026, 3, 2, hour, tzinfo=UTC))

    assert verdict.outcome is Outcome.FAIL


@pytest.mark.parametrize("hour", range(24))
def test_what_is_our_own_fault_is_unknown_always(hour: int) -> None:
    fault = Miss(Reason.CREDENTIALS, "adgang", "status 401")
    verdict = judge(settings(), trail(None, fault), datetime(2026, 3, 2, hour, tzinfo=UTC))

    assert verdict.outcome is Outcome.UNKNOWN


def test_nothing_amiss_is_fine_in_any_hour() -> None:
    assert judge(settings(), trail(None, None), MORNING).outcome is Outcome.OK


@pytest.mark.parametrize(("at", "inside"), [("23:50", True), ("00:10", True), ("00:30", False), ("12:00", False)])
def test_a_window_over_midnight(at: str, inside: bool) -> None:
    assert window("23:30-00:30").holds(time.fromisoformat(at)) is inside


def test_own_windows_replace_the_usual() -> None:
    assert judge(settings(windows=["12:00-13:00"]), trail(REFUSED), MORNING).outcome is Outcome.WARN
    assert judge(settings(windows=[]), trail(REFUSED), MORNING).outcome is Outcome.WARN


@pytest.mark.parametrize("text", ["", "06:30", "6-7", "06:30-06:30", "25:00-26:00", "06:30Z-07:15Z"])
def test_windows_that_are_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="write for instance 06:30-07:15"):
        settings(windows=[text])


async def test_200_but_the_login_fails() -> None:
    routes = {"/": answer(200, "Phoniro"), "/login": answer(200, "<title>Log ind</title>Forkert adgangskode")}
    async with serving(pages(routes)) as server:
        finding = await probed(
            kind="phoniro",
            steps=[
                {"name": "forside", "url": server.url(), "expect": {"body": "Phoniro"}},
                {
                    "name": "login",
                    "url": server.url("/login"),
                    "login": "yes",
                    "form": {"user": "probe"},
                    "expect": {"body": "Velkommen"},
                },
            ],
        )

    assert (finding.outcome, finding.reason) == (Outcome.FAIL, Reason.BODY)
    assert finding.misses[0] == Miss(Reason.BODY, "login: teksten »Velkommen«", "»Log ind«")
