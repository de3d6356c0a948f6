"""What operators look at says the same as the code: metrics, rules, dashboard, the address, the credentials."""

import json
import re
from datetime import UTC, datetime
from functools import cache
from types import SimpleNamespace
from typing import Any

import pytest

from monitor.engine.fleet_metrics import FleetStates
from monitor.metrics import Metrics, Snapshot
from monitor.settings import ServiceSettings
from tests.house.source import ROOT

DEPLOY = ROOT / "deploy"
PROMISED = """
    check_up check_state check_duration_seconds system_state incidents_open incidents_total notices_total
    notice_delivery_seconds notices_withheld oldest_unsent_notice_age_seconds fault_to_accepted_seconds
    time_to_phone_bound_seconds time_to_acknowledge_seconds tls_expiry_timestamp_seconds
    loop_last_cycle_timestamp_seconds plan_info plan_reload_ok blind store_degraded build_info
    check_findings_total probe_late_total route_up devices heartbeats_total
""".split()
_SUFFIXES = {"counter": ["_total"], "histogram": ["_bucket", "_count", "_sum"]}
_OURS = re.compile(r"\bomsorgsvagt_[a-z0-9_]+")


# No fleet is needed to say what is shown of one.
_FLEETS: Any = SimpleNamespace(
    books={}, strangers={}, unwritten=lambda: 0.0, desk=SimpleNamespace(plan=SimpleNamespace(fleets={"kald": None}))
)


@cache
def _families() -> dict[str, str]:
    """The type of every metric the service shows, by name."""
    metrics = Metrics("0.0.0")
    metrics.watch(lambda: Snapshot(now=datetime(2026, 1, 1, tzinfo=UTC)))
    metrics.registry.register(FleetStates(_FLEETS))
    return {family.name: family.type for family in metrics.registry.collect()}


def _series() -> set[str]:
    """The name of every series the service can show."""
    return {name + suffix for name, kind in _families().items() for suffix in _SUFFIXES.get(kind, [""])}


def _dashboard() -> dict[str, Any]:
    read: dict[str, Any] = json.loads((DEPLOY / "grafana" / "omsorgsvagt.json").read_text(encoding="utf-8"))
    return read


def _panels(kind: str = "") -> list[dict[str, Any]]:
    return [panel for panel in _dashboard()["panels"] if kind in {"", panel["type"]}]


def test_what_is_promised_is_shown() -> None:
    shown = _series() | _families().keys()

    assert {f"omsorgsvagt_{name}" for name in PROMISED} - shown == set()


def test_metrics_are_named_as_prometheus_asks() -> None:
    ours = {name: kind for name, kind in _families().items() if name.startswith("omsorgsvagt_")}

    assert [
        name for name in ours if re.search(r"_(ms|millis|minutes|hours|percent|count|sum|bucket|info_info)$", name)
    ] == []
    assert [name for name, kind in ours.items() if kind == "histogram" and not name.endswith("_seconds")] == []


@pytest.mark.parametrize(
    "path", ["prometheus/omsorgsvagt.rules.yml", "prometheus/omsorgsvagt.rules.test.yml", "grafana/omsorgsvagt.json"]
)
def test_nothing_asks_for_a_metric_that_is_not_there(path: str) -> None:
    asked = set(_OURS.findall((DEPLOY / path).read_text(encoding="utf-8")))

    assert asked
    assert asked - _series() == set()


def test_prometheus_looks_where_the_service_listens() -> None:
    listen = ServiceSettings.model_fields["listen"].default

    assert f'targets: ["{listen}"]' in (DEPLOY / "prometheus" / "prometheus.yml").read_text(encoding="utf-8")


def test_the_unit_hands_over_the_secrets_the_shipped_plan_names() -> None:
    example = (ROOT / "config" / "omsorgsvagt.env.example").read_text(encoding="utf-8")
    unit = (DEPLOY / "systemd" / "omsorgsvagt.service").read_text(encoding="utf-8")

    asked = {name.lower() for name in re.findall(r"(?m)^OMSORGSVAGT_(\w+)=", example)}
    handed = dict(re.findall(r"(?m)^LoadCredential=(\w+):(\S+)$", unit))
    assert asked == handed.keys()
    assert all(source == f"omsorgsvagt.{name}" for name, source in handed.items())


def test_every_panel_is_explained_and_asks_the_chosen_source() -> None:
    for panel in _panels():
        assert panel["title"]
        if panel["type"] == "row":
            continue
        assert panel["description"].endswith("."), panel["title"]
        assert panel["targets"], panel["title"]
        sources = [panel["datasource"], *(target["datasource"] for target in panel["targets"])]
        assert {source["uid"] for source in sources} == {"${datasource}"}, panel["title"]


def test_no_two_panels_share_a_number_or_a_place() -> None:
    numbers = [panel["id"] for panel in _panels()]
    places = [
        (x, y)
        for panel in _panels()
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]

    assert len(numbers) == len(set(numbers))
    assert len(places) == len(set(places))
    assert max(x for x, _ in places) == 23
