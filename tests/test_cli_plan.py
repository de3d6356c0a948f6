"""`plan check`, `plan show`, `plan prove`: answers, exit codes, and faults that name file, line and mend."""

from pathlib import Path

import pytest

from tests.support.service import ROOT
from tests.support.terminal import Terminal, terminal


@pytest.fixture
def at(tmp_path: Path) -> Terminal:
    return terminal(tmp_path)


def test_warnings_are_told_and_are_exit_1(at: Terminal) -> None:
    result = at.run("plan", "check")

    assert (result.exit_code, result.stderr) == (1, "")
    lines = result.stdout.splitlines()
    [found] = [line for line in lines if "there is one way only for sms" in line]
    assert found == (
        f"{at.place('plan.yaml', 'sms: [{via')}:3: routes.sms: there is one way only for sms: when it fails nobody is "
        "told by sms. Add a second route, best one that does not share our line"
    )
    assert lines[-2].startswith("Måling: 5 systems, 2 checks, 1 people, 1 roles, 3 chains, 1 routes; ")
    assert lines[-1].startswith("digest ")


def test_warnings_as_data(at: Terminal) -> None:
    code, found = at.read("plan", "check")

    assert code == 1
    assert len(found["digest"]) == 64
    [warning] = [one for one in found["warnings"] if one["where"] == "routes.sms"]
    assert f"{warning['file']}:{warning['line']}" == at.place("plan.yaml", "sms: [{via")
    assert warning["mend"].startswith("Add a second route")


def test_the_shipped_plan_has_no_warnings() -> None:
    shipped = Terminal(ROOT / "config", ROOT / "state")
    assert shipped.read("plan", "check")[0] == 0


def test_every_fault_is_told_at_once_and_is_exit_2(at: Terminal) -> None:
    at.edit("plan.yaml", 'sms: "+4500000001"', 'sms: "004512345678"')
    at.edit("systems.yaml", "name: c-system-0001-0", "naame: c-system-0001-0")

    result = at.run("plan", "check")

    assert (result.exit_code, result.stdout) == (2, "")
    plan, *systems, count = result.stderr.splitlines()
    assert plan == (
        f"{at.place('plan.yaml', '004512345678')}:29: people.vagt.sms: '004512345678' is not a number in full. "
        "Write +, country code and number without blanks"
    )
    assert all(line.startswith(at.place("systems.yaml", "naame")) for line in systems)
    assert any("there is no key 'naame' here" in line and "name" in line.rpartition(". ")[2] for line in systems)
    assert count == f"{len(systems) + 1} faults; nothing was loaded"


@pytest.mark.parametrize("words", [("plan", "show"), ("plan", "prove"), ("check", "c-system-0000-0")])
def test_no_command_goes_on_with_a_plan_that_has_faults(at: Terminal, words: tuple[str, ...]) -> None:
    at.edit("plan.yaml", "owner: it", "owner: ingen")

    result = at.run(*words)

    assert (result.exit_code, result.stdout) == (2, "")
    fault, count = result.stderr.splitlines()
    assert fault.startswith(at.place("plan.yaml", "owner: ingen"))
    assert "there is no role 'ingen'" in fault
    assert count == "1 fault; nothing was loaded"


def test_who_is_called_when(at: Terminal) -> None:
    result = at.run("plan", "show", "--at", "2026-12-24 22:00", "--system", "system_0001")

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("Thu 2026-12-24 22:00: uden_for_arbejdstid")
    assert "chain altid_ude" in result.stdout
    assert "IT: Vagten (sms +45*****001)" in result.stdout


def test_who_is_called_as_data(at: Terminal) -> None:
    code, found = at.read("plan", "show", "--at", "2026-11-24 09:00", "--system", "system_0001")

    assert code == 0
    assert (found["at"], found["period"]) == ("2026-11-24T09:00:00+01:00", "arbejdstid")
    [chain] = found["chains"]
    assert [one["person"] for step in chain["steps"] for one in step["called"]] == ["vagt"]


def test_without_a_time_it_is_now_and_nobody_is_called_for_what_no_chain_names(at: Terminal) -> None:
    code, found = at.read("plan", "show", "--system", "system_0000", "--severity", "advisory")
    assert (code, found["severity"], found["chains"]) == (0, "advisory", [])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--at", "24/12 kl. 22"), 'write --at as "2026-12-24 22:00"'),
        (("--severity", "slem"), "--severity as advisory, degraded or down"),
        (("--system", "nexus"), "there is no system 'nexus'. The systems are: system_0000, system_0001"),
    ],
)
def test_what_cannot_be_shown(at: Terminal, words: tuple[str, str], said: str) -> None:
    result = at.run("plan", "show", "--system", "system_0000", *words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr


def test_a_plan_that_keeps_what_it_demands(at: Terminal) -> None:
    result = at.run("plan", "prove", "--days", "7")
    assert result.exit_code == 0
    assert "demanded 300 s: kept" in result.stdout
    assert "detect" in result.stdout


def test_a_plan_that_demands_more_than_it_can_keep_is_exit_1(at: Terminal) -> None:
    at.edit("plan.yaml", "phone_within: 5m", "phone_within: 10s")

    shown = at.run("plan", "prove", "--days", "7")
    code, found = at.read("plan", "prove", "--days", "7")

    assert (shown.exit_code, code) == (1, 1)
    assert "demanded 10 s: NOT KEPT" in shown.stdout
    late = {one["system"] for one in found if one["demanded_seconds"] and one["seconds"] > one["demanded_seconds"]}
    assert late == {"system_0000"}
    assert {one["period"] for one in found} == {"arbejdstid", "uden_for_arbejdstid"}


def test_checking_a_plan_that_demands_more_than_it_can_keep_is_a_fault_with_the_sum(at: Terminal) -> None:
    at.edit("plan.yaml", "phone_within: 5m", "phone_within: 10s")

    result = at.run("plan", "check")

    assert result.exit_code == 2
    assert "the plan demands 10 s" in result.stderr
    assert result.stderr.startswith(at.place("plan.yaml", "phone_within"))


@pytest.mark.parametrize("days", ["0", "401", "mange"])
def test_days_that_cannot_be_proved(at: Terminal, days: str) -> None:
    assert at.run("plan", "prove", "--days", days).exit_code == 2
