"""The flagged addresses, as the ledger has them: those a carrier says are no more.

At most one row for each person, channel and address; one that is cleared is forgotten.
"""

from monitor.core.plan import ChannelName
from monitor.core.records import AddressRow


class Flags:
    """`rows` are those flagged now, by their key."""

    def __init__(self) -> None:
        self.rows: dict[str, AddressRow] = {}

    def put(self, row: AddressRow) -> None:
        """A flag has been set or taken off."""
        if row.cleared is None:
            self.rows[row.key] = row
        else:
            self.rows.pop(row.key, None)

    def of(self, address: str, channel: ChannelName) -> list[AddressRow]:
        """The flags of an address: more than one where people share it."""
        return [row for row in self.rows.values() if row.address == address and row.channel is channel]

    def flagged(self, address: str, channel: ChannelName) -> bool:
        """Whether the address is no more."""
        return any(row.address == address and row.channel is channel for row in self.rows.values())

    def counted(self) -> dict[str, int]:
        """How many are flagged now, by channel."""
        rows = tuple(self.rows.values())
        return {channel.value: sum(row.channel is channel for row in rows) for channel in ChannelName}
