"""A real PostgreSQL for one module of tests: its own cluster in a temporary folder, ended by its process id.

The server refuses to run as root, so root gives way to the account that Debian's package makes. The cluster sorts as
a Danish one may (`aa` is å, after z): an order that follows the server's alphabet shows itself here.
"""

import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest

from tests.support.lab import until
from tests.support.sip_process import free_port

_ACCOUNT = "postgres"
_ENDS_WITHIN = 20.0
_PACKAGED = Path("/usr/lib/postgresql")


class Postgres:
    """One cluster on a free port of 127.0.0.1 and a socket in `folder`. Anybody may log in as `postgres`."""

    def __init__(self, folder: Path, programs: Path, other: list[str]) -> None:
        self.folder = folder
        self.port = free_port()
        self.log = folder / "server.log"
        self._programs = programs
        self._other = other
        self._process: subprocess.Popen[bytes] | None = None
        self._names = (f"test_{number}" for number in count(1))

    def create(self) -> None:
        """Lay the cluster out."""
        danish = ["--encoding=UTF8", "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=da"]
        command = ["initdb", f"--pgdata={self.folder / 'data'}", f"--username={_ACCOUNT}", "--auth=trust", "--no-sync"]
        self._run(*command, *danish)

    def start(self) -> None:
        """Returns when it takes connections."""
        command = [
            *self._other,
            str(self._programs / "postgres"),
            "-D",
            str(self.folder / "data"),
            "-p",
            str(self.port),
        ]
        settings = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": str(self.folder),
            "max_connections": "30",
            "shared_buffers": "16MB",
            "fsync": "off",
        }
        given = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with self.log.open("ab") as out:
            self._process = process = subprocess.Popen(
                [*command, *given], cwd=self.folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out
            )
        until(lambda: process.poll() is not None or self._answers(), within=30)
        assert process.poll() is None, self.log.read_text(errors="replace")

    def stop(self, *, at_once: bool = False) -> None:
        """End it; `at_once` as in a crash: connections are cut and the next start recovers."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGQUIT if at_once else signal.SIGINT)
        try:
            self._process.wait(_ENDS_WITHIN)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise
        finally:
            self._process = None

    def database(self) -> str:
        """The URL of a new, empty database."""
        name = next(self._names)
        self.sql(f"CREATE DATABASE {name}")
        return self.url(name)

    def url(self, name: str) -> str:
        """The URL of a database, over TCP."""
        return f"postgresql+asyncpg://{_ACCOUNT}@127.0.0.1:{self.port}/{name}"

    def by_socket(self, url: str) -> str:
        """The same database over the socket in the file system."""
        return f"postgresql+asyncpg://{_ACCOUNT}@/{url.rpartition('/')[2]}?host={self.folder}&port={self.port}"

    def sql(self, statement: str, url: str = f"/{_ACCOUNT}") -> str:
        """What one statement answers, run in the database that the URL names."""
        place = ["-h", str(self.folder), "-p", str(self.port), "-U", _ACCOUNT, "-d", url.rpartition("/")[2]]
        return self._run("psql", *place, "-X", "-At", "-v", "ON_ERROR_STOP=1", "-c", statement)

    def _answers(self) -> bool:
        command = [str(self._programs / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(command, check=False).returncode == 0

    def _run(self, program: str, *arguments: str) -> str:
        command = [*self._other, str(self._programs / program), *arguments]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, f"{program}: {done.stderr}"
        return done.stdout.strip()


@contextmanager
def postgres() -> Iterator[Postgres]:
    """A running cluster; the test is skipped where the programs are missing or root cannot give way."""
    programs, other = _programs(), _as_other()
    # Not under pytest's own folder: that one is closed to other accounts, and its path is too long for a socket.
    folder = Path(tempfile.mkdtemp(prefix="omsorgsvagt-pg-"))
    cluster = Postgres(folder, programs, other)
    try:
        if other:
            shutil.chown(folder, _ACCOUNT, _ACCOUNT)
        cluster.create()
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(folder)


def _programs() -> Path:
    """The folder of the newest packaged version's programs."""
    found = [path.parent for path in _PACKAGED.glob("*/bin/initdb")]
    if not found:
        pytest.skip("PostgreSQL is not installed (package postgresql)")
    return max(found, key=lambda folder: int(re.sub(r"\D", "", folder.parent.name) or 0))


def _as_other() -> list[str]:
    """What to put before a command so that it does not run as root."""
    if os.geteuid() != 0:
        return []
    way = shutil.which("setpriv")
    if way is None or _ACCOUNT not in {entry.pw_name for entry in pwd.getpwall()}:
        pytest.skip("PostgreSQL does not run as root, and there is no account to give way to")
    return [way, f"--reuid={_ACCOUNT}", f"--regid={_ACCOUNT}", "--clear-groups"]
