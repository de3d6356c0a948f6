"""`run`: from settings to the running service.

What keeps it from running (faults in the plan, an address that is taken) is told before anything has begun.
"""

import asyncio
import fcntl
import gc
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog
import uvloop

from monitor import logs
from monitor.app import Service
from monitor.cli import frame
from monitor.settings import ServiceSettings
from monitor.watchdog import Watchdog

log = structlog.get_logger(__name__)


def serve(settings: ServiceSettings) -> None:
    """Run the service until it is told to stop."""
    logs.configure(settings.log)
    # What is kept holds numbers and texts: it is nobody else's to read.
    os.umask(0o077)
    with _listening(settings) as door, _alone(settings.state):
        loaded = frame.loaded(settings.config)
        service = Service(settings, loaded, frame.secrets(), Watchdog.from_environment(os.environ), door)
        # What starting has made lives as long as the service: the collector never looks at it again.
        gc.freeze()
        gc.enable()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(service.run())
            _end()


def _end() -> None:
    """End at once. Everything is written and every loop ended; what is left may be a look-up of a name that nobody
    answers, in a thread that would keep the process for minutes."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


@contextmanager
def _alone(state: Path) -> Iterator[None]:
    """One service a state folder: two would each tell everybody. A folder that cannot be written stops nobody."""
    try:
        state.mkdir(parents=True, exist_ok=True)
        lock = (state / "lock").open("w")
    except OSError as error:
        log.error("state_not_writable", folder=str(state), wrong=error.strerror)
        yield
        return
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            frame.fail(f"{state}: another omsorgsvagt runs on this state folder. Stop it, or set STATE_DIRECTORY")
        yield


def _listening(settings: ServiceSettings) -> socket.socket:
    host, port = settings.address
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        said = str(error.strerror).partition(" (while")[0] if isinstance(error, OSError) else "a port is at most 65535"
        frame.fail(
            f"cannot listen on {settings.listen}: {said}. "
            "Stop what listens there, or set OMSORGSVAGT_LISTEN to another address"
        )
