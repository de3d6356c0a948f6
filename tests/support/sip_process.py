"""A real server's process for one test: started, awaited until it answers, ended by its own id.

Its output goes to a file, so that what it complained of can be read when it does not come up.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import socket
from asyncio.subprocess import DEVNULL, STDOUT, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Literal

_ENDS_WITHIN = 10.0
_STARTS_WITHIN = 15.0


def program(name: str) -> str:
    """Where a Debian program lies, also when /usr/sbin is not searched."""
    return shutil.which(name) or f"/usr/sbin/{name}"


def free_port() -> int:
    """A port of 127.0.0.1 that is free for both UDP and TCP at this moment."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
            udp.bind(("127.0.0.1", 0))
            port = int(udp.getsockname()[1])
            with contextlib.suppress(OSError):
                tcp.bind(("127.0.0.1", port))
                return port


async def taken(port: int, transport: Literal["udp", "tcp"]) -> bool:
    """Whether somebody holds the port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM) as sock:
        try:
            sock.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


@contextlib.asynccontextmanager
async def running(command: list[str], folder: Path, answers: Callable[[], Awaitable[bool]]) -> AsyncIterator[Process]:
    """The process from when `answers` first says yes."""
    log = folder / f"{Path(command[0]).name}.log"
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            *command, cwd=folder, stdin=DEVNULL, stdout=out, stderr=STDOUT, start_new_session=True
        )
    try:
        async with asyncio.timeout(_STARTS_WITHIN):
            while not await answers():
                assert process.returncode is None, log.read_text(errors="replace")
                await asyncio.sleep(0.05)
        yield process
    finally:
        await _end(process)


async def _end(process: Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(_ENDS_WITHIN):
            await process.wait()
    except TimeoutError:
        # It leads a session of its own: its children go with it.
        os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
