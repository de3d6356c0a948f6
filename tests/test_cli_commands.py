"""What holds for every command: help, exit codes, an environment that is wrong, and what the service carries along."""

import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from monitor import __version__
from tests.support.service import ROOT
from tests.support.terminal import terminal

COMMANDS = [
    "run", "demo", "version", "check", "status", "plan check", "plan show", "plan prove", "incidents list",
    "incidents show", "incidents ack", "incidents note", "incidents done", "incidents resolve",
    "alarm test", "db upgrade",
]  # fmt: skip


def plain(text: str) -> str:
    """Without colours and frames."""
    return " ".join(re.sub(r"\x1b\[[0-9;]*m|[│╭╮╰╯─]", " ", text).split())


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_what_it_does(command: str, tmp_path: Path) -> None:
    shown = terminal(tmp_path).run(*command.split(), "--help")

    assert shown.exit_code == 0
    assert "Usage:" in plain(shown.stdout)
    assert ("--config" in plain(shown.stdout)) is (command not in ("version", "demo"))
    assert ("--json" in plain(shown.stdout)) is (command not in ("run", "demo"))


def test_the_help_names_every_command(tmp_path: Path) -> None:
    at = terminal(tmp_path)
    whole = plain(at.run("--help").stdout)
    for command in COMMANDS:
        group, _, name = command.partition(" ")
        assert group in whole
        assert not name or name in plain(at.run(group, "--help").stdout)


def test_the_version(tmp_path: Path) -> None:
    result = terminal(tmp_path).run("version")
    assert (result.exit_code, result.stdout) == (0, f"{__version__}\n")


@pytest.mark.parametrize("words", [("nedbrud",), ("plan", "nedbrud"), ("check",), ("plan", "show", "--nedbrud")])
def test_what_is_no_command_is_exit_2(words: tuple[str, ...], tmp_path: Path) -> None:
    assert terminal(tmp_path).run(*words).exit_code == 2


@pytest.mark.parametrize(
    ("name", "given", "mend"),
    [
        ("OMSORGSVAGT_LISTEN", "8424", "for instance 127.0.0.1:8424"),
        ("OMSORGSVAGT_LOG", "xml", "Write json or text"),
        ("OMSORGSVAGT_KEEP_DAYS", "7", "Write a number of days, at least 30"),
        ("OMSORGSVAGT_PUBLIC_URL", "vagt.example", "for instance https://"),
        ("OMSORGSVAGT_DATABASE_URL", "mysql://vagt:hemmelig@db.example/vagt", "Write sqlite+aiosqlite:///"),
        (
            "OMSORGSVAGT_DATABASE_URL",
            "postgresql+asyncpg://vagt:hemmelig@db.example:port/vagt",
            "postgresql+asyncpg://",
        ),
    ],
)
def test_an_environment_that_is_wrong_is_told_with_its_mend(name: str, given: str, mend: str, tmp_path: Path) -> None:
    result = terminal(tmp_path).run("status", **{name: given})

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"{name}: ")
    assert mend in result.stderr
    assert "hemmelig" not in result.stderr


def test_all_that_is_wrong_in_the_environment_is_told_at_once(tmp_path: Path) -> None:
    told = terminal(tmp_path).run("status", OMSORGSVAGT_LISTEN="x", OMSORGSVAGT_LOG="x").stderr.splitlines()
    assert sorted(line.partition(":")[0] for line in told) == ["OMSORGSVAGT_LISTEN", "OMSORGSVAGT_LOG"]


def test_a_configuration_that_is_not_there(tmp_path: Path) -> None:
    result = terminal(tmp_path).run("plan", "check", "--config", str(tmp_path / "andetsteds"))
    assert result.exit_code == 2
    assert result.stderr == (
        f"{tmp_path}/andetsteds: there is no such folder. Name the configuration folder with --config DIR\n"
    )


def python(code: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60, check=False)


def test_the_service_carries_nothing_it_does_not_need() -> None:
    """Each of these costs every start, and memory for as long as the service runs."""
    heavy = {"alembic", "apscheduler", "asyncpg", "fastapi", "markdown_it", "sqlalchemy.orm", "icalendar", "jinja2.ext"}
    done = python("import sys, monitor.cli.main, monitor.cli.run; print(*sys.modules)")
    assert done.returncode == 0, done.stderr
    assert heavy & set(done.stdout.split()) == set()


def test_the_command_line_itself_loads_no_commands() -> None:
    done = python("import sys, monitor.cli.main; print(*sys.modules)")
    assert done.returncode == 0, done.stderr
    assert {"pydantic", "sqlalchemy", "httpx", "structlog", "uvicorn", "yaml"} & set(done.stdout.split()) == set()


def test_an_address_that_is_taken_is_told_before_anything_has_begun(tmp_path: Path) -> None:
    at = terminal(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        environ = {"OMSORGSVAGT_LISTEN": listen, "STATE_DIRECTORY": str(at.state)}
        command = [sys.executable, "-m", "monitor.cli", "run", "--config", str(at.config)]
        done = subprocess.run(command, capture_output=True, text=True, env=environ, cwd=ROOT, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"cannot listen on {listen}: Address already in use. "
        "Stop what listens there, or set OMSORGSVAGT_LISTEN to another address\n"
    )
    assert not at.state.exists()
