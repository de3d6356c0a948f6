"""`run`: from settings to the running service.

What keeps it from running (faults in the plan, an address that is taken) is told before anything has begun.
"""

import asyncio
import gc
import os
import socket

import uvloop

from monitor import logs
from monitor.app import Service
from monitor.cli import frame
from monitor.settings import ServiceSettings
from monitor.watchdog import Watchdog


def serve(settings: ServiceSettings) -> None:
    """Run the service until it is told to stop."""
    logs.configure(settings.log)
    with _listening(settings) as door:
        loaded = frame.loaded(settings.config)
        settings.state.mkdir(parents=True, exist_ok=True)
        service = Service(settings, loaded, frame.secrets(), Watchdog.from_environment(os.environ), door)
        # What starting has made lives as long as the service: the collector never looks at it again.
        gc.freeze()
        gc.enable()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(service.run())


def _listening(settings: ServiceSettings) -> socket.socket:
    host, port = settings.address
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        frame.fail(
            f"cannot listen on {settings.listen}: {error.strerror}. "
            "Stop what listens there, or set OMSORGSVAGT_LISTEN to another address"
        )
