"""The registry of check kinds: one line each. A kind's module is loaded when a configured check first needs it."""

from importlib import import_module
from typing import cast

from monitor.ports import CheckKind

KINDS: dict[str, str] = {
    "http": "checks.http",
    "flow": "checks.flow",
    "nexus": "checks.nexus",
    "phoniro": "checks.phoniro",
    "tls": "checks.tls",
    "tcp": "checks.tcp",
    "dns": "checks.dns",
    "ping": "checks.ping",
    "sip": "checks.sip",
    "scaip": "checks.scaip",
    "file": "checks.file",
    "fleet": "checks.fleet",
    "canary": "checks.canary",
}


def kind(name: str) -> CheckKind:
    """The module behind a kind. Raises KeyError for a kind that is not in the registry."""
    return cast(CheckKind, import_module(KINDS[name]))
