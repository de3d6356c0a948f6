"""The service where no name is ever resolved: the system's resolver takes each question and never answers.

Run as a process in the service's place; `OMSORGSVAGT_TEST_RESOLVER` names the address of a resolver that is silent.
"""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SILENT = "127.0.0.77"


def available() -> bool:
    """Whether this process may put another resolver before a process of its own."""
    return os.geteuid() == 0 and subprocess.run([*_APART, "true"], capture_output=True, check=False).returncode == 0


@contextmanager
def silent_resolver() -> Iterator[str]:
    """A resolver on loopback that never answers; its address."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind((_SILENT, 53))
        yield _SILENT


_APART = [shutil.which("unshare") or "/usr/bin/unshare", "--mount", "--propagation", "private"]


def main() -> None:
    """Become the service, with another /etc/resolv.conf than everybody else's."""
    settings = Path.cwd() / "resolv.conf"
    settings.write_text(f"nameserver {os.environ['OMSORGSVAGT_TEST_RESOLVER']}\n", encoding="ascii")
    inside = 'mount --bind "$1" /etc/resolv.conf && shift && exec "$@"'
    service = [sys.executable, "-m", "monitor.cli", *sys.argv[1:]]
    os.execv(_APART[0], [*_APART, "sh", "-c", inside, "sh", str(settings), *service])  # noqa: S606


if __name__ == "__main__":
    main()
