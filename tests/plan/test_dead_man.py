"""Who outside is to notice our silence, as plan.yaml gives it."""

import shutil
from datetime import date
from pathlib import Path

import pytest

from monitor.build import read
from monitor.plan.dead_man import DeadMan, is_address
from tests.support.service import ROOT

TODAY = date(2026, 11, 23)


def loaded(folder: Path, more: str) -> DeadMan | None:
    shutil.copytree(ROOT / "config", folder)
    plan = folder / "plan.yaml"
    plan.write_text(plan.read_text(encoding="utf-8") + more, encoding="utf-8")
    return read(folder, TODAY).dead_man


def test_the_shipped_plan_shows_how_and_has_none(tmp_path: Path) -> None:
    assert loaded(tmp_path / "as_shipped", "") is None
    shown = (ROOT / "config" / "plan.yaml").read_text(encoding="utf-8")
    [line] = [one for one in shown.splitlines() if one.startswith("# dead_man:")]
    found = loaded(tmp_path / "as_shown", f"\n{line.removeprefix('# ')}\n")
    assert found is not None
    assert (found.secret, found.every, found.fail) == ("dead_man_url", 60.0, False)


def test_an_address_in_clear(tmp_path: Path) -> None:
    found = loaded(tmp_path / "c", '\ndead_man: {url: "http://[::1]:8000/ping/x?y=1", every: 30s, fail: yes}\n')
    assert found is not None and found.url.endswith("x?y=1") and found.fail


@pytest.mark.parametrize(
    "text",
    ["", "hc.example/x", "ftp://x/", "http://", "http://u@x/", "http://x/#a", "http://x/ y", "http://x/\n", "x" * 600],
)
def test_what_is_no_address(text: str) -> None:
    assert not is_address(text)
