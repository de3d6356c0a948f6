"""What outlives the service: SMS gateways, a mail relay and the systems it watches. They remember everything.

A sink may end the service at a message: before it takes it, once it has taken it, or once it has said so.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller

from tests.support.service import free_port

MOMENTS = ("arrived", "taken", "answered")


@dataclass(frozen=True, slots=True)
class Told:
    """One message that reached somebody: when (wall clock), to whom, by which channel, what it said."""

    at: float
    to: str
    channel: str
    text: str


@dataclass
class World:
    """What the sinks share.

    `reaper(channel, moment)` is asked at each moment of each message whether the service has been ended there. `late`
    are the seconds a gateway took to answer, `probed` when somebody last asked a system how it is (monotonic).
    """

    told: list[Told] = field(default_factory=list)
    down: set[str] = field(default_factory=set)
    late: list[float] = field(default_factory=list)
    probed: float = 0.0
    reaper: Callable[[str, str], bool] = lambda channel, moment: False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, to: str, channel: str, text: str) -> None:
        """Somebody has it now, whatever becomes of the sender."""
        with self.lock:
            self.told.append(Told(time.time(), to, channel, text))

    def messages(self) -> list[Told]:
        """What has been told so far, oldest first."""
        with self.lock:
            return list(self.told)


class _Quiet(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_args: object) -> None:
        """Nothing."""

    def say(self, status: int, body: bytes) -> None:
        with suppress(OSError):
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()


def _gateway(world: World) -> type[BaseHTTPRequestHandler]:
    class Gateway(_Quiet):
        def do_POST(self) -> None:
            self.close_connection = True
            began = time.monotonic()
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            if world.reaper("sms", "arrived"):
                return
            world.take(str(body["recipients"][0]["msisdn"]), "sms", body["message"])
            world.reaper("sms", "taken")
            self.say(200, b'{"ids": [1], "usage": {}}')
            world.late.append(time.monotonic() - began)
            world.reaper("sms", "answered")

        def do_GET(self) -> None:
            self.close_connection = True
            self.say(200, b'{"credit": 1000.0, "currency": "DKK"}')

    return Gateway


def _systems(world: World) -> type[BaseHTTPRequestHandler]:
    class Systems(_Quiet):
        def do_GET(self) -> None:
            self.close_connection = True
            world.probed = time.monotonic()
            self.say(503 if self.path.strip("/") in world.down else 200, b"ok")

    return Systems


class _Mailbox:
    def __init__(self, world: World) -> None:
        self.world = world

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        if self.world.reaper("mail", "arrived"):
            return "451 gone"
        mail = message_from_bytes(envelope.content, policy=default)
        body = mail.get_body(("plain",))
        self.world.take(envelope.rcpt_tos[0], "mail", f"{mail['Subject']}\n{body.get_content() if body else ''}")
        self.world.reaper("mail", "taken")
        return "250 OK"


@contextmanager
def _http(handler: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that was killed in the middle of its question."""

    with Server(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


@dataclass(frozen=True, slots=True)
class Ports:
    """Where each listens."""

    gateways: tuple[int, int]
    relays: tuple[int, int]
    systems: int
    service: int


@contextmanager
def sinks(world: World) -> Iterator[Ports]:
    """All of them, running."""
    first, second = (Controller(_Mailbox(world), hostname="127.0.0.1", port=free_port()) for _ in range(2))
    with (
        _http(_gateway(world)) as a,
        _http(_gateway(world)) as b,
        _http(_systems(world)) as systems,
        ExitStack() as stack,
    ):
        for relay in (first, second):
            relay.start()
            stack.callback(relay.stop)
        yield Ports((a, b), (first.port, second.port), systems, free_port())
