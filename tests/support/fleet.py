"""A book of fleets for the intakes: real devices, real digests, and counts that can be read."""

from collections import Counter
from hashlib import sha256

from monitor.core.devices import Devices
from monitor.core.fleet import Device, FleetRule

TOKEN = "hele-flaadens-noegle"
OWN = "en-enheds-egen-noegle"
START = 1_780_000_000
FLEET = "noedkald"


class Book:
    """One fleet, `noedkald`, with devices u0, u1, … whose cids are 1000, 1001, …; u0 has a token of its own."""

    def __init__(self, count: int = 10) -> None:
        self.devices = Devices(FleetRule(FLEET, interval=3600))
        for i in range(count):
            self.devices.put(Device(f"u{i}", cid=str(1000 + i), attributes={"operator": "x"}))
        self.tokens = {digest(TOKEN): (FLEET, ""), digest(OWN): (FLEET, "u0"), digest("anden"): ("andre", "")}
        self.counts: Counter[tuple[str, str]] = Counter()
        self.strays: list[tuple[str, int]] = []
        self.ready = True
        self.at = float(START)

    def now(self) -> float:
        return self.at

    def find(self, fleet: str) -> Devices | None:
        return self.devices if fleet == FLEET else None

    def by_cid(self, cid: str) -> tuple[str, int] | None:
        index = self.devices.by_cid(cid)
        return None if index is None else (FLEET, index)

    def stray_alarm(self, fleet: str, index: int, at: int) -> None:
        self.strays.append((fleet, index))

    def count(self, fleet: str, outcome: str, more: int = 1) -> None:
        self.counts[fleet, outcome] += more

    def last(self, device: str) -> int:
        """When a device was last heard, in unix seconds; 0 when never."""
        return self.devices.last(self.devices.index[device])


def digest(token: str) -> bytes:
    """What is kept of a token."""
    return sha256(token.encode()).digest()
