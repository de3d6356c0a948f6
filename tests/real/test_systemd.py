"""The unit as Debian's systemd reads it, and the service as the manager hears it on a socket the test owns."""

import os
import re
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from tests.support.lab import ROOT, part, running_lab
from tests.support.service import running

pytestmark = pytest.mark.real

UNITS = ROOT / "deploy" / "systemd"
MOST_EXPOSURE = 1.5


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The shipped unit with its program at a path this machine has; nothing else is changed."""
    text = (UNITS / "omsorgsvagt.service").read_text(encoding="utf-8")
    text, changed = re.subn(r"(?m)^ExecStart=\S+", f"ExecStart={shutil.which('true')}", text)
    assert changed == 1
    path = tmp_path / "omsorgsvagt.service"
    path.write_text(text, encoding="utf-8")
    return path


def _with_modem(unit: Path) -> Path:
    shutil.copytree(UNITS / "omsorgsvagt.service.d", unit.parent / "omsorgsvagt.service.d")
    return unit


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("modem", [False, True])
def test_the_unit_is_clean(unit: Path, modem: bool) -> None:
    done = _run("systemd-analyze", "verify", "--man=no", str(_with_modem(unit) if modem else unit))

    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parametrize("modem", [False, True])
def test_the_unit_is_shut_in(unit: Path, modem: bool) -> None:
    path = _with_modem(unit) if modem else unit
    threshold = f"--threshold={round(MOST_EXPOSURE * 10)}"

    done = _run("systemd-analyze", "security", "--offline=yes", "--no-pager", threshold, str(path))

    level = re.search(r"exposure level for omsorgsvagt\.service: ([\d.]+)", done.stdout)
    assert level, done.stderr
    assert float(level[1]) <= MOST_EXPOSURE, done.stdout
    assert done.returncode == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands a folder to another group")
def test_only_the_plans_group_reads_the_plan(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    outbox = tmp_path / "var" / "spool" / "gammu" / "outbox"
    outbox.mkdir(parents=True)
    root = f"--root={tmp_path}"

    made = [
        _run("systemd-sysusers", root, str(UNITS / "omsorgsvagt.sysusers.conf")),
        _run("systemd-tmpfiles", "--create", root, str(UNITS / "omsorgsvagt.tmpfiles.conf")),
    ]

    assert [done.returncode for done in made] == [0, 0], made
    group = re.search(r"(?m)^omsorgsvagt-plan:x:(\d+):", (tmp_path / "etc" / "group").read_text())
    assert group
    plan = (tmp_path / "etc" / "omsorgsvagt").stat()
    assert (plan.st_mode & 0o7777, plan.st_gid) == (0o750, int(group[1]))
    assert (tmp_path / "etc" / "credstore").stat().st_mode & 0o7777 == 0o700
    assert outbox.stat().st_mode & 0o7777 == 0o2770


def test_ping_is_allowed_without_privileges() -> None:
    lines = (UNITS / "omsorgsvagt.sysctl.conf").read_text(encoding="utf-8").splitlines()

    assert [line for line in lines if not line.startswith("#")] == ["net.ipv4.ping_group_range = 0 2147483647"]


def test_the_manager_hears_ready_alive_reloading_and_stopping(tmp_path: Path) -> None:
    with running_lab(tmp_path) as lab, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        part("config").write(tmp_path / "config", lab.addresses, ROOT / "config", quick=True)
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(20)
        told = _Told(manager)
        environment = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "1000000"}
        with running(tmp_path / "config", tmp_path / "service", lab.addresses["secrets"], **environment) as service:
            told.until("READY=1")
            told.until("WATCHDOG=1")
            told.until("WATCHDOG=1")

            service.hangup()
            assert re.search(r"(?m)^MONOTONIC_USEC=\d+$", told.until("RELOADING=1"))
            told.until("READY=1")

            assert service.terminate() == 0
            told.until("STOPPING=1")


class _Told:
    """What the service manager has heard, one datagram after the other."""

    def __init__(self, manager: socket.socket) -> None:
        self._manager = manager

    def until(self, word: str) -> str:
        """The next datagram with this word. Raises TimeoutError when it does not come."""
        while True:
            heard = self._manager.recv(4096).decode()
            if word in heard.splitlines():
                return heard
