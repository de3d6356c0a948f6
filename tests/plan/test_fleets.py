"""A fleet as it is written becomes a value; who must be told of it can be, and a check looks at one that is there."""

import shutil
from datetime import time
from pathlib import Path

import pytest

import checks
from monitor.core.finding import CheckName
from monitor.core.plan import ChannelName, Fleet, FleetName, RoleId, SingleCall, WorkList
from monitor.plan.faults import PlanFaults
from monitor.plan.load import Aids, Loaded, load
from monitor.plan.settings import CheckSettings
from tests.plan.kinds import GOOD, TODAY, VIAS, Look

FLEETS = """
fleets:
  kald:
    title: Nødkald
    interval: 1h
    deadline: 3h
    floor: 5m
    attributes: [vendor, operator, område]
    scaip: yes
    list: {tell: support, at: "07:15"}
    critical: {tell: vagt, by: sms}
  udstyr: {title: Udstyr, interval: learnt, deadline: 25h}
"""


def read(folder: Path, more: str) -> Loaded:
    shutil.copytree(GOOD, folder, dirs_exist_ok=True)
    with (folder / "systems.yaml").open("a", encoding="utf-8") as file:
        file.write(more.lstrip("\n"))
    kinds: dict[str, type[CheckSettings]] = {"look": Look, "fleet": checks.kind("fleet").Settings}
    return load(folder, kinds.__getitem__, VIAS.__getitem__, TODAY, Aids(tuple(kinds), tuple(VIAS), texts=False))


def watching(folder: Path, check: str, fleets: str = FLEETS) -> Loaded:
    shutil.copytree(GOOD, folder, dirs_exist_ok=True)
    path = folder / "systems.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("  egen_linje:\n", f"      - {check}\n  egen_linje:\n"), encoding="utf-8")
    kinds: dict[str, type[CheckSettings]] = {"look": Look, "fleet": checks.kind("fleet").Settings}
    with path.open("a", encoding="utf-8") as file:
        file.write(fleets.lstrip("\n"))
    return load(folder, kinds.__getitem__, VIAS.__getitem__, TODAY, Aids(tuple(kinds), tuple(VIAS), texts=False))


def test_a_fleet_is_as_it_is_written(tmp_path: Path) -> None:
    plan = read(tmp_path, FLEETS).plan

    assert dict(plan.fleets) == {
        "kald": Fleet(
            FleetName("kald"),
            "Nødkald",
            10800.0,
            3600.0,
            300.0,
            ("vendor", "operator", "område"),
            True,
            WorkList(RoleId("support"), time(7, 15)),
            SingleCall(RoleId("vagt"), (ChannelName.SMS,)),
        ),
        "udstyr": Fleet(FleetName("udstyr"), "Udstyr", 90000.0, None, 60.0),
    }


def test_a_plan_without_fleets_has_none(tmp_path: Path) -> None:
    assert read(tmp_path, "").plan.fleets == {}


def test_a_check_names_the_fleet_it_looks_at(tmp_path: Path) -> None:
    found = watching(tmp_path, "{name: kald-enheder, kind: fleet, fleet: kald, down_over: 25 %}")

    rule = found.plan.checks[CheckName("kald-enheder")]
    assert (rule.fleet, rule.confirm, rule.every) == ("kald", 1, 10.0)
    assert found.plan.checks[CheckName("kald-side")].fleet is None


@pytest.mark.parametrize(("fleets", "mend"), [(FLEETS, "There are: kald, udstyr."), ("", "")], ids=["others", "none"])
def test_a_check_of_a_fleet_that_is_not_there(tmp_path: Path, fleets: str, mend: str) -> None:
    with pytest.raises(PlanFaults) as told:
        watching(tmp_path, "{name: kald-enheder, kind: fleet, fleet: enheder}", fleets)

    (only,) = told.value.faults
    assert (only.line, only.wrong, only.mend) == (13, "there is no fleet 'enheder'", mend)


def test_a_list_goes_to_somebody_who_has_mail(tmp_path: Path) -> None:
    # Anna's and Bo's mail addresses are gone: nobody in support can get the list.
    shutil.copytree(GOOD, tmp_path, dirs_exist_ok=True)
    kinds = {"look": Look}
    with (tmp_path / "systems.yaml").open("a", encoding="utf-8") as file:
        file.write("fleets:\n  kald: {title: Kald, interval: 1h, deadline: 3h, list: {tell: carls}}\n")
    path = tmp_path / "plan.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("roles:\n", "roles:\n  carls: {title: Carl, duty: carl}\n", 1), encoding="utf-8")

    with pytest.raises(PlanFaults, match="nobody who has the role 'carls' has an address for mail"):
        load(tmp_path, kinds.__getitem__, VIAS.__getitem__, TODAY, Aids(tuple(kinds), tuple(VIAS), texts=False))


@pytest.mark.parametrize("share", ["5", "5 % of all", "120 %", "nan %", "-1%", ""])
def test_a_share_is_written_in_per_cent(tmp_path: Path, share: str) -> None:
    check = f'{{name: kald-enheder, kind: fleet, fleet: kald, degraded_over: "{share}"}}'
    with pytest.raises(PlanFaults, match="is not a share"):
        watching(tmp_path, check)
