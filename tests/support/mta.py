"""A real OpenSMTPD on loopback that relays to a sink in this process, ended by its process id.

Its queue and its control socket lie at fixed places, so it runs in a mount namespace of its own where these are folders
of the test: nothing of the machine's mail is touched, and two can run beside each other. That takes root.

Debian 12's OpenSMTPD cannot speak TLS with the OpenSSL beside it (its key engine fails in every handshake), so STARTTLS
and login are proved against aiosmtpd.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.sip_process import free_port, program, running
from tests.support.smtpfault import Relay, relay

DOMAIN = "eksempel.example"
BOX = f"vagt@{DOMAIN}"
"""The address whose mail a server with a mailbox keeps."""
_INSIDE = 'mount --bind "$1" /var/spool && mount --bind "$2" /run && exec "$3" -d -f "$4"'


def available() -> bool:
    """Whether this process may make itself such a namespace."""
    if os.geteuid() != 0:
        return False
    command = [program("unshare"), "--mount", "--propagation", "private", "true"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@dataclass(slots=True)
class Mta:
    """A running mail server that takes mail for DOMAIN, and the sink it passes it on to."""

    port: int
    sink: Relay
    process: Process

    @property
    def address(self) -> str:
        """The server as a route names it."""
        return f"127.0.0.1:{self.port}"

    def freeze(self) -> None:
        """Stop it where it stands, with all its parts."""
        os.killpg(self.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        os.killpg(self.process.pid, signal.SIGCONT)


@contextlib.asynccontextmanager
async def mta(folder: Path, box: Path | None = None) -> AsyncIterator[Mta]:
    """A mail server that is ready; what is for BOX it lays in the Maildir `box`, which `mail_folder` has made."""
    own = Path(tempfile.mkdtemp(prefix="mta-", dir=folder))
    port = free_port()
    async with relay(Relay()) as sink:
        config = own / "smtpd.conf"
        kept = f'action "box" maildir "{box}" virtual {{ "{BOX}" = "mail" }}\n' if box else ""
        kept += f'match from any for rcpt-to "{BOX}" action "box"\n' if box else ""
        config.write_text(
            f"listen on 127.0.0.1 port {port} hostname mta.example\n{kept}"
            f'action "sink" relay host smtp://127.0.0.1:{sink.port} helo mta.example\n'
            f'match from any for domain "{DOMAIN}" action "sink"\n',
            encoding="utf-8",
        )
        spool, run = own / "spool", own / "run"
        spool.mkdir(mode=0o755)
        run.mkdir(mode=0o755)
        namespace = [program("unshare"), "--mount", "--propagation", "private"]
        shell = [shutil.which("sh") or "/bin/sh", "-c", _INSIDE, "sh"]
        command = [*namespace, *shell, str(spool), str(run), program("smtpd"), str(config)]
        async with running(command, own, lambda: _greets(port)) as process:
            here = Mta(port, sink, process)
            try:
                yield here
            finally:
                with contextlib.suppress(ProcessLookupError):
                    here.thaw()


@contextlib.contextmanager
def mail_folder() -> Iterator[Path]:
    """An empty Maildir that the machine's user `mail` can write to."""
    folder = Path(tempfile.mkdtemp(prefix="box-"))
    folder.chmod(0o755)
    maildir = folder / "Maildir"
    for part in ("new", "cur", "tmp"):
        (maildir / part).mkdir(parents=True)
    for path in (maildir, *maildir.iterdir()):
        shutil.chown(path, "mail", "mail")
    try:
        yield maildir
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _greets(port: int) -> bool:
    """Whether it says its greeting; it holds the port long before."""
    with contextlib.suppress(OSError):
        async with asyncio.timeout(1):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                return (await reader.readline()).startswith(b"220")
            finally:
                writer.close()
                await writer.wait_closed()
    return False
