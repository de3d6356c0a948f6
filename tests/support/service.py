"""The service as a process of its own, for tests and benchmarks: started on a free port, ended by its process id."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[2]
_READY_WITHIN = 30.0
_ENDS_WITHIN = 15.0


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Service:
    """A running service. `folder` holds its log and state."""

    def __init__(self, process: "subprocess.Popen[bytes]", port: int, folder: Path) -> None:
        self.process = process
        self.port = port
        self.folder = folder
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=10.0)

    @property
    def pid(self) -> int:
        """The process id."""
        return self.process.pid

    @property
    def log(self) -> str:
        """What it has logged so far."""
        return (self.folder / "service.log").read_text(encoding="utf-8")

    def get(self, path: str) -> httpx.Response:
        """A GET of one of its pages."""
        return self.client.get(path)

    def status(self) -> dict[str, Any]:
        """`/api/v1/status`."""
        found: dict[str, Any] = self.get("/api/v1/status").raise_for_status().json()
        return found

    def hangup(self) -> None:
        """Reload the plan."""
        self.process.send_signal(signal.SIGHUP)

    def kill(self) -> None:
        """SIGKILL: as by a crash."""
        self.process.kill()
        self.process.wait(_ENDS_WITHIN)

    def terminate(self) -> int:
        """SIGTERM, and its exit code."""
        self.process.terminate()
        return self.process.wait(_ENDS_WITHIN)


def start(
    config: Path, folder: Path, secrets: Mapping[str, str] | None = None, by: str = "monitor.cli", **environ: str
) -> Service:
    """Start the service and return at once. Its state lies in `folder/state`, its log in `folder/service.log`.

    `by` is the module that is run: another one than the product's own may first make something go wrong.
    """
    port = free_port()
    # Installed, the service starts from compiled modules: whoever forbids writing them here would have it compile each
    # time, which is no start to measure or to wait for.
    kept_out = ("OMSORGSVAGT_", "PYTHONDONTWRITEBYTECODE")
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith(kept_out)},
        "OMSORGSVAGT_LISTEN": f"127.0.0.1:{port}",
        "STATE_DIRECTORY": str(folder / "state"),
        "PYTHONPATH": str(ROOT),
        **{f"OMSORGSVAGT_{name.upper()}": value for name, value in (secrets or {}).items()},
        **environ,
    }
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "service.log").open("ab") as log:
        command = [sys.executable, "-m", by, "run", "--config", str(config)]
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, cwd=folder)
    return Service(process, port, folder)


def wait_ready(service: Service, path: str = "/readyz") -> None:
    """Return when the page answers 200. Raises AssertionError with the log when the process ends or time runs out."""
    end = time.monotonic() + _READY_WITHIN
    while time.monotonic() < end:
        assert service.process.poll() is None, service.log
        try:
            if service.get(path).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.01)
    raise AssertionError(f"not ready within {_READY_WITHIN} s\n{service.log}")


@contextmanager
def running(
    config: Path, folder: Path, secrets: Mapping[str, str] | None = None, by: str = "monitor.cli", **environ: str
) -> Iterator[Service]:
    """A service that is ready, and ended afterwards."""
    service = start(config, folder, secrets, by, **environ)
    try:
        wait_ready(service)
        yield service
    finally:
        service.client.close()
        if service.process.poll() is None:
            service.terminate()
