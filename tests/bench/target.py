"""A web server that costs next to nothing, in a process of its own, as the thing probed."""

import asyncio
import multiprocessing
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

import uvloop

_REPLY = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 14\r\nConnection: close\r\n\r\n<p>Log ind</p>"


class _Answer(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(_REPLY)  # type: ignore[attr-defined]
        self.transport.close()


async def _serve(tell: Connection) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Answer, "127.0.0.1", 0, backlog=8192)
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    tell.send(server.sockets[0].getsockname()[1])
    await stop.wait()
    server.close()


def _main(tell: Connection, core: int | None) -> None:
    if core is not None:
        os.sched_setaffinity(0, {core})
    uvloop.run(_serve(tell))


@contextmanager
def target(core: int | None = None) -> Iterator[int]:
    """The port of a running target, held to one core where there is more than one."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_main, args=(there, core), daemon=True)
    process.start()
    try:
        yield here.recv()
    finally:
        process.terminate()
        process.join(10)
