"""Reads the files of a configuration folder and remembers what was read.

Only plain files below the folder, each of bounded size; the digest names exactly what a plan was built from.
"""

import hashlib
import stat
from dataclasses import dataclass, field
from pathlib import Path

from monitor.plan.faults import Faults
from monitor.plan.part import Part
from monitor.plan.source import SIZE_LIMIT, Node, read_yaml


class Unreadable(Exception):
    """A file that cannot be used: what is wrong and how to mend it."""

    def __init__(self, wrong: str, mend: str = "") -> None:
        super().__init__(wrong)
        self.wrong, self.mend = wrong, mend


@dataclass(slots=True)
class Files:
    """The configuration folder. A file is read once and kept until the load is over."""

    folder: Path
    read: dict[str, bytes] = field(default_factory=dict)

    def shown(self, relative: str) -> str:
        """The file's name as faults show it."""
        return str(self.folder / relative)

    def data(self, relative: str) -> bytes:
        """The file's bytes. Raises Unreadable; `relative` has been checked not to lead out of the folder."""
        if relative not in self.read:
            self.read[relative] = self._data(relative)
        return self.read[relative]

    def text(self, relative: str) -> str:
        """The file's text. Raises Unreadable also for what is not UTF-8 or holds nothing."""
        try:
            text = self.data(relative).decode("utf-8-sig")
        except UnicodeDecodeError as exc:
            raise Unreadable("is not UTF-8 text", "Save the file as UTF-8") from exc
        if not text.strip():
            raise Unreadable("is empty", "Write it, or take it out of the plan")
        return text

    def yaml(self, relative: str, faults: Faults) -> Part | None:
        """The file as a Part; None when it cannot be read, with the fault told against the file itself."""
        shown = self.shown(relative)
        try:
            data = self.data(relative)
        except Unreadable as exc:
            Part(shown, Node("", 0, 0), "", faults).wrong(f"the file {exc.wrong}", exc.mend)
            return None
        node = read_yaml(shown, data, faults)
        return Part(shown, node, "", faults) if node else None

    def digest(self) -> str:
        """SHA-256 over the names and contents of all files read, hexadecimal."""
        total = hashlib.sha256()
        for name in sorted(self.read):
            total.update(f"{name}\0{len(self.read[name])}\0".encode() + self.read[name])
        return total.hexdigest()

    def _data(self, relative: str) -> bytes:
        path = self.folder / relative
        try:
            # A pipe or a device would block or never end; only its kind is looked at before it is opened.
            if not stat.S_ISREG(path.stat().st_mode):
                raise Unreadable("is not a plain file", "Put a plain file there")
            with path.open("rb") as file:
                data = file.read(SIZE_LIMIT + 1)
        except FileNotFoundError as exc:
            raise Unreadable("is not there", "Create it, or correct the name") from exc
        except (OSError, ValueError) as exc:
            reason = getattr(exc, "strerror", None) or "its name cannot be used"
            raise Unreadable(f"cannot be read: {reason}", "Let the service's user read it") from exc
        if len(data) > SIZE_LIMIT:
            raise Unreadable(f"is larger than {SIZE_LIMIT} bytes", "Divide it or make it shorter")
        return data
