"""The registries say what there is: a kind or a way out that one of file, line and test forgets is found here."""

import ast
from pathlib import Path
from typing import get_args

import pytest

from checks import KINDS, kind
from monitor.channels import VIAS, via
from monitor.plan.settings import CheckSettings, RouteSettings
from tests.house.source import ROOT, modules, tree


def _defines(path: Path, name: str) -> bool:
    return any(
        isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and node.name == name
        for node in tree(path).body
    )


def _with(folder: str, name: str) -> set[str]:
    """The modules right in `folder` that define `name`, as dotted names."""
    found = [path for path in modules() if str(path.parent) == folder and _defines(path, name)]
    return {".".join(path.with_suffix("").parts) for path in found}


def test_every_check_is_in_the_registry_and_the_registry_holds_no_other() -> None:
    assert _with("checks", "probe") == set(KINDS.values())


def test_every_channel_is_in_the_registry_and_the_registry_holds_no_other() -> None:
    assert _with("monitor/channels", "Channel") == {module for _, module in VIAS.values()}


@pytest.mark.parametrize("name", KINDS)
def test_a_kind_is_whole(name: str) -> None:
    module = kind(name)

    assert issubclass(module.Settings, CheckSettings)
    assert get_args(module.Settings.model_fields["kind"].annotation) == (name,)
    assert callable(module.probe)
    assert callable(module.judge)


@pytest.mark.parametrize("name", VIAS)
def test_a_channel_is_whole(name: str) -> None:
    module = via(name)

    assert issubclass(module.Settings, RouteSettings)
    assert name in get_args(module.Settings.model_fields["via"].annotation)
    assert callable(module.Channel.send)
    assert callable(module.Channel.close)


@pytest.mark.parametrize("name", KINDS)
def test_a_kind_has_its_test(name: str) -> None:
    stem = KINDS[name].rpartition(".")[2]

    assert [*ROOT.glob(f"tests/checks/test_{stem}.py"), *ROOT.glob(f"tests/checks/test_{stem}_*.py")]


@pytest.mark.parametrize("name", VIAS)
def test_a_channel_has_its_test(name: str) -> None:
    stem = VIAS[name][1].rpartition(".")[2]

    assert [*ROOT.glob(f"tests/channels/test_{stem}.py"), *ROOT.glob(f"tests/channels/test_{stem}_*.py")]
