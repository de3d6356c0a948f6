"""One place in a configuration file, and the way to say what is wrong with it.

Whoever reads the configuration reads it through a Part, so no fault is ever without its file, line and path.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from monitor.plan.faults import Fault, Faults, meant
from monitor.plan.source import Node


@dataclass(frozen=True, slots=True)
class Part:
    """A node with its path. `where` reads like `chains.nedbrud.steps[1].tell`."""

    file: str
    node: Node
    where: str
    faults: Faults

    @property
    def text(self) -> str:
        """The scalar's text, empty for a list or mapping."""
        return self.node.value if isinstance(self.node.value, str) else ""

    @property
    def plain(self) -> Any:
        """The value without places."""
        return self.node.plain()

    def get(self, key: str | int) -> "Part | None":
        """The part below, or None when there is no such key or index."""
        value = self.node.value
        if isinstance(value, dict) and key in value:
            below = f"{self.where}.{key}" if self.where else str(key)
            return Part(self.file, value[str(key)], below, self.faults)
        if isinstance(value, list) and isinstance(key, int) and 0 <= key < len(value):
            return Part(self.file, value[key], f"{self.where}[{key}]", self.faults)
        return None

    def at(self, *path: str | int) -> "Part":
        """The part as far down the path as the file goes."""
        part = self
        for key in path:
            below = part.get(key)
            if below is None:
                break
            part = below
        return part

    def entries(self) -> "Iterator[tuple[str, Part]]":
        """The entries of a mapping, in file order; anything else is a fault, an empty value is an empty mapping."""
        if isinstance(self.node.value, dict):
            for key in self.node.value:
                below = self.get(key)
                if below is not None:
                    yield key, below
        elif self.node.value != "":
            self.wrong("must be a mapping of names", "Write 'name: …', one a line, indented under the key")

    def items(self) -> "Iterator[Part]":
        """The items of a list; anything else is a fault, an empty value is an empty list."""
        if isinstance(self.node.value, list):
            for index in range(len(self.node.value)):
                yield self.at(index)
        elif self.node.value != "":
            self.wrong("must be a list", "Write the items in [ ] or each on its own line after '- '")

    def known(self, *keys: str) -> None:
        """Tell every key of this mapping that is not one of these."""
        for key, below in self.entries():
            if key not in keys:
                below.wrong(f"there is no key '{key[:60]}' here", meant(key, keys), key=True)

    def wrong(self, wrong: str, mend: str = "", key: bool = False) -> None:
        """Tell a fault here; with `key` at the key instead of its value."""
        self.faults.add(self._fault(wrong, mend, key))

    def warn(self, wrong: str, mend: str = "", key: bool = False) -> None:
        """Tell a warning here."""
        self.faults.add(self._fault(wrong, mend, key), warning=True)

    def _fault(self, wrong: str, mend: str, key: bool) -> Fault:
        node = self.node
        if key and node.key_line:
            return Fault(self.file, node.key_line, node.key_column, self.where, wrong, mend)
        return Fault(self.file, node.line, node.column, self.where, wrong, mend)
