"""What Prometheus sees of the fleets, read at the scrape; no label for a device."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from monitor.core.fleet import WORK

if TYPE_CHECKING:
    from monitor.engine.fleets import Fleets


class FleetStates(Collector):
    """A collector over the fleets."""

    def __init__(self, fleets: "Fleets") -> None:
        self._fleets = fleets

    def describe(self) -> Iterable[Metric]:
        """Nothing to check at registration: the names are this module's own."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """One scrape."""
        books = dict(self._fleets.books)
        if not self._fleets.desk.plan.fleets:
            return
        devices = GaugeMetricFamily("omsorgsvagt_devices", "Devices by where they stand.", labels=["fleet", "state"])
        early = GaugeMetricFamily(
            "omsorgsvagt_fleet_early_sign", "1 while fewer report than their rhythms promise.", labels=["fleet"]
        )
        beats = CounterMetricFamily(
            "omsorgsvagt_heartbeats", "Reports that came in, by what became of them.", labels=["fleet", "outcome"]
        )
        mend = GaugeMetricFamily(
            "omsorgsvagt_devices_to_mend", "Devices that have said that something is wrong.", labels=["fleet", "what"]
        )
        for name, book in books.items():
            for flag in WORK:
                mend.add_metric([name, (flag.name or "").lower()], book.devices.flagged[flag])
            for state, count in book.devices.counts().items():
                devices.add_metric([name, state.value], count)
            early.add_metric([name], float(bool(book.signs)))
        # From the start, not from the first report: a rate needs something to have grown from.
        none = {"ok": 0, "fail": 0}
        counted = {"": self._fleets.strangers, **{str(name): none | book.beats for name, book in books.items()}}
        for fleet, counts in counted.items():
            for outcome, count in tuple(counts.items()):
                beats.add_metric([fleet, outcome], count)
        waiting = GaugeMetricFamily(
            "omsorgsvagt_heartbeats_not_durable_seconds", "For how long reports have waited to be on disk."
        )
        waiting.add_metric([], self._fleets.unwritten())
        yield from (devices, early, beats, mend, waiting)
