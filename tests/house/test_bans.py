"""What may stand nowhere: mocks, swallowed faults, promises for later, and words that belong to one machine.

A banned word is written here in two parts, so that this file does not trip over itself.
"""

import ast
import re
from pathlib import Path

from tests.house.source import PRODUCT, files, modules, text, tree

AGREED = {
    *("monitor", "checks", "config", "deploy", "tests"),
    *("pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE", "Makefile"),
}
_LATER = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|X" + r"XX|Not" + r"ImplementedError)\b")
_MOCKS = re.compile(r"unittest\.mo" + r"ck|Magic" + r"Mock|\bmock" + r"er\b|from unittest import mo" + r"ck")
_FROM_WHERE = re.compile(
    r"py" + r"pi\.(?:org|python)|python" + r"hosted|npm" + r"js\.|deb\.deb" + r"ian\.org|--(?:extra-)?index-" + r"url"
)
_ONE_MACHINE = re.compile(r"(?<![\w.~*-])/(?:wo" + r"rk|ro" + r"ot|home/[a-z]|opt/whe" + r"els|tmp/w)(?![\w-])")
# No Danish subscriber has a number that begins with 0 or 1.
_NUMBER = re.compile(r"\+45(?!00000|1)\d{8}\b")
_MAIL = re.compile(r"[\w.+-]+@([\w-]+(?:\.[\w-]+)+)")
_MAY_BE_WRITTEN_TO = re.compile(r"(?:.*\.)?(?:example|test|invalid|localhost)|example\.(?:com|org|net)|rm\.dk")


def _lines(pattern: re.Pattern[str], paths: list[Path]) -> list[str]:
    return [
        f"{path}:{number}: {found[0]}"
        for path in paths
        for number, line in enumerate(text(path).splitlines(), 1)
        if (found := pattern.search(line))
    ]


def _everything() -> list[Path]:
    return [path for path in files() if path.suffix not in {".png", ".db", ".ico", ".woff2"}]


def test_the_top_level_is_as_agreed() -> None:
    assert {path.parts[0] for path in files() if not path.parts[0].startswith(".")} <= AGREED


def test_nothing_is_promised_for_later() -> None:
    assert _lines(_LATER, modules()) == []


def test_there_are_fakes_and_real_parts_but_no_mocks() -> None:
    assert _lines(_MOCKS, modules()) == []


def test_nothing_says_where_packages_come_from() -> None:
    assert _lines(_FROM_WHERE, _everything()) == []


def test_nothing_knows_the_machine_it_was_made_on() -> None:
    assert _lines(_ONE_MACHINE, _everything()) == []


def test_no_telephone_number_can_be_called() -> None:
    assert _lines(_NUMBER, _everything()) == []


def test_no_mail_can_arrive() -> None:
    found = [
        f"{path}: {mail[0]}"
        for path in _everything()
        if "locks" not in path.parts
        for mail in _MAIL.finditer(text(path))
        if not _MAY_BE_WRITTEN_TO.fullmatch(mail[1].lower()) and re.search(r"\.[a-z]{2,}$", mail[1].lower())
    ]

    assert found == []


def test_every_module_says_what_it_is() -> None:
    silent = [str(path) for path in modules() if not ast.get_docstring(tree(path)) and text(path).strip()]

    assert silent == []


def _swallows(handler: ast.ExceptHandler) -> bool:
    """Catches everything, or does nothing with what it caught; a wait that ran out is no fault."""
    silent = all(
        isinstance(step, ast.Pass) or (isinstance(step, ast.Expr) and isinstance(step.value, ast.Constant))
        for step in handler.body
    )
    waited = isinstance(handler.type, ast.Name) and handler.type.id == "TimeoutError"
    return handler.type is None or (silent and not waited)


def test_no_fault_is_swallowed() -> None:
    found = [
        f"{path}:{node.lineno}"
        for path in modules(*PRODUCT)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ExceptHandler) and _swallows(node)
    ]

    assert found == []


def test_nothing_is_suppressed_wholesale() -> None:
    found = _lines(re.compile(r"suppress\([^)]*\b(?:Base)?Exception\b"), modules(*PRODUCT))

    assert found == []


def test_the_clock_and_the_tasks_have_one_owner_each() -> None:
    owners = {Path("monitor") / "clock.py", Path("monitor") / "supervisor.py"}

    assert _lines(re.compile(r"noqa:.*TID251"), [path for path in modules(*PRODUCT) if path not in owners]) == []
