"""A real gammu-smsd with its dummy phone on folders of its own, ended by its process id.

The daemon's own log says which text reached the phone, and how long it was there.
"""

import contextlib
import os
import re
import signal
import tempfile
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.sip_process import program, running

_FOUND = re.compile(r'Found (\d+) sms to "(\S*)" with text "(.*?)" cod \d+ lgt (\d+) ', re.DOTALL)


@dataclass(frozen=True, slots=True)
class OnThePhone:
    """One text as the phone was given it. `text` and `length` (characters) are those of the first part of `parts`."""

    to: str
    text: str
    length: int
    parts: int


@dataclass(slots=True)
class Gammu:
    """A running smsd and its folders."""

    folder: Path
    process: Process

    @property
    def outbox(self) -> Path:
        """Where texts are laid."""
        return self.folder / "outbox"

    @property
    def settings(self) -> dict[str, Any]:
        """What a modem's route is given."""
        return {name: str(self.folder / name) for name in ("outbox", "sent", "error")}

    def sent(self) -> list[OnThePhone]:
        """Every text the phone was given, oldest first; foreign letters are `?` under the C locale."""
        log = (self.folder / "smsd.log").read_text(encoding="utf-8", errors="replace")
        return [OnThePhone(to, text, int(length), int(parts)) for parts, to, text, length in _FOUND.findall(log)]

    def freeze(self) -> None:
        """Stop the daemon where it stands, as a modem that hangs does."""
        os.kill(self.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        os.kill(self.process.pid, signal.SIGCONT)


@contextlib.asynccontextmanager
async def gammu(folder: Path, locale: str = "C.UTF-8") -> AsyncIterator[Gammu]:
    """A smsd that is ready, running under this locale."""
    own = Path(tempfile.mkdtemp(prefix="gammu-", dir=folder))
    for name in ("phone", "inbox", "outbox", "sent", "error"):
        (own / name).mkdir()
    config, log = own / "smsdrc", own / "smsd.log"
    config.write_text(_config(own), encoding="utf-8")

    async def is_ready() -> bool:
        return log.exists() and "Starting phone communication" in log.read_text(errors="replace")

    command = [program("env"), f"LC_ALL={locale}", program("gammu-smsd"), "-c", str(config)]
    async with running(command, own, is_ready) as process:
        here = Gammu(own, process)
        try:
            yield here
        finally:
            with contextlib.suppress(ProcessLookupError):
                here.thaw()


def _config(own: Path) -> str:
    # Without the checks it is ready at once; with them it waits half a minute for a phone that is not there.
    return f"""[gammu]
model = dummy
connection = none
port = {own}/phone

[smsd]
service = files
inboxpath = {own}/inbox/
outboxpath = {own}/outbox/
sentsmspath = {own}/sent/
errorsmspath = {own}/error/
logfile = {own}/smsd.log
debuglevel = 1
commtimeout = 1
sendtimeout = 2
loopsleep = 1
receivefrequency = 0
resetfrequency = 0
checksecurity = 0
checksignal = 0
checkbattery = 0
checknetwork = 0
hangupcalls = 0
deliveryreport = sms
"""
