"""Imports go one way: the contracts in pyproject.toml hold, and they are seen to bite."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from tests.house.source import ROOT, modules, text

LINT = str(Path(sys.executable).parent / "lint-imports")


def _lint(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [LINT, "--no-logo", "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)


def test_the_contracts_hold() -> None:
    done = _lint(ROOT)

    assert done.returncode == 0, done.stdout + done.stderr


def test_a_core_that_reads_the_clock_or_the_plan_breaks_them(tmp_path: Path) -> None:
    for path in [*modules("monitor", "checks"), Path("pyproject.toml")]:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, tmp_path / path)
    broken = Path("monitor") / "core" / "finding.py"
    (tmp_path / broken).write_text(f"import time\nimport monitor.plan\n{text(broken)}", encoding="utf-8")

    done = _lint(tmp_path)

    assert done.returncode == 1
    assert "monitor.core.finding -> time" in done.stdout
    assert "monitor.core.finding -> monitor.plan" in done.stdout


def test_every_part_of_the_house_has_its_layer() -> None:
    contracts = tomllib.loads(text(Path("pyproject.toml")))["tool"]["importlinter"]["contracts"]
    layered = set(re.findall(r"monitor\.\w+", " ".join(contracts[0]["layers"])))
    parts = {f"monitor.{Path(path.parts[1]).stem}" for path in modules("monitor") if path.parts[1] != "__init__.py"}

    assert parts - layered == set()
