"""What the service manager is told: ready, alive, reloading, stopping, and one line of status.

The rule it keeps: telling never stops an alarm; a manager that does not listen is an answer, not an exception.
"""

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass

_MAX_STATUS = 200


def _address(path: str) -> str | None:
    """The socket's address from NOTIFY_SOCKET; `@name` is a name in the abstract space. None for a form not known."""
    if path.startswith("@") and len(path) > 1:
        return "\0" + path[1:]
    return path if path.startswith("/") else None


@dataclass(frozen=True, slots=True)
class Watchdog:
    """The way to the service manager (sd_notify(3), sd_watchdog_enabled(3)).

    `address` is None when nobody listens: then every call does nothing and answers False. `every` is how often, in
    seconds, `alive` is to be called, half of what the manager allows; None when it watches no clock of ours.
    """

    address: str | None = None
    every: float | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], pid: int | None = None) -> "Watchdog":
        """Read NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID; a WATCHDOG_PID that is not ours means: not for us."""
        own = os.getpid() if pid is None else pid
        microseconds = environment.get("WATCHDOG_USEC", "")
        ours = environment.get("WATCHDOG_PID", str(own)) == str(own)
        watched = ours and microseconds.isdecimal() and int(microseconds) > 0
        return cls(
            _address(environment.get("NOTIFY_SOCKET", "")),
            int(microseconds) / 2_000_000 if watched else None,
        )

    def ready(self, status: str = "") -> bool:
        """Started, or done reloading."""
        return self._tell("READY=1", *_status(status))

    def alive(self, status: str = "") -> bool:
        """Every loop has turned; the manager restarts us when this is not heard in time."""
        return self._tell("WATCHDOG=1", *_status(status))

    def reloading(self, monotonic: float) -> bool:
        """Reading the plan anew; `monotonic` is seconds on CLOCK_MONOTONIC. `ready` ends it, whatever came of it."""
        return self._tell("RELOADING=1", f"MONOTONIC_USEC={round(monotonic * 1_000_000)}")

    def stopping(self) -> bool:
        """Finishing what is being sent."""
        return self._tell("STOPPING=1")

    def status(self, text: str) -> bool:
        """One line for `systemctl status`."""
        return self._tell(*_status(text))

    def _tell(self, *lines: str) -> bool:
        """Hand over one datagram without waiting. True when the manager's socket took it."""
        if self.address is None or not lines:
            return False
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK) as out:
            try:
                out.sendto("\n".join(lines).encode(), self.address)
            except OSError:
                return False
        return True


def _status(text: str) -> tuple[str, ...]:
    """One line, bounded: a newline in it would begin another assignment."""
    line = " ".join(text.split())
    return (f"STATUS={line[:_MAX_STATUS]}",) if line else ()
