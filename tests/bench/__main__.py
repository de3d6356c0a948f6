"""`make bench`: every benchmark, one table."""

import sys

from tests.bench import blackbox, cadence, fleet_signs, fleet_size, heartbeats, latency, probing, standing
from tests.bench.table import show

rows = []
for module in (probing, cadence, blackbox, latency, standing, fleet_size, heartbeats, fleet_signs):
    sys.stderr.write(f"measuring: {module.__name__}\n")
    rows += module.measure()
sys.stdout.write(show(rows) + "\n")
