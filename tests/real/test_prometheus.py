"""A real Prometheus scrapes the running service through an outage in the lab: what operators look at shows it."""

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.support.lab import ROOT, Lab, part, running_lab, until
from tests.support.prometheus import Prometheus, running_prometheus
from tests.support.service import Service, running

pytestmark = [pytest.mark.real, pytest.mark.slow]

DEPLOY = ROOT / "deploy"
RULES = DEPLOY / "prometheus" / "omsorgsvagt.rules.yml"
_IN_GRAFANA = {"$__rate_interval": "10s", "$__range": "5m", "$check": ".*"}


@dataclass(frozen=True, slots=True)
class Scene:
    lab: Lab
    service: Service
    prometheus: Prometheus


def _config(service: Service) -> str:
    """The shipped configuration, a second's pace, and this test's service instead of the usual address."""
    text = (DEPLOY / "prometheus" / "prometheus.yml").read_text(encoding="utf-8")
    text = re.sub(r"127\.0\.0\.1:\d+(?=\"\]\n\Z)", f"127.0.0.1:{service.port}", text)
    text = re.sub(r"_interval: 10s", "_interval: 1s", text)
    return text.replace(RULES.name, str(RULES))


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Seen from before the outage: Nexus refuses everybody, somebody is told; Phoniro's notices wait for Nexus."""
    folder = tmp_path_factory.mktemp("prometheus")
    with running_lab(folder) as lab:
        part("config").write(folder / "config", lab.addresses, ROOT / "config", quick=True)
        systems = folder / "config" / "systems.yaml"
        text = systems.read_text(encoding="utf-8")
        systems.write_text(text.replace("\n  phoniro:\n", "\n  phoniro:\n    depends_on: [omsorgssystem]\n"), "utf-8")
        with (
            running(folder / "config", folder / "service", lab.addresses["secrets"]) as service,
            running_prometheus(folder, _config(service)) as prometheus,
        ):
            prometheus.until('omsorgsvagt_system_state{system="omsorgssystem",state="up"} == 1')
            until(prometheus.evaluated, within=30)
            lab.break_("nexus", "refuse")
            prometheus.until("omsorgsvagt_fault_to_accepted_seconds_count > 0")
            lab.break_("phoniro", "down")
            yield Scene(lab, service, prometheus)


def _questions() -> list[tuple[str, str]]:
    """Every query of the dashboard, as Grafana would ask it, under its panel's title."""
    panels: list[dict[str, Any]] = json.loads((DEPLOY / "grafana" / "omsorgsvagt.json").read_text("utf-8"))["panels"]
    return [(panel["title"], _asked(target["expr"])) for panel in panels for target in panel.get("targets", [])]


def _asked(expression: str) -> str:
    for word, value in _IN_GRAFANA.items():
        expression = expression.replace(word, value)
    return expression


def test_the_outage_is_seen_and_told(scene: Scene) -> None:
    seen = scene.prometheus.has

    assert seen('omsorgsvagt_system_state{system="omsorgssystem",state="down"} == 1')
    assert seen('omsorgsvagt_incidents_open{system="omsorgssystem",severity="down"} == 1')
    assert seen('omsorgsvagt_incidents_unacknowledged{system="omsorgssystem"} == 1')
    assert seen('omsorgsvagt_notices_total{channel="sms",outcome="accepted",reason="alarm"} > 0')
    assert sum(len(texts) for texts in scene.lab.phones().values()) > 0


def test_a_first_outage_counts_in_the_panels_that_count(scene: Scene) -> None:
    growing = [query for title, query in _questions() if title in {"Nye hændelser", "Beskeder efter udfald"}]

    assert len(growing) == 2
    for query in growing:
        scene.prometheus.until(f"({query.replace('offset 10s', 'offset 3m')}) > 0")


def test_every_query_of_the_dashboard_has_data(scene: Scene) -> None:
    asked = [query for _, query in _questions()]

    assert len(asked) > 20
    for query in asked:
        scene.prometheus.until(query)


def test_the_rules_read_what_the_service_shows(scene: Scene) -> None:
    recorded = ["omsorgsvagt:system_up", "omsorgsvagt:tls_days_left", "omsorgsvagt:fault_to_accepted_seconds:p50_1d"]

    for name in recorded:
        scene.prometheus.until(name)
    assert scene.prometheus.sick_rules() == []
    assert scene.prometheus.firing() == set()


def test_our_own_line_dead_is_an_alert(scene: Scene) -> None:
    scene.lab.break_("line", "dead")

    scene.prometheus.until('ALERTS{alertname="OmsorgsvagtBlind",alertstate="firing"}')
    assert "OmsorgsvagtNede" not in scene.prometheus.firing()


def test_promtool_accepts_the_configuration_and_the_rules() -> None:
    for command in (["check", "config", "prometheus.yml"], ["check", "rules", RULES.name]):
        done = subprocess.run(
            ["promtool", *command], cwd=RULES.parent, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_fires_when_it_should_and_only_then() -> None:
    done = subprocess.run(
        ["promtool", "test", "rules", "omsorgsvagt.rules.test.yml"],
        cwd=RULES.parent,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
