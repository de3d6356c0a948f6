"""What is wrong with a configuration: where it stands, what is wrong, how to mend it.

All faults of a load are gathered before any is raised; faults are in English, the language of the command line.
"""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field

LIMIT = 200
_LISTED = 12


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One thing wrong. `line` and `column` count from 1, 0 means the whole file; `where` is the path in the file."""

    file: str
    line: int
    column: int
    where: str
    wrong: str
    mend: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        said = f"{self.wrong}. {self.mend}" if self.mend else self.wrong
        return ": ".join(part for part in (place, self.where, said) if part)

    def as_dict(self) -> dict[str, str | int]:
        """For `--json`."""
        return {
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "where": self.where,
            "wrong": self.wrong,
            "mend": self.mend,
        }


class PlanFaults(Exception):
    """A configuration that cannot be used; carries every fault found, in file order."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))

    def short(self) -> str:
        """How many faults and where the first is, in Danish, short enough for an SMS."""
        first = self.faults[0]
        return f"{len(self.faults)} fejl, første i {first.file.rsplit('/', 1)[-1]} linje {first.line}"


@dataclass(slots=True)
class Faults:
    """Gathers faults and warnings while loading. No more than LIMIT of either are kept: the rest is counted."""

    found: list[Fault] = field(default_factory=list)
    warned: list[Fault] = field(default_factory=list)
    more: int = 0

    def add(self, fault: Fault, warning: bool = False) -> None:
        """Keep a fault; the same one twice is kept once."""
        kept = self.warned if warning else self.found
        if fault in kept:
            return
        if len(kept) < LIMIT:
            kept.append(fault)
        else:
            self.more += 1

    def settle(self) -> tuple[Fault, ...]:
        """The warnings, in file order. Raises PlanFaults when there is any fault."""
        if self.found:
            faults = sorted(self.found)
            if self.more:
                faults.append(Fault(faults[-1].file, 0, 0, "", f"and {self.more} more", "Mend these first"))
            raise PlanFaults(faults)
        return tuple(sorted(self.warned))


def parted(said: object) -> tuple[str, str]:
    """What is wrong and how to mend it, from an error that says both: `'8:00' is not …; write for instance 08:00`."""
    wrong, _, mend = str(said).partition("; ")
    return wrong, mend[:1].upper() + mend[1:]


def meant(word: str, known: Iterable[str]) -> str:
    """A mend for a word that is not known: the nearest one, else the few there are."""
    names = sorted(set(known))
    near = difflib.get_close_matches(word[:80], names, n=1, cutoff=0.6)
    if near:
        return f"Did you mean '{near[0]}'?"
    if names and len(names) <= _LISTED:
        return f"There {'is' if len(names) == 1 else 'are'}: {', '.join(names)}."
    return ""
