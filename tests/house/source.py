"""The repository as it would be committed: its files, their text, their syntax trees."""

import ast
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PRODUCT = ("monitor", "checks")
_NOT_OURS = {".git", ".venv", "build", "__pycache__"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def files() -> tuple[Path, ...]:
    """Every file that is or would be committed, relative to the root."""
    names = _by_git()
    if names is None:
        found = {path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file()}
        names = {path for path in found if not _NOT_OURS & set(path.parts) and path.suffix != ".pyc"}
    return tuple(sorted(path for path in names if (ROOT / path).is_file()))


def _by_git() -> set[Path] | None:
    """What git would commit; None without git, outside a clone, or in one that git does not trust."""
    if shutil.which("git") is None:
        return None
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return {Path(name) for name in done.stdout.split("\0") if name} if done.returncode == 0 else None


def modules(*folders: str) -> list[Path]:
    """The Python files under these top-level folders, or all of them."""
    return [path for path in files() if path.suffix == ".py" and (not folders or path.parts[0] in folders)]


@cache
def text(path: Path) -> str:
    """The file's text; bytes that are not UTF-8 show as the replacement character."""
    return (ROOT / path).read_text(encoding="utf-8", errors="replace")


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(text(path), filename=str(path))


def functions(path: Path) -> Iterator[Function]:
    for node in ast.walk(tree(path)):
        if isinstance(node, Function):
            yield node
