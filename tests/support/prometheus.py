"""A real Prometheus for one test: its own folder and port, ended by its process id."""

import json
import math
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.lab import until
from tests.support.service import free_port

_ENDS_WITHIN = 20.0
_LOOK = 0.2


@dataclass(frozen=True, slots=True)
class Series:
    """One series of an instant answer."""

    labels: dict[str, str]
    value: float


@dataclass(frozen=True, slots=True)
class Prometheus:
    """A running Prometheus at `url`."""

    url: str

    def query(self, expression: str) -> list[Series]:
        """The expression's value now. Raises urllib.error.HTTPError (400) for one that is not PromQL."""
        found = self._get("/api/v1/query", query=expression)["result"]
        return [Series(one["metric"], float(one["value"][1])) for one in found]

    def has(self, expression: str) -> bool:
        """Whether the expression has at least one series with a number in it."""
        return any(not math.isnan(series.value) for series in self.query(expression))

    def until(self, expression: str, within: float = 30.0) -> None:
        """Return when the expression has data. Fails the test, naming it, when it gets none in time."""
        end = time.monotonic() + within
        while not self.has(expression):
            assert time.monotonic() < end, f"no data within {within:g} s: {expression}"
            time.sleep(_LOOK)

    def firing(self) -> set[str]:
        """The names of the alerts that fire now."""
        alerts = self._get("/api/v1/alerts")["alerts"]
        return {alert["labels"]["alertname"] for alert in alerts if alert["state"] == "firing"}

    def sick_rules(self) -> list[str]:
        """What the rules that could not be evaluated said."""
        groups = self._get("/api/v1/rules")["groups"]
        return [rule["lastError"] for group in groups for rule in group["rules"] if rule.get("lastError")]

    def evaluated(self) -> bool:
        """Whether every rule has been evaluated at least once."""
        groups = self._get("/api/v1/rules")["groups"]
        return bool(groups) and all(rule["health"] != "unknown" for group in groups for rule in group["rules"])

    def _get(self, path: str, **parameters: str) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.url}{path}?{urllib.parse.urlencode(parameters)}", timeout=10) as answer:
            data: dict[str, Any] = json.load(answer)["data"]
        return data

    def ready(self) -> bool:
        """Whether it answers queries yet."""
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


@contextmanager
def running_prometheus(folder: Path, config: str) -> Iterator[Prometheus]:
    """A Prometheus that is ready, with this configuration text; `folder` takes its files and its log."""
    (folder / "prometheus.yml").write_text(config, encoding="utf-8")
    address = f"127.0.0.1:{free_port()}"
    command = [
        "prometheus",
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={address}",
        "--log.level=warn",
    ]
    log = folder / "prometheus.log"
    with log.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=out) as process:
        try:
            prometheus = Prometheus(f"http://{address}")
            until(lambda: prometheus.ready() or process.poll() is not None, within=30)
            assert process.poll() is None, log.read_text(encoding="utf-8")
            yield prometheus
        finally:
            process.terminate()
            try:
                process.wait(_ENDS_WITHIN)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
