"""Reads one YAML file into a tree of text that remembers line and column.

Every scalar is text; anchors, tags, double keys, deep nesting and large files are refused, so a file costs its weight.

YAML's own typing is not used: it reads 08:00 as minutes, `no` as false and +4512345678 as a number, and models that
say what they want convert text better. The tree is built from the parser's events, one by one and without recursion,
so a hostile file is refused at the event that goes too far.
"""

from dataclasses import dataclass, field
from typing import Any

import yaml

from monitor.plan.faults import Fault, Faults

SIZE_LIMIT = 1_000_000
DEPTH_LIMIT = 20
NODE_LIMIT = 250_000

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(slots=True)
class Node:
    """A part of a file: text, a list or a mapping of nodes. Places count from 1; `key_…` is where its key stands."""

    value: "str | list[Node] | dict[str, Node]"
    line: int
    column: int
    key_line: int = 0
    key_column: int = 0

    def plain(self) -> Any:
        """The same without places: text, lists and dicts."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value


class _Refused(Exception):
    """This file is read no further."""

    def __init__(self, wrong: str, mend: str, line: int = 0, column: int = 0) -> None:
        super().__init__(wrong)
        self.wrong, self.mend, self.line, self.column = wrong, mend, line, column


@dataclass(slots=True)
class _Builder:
    """Puts events together; `open` holds the collections not yet ended, `keys` the key each mapping waits to fill."""

    file: str
    faults: Faults
    open: list[Node] = field(default_factory=list)
    keys: list[tuple[str, int, int] | None] = field(default_factory=list)
    root: Node | None = None
    count: int = 0

    def take(self, event: Any) -> None:
        """One event. Raises _Refused for what no configuration file may hold."""
        line, column = event.start_mark.line + 1, event.start_mark.column + 1
        if isinstance(event, yaml.DocumentStartEvent) and self.root is not None:
            raise _Refused("a second document begins here", "Keep one document; remove the '---'", line, column)
        if isinstance(event, yaml.NodeEvent):
            _refuse_tricks(event, line, column)
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event.value, line, column)
        elif isinstance(event, yaml.CollectionStartEvent):
            node = Node({} if isinstance(event, yaml.MappingStartEvent) else [], line, column)
            self._begin(node)
        elif isinstance(event, yaml.CollectionEndEvent):
            self.open.pop()
            self.keys.pop()

    def _begin(self, node: Node) -> None:
        if len(self.open) >= DEPTH_LIMIT:
            raise _Refused(
                f"nested deeper than {DEPTH_LIMIT} levels", "Look for a bracket never closed", node.line, node.column
            )
        if self.open and isinstance(self.open[-1].value, dict) and self.keys[-1] is None:
            raise _Refused("a key must be a plain word", "Remove the brackets", node.line, node.column)
        self._place(node)
        self.open.append(node)
        self.keys.append(None)

    def _scalar(self, text: str, line: int, column: int) -> None:
        waiting = bool(self.open) and isinstance(self.open[-1].value, dict) and self.keys[-1] is None
        if waiting:
            self.keys[-1] = (text, line, column)
        else:
            self._place(Node(text, line, column))

    def _place(self, node: Node) -> None:
        self.count += 1
        if self.count > NODE_LIMIT:
            raise _Refused(f"more than {NODE_LIMIT} values", "Split the installation in two", node.line, node.column)
        if not self.open:
            self.root = node
            return
        parent = self.open[-1].value
        if isinstance(parent, list):
            parent.append(node)
        elif isinstance(parent, dict):
            self._keyed(parent, node)

    def _keyed(self, parent: "dict[str, Node]", node: Node) -> None:
        pending, self.keys[-1] = self.keys[-1], None
        if pending is None:
            return
        key, node.key_line, node.key_column = pending
        first = parent.get(key)
        if first is None:
            parent[key] = node
            return
        wrong = f"the key '{key[:60]}' stands here twice, first on line {first.key_line}"
        self.faults.add(Fault(self.file, node.key_line, node.key_column, "", wrong, "Keep one of them"))


def _refuse_tricks(event: Any, line: int, column: int) -> None:
    if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
        raise _Refused("anchors and aliases (& and *) are not used here", "Write the values out", line, column)
    if getattr(event, "tag", None) is not None:
        raise _Refused("tags (!) are not used here", "Put the value in quotation marks", line, column)


def read_yaml(file: str, data: bytes, faults: Faults) -> Node | None:
    """The file's tree; an empty file is an empty mapping. None when it cannot be read, with the fault told.

    `file` is the name shown in faults, `data` at most SIZE_LIMIT bytes.
    """
    builder = _Builder(file, faults)
    try:
        text = data.decode("utf-8-sig")
        for event in yaml.parse(text, Loader=_LOADER):
            builder.take(event)
    except (_Refused, UnicodeDecodeError, yaml.YAMLError, RecursionError) as exc:
        faults.add(_fault_of(file, data, exc))
        return None
    return builder.root or Node({}, 1, 1)


def _fault_of(file: str, data: bytes, exc: Exception) -> Fault:
    if isinstance(exc, _Refused):
        return Fault(file, exc.line, exc.column, "", exc.wrong, exc.mend)
    if isinstance(exc, UnicodeDecodeError):
        line = data.count(b"\n", 0, exc.start) + 1
        column = exc.start - data.rfind(b"\n", 0, exc.start)
        return Fault(file, line, column, "", "this is not UTF-8 text", "Save the file as UTF-8")
    mark = getattr(exc, "problem_mark", None)
    if mark is not None:
        wrong = f"this is not YAML: {getattr(exc, 'problem', '')}"
        mend = "Look at and above this line for a missing quotation mark, bracket or blank"
        if "cannot start any token" in wrong:
            mend = "Indent with blanks, never with tabs; put text that begins with a sign in quotation marks"
        return Fault(file, mark.line + 1, mark.column + 1, "", wrong, mend)
    mend = "Remove control characters; save the file as plain UTF-8 text"
    return Fault(file, 0, 0, "", "this is not YAML text", mend)
