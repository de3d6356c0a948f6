"""The registry of ways out: one line each. A channel's module is loaded when a configured route first needs it."""

from importlib import import_module
from typing import Any

VIAS: dict[str, tuple[str, str]] = {
    "gatewayapi": ("sms", "monitor.channels.sms_gatewayapi"),
    "kannel": ("sms", "monitor.channels.sms_kannel"),
    "cpsms": ("sms", "monitor.channels.sms_cpsms"),
    "modem": ("sms", "monitor.channels.sms_modem"),
    "smtp": ("mail", "monitor.channels.mail"),
}
"""via → (channel, module). The module has `Settings` (a RouteSettings) and `Channel(settings, context)`."""


def via(name: str) -> Any:
    """The module behind a `via`. Raises KeyError for one that is not in the registry."""
    return import_module(VIAS[name][1])
