"""What carriers have said of the plan's addresses, as warnings at the lines where they stand.

Only what the plan still gives is warned of: an address that was changed is no longer its trouble.
"""

from collections.abc import Iterable

from monitor.core.records import AddressRow
from monitor.plan.faults import Fault, Faults
from monitor.plan.files import Files
from monitor.plan.load import PLAN, Loaded

_MEND = "Correct it; if it works again, send a test alarm to it"


def dead_addresses(loaded: Loaded, rows: Iterable[AddressRow]) -> list[Fault]:
    """A warning for each flagged address that the plan still gives to its person, with file and line."""
    standing = [row for row in rows if _given(loaded, row) == row.address]
    faults = Faults()
    top = Files(loaded.folder).yaml(PLAN, faults) if standing else None
    if top is None:
        return []
    for row in standing:
        since = loaded.plan.calendar.local(row.since)
        wrong = f"its carrier has refused this address since {since:%Y-%m-%d %H:%M}"
        top.at("people", row.person, row.channel.value).warn(wrong, _MEND)
    return sorted(faults.warned)


def _given(loaded: Loaded, row: AddressRow) -> str:
    person = loaded.plan.people.get(row.person)
    return person.address(row.channel) if person else ""
