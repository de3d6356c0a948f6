"""Size budgets: what does not fit in one eye's view is split by noun."""

import ast
from collections.abc import Iterator
from pathlib import Path

from checks import KINDS
from monitor.channels import VIAS
from tests.house.source import Function, functions, modules, text

MODULE = 300
CHECK_OR_CHANNEL = 150
TESTS = 450
FUNCTION = 50
PARAMETERS = 6
NESTING = 3
NAMES = {"utils", "util", "helpers", "helper", "manager", "base", "common", "misc", "shared"}

_BLOCKS = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.Try, ast.TryStar, ast.Match)
_OWN_COUNT = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


def _budget(path: Path) -> int:
    dotted = ".".join(path.with_suffix("").parts)
    if dotted in KINDS.values() or dotted in {module for _, module in VIAS.values()}:
        return CHECK_OR_CHANNEL
    return TESTS if path.parts[0] == "tests" else MODULE


def _children(node: ast.AST) -> Iterator[tuple[ast.AST, bool]]:
    """The node's children, and whether one stands a level deeper: an `elif` stands beside its `if`."""
    for field, value in ast.iter_fields(node):
        children = value if isinstance(value, list) else [value]
        beside = field == "orelse" and isinstance(node, ast.If) and len(children) == 1
        for child in children:
            if isinstance(child, ast.AST) and not isinstance(child, _OWN_COUNT):
                yield child, not (beside and isinstance(child, ast.If))


def _depth(node: ast.AST) -> int:
    """How many blocks stand inside each other, at the deepest."""
    deepest = 0
    for child, deeper in _children(node):
        deepest = max(deepest, _depth(child) + (isinstance(child, _BLOCKS) and deeper))
    return deepest


def _parameters(function: Function) -> int:
    arguments = function.args
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return len([one for one in named if one.arg not in {"self", "cls"}])


def _over(measure: str) -> list[str]:
    found = []
    for path in modules():
        for function in functions(path):
            size, limit = {
                "lines": ((function.end_lineno or function.lineno) - function.lineno + 1, FUNCTION),
                "nesting": (_depth(function), NESTING),
                "parameters": (_parameters(function), PARAMETERS),
            }[measure]
            # A test's parameters are its fixtures; a command's are its options.
            free = measure == "parameters" and (path.parts[0] == "tests" or path.match("monitor/cli/*.py"))
            if size > limit and not free:
                found.append(f"{path}:{function.lineno} {function.name}: {size} {measure}, at most {limit}")
    return found


def test_no_module_is_over_its_budget() -> None:
    over = [
        f"{path}: {lines} lines, at most {_budget(path)}"
        for path in modules()
        if (lines := len(text(path).splitlines())) > _budget(path)
    ]

    assert over == []


def test_no_function_is_too_long() -> None:
    assert _over("lines") == []


def test_no_function_is_nested_too_deep() -> None:
    assert _over("nesting") == []


def test_no_function_takes_too_much() -> None:
    assert _over("parameters") == []


def test_modules_are_named_by_what_they_hold() -> None:
    assert [str(path) for path in modules() if NAMES & {path.stem.strip("_"), *path.parts[:-1]}] == []


def test_the_depth_is_counted_as_it_is_read() -> None:
    def of(source: str) -> int:
        return _depth(ast.parse(source).body[0])

    assert of("def f():\n if a:\n  pass\n elif b:\n  pass\n elif c:\n  pass\n else:\n  pass") == 1
    assert of("def f():\n for a in b:\n  while c:\n   try:\n    pass\n   except E:\n    if d:\n     pass") == 4
    assert of("def f():\n def g():\n  if a:\n   pass\n return g") == 0
