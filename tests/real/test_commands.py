"""The command line before a running service and before the shipped plan: answers, exit codes, errors that help."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.support.lab import Lab, part, running_lab, until
from tests.support.service import ROOT, Service, running

pytestmark = pytest.mark.real


def omsorgsvagt(*words: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    """One command, as an operator types it."""
    command = [sys.executable, "-m", "monitor.cli", *words]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **environ}
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=ROOT, timeout=60, check=False)


def at(service: Service) -> Mapping[str, str]:
    """Where the service is, for a command."""
    return {"OMSORGSVAGT_LISTEN": f"127.0.0.1:{service.port}", "STATE_DIRECTORY": str(service.folder / "state")}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with running_lab(tmp_path_factory.mktemp("lab")) as one:
        yield one


@pytest.fixture(scope="module")
def service(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("service")
    secrets = part("config").write(folder / "config", lab.addresses, ROOT / "config", True)
    with running(folder / "config", folder, **secrets) as one:
        until(lambda: all(s["state"] == "up" for s in one.status()["systems"] if not s["own"]))
        yield one


def test_the_shipped_plan_is_right_and_keeps_what_it_demands() -> None:
    checked = omsorgsvagt("plan", "check")
    assert (checked.returncode, checked.stderr) == (0, "")
    assert "no warnings" in checked.stdout
    proved = omsorgsvagt("plan", "prove", "--days", "60", "--json")
    assert proved.returncode == 0
    assert all(row["seconds"] < row["demanded_seconds"] for row in json.loads(proved.stdout))


def test_who_is_called_on_christmas_eve() -> None:
    shown = omsorgsvagt("plan", "show", "--at", "2026-12-24 22:00", "--system", "noedkald")
    assert shown.returncode == 0
    assert "Juleaftensdag" in shown.stdout
    assert shown.stdout.index("Afdelingschefen") < shown.stdout.index("IT-vagten: ")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("plan", "show", "--at", "i morgen"), "2026-12-24 22:00"),
        (("plan", "show", "--system", "nexus"), "there is no system 'nexus'. The systems are: omsorgssystem"),
        (("plan", "check", "--config", "findes-ikke"), "there is no such folder"),
        (("check", "nexus"), "there is no check 'nexus'. The checks are:"),
        (("alarm", "test", "--to", "ingen"), "there is no person 'ingen'"),
        (("status",), "the service does not answer"),
        (("demo", "--scene", "kaffe"), "The scenes are: nexus"),
    ],
)
def test_what_cannot_be_done_is_told_with_the_mend_and_exit_2(words: tuple[str, ...], said: str) -> None:
    done = omsorgsvagt(*words, OMSORGSVAGT_LISTEN="127.0.0.1:9")
    assert done.returncode == 2
    assert said in done.stderr + done.stdout
    assert "Traceback" not in done.stderr


def test_a_check_is_asked_once_and_explained(service: Service, lab: Lab) -> None:
    secrets = {f"OMSORGSVAGT_{name.upper()}": value for name, value in lab.addresses["secrets"].items()}
    config = str(service.folder / "config")
    good = omsorgsvagt("check", "nexus-login", "--config", config, **secrets)
    assert good.returncode == 0, good.stderr
    assert "held" in good.stdout and "phase" in good.stdout
    lab.break_("nexus", "maintenance")
    bad = omsorgsvagt("check", "nexus-api", "--config", config, "--json", **secrets)
    lab.mend("nexus")
    assert bad.returncode == 1
    assert json.loads(bad.stdout)["missed"][0]["reason"] == "content"


def test_an_outage_from_the_terminal(service: Service, lab: Lab) -> None:
    lab.break_("medico", "down")
    until(lambda: [i for i in service.status()["incidents"] if i["system"] == "medicoteknik"])
    status = omsorgsvagt("status", **at(service))
    assert status.returncode == 1
    assert "medicoteknik: " in status.stdout and "nobody has acknowledged" in status.stdout
    number = next(i["number"] for i in service.status()["incidents"] if i["system"] == "medicoteknik")
    assert omsorgsvagt("incidents", "ack", number, "--who", "Vagten", **at(service)).returncode == 0
    wrong = omsorgsvagt("incidents", "ack", number, "--who", "Vagten", "--state", "sover", **at(service))
    assert wrong.returncode == 2 and "'seen', 'working' or 'fallback'" in wrong.stderr
    assert (
        omsorgsvagt("incidents", "note", number, "Ringet til teknikeren", "--who", "Vagten", **at(service)).returncode
        == 0
    )
    shown = until(lambda: _shown(number, service))
    assert "Kvitteret: Vagten" in shown
    lab.mend("medico")
    until(lambda: not [i for i in service.status()["incidents"] if i["active"]])
    assert omsorgsvagt("status", **at(service)).returncode == 0


def _shown(number: str, service: Service) -> str:
    shown = omsorgsvagt("incidents", "show", number, **at(service)).stdout
    return shown if "Ringet til teknikeren" in shown else ""


def test_a_second_service_on_the_same_state_is_refused(service: Service) -> None:
    state = str(service.folder / "state")
    second = omsorgsvagt(
        "run", "--config", str(service.folder / "config"), OMSORGSVAGT_LISTEN="127.0.0.1:0", STATE_DIRECTORY=state
    )
    assert second.returncode == 2
    assert "another omsorgsvagt runs on this state folder" in second.stderr


def test_a_plan_with_faults_leaves_the_old_one_in_force_and_is_an_alarm(service: Service, lab: Lab) -> None:
    plan = service.folder / "config" / "plan.yaml"
    right, before = plan.read_text(encoding="utf-8"), service.status()["plan"]["digest"]
    plan.write_text(right.replace("owner: plan_ejer", "owner: plan_ejar"), encoding="utf-8")
    service.hangup()
    until(lambda: not service.status()["plan"]["reload_ok"])
    assert service.status()["plan"]["digest"] == before
    until(lambda: [i for i in service.status()["incidents"] if i["system"] == "vagten" and i["active"]])
    assert "plan_ejar" in service.log
    until(lambda: [t for texts in lab.phones().values() for t in texts if "plan.yaml linje" in t["text"]])
    plan.write_text(right + "\n# changed\n", encoding="utf-8")
    service.hangup()
    until(lambda: service.status()["plan"]["reload_ok"] and service.status()["plan"]["digest"] != before)
    until(lambda: not [i for i in service.status()["incidents"] if i["active"]])


def test_told_to_stop_it_lets_what_is_being_sent_finish(lab: Lab, tmp_path: Path) -> None:
    secrets = part("config").write(tmp_path / "config", lab.addresses, ROOT / "config", True)
    with running(tmp_path / "config", tmp_path, **secrets) as one:
        until(lambda: all(s["state"] == "up" for s in one.status()["systems"] if not s["own"]))
        lab.break_("gatewayapi", "slow", seconds=3)
        lab.break_("nexus", "home-500")
        until(lambda: [i for i in one.status()["incidents"] if i["system"] == "omsorgssystem"])
        one.process.send_signal(signal.SIGTERM)
        # The wait is the unit file's TimeoutStopSec: beyond it the service would be killed.
        assert one.process.wait(15) == 0
        sent = [text for texts in lab.phones().values() for text in texts]
        assert any(text["text"].startswith("Omsorgssystem NEDE") for text in sent)
    lab.mend()
