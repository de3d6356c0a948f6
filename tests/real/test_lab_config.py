"""The shipped plan watching the lab: its checks are well, fail when their system breaks, and its routes deliver."""

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from checks import KINDS, kind
from checks.run import run
from monitor.channels import VIAS, via
from monitor.core.finding import CheckName, Finding, Outcome, SystemName
from monitor.plan.load import Aids, Loaded, load
from monitor.plan.settings import CheckSettings, RouteSettings
from monitor.ports import ChannelContext, Message, ProbeContext, SendOutcome, Sent
from monitor.secrets import Secrets
from tests.support.lab import ROOT, Lab, part, running_lab

config = part("config")
SHIPPED = ROOT / "config"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with running_lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


@pytest.fixture
def lab(whole: Lab) -> Iterator[Lab]:
    yield whole
    whole.mend()


def _settings(name: str) -> type[CheckSettings]:
    found: type[CheckSettings] = kind(name).Settings
    return found


def _way_out(name: str) -> tuple[str, type[RouteSettings]]:
    return VIAS[name][0], via(name).Settings


class Town:
    """A configuration written for the lab, loaded, with the environment it came with."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.environment: dict[str, str] = config.write(folder, lab.addresses, SHIPPED, quick=True)
        aids = Aids(tuple(KINDS), tuple(VIAS))
        self.loaded: Loaded = load(folder, _settings, _way_out, date(2026, 11, 23), aids)

    async def look(self, system: str) -> dict[str, Finding]:
        """Every check of a system, probed once."""
        names = self.loaded.plan.systems[SystemName(system)].checks
        return dict(zip(names, await asyncio.gather(*map(self._probe, names)), strict=True))

    async def _probe(self, name: Any) -> Finding:
        settings = self.loaded.checks[name]
        context = ProbeContext(Secrets(self.environment), now, time.monotonic, settings.timeout)
        return await run(name, kind(settings.kind), settings, context)

    async def send(self, route: Any, to: str) -> Sent:
        channel = via(route.via).Channel(route, ChannelContext(Secrets(self.environment), now, route.timeout))
        try:
            sent: Sent = await channel.send(Message("26-0001.1", to, "Nødkald er nede", "Nødkald nede"))
        finally:
            await channel.close()
        return sent


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def town(lab: Lab, tmp_path: Path) -> Town:
    return Town(lab, tmp_path / "config")


async def test_every_check_of_the_shipped_plan_is_well_in_the_lab(town: Town) -> None:
    for system in town.loaded.plan.systems:
        for name, finding in (await town.look(system)).items():
            # What devices report only the running service knows: test_lab_devices.
            expected = Outcome.UNKNOWN if town.loaded.checks[CheckName(name)].kind == "fleet" else Outcome.OK
            assert (name, finding.outcome) == (name, expected)


@pytest.mark.parametrize(
    ("system", "how", "watched"),
    [
        ("nexus", "login-page", "omsorgssystem"),
        ("nexus", "home-500", "omsorgssystem"),
        ("nexus", "instance-down", "omsorgssystem"),
        ("phoniro", "login-fails", "phoniro"),
        ("sip", "503", "noedkald"),
        ("medico", "down", "medicoteknik"),
    ],
)
async def test_a_broken_system_is_found_out(lab: Lab, town: Town, system: str, how: str, watched: str) -> None:
    lab.break_(system, how)
    outcomes = {finding.outcome for finding in (await town.look(watched)).values()}
    assert Outcome.FAIL in outcomes


async def test_our_own_credentials_refused_are_no_outage(lab: Lab, town: Town) -> None:
    lab.break_("nexus", "token-401")
    outcomes = {finding.outcome for finding in (await town.look("omsorgssystem")).values()}
    assert Outcome.UNKNOWN in outcomes
    assert Outcome.FAIL not in outcomes


async def test_a_dead_line_fails_every_canary_and_every_system_beyond(lab: Lab, town: Town) -> None:
    lab.break_("line", "dead")
    beyond = [system.id for system in town.loaded.plan.systems.values() if system.over_own_line]
    assert "egen_linje" in beyond
    for findings in await asyncio.gather(*map(town.look, beyond)):
        reached = {name for name, one in findings.items() if one.outcome is Outcome.OK}
        assert {name for name in reached if town.loaded.checks[CheckName(name)].kind != "file"} == set()


async def test_every_route_of_the_plan_delivers(town: Town) -> None:
    for number, route in enumerate(town.loaded.routes):
        channel = VIAS[route.via][0]
        to = f"+4500000{number:03d}" if channel == "sms" else "leder@eksempel.example"
        sent = await town.send(route, to)
        assert (route.name, sent.outcome) == (route.name, SendOutcome.ACCEPTED)


def test_a_quick_configuration_has_a_quick_pace_and_a_plain_one_the_shipped(
    lab: Lab, town: Town, tmp_path: Path
) -> None:
    assert {(check.every, check.confirm) for check in town.loaded.checks.values()} == {(1.0, 2)}
    config.write(tmp_path / "plain", lab.addresses, SHIPPED)
    plain = (tmp_path / "plain" / "plan.yaml").read_text(encoding="utf-8")
    assert "after: 10m" in plain
    assert "after: 20s" in (tmp_path / "config" / "plan.yaml").read_text(encoding="utf-8")


def test_no_address_of_a_real_system_is_left(town: Town, tmp_path: Path) -> None:
    text = (tmp_path / "config" / "systems.yaml").read_text(encoding="utf-8")
    assert "https://" not in text.replace("https://localhost", "")
    assert ".kmd.dk" not in text
    assert all(name.startswith("OMSORGSVAGT_") for name in town.environment)


def test_a_kind_or_a_way_the_lab_does_not_know_is_said(lab: Lab, tmp_path: Path) -> None:
    shipped = tmp_path / "shipped"
    shipped.mkdir()
    (shipped / "plan.yaml").write_text("routes: {}\nchains: {}\n")
    (shipped / "systems.yaml").write_text("systems: {x: {checks: [{name: a, kind: crystal-ball}]}}\n")
    with pytest.raises(ValueError, match="crystal-ball"):
        config.write(tmp_path / "out", lab.addresses, shipped)
