"""A real dnsmasq on loopback, started for one test and ended by its process id."""

import asyncio
import contextlib
import getpass
import socket
from collections.abc import AsyncIterator
from pathlib import Path

from checks.dns_client import Question
from tests.support.sip_process import free_port, program, running

_READY = "klar.example"


@contextlib.asynccontextmanager
async def dnsmasq(folder: Path, *options: str) -> AsyncIterator[int]:
    """A name server with these options besides the ones that keep it to itself; its port."""
    port = free_port()
    command = [
        program("dnsmasq"),
        "--keep-in-foreground",
        "--conf-file=/dev/null",
        f"--port={port}",
        "--listen-address=127.0.0.1",
        "--bind-interfaces",
        "--no-resolv",
        "--no-hosts",
        "--pid-file",
        f"--user={getpass.getuser()}",
        "--log-facility=-",
        f"--address=/{_READY}/192.0.2.99",
        *options,
    ]
    async with running(command, folder, lambda: _answers(port)):
        yield port


async def _answers(port: int) -> bool:
    question = Question(_READY, "A")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.connect(("127.0.0.1", port))
        try:
            sock.send(question.wire)
            async with asyncio.timeout(0.5):
                return question.answer(await asyncio.get_running_loop().sock_recv(sock, 4096)) is not None
        except OSError:
            return False
