"""Reads a bad configuration: an overlay on the good one, with the exact faults beside it.

@ plan.yaml            the file to change, below the good configuration
< tell: support        its text, which stands there once
> tell: suport         … is replaced by this
+ - {…}                a line added at the end of the file
= text                 a line of a file written anew
- (alone)              the file is taken away
! plan.yaml:31:14: …   a fault, exactly; ? is a warning
"""

import shutil
from dataclasses import dataclass, field
from pathlib import Path

from tests.plan.kinds import GOOD


@dataclass
class Case:
    path: Path
    faults: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    edits: list[tuple[str, str, list[str]]] = field(default_factory=list)


def read(path: Path) -> Case:
    case, file = Case(path), ""
    for line in path.read_text(encoding="utf-8").splitlines():
        sign, text = line[:1], line[2:]
        if sign == "@":
            file = text
        elif sign in ("!", "?"):
            (case.faults if sign == "!" else case.warnings).append(text)
        elif sign:
            last = case.edits[-1] if case.edits else None
            if last and last[:2] == (file, sign) and sign != "-":
                last[2].append(text)
            else:
                case.edits.append((file, sign, [text]))
    return case


def build(case: Case, folder: Path) -> None:
    shutil.copytree(GOOD, folder, dirs_exist_ok=True)
    old = ""
    for name, sign, lines in case.edits:
        path, text = folder / name, "\n".join(lines)
        path.parent.mkdir(parents=True, exist_ok=True)
        if sign == "<":
            old = text
        elif sign == ">":
            content = path.read_text(encoding="utf-8")
            assert content.count(old) == 1, f"{case.path.name}: {old!r} stands {content.count(old)} times in {name}"
            path.write_text(content.replace(old, text), encoding="utf-8")
        elif sign == "+":
            path.write_text(path.read_text(encoding="utf-8") + text + "\n", encoding="utf-8")
        elif sign == "=":
            path.write_text(text + "\n", encoding="utf-8")
        elif sign == "-":
            path.unlink()
