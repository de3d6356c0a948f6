"""Each bad configuration is refused with exactly the faults beside it (tests/plan/bad/, see cases.py)."""

from pathlib import Path

import pytest

from monitor.plan.faults import PlanFaults
from tests.plan.cases import build, read
from tests.plan.kinds import GOOD, loaded

CASES = sorted((Path(__file__).parent / "bad").glob("*.case"))


def _told(folder: Path) -> tuple[list[str], list[str]]:
    """Faults and warnings, the folder's name taken off."""
    prefix = f"{folder}/"
    try:
        found = loaded(folder)
    except PlanFaults as exc:
        return [str(fault).replace(prefix, "") for fault in exc.faults], []
    return [], [str(warning).replace(prefix, "") for warning in found.warnings]


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_bad_configuration_says_exactly_what_is_wrong(path: Path, tmp_path: Path) -> None:
    case = read(path)
    build(case, tmp_path)

    assert _told(tmp_path) == (case.faults, case.warnings)
    assert case.faults or case.warnings


def test_the_good_one_has_no_fault_and_no_warning() -> None:
    assert _told(GOOD) == ([], [])


def test_all_faults_are_told_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    both = [read(path) for path in CASES if path.stem in ("number_not_e164", "step_unknown_role")]
    for case in both:
        build(case, tmp_path / case.path.stem)
    merged = read(both[0].path)
    merged.edits += both[1].edits
    build(merged, tmp_path / "merged")

    faults, _ = _told(tmp_path / "merged")

    assert faults == both[0].faults + both[1].faults
