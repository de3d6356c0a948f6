"""Loading with the real kinds and ways out."""

from datetime import date
from pathlib import Path

import checks
from monitor import channels
from monitor.plan.load import Aids, Loaded, load
from monitor.plan.settings import CheckSettings, RouteSettings

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "config"
TODAY = date(2026, 3, 1)


def kind(name: str) -> type[CheckSettings]:
    found: type[CheckSettings] = checks.kind(name).Settings
    return found


def via(name: str) -> tuple[str, type[RouteSettings]]:
    return channels.VIAS[name][0], channels.via(name).Settings


def really_loaded(folder: Path, today: date = TODAY, *, texts: bool = True) -> Loaded:
    aids = Aids(tuple(checks.KINDS), tuple(channels.VIAS), texts=texts)
    return load(folder, kind, via, today, aids)
