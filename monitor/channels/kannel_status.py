"""Kannel's own status page as a health: a smsbox that answers does not mean that a link is up.

Read as Kannel 1.4.5 writes `status.txt`; what is not understood says nothing against the route.
"""

import re

from monitor.ports import Health

_LINK = re.compile(r"^\s*(\S{0,64}?)(?:\[\S{0,64}\])?\s+\S{1,200} \((\S+?)[ ,)]", re.MULTILINE)


def status(text: str, smsc: str) -> Health:
    """How the links are: the one named `smsc`, or any of them when that is empty."""
    head, found, links = text.partition("SMSC connections:")
    if not found:
        return Health(None, "statussiden viser ingen forbindelser")
    if "Status: running" not in head:
        return Health(False, "Kannel kører ikke")
    states = [state for name, state in _LINK.findall(links) if smsc in ("", name)]
    if not states:
        return Health(None, "statussiden viser ikke forbindelsen")
    up = "online" in states
    return Health(up, "forbindelsen er oppe" if up else "ingen forbindelse til teleselskabet")
