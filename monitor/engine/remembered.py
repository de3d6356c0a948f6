"""Everything in memory as rows again: what a store that was begun anew is given.

Whatever is loaded at a start must come out here, or it would be forgotten with the file; a test holds the two together.
"""

from collections.abc import Iterator

from monitor.core.records import BeliefRow, Row
from monitor.engine.ledger import Ledger


def remembered(ledger: Ledger) -> Iterator[Row]:
    """Open incidents, what belongs to them, what is still to be sent, and what is believed, as they are now."""
    yield from ledger.incidents.values()
    yield from ledger.notices.values()
    for attempts in ledger.attempts.values():
        yield from attempts
    for tasks in ledger.tasks.values():
        yield from tasks.values()
    yield from ledger.flags.rows.values()
    yield from ledger.announced.values()
    yield from ledger.canaries.values()
    for check, belief in ledger.beliefs.items():
        if belief.level is not None and belief.since is not None:
            yield BeliefRow(check, int(belief.level), belief.state.value, belief.since, belief.grade)
    for lines in ledger.lines.values():
        yield from lines
