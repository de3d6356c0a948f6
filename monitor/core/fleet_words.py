"""The Danish words for what a device has said of itself."""

from collections.abc import Mapping

from monitor.core.fleet import Flag


def _(text: str) -> str:
    return text


FLAGS: Mapping[Flag, str] = {
    Flag.BATTERY_LOW: _("lavt batteri"),
    Flag.NO_RADIO_TEST: _("uden radioprøve"),
    Flag.NO_POWER: _("uden strøm"),
    Flag.FAILING: _("melder fejl"),
    Flag.STARTED: _("startet"),
}
