"""The lab as a process of its own, for a test: started on free ports, spoken to over its control interface.

Each user starts its own and it is ended by its process id; nothing of it outlives the `with`.
"""

import importlib.util
import json
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[2]
LAB = ROOT / "deploy" / "lab"
_READY_WITHIN = 30.0
_ENDS_WITHIN = 10.0


def until(holds: Callable[[], Any], within: float = 20.0) -> Any:
    """The first true value of `holds`, asked again every few milliseconds. Fails the test when none comes in time."""
    end = time.monotonic() + within
    while time.monotonic() < end:
        if found := holds():
            return found
        time.sleep(0.005)
    raise AssertionError(f"did not hold within {within:g} s")


class LabNeverReady(RuntimeError):
    """The lab's process ended, or said nothing in time; the text is what it wrote to its error stream."""


class Lab:
    """A running lab. `addresses` is what it printed: addresses by name, `secrets` by secret name, `instance`, `pid`."""

    def __init__(self, addresses: dict[str, Any]) -> None:
        self.addresses = addresses
        self.client = httpx.Client(base_url=addresses["control"], trust_env=False, timeout=10.0)

    def break_(self, system: str, how: str, **numbers: float) -> None:
        """Break a system in one way (`GET /ways` lists them). Raises httpx.HTTPStatusError for an unknown one."""
        self.client.post(f"/break/{system}/{how}", params=numbers).raise_for_status()

    def mend(self, system: str = "") -> None:
        """Mend one system, or all."""
        self.client.post(f"/mend/{system}" if system else "/mend").raise_for_status()

    def state(self, system: str) -> dict[str, Any]:
        """How a system is: `broken`, `numbers`, `cut`, `seen`."""
        found: dict[str, Any] = self._get("/state")[system]
        return found

    def texts(self, number: str) -> list[dict[str, Any]]:
        """The SMS that landed on a phone, oldest first."""
        found: list[dict[str, Any]] = self._get("/phones").get(number, [])
        return found

    def phones(self) -> dict[str, list[dict[str, Any]]]:
        """The SMS that landed, by number."""
        found: dict[str, list[dict[str, Any]]] = self._get("/phones")
        return found

    def mails(self) -> list[dict[str, Any]]:
        """The mail that arrived, oldest first."""
        found: list[dict[str, Any]] = self._get("/mails")
        return found

    def _get(self, path: str) -> Any:
        return self.client.get(path).raise_for_status().json()


def part(name: str) -> ModuleType:
    """One module of the lab that needs none of the others, loaded under a name of its own (`lab_<name>`)."""
    spec = importlib.util.spec_from_file_location(f"lab_{name}", LAB / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@contextmanager
def running_lab(folder: Path, *more: str) -> Iterator[Lab]:
    """A lab that is ready; `folder` (a test's own) takes its note and its error stream. Raises LabNeverReady.

    `more` are further words for its `serve`.
    """
    errors = folder / "lab.err"
    command = [sys.executable, "-W", "error", str(LAB), "--note", str(folder / "lab.json"), "serve", *more]
    with errors.open("wb") as err, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=err) as process:
        assert process.stdout is not None
        try:
            ready, _, _ = select.select([process.stdout], [], [], _READY_WITHIN)
            line = process.stdout.readline() if ready else b""
            if not line:
                raise LabNeverReady(errors.read_text(encoding="utf-8"))
            lab = Lab(json.loads(line))
            with lab.client:
                yield lab
        finally:
            process.terminate()
            try:
                process.wait(_ENDS_WITHIN)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
