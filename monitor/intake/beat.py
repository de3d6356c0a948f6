"""One heartbeat as it was written: what a device says of itself, and what is wrong with how it says it.

Only what is named here is read; anything else a device sends along (a name, a place, its own words) is left unread.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from monitor.core.fleet import Flag, Said, Status

_SAID = {said.value: said for said in Said}
_FLAGS = {"power": Flag.NO_POWER, "radio_test": Flag.NO_RADIO_TEST}
"""What a device says is well (true) or is not."""
_YES = {"yes": True, "1": True, "true": True, "no": False, "0": False, "false": False}


class Wrong(ValueError):
    """What is wrong with a heartbeat and how to mend it; repeats nothing of it."""


@dataclass(frozen=True, slots=True)
class Beat:
    """What a heartbeat says: how the device is, its battery in per cent (None: not said), what it sets and clears."""

    said: Said = Said.OK
    battery: int | None = None
    status: Status | None = None


PLAIN = Beat()
"""Alive, and nothing more: what nearly every heartbeat is."""


def of_query(query: bytes) -> Mapping[str, str]:
    """The fields of a query (`status=fail&battery=12`), at most 16. Raises Wrong."""
    try:
        return dict(parse_qsl(query.decode("ascii"), max_num_fields=16, keep_blank_values=True))
    except ValueError as error:
        raise Wrong("the query cannot be read; write for instance ?status=ok&battery=87") from error


def read(fields: Mapping[str, Any]) -> Beat:
    """A heartbeat from its fields; `text`, a device's own words, may stand there and is not kept. Raises Wrong."""
    status = fields.get("status", "ok")
    said = _SAID.get(status) if isinstance(status, str) else None
    if said is None:
        raise Wrong(f"status is one of {', '.join(_SAID)}")
    sets = clears = Flag(0)
    for name, flag in _FLAGS.items():
        well = _flag(fields, name)
        if well is not None:
            sets, clears = (sets, clears | flag) if well else (sets | flag, clears)
    status_said = Status(sets, clears) if sets or clears else None
    return Beat(said, _percent(fields.get("battery")), status_said)


def _percent(value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, str) and value.isdecimal() and len(value) <= 3:
        value = int(value)
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 100:
        raise Wrong("battery is percent, from 0 to 100")
    return int(value)


def _flag(fields: Mapping[str, Any], name: str) -> bool | None:
    value = fields.get(name)
    if value is None or isinstance(value, bool):
        return value
    found = _YES.get(value.lower()) if isinstance(value, str) else None
    if found is None:
        raise Wrong(f"{name} is true or false")
    return found
